//! What is being written, as it comes, also while files are put aside.

use crate::{
    filter::{Filter, Sift},
    history::{Current, History, Written, aside, asides, services},
    line::Line,
    merge::merge,
    name::FileName,
};
use host::fs::{self, Identity};
use jiff::Timestamp;
use std::{
    cell::RefCell,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    rc::Rc,
};

/// So much is read of a file at once.
const PIECE: usize = 64 * 1024;

/// So much of one service is told at once: whoever writes faster than it is read would else be read for ever, and all of it kept.
const AT_ONCE: u64 = 8 << 20;

/// Goes on where a [`History`] has ended.
pub struct Follower {
    dir: PathBuf,
    tails: Vec<Tail>,
    /// Services whose first line is still to come are followed too.
    all: bool,
    sift: Sift,
}

/// The end of one service's lines.
struct Tail {
    service: String,
    path: PathBuf,
    /// Are files put aside by us, with names of ours?
    ours: bool,
    file: Option<Open>,
    /// Up to here everything that was put aside has been read.
    seen: Option<Timestamp>,
    /// The beginning of a line.
    begun: Vec<u8>,
    before: Timestamp,
    /// Not all that has come was told.
    behind: bool,
}

struct Open {
    file: Rc<File>,
    identity: Identity,
    at: u64,
}

impl From<Current> for Open {
    fn from(current: Current) -> Self {
        Self { file: current.file, identity: current.identity, at: current.len }
    }
}

impl Follower {
    /// Goes on behind `history`; with `all`, also with services that are not in it.
    pub fn behind(dir: &Path, history: History, all: bool) -> Self {
        let tails = history.into_services().into_iter().map(Tail::behind).collect();
        Self { dir: dir.to_owned(), tails, all, sift: Sift::default() }
    }

    /// The lines that are called `name` and not ours are written to `path` by now. What has come to the file before is in the
    /// next answer still.
    pub fn goes_on_in(&mut self, name: &str, path: &Path) {
        if let Some(tail) = self.tails.iter_mut().find(|tail| !tail.ours && tail.service == name) {
            // Its identity tells that it is another one.
            path.clone_into(&mut tail.path);
        }
    }

    /// More has come than the last call could tell.
    pub fn is_behind(&self) -> bool {
        self.tails.iter().any(|tail| tail.behind)
    }

    /// What has come since the last call, by time; of each service so much that it can be kept, the rest with the next call.
    pub fn more(&mut self, filter: &Filter) -> Vec<Line> {
        if self.all {
            for service in services(&self.dir).unwrap_or_default() {
                if !self.tails.iter().any(|tail| tail.service == service) {
                    self.tails.push(Tail::new(&self.dir, service));
                }
            }
        }
        let sources = self.tails.iter_mut().map(|tail| tail.more(&self.dir).into_iter()).collect();
        merge(sources).filter(|line| self.sift.passes(filter, line)).collect()
    }
}

impl Tail {
    fn new(dir: &Path, service: String) -> Self {
        let path = dir.join(FileName::current(&service).to_string());
        Self {
            service,
            path,
            ours: true,
            file: None,
            seen: None,
            begun: Vec::new(),
            before: Timestamp::default(),
            behind: false,
        }
    }

    fn behind(written: Written) -> Self {
        let Written { service, path, ours, aside, current } = written;
        let (file, seen) = (current.map(Open::from), aside.last().copied());
        Self { service, path, ours, file, seen, begun: Vec::new(), before: Timestamp::default(), behind: false }
    }

    fn more(&mut self, dir: &Path) -> Vec<Line> {
        let mut lines = Vec::new();
        if !self.rest(&mut lines) {
            return lines;
        }
        let there = fs::identity(&self.path).ok();
        if there.is_some() && there == self.file.as_ref().map(|open| open.identity) {
            return lines;
        }
        // It was put aside: nothing is written to it any more, so this is all of it.
        if !self.rest(&mut lines) {
            return lines;
        }
        lines.extend(self.missed(dir));
        self.begun.clear();
        self.file = None;
        // The next one may be put aside before it is opened.
        loop {
            let current = Current::open(&self.path).ok().flatten();
            let seen = self.seen;
            lines.extend(self.missed(dir));
            if self.seen == seen {
                self.file = current.map(|current| Open { at: 0, ..Open::from(current) });
                self.rest(&mut lines);
                return lines;
            }
        }
    }

    /// Files that were begun and put aside since.
    fn missed(&mut self, dir: &Path) -> Vec<Line> {
        if !self.ours {
            return Vec::new();
        }
        let new: Vec<_> = asides(dir, &self.service).into_iter().filter(|at| Some(*at) > self.seen).collect();
        let ours = self.file.as_ref().map(|open| open.identity);
        // The first of them is the one that has been read, unless it was removed.
        let known = |at: &Timestamp| {
            let name = dir.join(FileName::aside(&self.service, *at).to_string());
            ours.is_some() && fs::identity(&name).map_or(true, |identity| Some(identity) == ours)
        };
        let skip = usize::from(new.first().is_some_and(known));
        let problems = RefCell::default();
        let missed: Vec<_> = new.iter().skip(skip).copied().collect();
        self.seen = new.last().copied().or(self.seen);
        missed.into_iter().flat_map(|at| aside(dir, &self.service, at, None, &problems)).collect()
    }

    /// Adds what has been written behind where the last look ended; answers whether that is all of it.
    fn rest(&mut self, lines: &mut Vec<Line>) -> bool {
        let (mut piece, mut left) = (vec![0; PIECE], AT_ONCE);
        while let Some(read) = self.file.as_mut().and_then(|open| open.read(&mut piece).ok()).filter(|read| *read > 0) {
            let mut new = &piece[..read];
            left = left.saturating_sub(read as u64);
            while let Some(end) = memchr::memchr(b'\n', new) {
                self.begun.extend_from_slice(&new[..end]);
                let line = Line::read(&self.begun, &self.service, self.before);
                self.before = line.at;
                lines.push(line);
                self.begun.clear();
                new = &new[end + 1..];
            }
            self.begun.extend_from_slice(new);
            if left == 0 {
                self.behind = true;
                return false;
            }
        }
        self.behind = false;
        true
    }
}

impl Open {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        if self.file.metadata()?.len() < self.at {
            // Somebody has emptied it.
            self.at = 0;
        }
        let read = self.file.read_at(piece, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
