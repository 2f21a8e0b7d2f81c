//! The pages: `/healthz /health /readyz /ready /livez /metrics`.
//!
//! Small on purpose: HTTP/1, one answer per connection, no request body is read but that of a [`Hook`], a slow client is cut off, and
//! when too many hang on, the oldest has to go, so that a prober always gets its answer.

use crate::{Board, CONTENT_TYPE, metrics};
use host::handover::{Door, Guest};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE as TYPE, HeaderName},
    http::request::Parts,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{collections::VecDeque, convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

/// Which pages are served on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// The health pages.
    Health,
    /// The health pages and `/metrics`.
    HealthAndMetrics,
    /// `/metrics` alone.
    Metrics,
    /// None: a [`Hook`] is answered alone.
    Nothing,
}

/// What is told to us on a path of its own, with a body.
pub trait Hook: Send + Sync {
    /// The path.
    fn path(&self) -> &str;

    /// A longer body is cut off, in bytes.
    fn longest(&self) -> usize;

    /// The answer to the head alone: a status and a text. The body is read where there is none.
    fn head(&self, head: &Parts) -> Option<(u16, String)>;

    /// The answer to all of it.
    fn body(&self, head: &Parts, body: &[u8]) -> (u16, String);
}

/// The header of a request must have arrived by then.
const HEADER_TIME: Duration = Duration::from_secs(5);
/// The whole exchange must be over by then.
const EXCHANGE_TIME: Duration = Duration::from_secs(10);
/// So many connections are held at once.
const CONNECTIONS: usize = 64;
/// The smallest buffer that hyper allows; a request here is one line.
const BUFFER: usize = 8192;

/// What is answered on a listener.
#[derive(Clone)]
pub struct Served {
    /// What is known.
    pub board: Board,
    /// Which pages of it.
    pub pages: Pages,
    /// Who else is told what is told to us.
    pub hook: Option<Arc<dyn Hook>>,
}

/// Answers on `listener` until dropped; whoever asks comes in by `door`. Fails only when `listener` cannot be used at all.
pub async fn serve(listener: std::net::TcpListener, served: Served, door: Door) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = TcpListener::from_std(listener)?;
    let (mut tasks, mut order) = (JoinSet::new(), VecDeque::new());
    loop {
        tokio::select! {
            (accepted, guest) = door.let_in(|| listener.accept()) => match accepted {
                Ok((stream, _)) => {
                    make_room(&mut order);
                    order.push_back(tasks.spawn(exchange(stream, guest, served.clone())));
                }
                // Out of descriptors, most likely: some will be free again soon.
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

fn make_room(order: &mut VecDeque<AbortHandle>) {
    order.retain(|task| !task.is_finished());
    if order.len() >= CONNECTIONS
        && let Some(oldest) = order.pop_front()
    {
        oldest.abort();
    }
}

async fn exchange(stream: TcpStream, _inside: Guest, served: Served) {
    let service = service_fn(|request: Request<Incoming>| async {
        Ok::<_, Infallible>(match served.hook.as_deref().filter(|hook| hook.path() == request.uri().path()) {
            Some(hook) => hooked(hook, request).await,
            None => answer(request.method(), request.uri().path(), &served.board, served.pages),
        })
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .keep_alive(false)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service);
    // A client that misbehaves or leaves is its own affair.
    let _ = timeout(EXCHANGE_TIME, connection).await;
}

async fn hooked(hook: &dyn Hook, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let (status, text) = match hook.head(&head) {
        Some(answer) => answer,
        None => match Limited::new(body, hook.longest()).collect().await {
            Ok(body) => hook.body(&head, &body.to_bytes()),
            Err(_) => (StatusCode::PAYLOAD_TOO_LARGE.as_u16(), "the body is too large, or was cut off\n".to_owned()),
        },
    };
    plain(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), text)
}

fn answer(method: &Method, path: &str, board: &Board, pages: Pages) -> Response<Full<Bytes>> {
    let Some(page) = Page::at(path, pages) else {
        return plain(StatusCode::NOT_FOUND, "no such page\n");
    };
    if !matches!(*method, Method::GET | Method::HEAD) {
        let refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        return with(refusal, ALLOW, "GET, HEAD");
    }
    page.render(board)
}

#[derive(Clone, Copy)]
enum Page {
    Healthy,
    Ready,
    Live,
    Metrics,
}

impl Page {
    fn at(path: &str, pages: Pages) -> Option<Self> {
        let health = matches!(pages, Pages::Health | Pages::HealthAndMetrics);
        let metrics = matches!(pages, Pages::Metrics | Pages::HealthAndMetrics);
        match path {
            "/healthz" | "/health" if health => Some(Page::Healthy),
            "/readyz" | "/ready" if health => Some(Page::Ready),
            "/livez" if health => Some(Page::Live),
            "/metrics" if metrics => Some(Page::Metrics),
            _ => None,
        }
    }

    fn render(self, board: &Board) -> Response<Full<Bytes>> {
        match self {
            Page::Healthy => report(board, |judgement| judgement.healthy),
            Page::Ready => report(board, |judgement| judgement.ready),
            Page::Live => {
                let live = board.judgement().live;
                plain(code(live), if live { "ok\n" } else { "failed for good\n" })
            }
            Page::Metrics => with(plain(StatusCode::OK, metrics(&board.measured())), TYPE, CONTENT_TYPE),
        }
    }
}

fn report(board: &Board, good: impl Fn(&crate::Judgement) -> bool) -> Response<Full<Bytes>> {
    let report = board.report();
    // A report holds nothing that JSON could not: no map but with text for keys.
    let body = serde_json::to_string(&report).unwrap_or_default() + "\n";
    with(plain(code(good(&report.judgement)), body), TYPE, "application/json")
}

fn code(good: bool) -> StatusCode {
    if good { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn plain(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    with(with(response, TYPE, "text/plain; charset=utf-8"), CACHE_CONTROL, "no-store")
}

fn with<T>(mut response: Response<T>, name: HeaderName, value: &'static str) -> Response<T> {
    response.headers_mut().insert(name, hyper::header::HeaderValue::from_static(value));
    response
}
