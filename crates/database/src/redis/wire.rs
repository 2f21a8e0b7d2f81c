//! The connection to one server, plain or inside TLS.

use super::reply::{Reply, parse};
use crate::{Patience, Refusal, ServerState, socket, tls};
use config::dsn::{RedisDsn, RedisPlace};
use retry::Deadline;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}

/// The connection to one server.
pub(super) struct Wire {
    stream: Pin<Box<dyn Stream>>,
    place: String,
    pending: Vec<u8>,
}

impl Wire {
    /// Connects. Nothing is said yet.
    pub(super) async fn open(dsn: &RedisDsn, deadline: &Deadline) -> Result<Self, Refusal> {
        let (stream, place): (Pin<Box<dyn Stream>>, _) = match &dsn.place {
            RedisPlace::Unix(path) => (Box::pin(socket::open_unix(path, deadline).await?), path.display().to_string()),
            RedisPlace::Tcp(name, port) => {
                let (socket, place) = (socket::open_tcp(name, *port, deadline).await?, format!("{name}:{port}"));
                if !dsn.tls {
                    (Box::pin(socket), place)
                } else {
                    let secured = socket::within(deadline, &place, tls::connect(socket, name, &place)).await??;
                    (Box::pin(secured), place)
                }
            }
        };
        Ok(Self { stream, place, pending: Vec::new() })
    }

    /// Sends commands together and reads a reply to each, in one round trip. An error of the server is a reply.
    pub(super) async fn ask(&mut self, commands: &[Vec<&str>]) -> Result<Vec<Reply>, Refusal> {
        let bytes: Vec<u8> = commands.iter().flat_map(|command| encode(command)).collect();
        // A full server answers before it is asked and closes: what it said can still be read.
        let sent = self.stream.write_all(&bytes).await;
        let mut replies = Vec::new();
        while replies.len() < commands.len() {
            match self.reply().await {
                Ok(reply) => replies.push(reply),
                Err(_) if matches!(replies.first(), Some(Reply::Error(_))) => return Ok(replies),
                Err(refusal) => return sent.map_err(|error| socket::refusal(&error, &self.place)).and(Err(refusal)),
            }
        }
        Ok(replies)
    }

    async fn reply(&mut self) -> Result<Reply, Refusal> {
        loop {
            match parse(&self.pending) {
                Ok(Some((reply, used))) => {
                    self.pending.drain(..used);
                    return Ok(reply);
                }
                Ok(None) => self.more().await?,
                Err(_) => return Err(stranger(&self.place)),
            }
        }
    }

    async fn more(&mut self) -> Result<(), Refusal> {
        match self.stream.read_buf(&mut self.pending).await {
            Ok(0) => Err(closed(&self.place)),
            Ok(_) => Ok(()),
            Err(error) => Err(socket::refusal(&error, &self.place)),
        }
    }

    /// Where the server is.
    pub(super) fn place(&self) -> &str {
        &self.place
    }
}

/// An array of bulk strings.
fn encode(command: &[&str]) -> Vec<u8> {
    let words = command.iter().map(|word| format!("${}\r\n{word}\r\n", word.len()));
    format!("*{}\r\n{}", command.len(), words.collect::<String>()).into_bytes()
}

fn closed(place: &str) -> Refusal {
    Refusal {
        hint: Some("does the server speak TLS only (`rediss://`)? Or is it just starting behind a proxy?".into()),
        ..socket::closed(place)
    }
}

fn stranger(place: &str) -> Refusal {
    Refusal {
        state: ServerState::Unreachable,
        patience: Patience::Tries(3),
        message: format!("{place} does not speak Redis's protocol"),
        hint: Some("is this the port of Redis?".into()),
        ..socket::closed(place)
    }
}
