//! The only place that writes to the terminal: data to standard output, all else to standard error.

mod outlet;

use crate::args::{LogFormat, LogLevel};
use host::Clock;
use jiff::Timestamp;
use outlet::Outlet;
use report::{Event, Finding, Journal, Level, Lines, Masker, Secret, Stamp, Stream, human, json, logfmt, quoted};
use std::{
    borrow::Cow,
    future::Future,
    io::{self, Write},
    pin::Pin,
    sync::{Arc, RwLock},
    time::Duration,
};

/// Renders events, findings, data and the lines of services.
pub(crate) struct Terminal {
    format: LogFormat,
    least: Level,
    clock: Arc<dyn Clock>,
    /// What is only known once the configuration has been read.
    known: RwLock<Known>,
    out: Arc<Outlet>,
    err: Arc<Outlet>,
}

#[derive(Default)]
struct Known {
    masker: Masker,
    app: Option<String>,
    /// How the lines of services are marked.
    mark: Mark,
}

/// How the lines of services are marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Events are bare sentences and lines pass as they are.
    #[default]
    Bare,
    /// Each line bears the name of who wrote it, padded to this width.
    Name(usize),
}

/// Who writes the events, in the marks.
const SELF: &str = "mainstay";

impl Terminal {
    pub(crate) fn new(format: LogFormat, least: LogLevel, clock: Arc<dyn Clock>) -> Self {
        let least = match least {
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        };
        let outlet = |stream| Arc::new(Outlet::new(stream));
        let (out, err) = (outlet(host::terminal::Stream::Output), outlet(host::terminal::Stream::Error));
        Self { format, least, clock, known: RwLock::default(), out, err }
    }

    /// From now on nothing waits for whoever reads what is written: a pipe that nobody reads, or a terminal that was
    /// stopped, must not keep services from being looked after. Call [`Terminal::finish`] at the end.
    pub(crate) fn never_wait(&self) {
        self.out.never_wait();
        self.err.never_wait();
    }

    /// Writes what could not be written yet, as far as somebody reads it within `limit`.
    pub(crate) fn finish(&self, limit: Duration) {
        self.out.finish(limit);
        self.err.finish(limit);
    }

    /// From now on these never appear in anything that is written.
    pub(crate) fn hide(&self, secrets: impl IntoIterator<Item = Secret>) {
        self.know(|known| known.masker.extend(secrets.into_iter().flat_map(|secret| faces(&secret))));
    }

    /// From now on lines are marked for this application and these services.
    pub(crate) fn introduce<'a>(&self, app: &str, services: impl IntoIterator<Item = &'a str>) {
        let width = services.into_iter().chain([SELF]).map(str::len).max().unwrap_or_default();
        self.know(|known| {
            known.app = Some(app.to_owned());
            known.mark = Mark::Name(width);
        });
    }

    /// Writes an answer to standard output. A reader who has seen enough and left is no error; a full disk is one.
    pub(crate) fn data(&self, text: &str) -> io::Result<()> {
        let text = self.mask(text);
        match try_to_write(&mut io::stdout().lock(), text.trim_end_matches('\n').as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Writes a finding to standard error, as people read it.
    pub(crate) fn finding(&self, finding: &Finding) {
        match self.format {
            LogFormat::Json => {
                let body = serde_json::to_string(finding).unwrap_or_else(|_| quoted(&finding.summary));
                self.error_line(&format!("{{\"time\":\"{}\",\"finding\":{body}}}", self.stamp(None).time()));
            }
            LogFormat::Human | LogFormat::Logfmt => self.error_line(&finding.to_string()),
        }
    }

    fn error_line(&self, text: &str) {
        self.err.write(with_end(self.mask(text).as_bytes()));
    }

    /// `text` without the secrets that are known.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.known.read().map(|known| known.masker.mask(text).into_owned()).unwrap_or_default()
    }

    fn know(&self, change: impl FnOnce(&mut Known)) {
        if let Ok(mut known) = self.known.write() {
            change(&mut known);
        }
    }

    fn stamp<'a>(&self, app: Option<&'a str>) -> Stamp<'a> {
        Stamp { at: Timestamp::try_from(self.clock.now()).unwrap_or_default(), app }
    }

    fn event_line(&self, event: &Event, known: &Known) -> String {
        let stamp = self.stamp(known.app.as_deref());
        match (self.format, known.mark) {
            (LogFormat::Human, Mark::Bare) => human(event),
            (LogFormat::Human, Mark::Name(width)) => format!("{SELF:<width$} | {}", human(event)),
            (LogFormat::Logfmt, _) => format!("time={} {}", stamp.time(), logfmt(event)),
            (LogFormat::Json, _) => json(event, stamp),
        }
    }

    fn service_line(&self, service: &str, stream: Stream, line: &[u8], known: &Known) -> Vec<u8> {
        let text = String::from_utf8_lossy(line);
        let text = known.masker.mask(&text);
        let name = if stream == Stream::Stdout { "stdout" } else { "stderr" };
        match (self.format, known.mark) {
            // Bytes that are not UTF-8 pass as they came, unless a secret had to be taken out.
            (_, Mark::Bare) => match text {
                Cow::Borrowed(_) => line.to_vec(),
                Cow::Owned(masked) => masked.into_bytes(),
            },
            (LogFormat::Human, Mark::Name(width)) => format!("{service:<width$} | {text}").into_bytes(),
            (LogFormat::Logfmt, _) => {
                let time = self.stamp(None).time();
                format!("time={time} service={service} stream={name} line={}", quoted(&text)).into_bytes()
            }
            (LogFormat::Json, _) => {
                let time = self.stamp(None).time();
                serde_json::json!({ "time": time, "service": service, "stream": name, "line": text })
                    .to_string()
                    .into_bytes()
            }
        }
    }
}

impl Journal for Terminal {
    fn note(&self, event: Event) {
        if event.level < self.least {
            return;
        }
        let Ok(known) = self.known.read() else { return };
        let line = self.event_line(&event, &known);
        self.err.write_or_count(with_end(known.masker.mask(&line).as_bytes()));
    }
}

impl Lines for Terminal {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        let Ok(known) = self.known.read() else { return };
        let line = self.service_line(service, stream, line, &known);
        match stream {
            Stream::Stdout => self.out.write(with_end(&line)),
            Stream::Stderr => self.err.write(with_end(&line)),
        }
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.out.room().await;
            self.err.room().await;
        })
    }
}

/// A secret as it stands, as it stands between quotes, and, for it is read line by line, each line of a longer one.
fn faces(secret: &Secret) -> Vec<Secret> {
    const SHORTEST_LINE: usize = 8;
    let whole = secret.reveal();
    let quoted = serde_json::to_string(whole).unwrap_or_default();
    let lines = whole.lines().map(str::trim).filter(|line| whole.contains('\n') && line.len() >= SHORTEST_LINE);
    [whole, quoted.trim_matches('"')].into_iter().chain(lines).map(Secret::from).collect()
}

/// Writes what the command line's parser says, without the passwords of what was typed where it does not belong.
pub(crate) fn usage(error: &clap::Error) -> io::Result<()> {
    let text = error.to_string();
    let shown = config::redact(&text);
    if shown == text { error.print() } else { try_to_write(&mut io::stderr().lock(), shown.trim_end().as_bytes()) }
}

/// One write for each line, so that lines of several writers never mix.
fn with_end(line: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(line.len() + 1);
    whole.extend_from_slice(line);
    whole.push(b'\n');
    whole
}

fn try_to_write(output: &mut impl Write, line: &[u8]) -> io::Result<()> {
    output.write_all(&with_end(line)).and_then(|()| output.flush())
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::SystemClock;

    fn line(format: LogFormat, secret: &str, line: &[u8]) -> Vec<u8> {
        let terminal = Terminal::new(format, LogLevel::Info, Arc::new(SystemClock));
        terminal.hide([Secret::from(secret)]);
        let known = terminal.known.read().unwrap();
        terminal.service_line("api", Stream::Stdout, line, &known)
    }

    #[test]
    fn bytes_pass_as_they_came_unless_a_secret_is_among_them() {
        let bare = |bytes: &[u8]| line(LogFormat::Human, "hunter22", bytes);
        assert_eq!(bare(b"\xff plain"), b"\xff plain");
        assert_eq!(bare(b"x hunter22"), b"x ***");
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_line_by_line() {
        assert_eq!(line(LogFormat::Human, "first-line\nsecond-line", b"key: second-line"), b"key: ***");
    }

    #[test]
    fn a_secret_is_hidden_between_quotes_too() {
        let terminal = Terminal::new(LogFormat::Json, LogLevel::Info, Arc::new(SystemClock));
        terminal.hide([Secret::from("hun\"ter\\22")]);
        let event = Event::new("test", "said hun\"ter\\22".to_owned());
        let known = terminal.known.read().unwrap();
        let line = terminal.event_line(&event, &known);
        assert!(!known.masker.mask(&line).contains("22"), "{line}");
    }
}
