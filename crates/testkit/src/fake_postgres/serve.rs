//! One connection to the fake server.
use super::{Answer, Reaction, Shared, Value, crash};
use crate::server_error::ServerError;
use crate::wire::{self, length, message, number, strings};
use std::io::{self, Write};
use std::net::TcpStream;

/// Codes that stand where a startup packet has its version.
const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// Gives the connection the answer that is due.
pub(super) fn serve(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let answer = shared.next_answer();
    if answer == Answer::Silent {
        return ignore(stream);
    }
    if !startup(stream)? {
        return Ok(());
    }
    match answer {
        Answer::Refuse(error) => stream.write_all(&response(b'E', "FATAL", &error)),
        Answer::WarnAndHangUp(error) => {
            // After AuthenticationOk: libpq takes no notice before it, and the real server sends none.
            stream.write_all(&[message(b'R', &[0; 4]), response(b'N', "WARNING", &error)].concat())
        }
        Answer::Silent | Answer::HangUp => Ok(()),
        Answer::Ready => {
            stream.write_all(&greeting(shared))?;
            Conversation { stream, shared, prepared: None, binary: false, failed: false }.run()
        }
    }
}

/// Declines encryption until the startup packet has come; false for a request to cancel.
fn startup(mut stream: &TcpStream) -> io::Result<bool> {
    loop {
        match number(&wire::read_untagged(&mut stream)?, 0) {
            SSL_REQUEST | GSS_REQUEST => stream.write_all(b"N")?,
            code => return Ok(code != CANCEL_REQUEST),
        }
    }
}

/// Reads and never answers, until the client goes.
fn ignore(mut stream: &TcpStream) -> io::Result<()> {
    io::copy(&mut stream, &mut io::sink()).map(drop)
}

fn greeting(shared: &Shared) -> Vec<u8> {
    let mut parameters: Vec<(String, String)> = [
        ("server_version", "15.18"),
        ("server_encoding", "UTF8"),
        ("client_encoding", "UTF8"),
        ("DateStyle", "ISO, MDY"),
        ("integer_datetimes", "on"),
        ("standard_conforming_strings", "on"),
        ("in_hot_standby", "off"),
        ("default_transaction_read_only", "off"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for (name, value) in &shared.script().parameters {
        parameters.retain(|(known, _)| known != name);
        parameters.push((name.clone(), value.clone()));
    }
    let mut bytes = message(b'R', &[0; 4]);
    for (name, value) in parameters {
        bytes.extend(message(b'S', &strings(&[&name, &value])));
    }
    bytes.extend(message(b'K', &[0, 0, 16, 0, 0, 0, 0, 1]));
    bytes.extend(ready());
    bytes
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// ErrorResponse or NoticeResponse; `V` is the severity that no locale translates.
fn response(tag: u8, severity: &str, error: &ServerError) -> Vec<u8> {
    let mut fields = vec![
        format!("S{severity}"),
        format!("V{severity}"),
        format!("C{}", error.sqlstate),
        format!("M{}", error.message),
    ];
    if !error.detail.is_empty() {
        fields.push(format!("D{}", error.detail));
    }
    fields.push(String::new());
    message(tag, &strings(&fields.iter().map(String::as_str).collect::<Vec<_>>()))
}

/// A session after login. In the extended protocol one statement is prepared at a time.
struct Conversation<'a> {
    stream: &'a TcpStream,
    shared: &'a Shared,
    prepared: Option<Reaction>,
    binary: bool,
    /// An error skips everything up to Sync.
    failed: bool,
}

impl Conversation<'_> {
    fn run(mut self) -> io::Result<()> {
        loop {
            let (tag, body) = wire::read(&mut self.stream)?;
            let answer = match tag {
                b'X' => return Ok(()),
                b'Q' => self.simple(&wire::text(&body)),
                b'S' => {
                    self.failed = false;
                    Some(ready())
                }
                _ if self.failed => Some(Vec::new()),
                b'P' => self.parse(&body),
                b'D' => Some(self.describe(body.first() == Some(&b'S'))),
                b'B' => Some(self.bind(&body)),
                b'E' => Some(self.execute()),
                b'C' => Some(message(b'3', &[])),
                _ => Some(Vec::new()),
            };
            match answer {
                Some(bytes) => self.stream.write_all(&bytes)?,
                None => return Ok(()),
            }
        }
    }

    /// None ends the session.
    fn simple(&mut self, sql: &str) -> Option<Vec<u8>> {
        let reaction = self.shared.react(sql);
        let mut bytes = match &reaction {
            Reaction::Rows(columns, rows) => result(columns, rows),
            Reaction::Fail(error) => response(b'E', "ERROR", error),
            Reaction::Crash | Reaction::Silent => return self.end(&reaction),
        };
        bytes.extend(ready());
        Some(bytes)
    }

    fn parse(&mut self, body: &[u8]) -> Option<Vec<u8>> {
        let name = wire::text(body);
        let reaction = self.shared.react(&wire::text(&body[name.len() + 1..]));
        match &reaction {
            Reaction::Fail(error) => {
                self.failed = true;
                return Some(response(b'E', "ERROR", error));
            }
            Reaction::Crash | Reaction::Silent => return self.end(&reaction),
            Reaction::Rows(..) => {}
        }
        self.prepared = Some(reaction);
        Some(message(b'1', &[]))
    }

    fn end(&mut self, reaction: &Reaction) -> Option<Vec<u8>> {
        let _ = match reaction {
            Reaction::Crash => self.stream.write_all(&response(b'N', "WARNING", &crash())),
            _ => ignore(self.stream),
        };
        None
    }

    fn describe(&self, statement: bool) -> Vec<u8> {
        // No query of ours has parameters that this fake would have to know.
        let mut bytes = if statement { message(b't', &[0, 0]) } else { Vec::new() };
        bytes.extend(match &self.prepared {
            Some(Reaction::Rows(columns, rows)) if !columns.is_empty() => description(columns, rows, self.binary),
            _ => message(b'n', &[]),
        });
        bytes
    }

    /// Remembers whether results are wanted binary: the last format code, if any.
    fn bind(&mut self, body: &[u8]) -> Vec<u8> {
        self.binary = body.ends_with(&[0, 1]);
        message(b'2', &[])
    }

    fn execute(&self) -> Vec<u8> {
        match &self.prepared {
            Some(Reaction::Rows(_, rows)) => data(rows, self.binary),
            _ => data(&[], false),
        }
    }
}

fn result(columns: &[&str], rows: &[Vec<Value>]) -> Vec<u8> {
    let mut bytes = if columns.is_empty() { Vec::new() } else { description(columns, rows, false) };
    bytes.extend(data(rows, false));
    bytes
}

fn description(columns: &[&str], rows: &[Vec<Value>], binary: bool) -> Vec<u8> {
    let mut body = (columns.len() as u16).to_be_bytes().to_vec();
    for (at, name) in columns.iter().enumerate() {
        let oid = rows.iter().map(|row| &row[at]).find(|value| **value != Value::Null).map_or(25, Value::oid);
        body.extend(strings(&[name]));
        // Table, column, type, length of the type (varies), modifier (none), format.
        body.extend([0; 6]);
        body.extend(oid.to_be_bytes());
        body.extend([0xff; 6]);
        body.extend(u16::from(binary).to_be_bytes());
    }
    message(b'T', &body)
}

fn data(rows: &[Vec<Value>], binary: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    for row in rows {
        let mut body = (row.len() as u16).to_be_bytes().to_vec();
        for value in row {
            match if binary { value.binary() } else { value.text() } {
                Some(value) => body.extend([&length(value.len())[..], &value].concat()),
                None => body.extend([0xff; 4]),
            }
        }
        bytes.extend(message(b'D', &body));
    }
    bytes.extend(message(b'C', &strings(&[&format!("SELECT {}", rows.len())])));
    bytes
}
