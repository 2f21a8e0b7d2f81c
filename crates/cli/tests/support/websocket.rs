//! A WebSocket as a browser has it (RFC 6455): short texts, and the goodbye.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use crate::support::LIMIT;
use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

pub struct WebSocket(TcpStream);

/// What came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    Text(String),
    /// Goodbye, with this code.
    Close(u16),
    /// The connection ended without one.
    Cut(String),
}

impl WebSocket {
    pub fn open(port: u16) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let head = "GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let (mut answer, mut byte) = (String::new(), [0]);
        while !answer.ends_with("\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {answer:?}"));
            answer.push(char::from(byte[0]));
        }
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        // The answer to that key, from RFC 6455, 1.3.
        assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
        Self(stream)
    }

    /// Sends a text and waits for whatever comes.
    pub fn ask(&mut self, text: &str) -> Came {
        let mask = [1, 2, 3, 4];
        let mut frame = vec![0x81, 0x80 | u8::try_from(text.len()).unwrap()];
        frame.extend(mask);
        frame.extend(text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        // Whoever has said goodbye takes no more; what it has said is still to be had.
        let sent = self.0.write_all(&frame);
        match (self.next(), sent) {
            (Came::Cut(seen), Err(error)) => Came::Cut(format!("{seen}, {error}")),
            (came, _) => came,
        }
    }

    /// What comes next.
    pub fn next(&mut self) -> Came {
        self.frame().unwrap_or_else(|error| Came::Cut(error.to_string()))
    }

    fn frame(&mut self) -> io::Result<Came> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let mut data = vec![0; usize::from(head[1])];
        self.0.read_exact(&mut data)?;
        Ok(match head[0] {
            0x81 => Came::Text(String::from_utf8_lossy(&data).into_owned()),
            0x88 => Came::Close(data.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code))),
            other => Came::Cut(format!("a frame that begins with {other:#x}")),
        })
    }
}
