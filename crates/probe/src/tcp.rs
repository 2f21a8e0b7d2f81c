//! A port or a unix socket that accepts.
//!
//! That it accepts is all that `tcp://` asks for. One thing is looked at besides: a proxy (a container engine's, for
//! example) accepts for a server that is not there yet and resets the connection at once. A port that closes in good
//! order is ready: health ports do that.

use database::{Refusal, socket};
use retry::Deadline;
use std::{net::Ipv4Addr, path::Path, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// A reset that is going to come comes within this time.
const SETTLED: Duration = Duration::from_millis(5);

pub(crate) async fn port(from: Option<Ipv4Addr>, host: &str, port: u16, deadline: &Deadline) -> Result<(), Refusal> {
    let stream = socket::open_tcp_from(from, host, port, deadline).await?;
    settled(stream, &format!("{host}:{port}")).await
}

pub(crate) async fn unix(path: &Path, deadline: &Deadline) -> Result<(), Refusal> {
    let stream = socket::open_unix(path, deadline).await?;
    settled(stream, &path.display().to_string()).await
}

async fn settled(mut stream: impl AsyncRead + Unpin, place: &str) -> Result<(), Refusal> {
    match timeout(SETTLED, stream.read(&mut [0])).await {
        Ok(Err(error)) => Err(socket::refusal(&error, place)),
        Ok(Ok(_)) | Err(_) => Ok(()),
    }
}
