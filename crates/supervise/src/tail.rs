//! The last lines that each service wrote, kept for those who ask why.

use report::{Lines, Stream};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::mpsc::{Receiver, Sender, channel};

/// So many lines of each output are kept.
pub const KEPT: usize = 20;

/// A longer line is cut there, in bytes.
pub const WIDEST: usize = 1000;

/// So many blocks of lines wait for one who listens; what comes faster is counted only, for no service waits for a listener.
const WAITING: usize = 64;

/// Passes lines on and remembers the last of each service. Clones are the same one.
#[derive(Clone)]
pub struct Tail {
    inner: Arc<dyn Lines>,
    kept: Arc<Mutex<AllKept>>,
    /// What is remembered in their place since somebody has joined them.
    joined: Arc<OnceLock<Arc<Mutex<AllKept>>>>,
}

/// By service.
type AllKept = BTreeMap<String, Kept>;

/// The last lines, as they are handed over to the next version of mainstay.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HandedTail(BTreeMap<String, HandedLines>);

/// Those of one service: both outputs, errors, and how many are of its last process.
type HandedLines = (VecDeque<Vec<u8>>, VecDeque<Vec<u8>>, usize);

#[derive(Default)]
struct Kept {
    both: VecDeque<Vec<u8>>,
    errors: VecDeque<Vec<u8>>,
    /// So many of both are of the process that was started last.
    latest: usize,
    ears: Vec<Ear>,
}

/// The other end of a [`Listener`].
struct Ear {
    blocks: Sender<(Stream, Vec<u8>)>,
    missed: Arc<AtomicU64>,
}

/// Hears the lines of one service as they come.
pub struct Listener {
    blocks: Receiver<(Stream, Vec<u8>)>,
    missed: Arc<AtomicU64>,
}

impl Listener {
    /// The next whole lines, each with its end. Safe to drop and call again.
    pub async fn next(&mut self) -> (Stream, Vec<u8>) {
        match self.blocks.recv().await {
            Some(block) => block,
            None => std::future::pending().await,
        }
    }

    /// Those that are there already.
    pub fn now(&mut self) -> Option<(Stream, Vec<u8>)> {
        self.blocks.try_recv().ok()
    }

    /// How many lines came too fast since the last call.
    pub fn missed(&self) -> u64 {
        self.missed.swap(0, Ordering::Relaxed)
    }
}

impl Tail {
    /// Passes lines on to `inner`.
    pub fn new(inner: Arc<dyn Lines>) -> Self {
        Self { inner, kept: Arc::default(), joined: Arc::default() }
    }

    /// From now on its lines are remembered as those of `other`; those so far take the places of what `other` remembered of the same
    /// services. What is passed on goes where it went.
    pub fn join(&self, other: &Self) {
        let ours = std::mem::take(&mut *self.kept());
        let mut theirs = other.kept();
        for (service, kept) in ours {
            let before = theirs.entry(service).or_default();
            let ears = std::mem::take(&mut before.ears).into_iter().chain(kept.ears).collect();
            *before = Kept { ears, both: kept.both, errors: kept.errors, latest: kept.latest };
        }
        drop(theirs);
        let _ = self.joined.set(Arc::clone(other.joined.get().unwrap_or(&other.kept)));
    }

    /// The last lines that `service` wrote to both of its outputs, oldest first.
    pub fn last(&self, service: &str) -> Vec<String> {
        self.of(service, |kept| &kept.both)
    }

    /// A new process of `service` was started: the lines so far are not its own.
    pub fn started(&self, service: &str) {
        if let Some(kept) = self.kept().get_mut(service) {
            kept.latest = 0;
        }
    }

    /// The last lines that the last process of `service` wrote to both of its outputs, oldest first.
    pub fn of_latest(&self, service: &str) -> Vec<String> {
        let latest = self.kept().get(service).map_or(0, |kept| kept.latest);
        let lines = self.last(service);
        lines[lines.len().saturating_sub(latest)..].to_vec()
    }

    /// The last lines that `service` wrote to its standard error, oldest first.
    pub fn errors(&self, service: &str) -> Vec<String> {
        self.of(service, |kept| &kept.errors)
    }

    /// What is handed over.
    pub fn hand_over(&self) -> HandedTail {
        let all = self.kept();
        HandedTail(
            all.iter().map(|(name, it)| (name.clone(), (it.both.clone(), it.errors.clone(), it.latest))).collect(),
        )
    }

    /// Remembers what was handed over.
    pub fn take_over(&self, HandedTail(handed): HandedTail) {
        let kept = |(both, errors, latest)| Kept { both, errors, latest, ears: Vec::new() };
        self.kept().extend(handed.into_iter().map(|(name, lines)| (name, kept(lines))));
    }

    /// Hears what `service` writes from now on.
    pub fn listen(&self, service: &str) -> Listener {
        let (sender, blocks) = channel(WAITING);
        let missed = Arc::new(AtomicU64::new(0));
        let ear = Ear { blocks: sender, missed: missed.clone() };
        self.kept().entry(service.to_owned()).or_default().ears.push(ear);
        Listener { blocks, missed }
    }

    fn of(&self, service: &str, which: impl Fn(&Kept) -> &VecDeque<Vec<u8>>) -> Vec<String> {
        self.kept()
            .get(service)
            .map(|kept| which(kept).iter().map(|line| shortened(line)).collect())
            .unwrap_or_default()
    }

    /// The last lines of a block; of many that come at once only those are looked at.
    fn remember(&self, service: &str, stream: Stream, block: &[u8]) {
        let mut all = self.kept();
        // A name is copied once for each service, not for each line.
        if !all.contains_key(service) {
            all.insert(service.to_owned(), Kept::default());
        }
        let Some(kept) = all.get_mut(service) else { return };
        kept.ears.retain(|ear| ear.hears(stream, block));
        for line in last_lines(block) {
            if stream == Stream::Stderr {
                keep(&mut kept.errors, line);
            }
            keep(&mut kept.both, line);
            kept.latest = (kept.latest + 1).min(KEPT);
        }
    }

    fn kept(&self) -> MutexGuard<'_, AllKept> {
        self.joined.get().unwrap_or(&self.kept).lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines for Tail {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        self.remember(service, stream, &[line, b"\n"].concat());
        self.inner.line(service, stream, line);
    }

    fn lines(&self, service: &str, stream: Stream, block: &[u8]) {
        self.remember(service, stream, block);
        self.inner.lines(service, stream, block);
    }

    fn block(&self, service: &str, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        self.remember(service, stream, &block);
        self.inner.block(service, stream, block)
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.inner.room()
    }
}

impl Ear {
    /// Is anybody there still?
    fn hears(&self, stream: Stream, block: &[u8]) -> bool {
        match self.blocks.try_reserve() {
            Ok(place) => place.send((stream, block.to_vec())),
            Err(_) => {
                let lines = block.iter().filter(|byte| **byte == b'\n').count();
                self.missed.fetch_add(lines as u64, Ordering::Relaxed);
            }
        }
        !self.blocks.is_closed()
    }
}

/// The lines at the end of a block, oldest first.
fn last_lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let block = block.strip_suffix(b"\n").unwrap_or(block);
    let begin = memchr::memrchr_iter(b'\n', block).nth(KEPT - 1).map_or(0, |end| end + 1);
    block[begin..].split(|byte| *byte == b'\n')
}

/// In the memory of the oldest one, which goes.
fn keep(lines: &mut VecDeque<Vec<u8>>, line: &[u8]) {
    let mut kept = if lines.len() == KEPT { lines.pop_front().unwrap_or_default() } else { Vec::new() };
    kept.clear();
    // One byte more tells that it is cut.
    kept.extend_from_slice(&line[..line.len().min(WIDEST + 1)]);
    lines.push_back(kept);
}

fn shortened(line: &[u8]) -> String {
    match line.len() > WIDEST {
        true => String::from_utf8_lossy(&line[..WIDEST]).into_owned() + "…",
        false => String::from_utf8_lossy(line).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::Recorder;

    /// S1.7: what a candidate wrote is remembered as that of the service once it is one.
    #[test]
    fn two_that_join_remember_together() {
        let recorder = Arc::new(Recorder::default());
        let (live, candidate) = (Tail::new(recorder.clone()), Tail::new(recorder.clone()));
        live.line("api", Stream::Stdout, b"old");
        live.line("bot", Stream::Stdout, b"same");
        candidate.line("api", Stream::Stderr, b"new");
        assert_eq!((live.last("api"), candidate.last("api")), (vec!["old".to_owned()], vec!["new".to_owned()]));
        candidate.join(&live);
        candidate.line("api", Stream::Stdout, b"newer");
        assert_eq!(
            (live.last("api"), live.errors("api")),
            (vec!["new".to_owned(), "newer".to_owned()], vec!["new".to_owned()])
        );
        assert_eq!((live.last("bot"), recorder.lines().len()), (vec!["same".to_owned()], 4));
    }

    #[test]
    fn the_last_lines_are_kept_and_all_are_passed_on() {
        let recorder = Arc::new(Recorder::default());
        let tail = Tail::new(recorder.clone());
        for number in 0..KEPT + 5 {
            tail.line("api", Stream::Stdout, format!("out {number}").as_bytes());
        }
        tail.line("api", Stream::Stderr, b"oops");
        tail.line("bot", Stream::Stderr, &[b'x'; 5000]);
        let lines = tail.last("api");
        assert_eq!((lines.len(), lines[0].as_str(), lines[KEPT - 1].as_str()), (KEPT, "out 6", "oops"));
        assert_eq!(tail.errors("api"), ["oops"]);
        tail.started("api");
        assert_eq!(tail.of_latest("api"), Vec::<String>::new());
        tail.line("api", Stream::Stdout, b"new");
        assert_eq!((tail.of_latest("api"), tail.last("api").len()), (vec!["new".to_owned()], KEPT));
        assert_eq!(tail.errors("bot")[0].len(), WIDEST + "…".len());
        tail.lines("web", Stream::Stderr, b"one\ntwo\n");
        assert_eq!(tail.errors("web"), ["one", "two"]);
        let mut listener = tail.listen("web");
        (0..WAITING + 2).for_each(|_| tail.lines("web", Stream::Stdout, b"a\nb\n"));
        assert_eq!((listener.now(), listener.missed()), (Some((Stream::Stdout, b"a\nb\n".to_vec())), 4));
        drop(listener);
        tail.lines("web", Stream::Stdout, b"c\n");
        assert!(tail.kept()["web"].ears.is_empty());
        let told = KEPT + 10 + 2 * (WAITING + 2) + 1;
        assert_eq!((tail.last("nobody"), recorder.lines().len()), (vec![], told));
    }
}
