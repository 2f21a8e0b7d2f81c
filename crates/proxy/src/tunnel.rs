//! WebSockets and other protocols that a connection changes to: bytes in both directions until both sides have enough.

use crate::{
    body::Outgoing,
    headers,
    pool::{Lease, Line},
    switchboard::Flight,
    websocket,
    wire::Wire,
};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{CONNECTION, HeaderValue, UPGRADE},
    upgrade::{self, OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::{
    io::{AsyncWriteExt, copy_bidirectional},
    sync::watch,
};

/// The side of whoever asked.
pub(crate) struct Tunnel(OnUpgrade);

impl Tunnel {
    pub(crate) fn new(request: &mut Request<Incoming>) -> Self {
        Self(upgrade::on(request))
    }
}

/// Passes the answer 101 on, and everything after it.
pub(crate) fn open(
    tunnel: Tunnel,
    mut response: Response<Incoming>,
    flight: Flight,
    lease: Lease,
) -> Response<Outgoing> {
    let to = response.headers().get(UPGRADE).cloned();
    let theirs = upgrade::on(&mut response);
    // It ends with its copy of the application: that is what draining waits for.
    let pool = lease.pool.clone();
    if to.as_ref().is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        tokio::spawn(async move {
            let _ = talk(tunnel.0, theirs, pool.closed()).await;
            drop((flight, lease));
        });
    } else {
        pool.spawn(async move {
            // Either side may leave when it likes.
            let _ = joined(tunnel.0, theirs).await;
            drop((flight, lease));
        });
    }
    let (mut head, _) = response.into_parts();
    headers::strip(&mut head.headers);
    head.extensions.clear();
    head.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    if let Some(to) = to {
        head.headers.insert(UPGRADE, to);
    }
    Response::from_parts(head, Outgoing::nothing())
}

async fn joined(ours: OnUpgrade, theirs: OnUpgrade) -> io::Result<()> {
    let (mut ours, mut wire, begun) = both(ours, theirs).await?;
    ours.write_all(&begun).await?;
    copy_bidirectional(&mut ours, &mut wire).await.map(drop)
}

async fn talk(ours: OnUpgrade, theirs: OnUpgrade, closed: watch::Receiver<bool>) -> io::Result<()> {
    let (ours, wire, begun) = both(ours, theirs).await?;
    websocket::talk(ours, wire, &begun, closed).await
}

/// Both sides, and what the application has said already.
async fn both(ours: OnUpgrade, theirs: OnUpgrade) -> io::Result<(TokioIo<Upgraded>, Wire, Bytes)> {
    let (ours, theirs) = (ours.await.map_err(io::Error::other)?, theirs.await.map_err(io::Error::other)?);
    let theirs = theirs.downcast::<Line>().map_err(|_| io::Error::other("not a connection of ours"))?;
    // A tunnel may be silent for as long as it likes.
    Ok((TokioIo::new(ours), theirs.io.into_inner().into_inner(), theirs.read_buf))
}
