//! Answers on the socket.

use crate::{
    CandidateTold, Daemon, PROTOCOL, Refusal, RunTold, VERSION,
    ask::{Ask, NoAsk},
    protocol::{PROTOCOL_HEADER, VERSION_HEADER},
    stream::Stream,
};
use host::{
    handover::{Door, Guest},
    net::peer_uid,
};
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use report::{Finding, Outcome};
use serde::{Serialize, de::DeserializeOwned};
use std::{convert::Infallible, io, os::unix::net::UnixListener, sync::Arc, time::Duration};
use tokio::{
    net::UnixStream,
    task::JoinSet,
    time::{sleep, timeout},
};

/// A request must have arrived whole by then.
const READ_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a request's body.
const LONGEST_BODY: usize = 64 * 1024;
/// The most bytes of a request's head; the smallest that hyper allows.
const LONGEST_HEAD: usize = 8 * 1024;
/// So many connections are held at once.
const CONNECTIONS: usize = 64;

type Reply = Response<Body>;
/// One answer, or one piece by piece.
type Body = Either<Full<Bytes>, Either<Stream<RunTold>, Stream<CandidateTold>>>;

/// Answers for `daemon` until dropped. `us` is the user who may ask, besides root; whoever asks comes in by `door`.
///
/// # Errors
/// When `listener` cannot be used at all.
pub async fn serve(listener: UnixListener, daemon: Arc<dyn Daemon>, us: u32, door: Door) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            // Whoever comes when all are taken waits in the queue of the socket.
            (accepted, guest) = door.let_in(|| listener.accept()), if tasks.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(tasks.spawn(exchange(stream, guest, daemon.clone(), us))),
                // Out of descriptors, most likely: some will be free again soon.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn exchange(stream: UnixStream, _inside: Guest, daemon: Arc<dyn Daemon>, us: u32) {
    let who = peer_uid(&stream);
    let service = service_fn(|request| {
        let (daemon, who) = (&daemon, &who);
        async move { Ok::<_, Infallible>(answer(request, &**daemon, who, us).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIME)
        .keep_alive(false)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    // An asker that misbehaves or leaves is its own affair.
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, daemon: &dyn Daemon, who: &io::Result<u32>, us: u32) -> Reply {
    if !matches!(who, Ok(uid) if *uid == us || *uid == 0) {
        return refused(StatusCode::FORBIDDEN, Outcome::Misused, &stranger(who, us));
    }
    let theirs = header(&request, VERSION_HEADER).unwrap_or("of an unknown version").to_owned();
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let ask = match Ask::read(request.method().as_str(), path, query) {
        Ok(ask) => ask,
        Err(no) => {
            let (status, finding) = no_ask(no, path, &theirs);
            return refused(status, Outcome::Misused, &finding);
        }
    };
    match whole(ask, request).await {
        Ok(ask) => carried_out(ask, daemon).await,
        Err((status, finding)) => refused(status, Outcome::Misused, &finding),
    }
}

/// With what stands in the body.
async fn whole(ask: Ask, request: Request<Incoming>) -> Result<Ask, (StatusCode, Finding)> {
    let body = body(request).await?;
    Ok(match ask {
        Ask::Do(verb, _) => Ask::Do(verb, said(&body, "order")?),
        Ask::Ran(job, _) => Ask::Ran(job, Box::new(said(&body, "run")?)),
        Ask::Reexec(_) => Ask::Reexec(said(&body, "wish")?),
        Ask::Candidate(_) => Ask::Candidate(said(&body, "release")?),
        Ask::Promote(_) => Ask::Promote(said(&body, "release")?),
        ask => ask,
    })
}

async fn carried_out(ask: Ask, daemon: &dyn Daemon) -> Reply {
    match ask {
        Ask::Ps => reply(StatusCode::OK, &daemon.ps()),
        Ask::Status => reply(StatusCode::OK, &daemon.status().await),
        Ask::Why(service) => replied(daemon.why(&service)),
        Ask::Events(asked) => reply(StatusCode::OK, &daemon.events(asked).await),
        Ask::Do(verb, order) => replied(daemon.order(verb, order).await),
        Ask::RunNow(job) => match daemon.run_now(&job) {
            Ok(told) => streamed(Either::Left(Stream(told))),
            Err(refusal) => reply(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
        },
        Ask::Ran(job, run) => replied(daemon.ran(&job, *run)),
        Ask::Reload => replied(daemon.reload().await),
        Ask::Reexec(asked) => replied(daemon.reexec(asked).await),
        Ask::Candidate(asked) => match daemon.candidate(asked).await {
            Ok(told) => streamed(Either::Right(Stream(told))),
            Err(refusal) => reply(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
        },
        Ask::Promote(asked) => replied(daemon.promote(asked).await),
        Ask::Discard => replied(daemon.discard().await),
        Ask::Down => reply(StatusCode::OK, &daemon.down()),
    }
}

fn said<T: DeserializeOwned + Default>(body: &[u8], what: &str) -> Result<T, (StatusCode, Finding)> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body).map_err(|error| {
        let finding = Finding::error(format!("the request is no {what}")).because(&error);
        (StatusCode::BAD_REQUEST, finding)
    })
}

/// The whole body, if it is short and comes soon. One that is announced as too long is not read at all.
async fn body(request: Request<Incoming>) -> Result<Bytes, (StatusCode, Finding)> {
    let announced = header(&request, CONTENT_LENGTH.as_str()).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > LONGEST_BODY as u64) {
        return Err(too_long());
    }
    match timeout(READ_TIME, Limited::new(request.into_body(), LONGEST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_long()),
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, Finding::error("the request cannot be read").because(&*error))),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, Finding::error("the request did not arrive within 10 s"))),
    }
}

fn too_long() -> (StatusCode, Finding) {
    let finding = Finding::error("the request is too long").seen("a request has 64 KiB at most");
    (StatusCode::PAYLOAD_TOO_LARGE, finding)
}

fn stranger(who: &io::Result<u32>, us: u32) -> Finding {
    let finding = Finding::error(format!("only user {us}, who runs this mainstay, and root may ask it"));
    let finding = match who {
        Ok(uid) => finding.seen(format!("user {uid} asks")),
        Err(error) => finding.seen(format!("the kernel does not tell who asks: {error}")),
    };
    finding.hint(format!("ask as that user: `sudo -u '#{us}' mainstay …`"))
}

fn no_ask(no: NoAsk, path: &str, theirs: &str) -> (StatusCode, Finding) {
    let both = format!("the running mainstay is {VERSION}, the one that asks {theirs}");
    match no {
        NoAsk::Protocol(other) => {
            let text = format!("version {other} of the control protocol is not spoken here, but version {PROTOCOL}");
            (StatusCode::BAD_REQUEST, Finding::error(text).seen(both).hint(SAME_VERSION))
        }
        NoAsk::Unknown => {
            let finding = Finding::error(format!("the running mainstay does not know `{path}`")).seen(both);
            (StatusCode::NOT_FOUND, finding.hint(SAME_VERSION))
        }
        NoAsk::Method(wanted) => {
            (StatusCode::METHOD_NOT_ALLOWED, Finding::error(format!("`{path}` is asked with {wanted}")))
        }
        NoAsk::Number(what) => (StatusCode::BAD_REQUEST, Finding::error(format!("`{what}` is no number"))),
    }
}

const SAME_VERSION: &str = "use the same version for both: `mainstay down`, then `mainstay up` with the new one";

fn header<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn replied<T: Serialize>(result: Result<T, Refusal>) -> Reply {
    match result {
        Ok(answer) => reply(StatusCode::OK, &answer),
        Err(refusal) => reply(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
    }
}

fn refused(status: StatusCode, outcome: Outcome, finding: &Finding) -> Reply {
    reply(status, &Refusal::new(outcome, std::slice::from_ref(finding)))
}

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Reply {
    // Nothing here has keys that are no text.
    let text = serde_json::to_string(body).unwrap_or_default() + "\n";
    with_headers(status, "application/json", Either::Left(Full::new(text.into())))
}

/// One object a line, each as soon as it is there.
fn streamed(pieces: Either<Stream<RunTold>, Stream<CandidateTold>>) -> Reply {
    with_headers(StatusCode::OK, "application/x-ndjson", Either::Right(pieces))
}

fn with_headers(status: StatusCode, kind: &'static str, body: Body) -> Reply {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL));
    headers.insert(VERSION_HEADER, HeaderValue::from_static(VERSION));
    response
}
