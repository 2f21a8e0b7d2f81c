//! A tiny client of PostgreSQL's wire protocol, version 3: one session, simple queries, every SQLSTATE kept (`psql` hides those of
//! connection errors). See "Message Formats" in PostgreSQL's manual.
use std::fmt;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What the server refused, or how the connection failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// The SQLSTATE; empty when the connection failed before the server answered.
    pub sqlstate: String,
    /// The server's message, or the system's.
    pub message: String,
    /// The server's DETAIL; empty when there is none.
    pub detail: String,
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.sqlstate, self.message, self.detail)
    }
}

impl std::error::Error for ServerError {}

impl From<io::Error> for ServerError {
    fn from(error: io::Error) -> Self {
        Self { sqlstate: String::new(), message: error.to_string(), detail: String::new() }
    }
}

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
        let length = u32::try_from(sql.len() + 5).map_err(io::Error::other)?;
        let mut message = vec![b'Q'];
        message.extend(length.to_be_bytes());
        message.extend(sql.as_bytes());
        message.push(0);
        Ok(self.stream.write_all(&message)?)
    }

    /// Reads up to ReadyForQuery; the first error wins.
    fn answer(&mut self) -> Result<Vec<Vec<Option<String>>>, ServerError> {
        let mut rows = Vec::new();
        let mut failure = None;
        loop {
            match self.message() {
                Ok((b'D', body)) => rows.push(columns(&body)),
                Ok((b'E', body)) => failure = failure.or(Some(error(&body))),
                Ok((b'K', body)) => self.pid = number(&body, 0),
                Ok((b'Z', _)) => return failure.map_or(Ok(rows), Err),
                Ok(_) => {}
                Err(lost) => return Err(failure.unwrap_or_else(|| lost.into())),
            }
        }
    }

    fn message(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let mut body = vec![0; number(&head, 1).saturating_sub(4) as usize];
        self.stream.read_exact(&mut body)?;
        Ok((head[0], body))
    }
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    for word in ["user", user, "database", database, "application_name", "testkit", ""] {
        body.extend(word.as_bytes());
        body.push(0);
    }
    let mut message = (body.len() as u32 + 4).to_be_bytes().to_vec();
    message.extend(body);
    message
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn columns(body: &[u8]) -> Vec<Option<String>> {
    let mut at = 2;
    let mut columns = Vec::new();
    while at < body.len() {
        let length = number(body, at);
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
        field.map(|field| String::from_utf8_lossy(&field[1..]).into_owned()).unwrap_or_default()
    };
    ServerError { sqlstate: field(b'C'), message: field(b'M'), detail: field(b'D') }
}
