//! Answers on the socket.

use super::view::{Refused, Switch, SwitchedView, View};
use crate::{prove::Proof, proxy::Proxy};
use config::Upstream;
use host::net::peer_uid;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use std::{convert::Infallible, error::Error as _, io, os::unix::net::UnixListener, sync::Arc, time::Duration};
use tokio::{
    net::UnixStream,
    task::JoinSet,
    time::{sleep, timeout},
};

/// A request must have arrived whole by then.
const READ_TIME: Duration = Duration::from_secs(10);
/// The most bytes of a request's body.
const LONGEST_BODY: usize = 16 * 1024;
/// So many connections are held at once.
const CONNECTIONS: usize = 16;
/// So long a new copy has to answer when nothing else is said.
const PROOF: Duration = Duration::from_secs(30);
/// A span in an order is no longer.
const LONGEST: f64 = 24.0 * 3600.0;

/// Answers for `proxy` until dropped. `us` is the user who may ask, besides root.
///
/// # Errors
/// When `listener` cannot be used at all.
pub async fn serve(listener: UnixListener, proxy: Arc<Proxy>, us: u32) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if tasks.len() < CONNECTIONS => match accepted {
                Ok((stream, _)) => drop(tasks.spawn(exchange(stream, proxy.clone(), us))),
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn exchange(stream: UnixStream, proxy: Arc<Proxy>, us: u32) {
    let known = matches!(peer_uid(&stream), Ok(uid) if uid == us || uid == 0);
    let service = service_fn(|request| {
        let proxy = &proxy;
        async move {
            let answer = if known { answer(proxy, request).await } else { Err(stranger(us)) };
            Ok::<_, Infallible>(answer.unwrap_or_else(|(status, refused)| reply(status, &refused)))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIME)
        .keep_alive(false)
        .max_buf_size(8 * 1024)
        .serve_connection(TokioIo::new(stream), service);
    // An asker that misbehaves or leaves is its own affair.
    let _ = connection.await;
}

type Answer = Result<Response<Full<Bytes>>, (StatusCode, Refused)>;

async fn answer(proxy: &Proxy, request: Request<Incoming>) -> Answer {
    let mut switched = None;
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/v1/proxy") => {}
        (&Method::POST, "/v1/proxy/hold") => proxy.hold(),
        (&Method::POST, "/v1/proxy/resume") => proxy.resume(),
        (&Method::POST, "/v1/proxy/renew") => renew(proxy).await?,
        (&Method::POST, "/v1/proxy/switch") => switched = Some(switch(proxy, &body(request).await?).await?),
        (_, path) => return Err((StatusCode::NOT_FOUND, refused(format!("this proxy does not know `{path}`")))),
    }
    Ok(reply(StatusCode::OK, &View { switched, ..View::of(proxy) }))
}

async fn renew(proxy: &Proxy) -> Result<(), (StatusCode, Refused)> {
    let conflict = |error: &str, seen| (StatusCode::UNPROCESSABLE_ENTITY, Refused { error: error.to_owned(), seen });
    let acme = proxy.offered().and_then(|offered| offered.acme.as_ref());
    let acme = acme.ok_or_else(|| conflict("this proxy does not ask for certificates", None))?;
    acme.renew().await.map_err(|words| conflict("there is no other certificate", Some(words)))
}

async fn switch(proxy: &Proxy, body: &[u8]) -> Result<SwitchedView, (StatusCode, Refused)> {
    let bad = |text: String| (StatusCode::BAD_REQUEST, refused(text));
    let order: Switch =
        serde_json::from_slice(body).map_err(|error| bad(format!("the order cannot be read: {error}")))?;
    let to: Upstream = order.to.parse().map_err(bad)?;
    if let Some(path) = order.health.as_ref().filter(|path| !path.starts_with('/')) {
        return Err(bad(format!("`{path}` is no path")));
    }
    let limit = span(order.within_s, PROOF).ok_or_else(|| bad("`within_s` is no span of time".to_owned()))?;
    let drain = span(order.drain_s, proxy.shared().settings.drain)
        .ok_or_else(|| bad("`drain_s` is no span of time".to_owned()))?;
    let switched = proxy.switch(to, &Proof { path: order.health, limit }, drain).await;
    switched.as_ref().map(SwitchedView::from).map_err(|error| {
        let seen = error.source().map(ToString::to_string);
        (StatusCode::UNPROCESSABLE_ENTITY, Refused { error: error.to_string(), seen })
    })
}

fn span(seconds: Option<f64>, usual: Duration) -> Option<Duration> {
    match seconds {
        None => Some(usual),
        Some(seconds) if (0.0..=LONGEST).contains(&seconds) => Some(Duration::from_secs_f64(seconds)),
        Some(_) => None,
    }
}

async fn body(request: Request<Incoming>) -> Result<Bytes, (StatusCode, Refused)> {
    match timeout(READ_TIME, Limited::new(request.into_body(), LONGEST_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) => Err((StatusCode::BAD_REQUEST, refused(format!("the request cannot be read: {error}")))),
        Err(_) => Err((StatusCode::REQUEST_TIMEOUT, refused("the request did not arrive in time".to_owned()))),
    }
}

fn stranger(us: u32) -> (StatusCode, Refused) {
    (StatusCode::FORBIDDEN, refused(format!("only user {us}, who runs this proxy, and root may ask it")))
}

fn refused(error: String) -> Refused {
    Refused { error, seen: None }
}

fn reply<T: Serialize>(status: StatusCode, body: &T) -> Response<Full<Bytes>> {
    // Nothing here has keys that are no text.
    let text = serde_json::to_string(body).unwrap_or_default() + "\n";
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
