//! The only place that writes to the terminal: data to standard output, all else to standard error.

mod outlet;
mod small;

use crate::args::{LogFormat, LogLevel, bad_value};
use host::{Clock, terminal::is_terminal};
use jiff::Timestamp;
use outlet::Outlet;
use report::{Event, Finding, Journal, Level, Lines, Masker, Secret, Stamp, Stream, human, json, logfmt, quoted};
use small::Small;
use std::{
    future::Future,
    io::{self, Write},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, RwLock},
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
    /// Where both go to a file of our own.
    small: OnceLock<Small>,
    /// The line that stands below all others, on a terminal.
    standing: Mutex<Option<String>>,
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

/// Back to the beginning of the line, and nothing on it (ECMA-48: EL).
const ERASED: &str = "\r\x1b[2K";

/// Who writes the events, in the marks.
const SELF: &str = "mainstay";

impl Terminal {
    pub(crate) fn new(format: LogFormat, least: LogLevel, clock: Arc<dyn Clock>) -> Self {
        let least = least.into();
        let outlet = |stream| Arc::new(Outlet::new(stream));
        let (out, err) = (outlet(host::terminal::Stream::Output), outlet(host::terminal::Stream::Error));
        Self {
            format,
            least,
            clock,
            known: RwLock::default(),
            out,
            err,
            small: OnceLock::new(),
            standing: Mutex::default(),
        }
    }

    /// From now on the file at `path`, if that is what is written to, does not grow for ever: it is put aside at `aside`.
    pub(crate) fn keep_small(&self, path: &Path, aside: PathBuf) {
        if let Some(small) = Small::at(path, aside) {
            let _ = self.small.set(small);
        }
    }

    fn grew_by(&self, bytes: usize) {
        self.small.get().into_iter().for_each(|small| small.grew_by(bytes));
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

    /// What nobody has read yet at either output, for the next version of mainstay.
    pub(crate) fn unread(&self) -> [Vec<u8>; 2] {
        [self.out.unread(), self.err.unread()]
    }

    /// Goes on with what an earlier version could not write. Call it before anything else is written.
    pub(crate) fn go_on_with(&self, [out, err]: [Vec<u8>; 2]) {
        self.out.write(out);
        self.err.write(err);
    }

    /// Is it read by people?
    pub(crate) fn is_for_people(&self) -> bool {
        self.format == LogFormat::Human
    }

    /// From now on `text` stands below all that is written, until another one does or none; on a terminal that people look at
    /// alone. What does not fit into its width is cut.
    pub(crate) fn stand(&self, text: Option<String>) {
        if self.format != LogFormat::Human || !host::terminal::is_terminal(host::terminal::Stream::Error) {
            return;
        }
        let width = host::terminal::width(host::terminal::Stream::Error).map_or(79, |width| usize::from(width) - 1);
        let text =
            text.map(|text| self.mask(&text).chars().filter(|c| !c.is_control()).take(width).collect::<String>());
        let Ok(mut standing) = self.standing.lock() else { return };
        if *standing != text {
            self.err.write(format!("{ERASED}{}", text.as_deref().unwrap_or_default()).into_bytes());
            *standing = text;
        }
    }

    /// Does a line stand below all others?
    pub(crate) fn has_standing_line(&self) -> bool {
        self.standing.lock().is_ok_and(|standing| standing.is_some())
    }

    /// Whole lines, above the one that stands below all others.
    fn above(&self, lines: Vec<u8>) -> Vec<u8> {
        let standing = self.standing.lock().ok().and_then(|standing| standing.clone());
        match standing {
            Some(standing) => [ERASED.as_bytes(), &lines, standing.as_bytes()].concat(),
            None => lines,
        }
    }

    /// From now on these never appear in anything that is written.
    pub(crate) fn hide(&self, secrets: impl IntoIterator<Item = Secret>) {
        self.know(|known| known.masker.extend(secrets.into_iter().flat_map(|secret| faces(&secret))));
    }

    /// Knows the secrets that are hidden so far.
    pub(crate) fn masker(&self) -> Masker {
        self.known.read().map(|known| known.masker.clone()).unwrap_or_default()
    }

    /// From now on lines are marked for this application and these services.
    pub(crate) fn introduce<'a>(&self, app: &str, services: impl IntoIterator<Item = &'a str>) {
        let width = services.into_iter().chain([SELF]).map(str::len).max().unwrap_or_default();
        self.know(|known| {
            known.app = Some(app.to_owned());
            known.mark = Mark::Name(width);
        });
    }

    /// Are lines marked by who wrote them?
    pub(crate) fn is_introduced(&self) -> bool {
        self.known.read().is_ok_and(|known| known.mark != Mark::Bare)
    }

    /// Writes an answer to standard output. A reader who has seen enough and left is no error; a full disk is one.
    pub(crate) fn data(&self, text: &str) -> io::Result<()> {
        let text = self.mask(text);
        match try_to_write(&mut io::stdout().lock(), text.trim_end_matches('\n').as_bytes()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    /// Writes whole lines of an answer to standard output, as bytes; says whether anybody reads on.
    pub(crate) fn data_lines(&self, lines: &[u8]) -> io::Result<bool> {
        let masker = self.masker();
        let mut out = io::stdout().lock();
        match out.write_all(&masker.mask_lines(lines)).and_then(|()| out.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written.map(|()| true),
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
        self.err.write(self.above(with_end(self.mask(text).as_bytes())));
    }

    /// Is there somebody who sees a line move?
    pub(crate) fn draws(&self) -> bool {
        self.format == LogFormat::Human && self.least <= Level::Info && is_terminal(host::terminal::Stream::Error)
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

    /// Whole lines, each with its end, as they are shown: one time for all of them, for they came together.
    fn service_lines(&self, service: &str, stream: Stream, block: &[u8], known: &Known) -> Vec<u8> {
        let name = stream.name();
        let time = match self.format {
            LogFormat::Human => String::new(),
            LogFormat::Logfmt | LogFormat::Json => self.stamp(None).time(),
        };
        let width = if let Mark::Name(width) = known.mark { width } else { 0 };
        let mut shown = Vec::with_capacity(block.len() * 2);
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            let text = String::from_utf8_lossy(line.strip_suffix(b"\n").unwrap_or(line));
            let text = known.masker.mask(&text);
            let line = match self.format {
                LogFormat::Human => format!("{service:<width$} | {text}"),
                LogFormat::Logfmt => {
                    format!("time={time} service={service} stream={name} line={}", quoted(&text))
                }
                LogFormat::Json => {
                    serde_json::json!({ "time": time, "service": service, "stream": name, "line": text }).to_string()
                }
            };
            shown.extend_from_slice(line.as_bytes());
            shown.push(b'\n');
        }
        shown
    }
}

impl Journal for Terminal {
    fn note(&self, event: Event) {
        if event.level < self.least {
            return;
        }
        let Ok(known) = self.known.read() else { return };
        let line = self.event_line(&event, &known);
        let line = with_end(known.masker.mask(&line).as_bytes());
        let len = line.len();
        self.err.write_or_count(self.above(line));
        self.grew_by(len);
    }
}

impl Lines for Terminal {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        self.lines(service, stream, &with_end(line));
    }

    fn lines(&self, service: &str, stream: Stream, block: &[u8]) {
        let Ok(known) = self.known.read() else { return };
        let rendered = match known.mark {
            // Bytes that are not UTF-8 pass as they came, unless a secret had to be taken out.
            Mark::Bare => known.masker.mask_lines(block).into_owned(),
            Mark::Name(_) => self.service_lines(service, stream, block, &known),
        };
        let len = rendered.len();
        match stream {
            Stream::Stdout => self.out.write(rendered),
            Stream::Stderr => self.err.write(self.above(rendered)),
        }
        self.grew_by(len);
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
    let finding = bad_value(error);
    let text = finding.as_ref().map_or_else(|| error.to_string(), ToString::to_string);
    let shown = config::redact(&text);
    if shown == text && finding.is_none() {
        error.print()
    } else {
        try_to_write(&mut io::stderr().lock(), shown.trim_end().as_bytes())
    }
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

    fn lines(secret: &str, block: &[u8]) -> Vec<u8> {
        let terminal = Terminal::new(LogFormat::Human, LogLevel::Info, Arc::new(SystemClock));
        terminal.hide([Secret::from(secret)]);
        let known = terminal.known.read().unwrap();
        known.masker.mask_lines(block).into_owned()
    }

    #[test]
    fn bytes_pass_as_they_came_unless_a_secret_is_among_them() {
        assert_eq!(lines("hunter22", b"\xff plain\n"), b"\xff plain\n");
        assert_eq!(lines("hunter22", b"\xff hunter22\n"), b"\xff ***\n");
    }

    #[test]
    fn a_secret_of_several_lines_is_hidden_line_by_line() {
        assert_eq!(lines("first-line\nsecond-line", b"key: second-line\n"), b"key: ***\n");
    }

    #[test]
    fn each_line_bears_the_name_of_its_service() {
        let terminal = Terminal::new(LogFormat::Human, LogLevel::Info, Arc::new(SystemClock));
        terminal.introduce("shop", ["api"]);
        let known = terminal.known.read().unwrap();
        let shown = terminal.service_lines("api", Stream::Stdout, b"one\n\ntwo\n", &known);
        assert_eq!(String::from_utf8(shown).unwrap(), "api      | one\napi      | \napi      | two\n");
    }

    #[test]
    fn a_secret_is_hidden_between_quotes_too() {
        let terminal = Terminal::new(LogFormat::Json, LogLevel::Info, Arc::new(SystemClock));
        terminal.hide([Secret::from("hun\"ter\\22")]);
        let event = Event::new("test", "said hun\"ter\\22".to_owned());
        let known = terminal.known.read().unwrap();
        let line = terminal.event_line(&event, &known);
        let shown = known.masker.mask(&line);
        assert!(shown.contains("said ***") && !shown.contains("ter"), "{shown}");
    }
}
