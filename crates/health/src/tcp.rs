//! A plain TCP port that is open while the application is healthy, for probes that can only connect.

use crate::Board;
use rustix::net::{Shutdown, listen, shutdown};
use std::{io, time::Duration};
use tokio::{net::TcpListener, time::sleep};

/// Connections that wait to be accepted; each is closed at once.
const BACKLOG: i32 = 64;

/// Accepts and closes connections while `/healthz` would answer 200, and refuses them otherwise, until dropped.
///
/// Such a probe looks no further than the handshake, which the kernel completes by itself: accepting and then resetting
/// would look healthy. So while critical the socket stops listening: on Linux, `shutdown` makes a listening socket
/// refuse connections while it keeps its port, and `listen` opens it again. The port must have been bound by number: one
/// that the kernel chose is not kept.
pub async fn serve(listener: std::net::TcpListener, board: Board) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut changes = board.changes();
    loop {
        if board.judgement().healthy {
            listen(&listener, BACKLOG)?;
            // Registered anew each time: the runtime remembers for ever that a socket was shut down.
            let open = TcpListener::from_std(listener.try_clone()?)?;
            while board.judgement().healthy {
                tokio::select! {
                    accepted = open.accept() => rest_after(accepted.map(drop)).await,
                    _ = changes.changed() => {}
                }
            }
        }
        shutdown(&listener, Shutdown::Both)?;
        while !board.judgement().healthy {
            // The board outlives this loop, which holds it: there is always somebody who may change it.
            let _ = changes.changed().await;
        }
    }
}

/// Out of descriptors, most likely: some will be free again soon.
async fn rest_after(accepted: io::Result<()>) {
    if accepted.is_err() {
        sleep(Duration::from_millis(100)).await;
    }
}
