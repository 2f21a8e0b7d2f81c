//! The file of one service: written to at its end, put aside when it is full, and left for a while when it cannot be written.

use crate::{
    buffer::Piece,
    level::level_of,
    line::{Head, Origin},
    name::FileName,
};
use config::{LogFormat, Logs};
use host::{
    Clock,
    fs::{self, Growing},
};
use jiff::{SignedDuration, Timestamp};
use report::{Event, Level, count};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// So much is written by one call of the system.
pub(crate) const AT_ONCE: usize = 256 * 1024;

/// So much is written as it is; less is put together first.
const WORTH_A_CALL: usize = 16 * 1024;

/// A file that cannot be written is tried again after this long.
pub(crate) const RETRY: Duration = Duration::from_secs(1);

/// Nobody but our user reads what services write.
const MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// What every file of ours has in common.
pub struct Ours {
    /// Where they are, how they look, and how many.
    pub logs: Logs,
    /// What is told on each line, where it is known.
    pub release: Option<String>,
    /// When lines come.
    pub clock: Arc<dyn Clock>,
}

impl Ours {
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }
}

/// The file of one service.
pub(crate) struct LogFile {
    service: Arc<str>,
    path: PathBuf,
    state: State,
    /// Rendered, not written yet; whole lines.
    out: Vec<u8>,
    last_aside: Timestamp,
}

enum State {
    Closed,
    Open {
        file: Growing,
        looked_at: Instant,
    },
    /// It cannot be written: these lines are missing in it so far.
    Broken {
        missing: u64,
        reason: String,
        again: Instant,
    },
}

/// What happened to a file, for others to see to.
#[derive(Default)]
pub(crate) struct Happened {
    pub(crate) events: Vec<Event>,
    /// A file was put aside.
    pub(crate) put_aside: bool,
}

impl LogFile {
    /// The file of `service`, whose newest one that was put aside is of `last_aside`.
    pub(crate) fn new(ours: &Ours, service: Arc<str>, last_aside: Option<Timestamp>) -> Self {
        let path = ours.logs.dir.join(FileName::current(&service).to_string());
        let last_aside = last_aside.unwrap_or(Timestamp::UNIX_EPOCH);
        Self { service, path, state: State::Closed, out: Vec::new(), last_aside }
    }

    /// Is it left alone for a while?
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken { .. })
    }

    /// Takes the lines of a piece; [`LogFile::flush`] writes the last of them.
    pub(crate) fn take(&mut self, ours: &Ours, piece: &Piece, lines: &[u8], happened: &mut Happened) {
        self.make_ready(ours, happened);
        if piece.lost > 0 {
            let text = format!("left out here: {}, for the buffer was full", lines_of(piece.lost));
            self.say(ours, piece.at, &text, happened);
        }
        match (&mut self.state, ours.logs.format) {
            (State::Broken { missing, .. }, _) => *missing += lines_in(lines),
            (_, LogFormat::Raw) => self.take_raw(ours, piece.at, lines, happened),
            (_, LogFormat::Json) => self.take_json(ours, piece, lines, happened),
        }
    }

    fn take_json(&mut self, ours: &Ours, piece: &Piece, lines: &[u8], happened: &mut Happened) {
        let release = piece.release.as_deref().or(ours.release.as_deref());
        let head = Head::new(piece.at, &self.service, piece.stream.into(), release);
        let utf8 = std::str::from_utf8(lines).is_ok();
        let mut rest = lines;
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let line = &rest[..end];
            let begun = self.out.len();
            head.line(line, level_of(line), utf8, &mut self.out);
            self.keep_to_size(ours, begun, piece.at, happened);
            if self.is_broken() {
                return self.miss(lines_in(&rest[end + 1..]));
            }
            rest = &rest[end + 1..];
        }
    }

    fn take_raw(&mut self, ours: &Ours, at: Timestamp, lines: &[u8], happened: &mut Happened) {
        let mut rest = lines;
        while !rest.is_empty() {
            let room = usize::try_from(ours.logs.max_size.saturating_sub(self.size())).unwrap_or(usize::MAX);
            let (some, later) = rest.split_at(fitting(rest, room));
            if some.len() > room && self.size() > 0 {
                self.flush(happened);
                self.put_aside(ours, at, happened);
            } else {
                self.write(some, happened);
                rest = later;
            }
            if self.is_broken() {
                return self.miss(lines_in(rest));
            }
        }
    }

    /// Now when it is much, with the next ones when it is not.
    fn write(&mut self, lines: &[u8], happened: &mut Happened) {
        if lines.len() >= WORTH_A_CALL {
            self.flush(happened);
            return self.append(lines, happened);
        }
        self.out.extend_from_slice(lines);
        if self.out.len() >= AT_ONCE {
            self.flush(happened);
        }
    }

    /// The bytes behind `begun` were rendered just now: when they do not fit, the others are written and the file is put aside
    /// before them.
    fn keep_to_size(&mut self, ours: &Ours, begun: usize, at: Timestamp, happened: &mut Happened) {
        let before = self.size() - (self.out.len() - begun) as u64;
        if self.size() > ours.logs.max_size && before > 0 {
            let newest = self.out.split_off(begun);
            self.flush(happened);
            self.put_aside(ours, at, happened);
            match self.is_broken() {
                true => self.miss(lines_in(&newest)),
                false => self.out = newest,
            }
        }
        if self.out.len() >= AT_ONCE {
            self.flush(happened);
        }
    }

    /// How large the file is once all is written.
    fn size(&self) -> u64 {
        let written = if let State::Open { file, .. } = &self.state { file.len() } else { 0 };
        written + self.out.len() as u64
    }

    /// Writes what was taken.
    pub(crate) fn flush(&mut self, happened: &mut Happened) {
        let out = std::mem::take(&mut self.out);
        if !out.is_empty() {
            self.append(&out, happened);
        }
        self.out = out;
        self.out.clear();
    }

    fn append(&mut self, lines: &[u8], happened: &mut Happened) {
        let State::Open { file, .. } = &mut self.state else { return self.miss(lines_in(lines)) };
        let begun = file.len();
        if let Err((written, error)) = file.append(lines) {
            let whole = memchr::memrchr(b'\n', &lines[..written]).map_or(0, |end| end + 1);
            if whole < written {
                // What is left of a line may be cut off or not; the next opening closes it with an end of line.
                let _ = file.cut(begun + whole as u64);
            }
            self.break_off(lines_in(&lines[whole..]), &error, happened);
        }
    }

    fn miss(&mut self, lines: u64) {
        if let State::Broken { missing, .. } = &mut self.state {
            *missing += lines;
        }
    }

    fn break_off(&mut self, missing: u64, error: &io::Error, happened: &mut Happened) {
        let (reason, again) = (error.to_string(), Instant::now() + RETRY);
        let text = format!("the lines of {} cannot be kept: {reason}; the service goes on", self.service);
        let event = Event::new("logs.broken", text).level(Level::Error);
        happened.events.push(event.with("service", &*self.service).with("reason", reason.clone()));
        self.state = State::Broken { missing, reason, again };
    }

    // Opening.

    /// Opens it when it is closed, when it was moved away, and when it is time to try again.
    fn make_ready(&mut self, ours: &Ours, happened: &mut Happened) {
        match &mut self.state {
            State::Closed => self.open(ours, happened),
            State::Open { file, looked_at } => {
                if looked_at.elapsed() < RETRY {
                    return;
                }
                *looked_at = Instant::now();
                if !file.is_in_place() {
                    self.flush(happened);
                    self.open(ours, happened);
                }
            }
            State::Broken { .. } => self.mend(ours, happened),
        }
    }

    fn open(&mut self, ours: &Ours, happened: &mut Happened) {
        match opened(&ours.logs.dir, &self.path) {
            Ok(file) => self.state = State::Open { file, looked_at: Instant::now() },
            Err(error) => self.break_off(0, &error, happened),
        }
    }

    /// Tries again to write a file that could not be written, with the line that says what is missing in it.
    pub(crate) fn mend(&mut self, ours: &Ours, happened: &mut Happened) {
        let State::Broken { missing, reason, again } = &mut self.state else { return };
        if Instant::now() < *again {
            return;
        }
        *again = Instant::now() + RETRY;
        let (missing, reason) = (*missing, reason.clone());
        let Ok(mut file) = opened(&ours.logs.dir, &self.path) else { return };
        let text = format!("missing here: {}, for they could not be written: {reason}", lines_of(missing));
        let line = our_line(ours, &self.service, ours.now(), &text);
        let begun = file.len();
        if missing > 0 && file.append(&line).is_err() {
            let _ = file.cut(begun);
            return;
        }
        self.state = State::Open { file, looked_at: Instant::now() };
        let text = format!("the lines of {} are kept again; missing in its file: {}", self.service, lines_of(missing));
        let event = Event::new("logs.mended", text).with("service", &*self.service).with("missing", missing);
        happened.events.push(event);
    }

    /// Puts a line of ours among those of the service.
    fn say(&mut self, ours: &Ours, at: Timestamp, text: &str, happened: &mut Happened) {
        if self.is_broken() {
            return;
        }
        let begun = self.out.len();
        self.out.extend(our_line(ours, &self.service, at, text));
        self.keep_to_size(ours, begun, at, happened);
    }

    // Putting aside.

    /// Gives the file its name for later, and begins a new one.
    fn put_aside(&mut self, ours: &Ours, at: Timestamp, happened: &mut Happened) {
        if self.is_broken() {
            return;
        }
        // Two that were put aside at the same moment need two names, in order.
        let at = at.max(self.last_aside + SignedDuration::from_micros(1));
        self.last_aside = at;
        let aside = ours.logs.dir.join(FileName::aside(&self.service, at).to_string());
        if let Err(error) = fs::rename(&self.path, &aside) {
            return self.break_off(0, &error, happened);
        }
        happened.put_aside = true;
        self.open(ours, happened);
    }
}

/// The file, made if it is not there; its last line is closed when somebody was killed while writing it.
fn opened(dir: &Path, path: &Path) -> io::Result<Growing> {
    fs::create_dir_all_private(dir, DIR_MODE)?;
    let mut file = Growing::open(path, MODE)?;
    if file.last_byte().is_some_and(|byte| byte != b'\n') {
        file.append(b"\n").map_err(|(_, error)| error)?;
    }
    Ok(file)
}

fn our_line(ours: &Ours, service: &str, at: Timestamp, text: &str) -> Vec<u8> {
    let mut line = Vec::new();
    match ours.logs.format {
        LogFormat::Raw => line.extend_from_slice(format!("mainstay: {text}\n").as_bytes()),
        LogFormat::Json => {
            let head = Head::new(at, service, Origin::Mainstay, ours.release.as_deref());
            head.line(text.as_bytes(), Some(Level::Warn), true, &mut line);
        }
    }
    line
}

/// As much of whole lines as fits, and at least one line.
fn fitting(lines: &[u8], room: usize) -> usize {
    match memchr::memrchr(b'\n', &lines[..lines.len().min(room)]) {
        Some(end) => end + 1,
        None => memchr::memchr(b'\n', lines).map_or(lines.len(), |end| end + 1),
    }
}

fn lines_in(lines: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', lines).count() as u64
}

/// `1 line`, `2 lines`
pub(crate) fn lines_of(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "line")
}
