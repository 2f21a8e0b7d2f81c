//! One request to the application, and its answer back.

use crate::{
    body::{Outgoing, Upload},
    headers::{self, Asker},
    page::Problem,
    pool::{Lease, Pool, Unconnected},
    switchboard::{Flight, Shared, Subject},
    tunnel::{self, Tunnel},
};
use hyper::{
    Method, Request, Response, StatusCode, Uri, Version,
    body::Incoming,
    header::{CONNECTION, COOKIE, HOST, HeaderValue, UPGRADE},
};
use std::{
    error::Error as _,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A request is sent twice at most.
const TRIES: usize = 2;

/// Answers a request, by the application if that can be had.
pub(crate) async fn exchange(shared: &Arc<Shared>, asker: &Asker, request: Request<Incoming>) -> Response<Outgoing> {
    let (mut response, failed) = match through(shared, asker, request).await {
        Ok(response) => (response, false),
        Err(problem) => (problem.page(), problem.is_failure()),
    };
    shared.count(!failed);
    for (name, value) in &shared.settings.headers {
        response.headers_mut().entry(name).or_insert_with(|| value.clone());
    }
    response
}

async fn through(
    shared: &Arc<Shared>,
    asker: &Asker,
    request: Request<Incoming>,
) -> Result<Response<Outgoing>, Problem> {
    let subject = screened(shared, &request)?;
    let (flight, pool) = shared.seat(subject).await?;
    let (request, tunnel) = prepared(shared, asker, request)?;
    let watch = request.body().watch();
    let (response, flight, lease) = delivered(shared, request, flight, pool, watch).await?;
    answered(response, flight, lease, tunnel)
}

/// Refuses what is not for the application.
fn screened(shared: &Shared, request: &Request<Incoming>) -> Result<Subject, Problem> {
    if request.method() == Method::CONNECT {
        return Err(Problem::Method);
    }
    let hosts = request.headers().get_all(HOST).iter().count();
    let named = match request.version() {
        Version::HTTP_2 => request.uri().authority().is_some() || hosts == 1,
        Version::HTTP_11 => hosts == 1,
        _ => hosts <= 1,
    };
    if !named {
        return Err(Problem::Host);
    }
    match shared.settings.block.hits(request.uri().path()) {
        true => Err(Problem::Blocked),
        false => Ok(Subject { method: request.method().clone(), uri: request.uri().clone() }),
    }
}

/// The request as the application gets it.
fn prepared(
    shared: &Shared,
    asker: &Asker,
    mut request: Request<Incoming>,
) -> Result<(Request<Upload>, Option<Tunnel>), Problem> {
    let upgrade = (request.version() == Version::HTTP_11).then(|| headers::upgrade_of(request.headers())).flatten();
    let tunnel = upgrade.as_ref().map(|_| Tunnel::new(&mut request));
    let (mut head, body) = request.into_parts();
    if let Some(authority) = head.uri.authority() {
        // It counts more than the header (RFC 9112, 3.2.2; RFC 9113, 8.3.1).
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| Problem::Host)?;
        head.headers.insert(HOST, host);
    }
    if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        head.uri = head.uri.path_and_query().map_or_else(Uri::default, |path| Uri::from(path.clone()));
    }
    if head.version == Version::HTTP_2 {
        one_cookie(&mut head.headers);
    }
    head.version = Version::HTTP_11;
    head.extensions.clear();
    headers::forward(&mut head.headers, asker, shared.settings.trust);
    if let Some(to) = upgrade {
        head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        head.headers.insert(UPGRADE, to);
    }
    Ok((Request::from_parts(head, Upload::new(body)), tunnel))
}

/// HTTP/2 may split it (RFC 9113, 8.2.3).
fn one_cookie(headers: &mut hyper::HeaderMap) {
    let cookies: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if cookies.len() < 2 {
        return;
    }
    if let Ok(whole) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        headers.insert(COOKIE, whole);
    }
}

/// Sends it, once more when it provably did not arrive, or when it may be repeated and not a byte was answered.
async fn delivered(
    shared: &Arc<Shared>,
    mut request: Request<Upload>,
    mut flight: Flight,
    mut pool: Arc<Pool>,
    watch: Option<Arc<AtomicBool>>,
) -> Result<(Response<Incoming>, Flight, Lease), Problem> {
    let mut tries = 0;
    loop {
        let kept = if tries == 0 { pool.take() } else { None };
        let mut lease = match kept {
            Some(lease) => lease,
            None => {
                let connected = connected(shared, flight, pool).await?;
                (flight, pool) = (connected.0, connected.1.pool.clone());
                connected.1
            }
        };
        tries += 1;
        let spare = (tries < TRIES).then(|| copy(&request)).flatten();
        let mut error = match lease.sender.try_send_request(request).await {
            Ok(response) => return Ok((response, flight, lease)),
            Err(error) => error,
        };
        let problem = problem(error.error(), watch.as_deref());
        request = match (error.take_message(), spare) {
            (Some(unsent), _) if tries < TRIES => unsent,
            (None, Some(spare)) if problem == Problem::Closed => spare,
            _ => return Err(problem),
        };
    }
}

/// A new connection, to another copy when this one went away meanwhile.
async fn connected(shared: &Arc<Shared>, mut flight: Flight, mut pool: Arc<Pool>) -> Result<(Flight, Lease), Problem> {
    loop {
        match pool.connect(&shared.settings).await {
            Ok(lease) => return Ok((flight, lease)),
            Err(Unconnected::NobodyThere) => (flight, pool) = shared.turn_back(flight, &pool).await?,
            Err(Unconnected::Late) => return Err(Problem::ConnectLate),
            Err(Unconnected::Other) => return Err(Problem::Unconnected),
        }
    }
}

/// Of a request that does no more when it is sent twice (RFC 9110, 9.2.2), and has no body.
fn copy(request: &Request<Upload>) -> Option<Request<Upload>> {
    let repeatable =
        request.method().is_idempotent() && request.body().is_empty() && !request.headers().contains_key(UPGRADE);
    repeatable.then(|| {
        let mut copy = Request::new(Upload::empty());
        *copy.method_mut() = request.method().clone();
        *copy.uri_mut() = request.uri().clone();
        *copy.headers_mut() = request.headers().clone();
        copy
    })
}

/// What an error means; `uploaded` tells whether all of the body was sent, if there is one.
pub(crate) fn problem(error: &hyper::Error, uploaded: Option<&AtomicBool>) -> Problem {
    let uploading = uploaded.is_some_and(|done| !done.load(Ordering::Relaxed));
    let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match cause {
        Some(io::ErrorKind::TimedOut) if uploading => Problem::UploadLate,
        Some(io::ErrorKind::TimedOut) => Problem::Silent,
        _ if error.is_user() => Problem::Upload,
        _ if error.is_parse() => Problem::Garbled,
        _ => Problem::Closed,
    }
}

/// The answer as whoever asked gets it.
fn answered(
    response: Response<Incoming>,
    flight: Flight,
    lease: Lease,
    tunnel: Option<Tunnel>,
) -> Result<Response<Outgoing>, Problem> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        // Nobody asked for it otherwise.
        return tunnel.ok_or(Problem::Garbled).map(|tunnel| tunnel::open(tunnel, response, flight, lease));
    }
    let (mut head, body) = response.into_parts();
    headers::strip(&mut head.headers);
    head.headers.remove(CONNECTION);
    head.version = Version::HTTP_11;
    head.extensions.clear();
    Ok(Response::from_parts(head, Outgoing::passing(body, flight, lease)))
}
