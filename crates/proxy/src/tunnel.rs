//! WebSockets and other protocols that a connection changes to: bytes in both directions until one side has enough.

use crate::{
    body::Outgoing,
    headers,
    pool::{Lease, Line},
    switchboard::Flight,
};
use hyper::{
    Request, Response,
    body::Incoming,
    header::{CONNECTION, HeaderValue, UPGRADE},
    upgrade::{self, OnUpgrade},
};
use hyper_util::rt::TokioIo;
use std::io;
use tokio::io::{AsyncWriteExt, copy_bidirectional};

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
    lease.pool.clone().spawn(async move {
        // Either side may leave when it likes.
        let _ = joined(tunnel.0, theirs).await;
        drop((flight, lease));
    });
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
    let (ours, theirs) = (ours.await.map_err(io::Error::other)?, theirs.await.map_err(io::Error::other)?);
    let theirs = theirs.downcast::<Line>().map_err(|_| io::Error::other("not a connection of ours"))?;
    let mut ours = TokioIo::new(ours);
    // A tunnel may be silent for as long as it likes.
    let mut wire = theirs.io.into_inner().into_inner();
    ours.write_all(&theirs.read_buf).await?;
    copy_bidirectional(&mut ours, &mut wire).await.map(drop)
}
