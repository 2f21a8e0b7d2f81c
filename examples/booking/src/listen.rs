//! The socket: handed over by the supervisor (sd_listen_fds(3)), or bound here; and the goodbye to whoever is connected.

use axum::{
    Router,
    http::{HeaderValue, header::CONNECTION},
    middleware::map_response,
    response::Response,
    serve::Listener,
};
use listenfd::ListenFd;
use std::{future::pending, io, net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::sleep,
};

/// So long whoever is connected may begin another request, which is answered and is the last one of its connection. A connection that is closed
/// at once may have a request on it that nobody has read.
const LAST_REQUESTS: Duration = Duration::from_millis(250);

/// The socket to answer on. A handed-over one stays open while this process is replaced, so no request is lost.
pub async fn listener(port: u16) -> io::Result<TcpListener> {
    match ListenFd::from_env().take_tcp_listener(0)? {
        Some(listener) => {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        }
        None => TcpListener::bind(("127.0.0.1", port)).await,
    }
}

/// Takes nobody any more once `stop` says so: the next process with the same socket does.
pub struct Door {
    /// The socket.
    pub listener: TcpListener,
    /// It is time to stop.
    pub stop: watch::Receiver<bool>,
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        tokio::select! {
            biased;
            () = told(&mut self.stop) => pending().await,
            taken = Listener::accept(&mut self.listener) => taken,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Resolves when connections without a request may be closed.
pub async fn last_requests(mut stop: watch::Receiver<bool>) {
    told(&mut stop).await;
    sleep(LAST_REQUESTS).await;
}

/// Answers say that they are the last ones of their connections, once it is time to stop.
pub fn with_goodbye(router: Router, stop: watch::Receiver<bool>) -> Router {
    router.layer(map_response(move |mut response: Response| {
        if *stop.borrow() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        async move { response }
    }))
}

async fn told(stop: &mut watch::Receiver<bool>) {
    // Nobody can tell any more: that is a reason, too.
    drop(stop.wait_for(|stop| *stop).await);
}
