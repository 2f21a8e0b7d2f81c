//! What has been written, read again: files that were put aside, compressed or not, and the one that is written to.

use crate::{
    filter::{Filter, Sift},
    line::Line,
    merge::merge,
    name::FileName,
    writer::listed,
};
use host::fs::{self, Identity};
use jiff::Timestamp;
use std::{
    cell::RefCell,
    collections::{BTreeSet, VecDeque},
    fs::File,
    io::{self, BufRead, BufReader, Read},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    rc::Rc,
};

/// Files are put aside while they are listed; after so many tries what is there is taken.
const TRIES: usize = 20;

/// A piece of a file that is looked through for the end of a line.
const PIECE: u64 = 64 * 1024;

/// The services that have files in `dir`.
///
/// # Errors
/// The directory cannot be read. One that is not there holds no files.
pub fn services(dir: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::entries(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.iter().filter_map(|entry| FileName::parse(&entry.name));
    Ok(names.map(|name| name.service).collect::<BTreeSet<_>>().into_iter().collect())
}

/// What some services have written up to now.
pub struct History {
    dir: PathBuf,
    services: Vec<Written>,
    problems: Rc<RefCell<Vec<String>>>,
}

/// What one service has written.
pub(crate) struct Written {
    pub(crate) service: String,
    /// The file that is written to.
    pub(crate) path: PathBuf,
    /// Are files put aside by us, with names of ours?
    pub(crate) ours: bool,
    /// Put aside, oldest first.
    pub(crate) aside: Vec<Timestamp>,
    pub(crate) current: Option<Current>,
}

/// The file that is written to, as far as it has whole lines.
pub(crate) struct Current {
    pub(crate) file: Rc<File>,
    pub(crate) identity: Identity,
    pub(crate) len: u64,
}

impl History {
    /// Of these services in `dir`, as it is now.
    pub fn of(dir: &Path, services: &[String]) -> Self {
        let problems = Rc::default();
        let services = services.iter().map(|service| Written::now(dir, service, &problems)).collect();
        Self { dir: dir.to_owned(), services, problems }
    }

    /// Together with a file that somebody else writes, shown as `name`: a server's own log.
    #[must_use]
    pub fn with_file(mut self, path: &Path, name: &str) -> Self {
        let current = opened(path, &self.problems);
        self.services.push(Written {
            service: name.to_owned(),
            path: path.to_owned(),
            ours: false,
            aside: Vec::new(),
            current,
        });
        self
    }

    /// Every line that is asked for, by time.
    pub fn lines<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = Line> + 'a {
        let of = |written: &'a Written| {
            let mut sift = Sift::default();
            let segments = 0..=written.aside.len();
            let asked = segments.filter(|place| written.may_hold(*place, filter));
            asked.flat_map(|place| self.segment(written, place)).filter(move |line| sift.passes(filter, line))
        };
        merge(self.services.iter().map(of).collect())
    }

    /// The last `number` lines that are asked for, by time. Older files are not read in vain.
    pub fn last(&self, number: usize, filter: &Filter) -> Vec<Line> {
        let of = |written: &Written| {
            let mut kept = VecDeque::new();
            let newest_first = (0..=written.aside.len()).rev();
            for place in newest_first.filter(|place| written.may_hold(*place, filter)) {
                if kept.len() >= number {
                    break;
                }
                let mut older = last_of(number, self.segment(written, place), filter);
                older.append(&mut kept);
                let too_many = older.len().saturating_sub(number);
                kept = older.split_off(too_many);
            }
            kept.into_iter()
        };
        let merged: Vec<_> = merge(self.services.iter().map(of).collect()).collect();
        let too_many = merged.len().saturating_sub(number);
        merged.into_iter().skip(too_many).collect()
    }

    /// What could not be read.
    pub fn problems(&self) -> Vec<String> {
        self.problems.borrow().clone()
    }

    pub(crate) fn into_services(self) -> Vec<Written> {
        self.services
    }

    fn segment(&self, written: &Written, place: usize) -> Lines {
        let before = place.checked_sub(1).and_then(|before| written.aside.get(before)).copied();
        match written.aside.get(place) {
            Some(at) => aside(&self.dir, &written.service, *at, before, &self.problems),
            None => match &written.current {
                Some(current) => {
                    let from = FromStart { file: Rc::clone(&current.file), at: 0, end: current.len };
                    Lines::new(Box::new(BufReader::new(from)), &written.service, before.unwrap_or_default())
                }
                None => Lines::new(Box::new(io::empty()), &written.service, Timestamp::default()),
            },
        }
    }
}

fn last_of(number: usize, lines: Lines, filter: &Filter) -> VecDeque<Line> {
    let mut sift = Sift::default();
    let mut last = VecDeque::new();
    for line in lines.filter(|line| sift.passes(filter, line)) {
        last.push_back(line);
        if last.len() > number {
            last.pop_front();
        }
    }
    last
}

impl Written {
    /// As it is now: while a file is put aside one might be seen twice or not at all, so it is looked at until nothing changes.
    fn now(dir: &Path, service: &str, problems: &RefCell<Vec<String>>) -> Self {
        let path = dir.join(FileName::current(service).to_string());
        let (mut aside, mut current) = (asides(dir, service), None);
        for _ in 0..TRIES {
            current = opened(&path, problems);
            let seen = asides(dir, service);
            let same = seen.last() <= aside.last();
            aside = seen;
            if same {
                break;
            }
            current = None;
        }
        Self { service: service.to_owned(), path, ours: true, aside, current }
    }

    /// Can any line be asked for in this file? Its lines are not younger than its name, nor older than that of the one before.
    fn may_hold(&self, place: usize, filter: &Filter) -> bool {
        let begun = place.checked_sub(1).and_then(|before| self.aside.get(before));
        let ended = self.aside.get(place);
        filter.since.zip(ended).is_none_or(|(since, ended)| *ended >= since)
            && filter.until.zip(begun).is_none_or(|(until, begun)| *begun <= until)
    }
}

fn opened(path: &Path, problems: &RefCell<Vec<String>>) -> Option<Current> {
    Current::open(path).unwrap_or_else(|error| {
        problems.borrow_mut().push(error.to_string());
        None
    })
}

impl Current {
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let file = match fs::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let (identity, len) = (fs::identity_of(&file)?, whole_lines(&file)?);
        Ok(Some(Self { file: Rc::new(file), identity, len }))
    }
}

/// How far a file has whole lines; the last one may just be written.
fn whole_lines(file: &File) -> io::Result<u64> {
    let mut end = file.metadata()?.len();
    let mut piece = vec![0; PIECE as usize];
    while end > 0 {
        let begun = end.saturating_sub(PIECE);
        let piece = &mut piece[..(end - begun) as usize];
        file.read_exact_at(piece, begun)?;
        if let Some(last) = memchr::memrchr(b'\n', piece) {
            return Ok(begun + last as u64 + 1);
        }
        end = begun;
    }
    Ok(0)
}

/// When files of `service` were put aside, oldest first.
pub(crate) fn asides(dir: &Path, service: &str) -> Vec<Timestamp> {
    let own = listed(dir).into_iter().filter(|(name, _)| name.service == service);
    own.filter_map(|(name, _)| name.put_aside).collect()
}

/// The lines of a file that was put aside. It may be compressed at any moment; one that has been removed meanwhile was too old.
pub(crate) fn aside(
    dir: &Path,
    service: &str,
    at: Timestamp,
    before: Option<Timestamp>,
    problems: &RefCell<Vec<String>>,
) -> Lines {
    let name = FileName::aside(service, at);
    let open = |name: &FileName| fs::open(&dir.join(name.to_string()));
    let compressed = name.clone().compressed();
    let opened: io::Result<Box<dyn BufRead>> = match open(&compressed) {
        Ok(file) => zstd::stream::read::Decoder::new(file).map(|decoder| Box::new(BufReader::new(decoder)) as _),
        Err(_) => open(&name).map(|file| Box::new(BufReader::new(file)) as _),
    };
    let input = opened.unwrap_or_else(|error| {
        if error.kind() != io::ErrorKind::NotFound {
            problems.borrow_mut().push(error.to_string());
        }
        Box::new(io::empty())
    });
    Lines::new(input, service, before.unwrap_or(at))
}

/// Reads a file from its start, whoever else reads it.
struct FromStart {
    file: Rc<File>,
    at: u64,
    end: u64,
}

impl Read for FromStart {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(to.len());
        let read = self.file.read_at(&mut to[..most], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The lines of one file, in its order.
pub(crate) struct Lines {
    input: Box<dyn BufRead>,
    service: String,
    before: Timestamp,
    bytes: Vec<u8>,
}

impl Lines {
    fn new(input: Box<dyn BufRead>, service: &str, before: Timestamp) -> Self {
        Self { input, service: service.to_owned(), before, bytes: Vec::new() }
    }
}

impl Iterator for Lines {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        self.bytes.clear();
        // What cannot be read any further, as half a compressed file, ends here.
        let read = self.input.read_until(b'\n', &mut self.bytes).unwrap_or(0);
        if read == 0 && self.bytes.is_empty() {
            return None;
        }
        let line = Line::read(self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes), &self.service, self.before);
        self.before = line.at;
        Some(line)
    }
}
