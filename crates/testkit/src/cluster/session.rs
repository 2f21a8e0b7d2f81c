//! A tiny client of PostgreSQL's wire protocol, version 3: one session, simple queries, every SQLSTATE kept (`psql` hides those of
//! connection errors). See "Message Formats" in PostgreSQL's manual.
use crate::{ServerError, wire};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// One open session, without password, over the Unix socket. Closed on drop.
#[derive(Debug)]
pub struct Session {
    stream: UnixStream,
    pid: u32,
}

impl Session {
    pub(super) fn open(socket: &Path, user: &str, database: &str) -> Result<Self, ServerError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut session = Self { stream, pid: 0 };
        session.stream.write_all(&startup(user, database))?;
        session.answer()?;
        Ok(session)
    }

    /// The process id of the server's backend that serves this session.
    pub fn backend_pid(&self) -> u32 {
        self.pid
    }

    /// Runs statements and returns the rows of all of them as text; `None` is NULL. Gives up after 30 s of silence.
    ///
    /// # Errors
    /// The server's error, or that the connection was lost.
    pub fn query(&mut self, sql: &str) -> Result<Vec<Vec<Option<String>>>, ServerError> {
        self.send(sql)?;
        self.answer()
    }

    /// Sends statements and does not wait for the answer: a session that is busy.
    ///
    /// # Errors
    /// That the connection was lost.
    pub fn send(&mut self, sql: &str) -> Result<(), ServerError> {
        Ok(self.stream.write_all(&wire::message(b'Q', &wire::strings(&[sql])))?)
    }

    /// Reads up to ReadyForQuery; the first error wins.
    fn answer(&mut self) -> Result<Vec<Vec<Option<String>>>, ServerError> {
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            match wire::read(&mut self.stream) {
                Ok((b'D', body)) => rows.push(columns(&body)),
                Ok((b'E', body)) => failure = failure.or(Some(error(&body))),
                Ok((b'K', body)) => self.pid = wire::number(&body, 0),
                Ok((b'Z', _)) => return failure.map_or(Ok(rows), Err),
                Ok(_) => {}
                Err(lost) => return Err(failure.unwrap_or_else(|| lost.into())),
            }
        }
    }
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let words = wire::strings(&["user", user, "database", database, "application_name", "testkit", ""]);
    wire::untagged(&[&196_608_u32.to_be_bytes()[..], &words].concat())
}

fn columns(body: &[u8]) -> Vec<Option<String>> {
    let mut at = 2;
    let mut columns = Vec::new();
    while at < body.len() {
        let length = wire::number(body, at);
        at += 4;
        let text = (length != u32::MAX).then(|| String::from_utf8_lossy(&body[at..at + length as usize]).into_owned());
        at += text.as_ref().map_or(0, |_| length as usize);
        columns.push(text);
    }
    columns
}

fn error(body: &[u8]) -> ServerError {
    let field = |code: u8| {
        let field = body.split(|byte| *byte == 0).find(|field| field.first() == Some(&code));
        field.map(|field| wire::text(&field[1..])).unwrap_or_default()
    };
    ServerError { sqlstate: field(b'C'), message: field(b'M'), detail: field(b'D') }
}
