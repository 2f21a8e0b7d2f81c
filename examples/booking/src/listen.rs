//! The socket: handed over by the supervisor (sd_listen_fds(3)), or bound here.

use listenfd::ListenFd;
use std::io;
use tokio::net::TcpListener;

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
