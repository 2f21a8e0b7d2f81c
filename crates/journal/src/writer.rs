//! The thread that owns the file, and the door to it.

use crate::{
    Record, Roller, Rules,
    buffer::{Buffer, Next},
    schema::Fault,
    start::Life,
    store::{Store, put_aside, size},
};
use host::{Clock, fs::Identity};
use jiff::Timestamp;
use report::{Event, Level, Verdict, count};
use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot},
    time::timeout,
};

/// The file is closed when nothing has come for so long.
const QUIET: Duration = Duration::from_secs(2);

/// What cannot be written is tried again after this long, then after twice as long…
const RETRY: Duration = Duration::from_secs(1);

/// …and so on, up to this.
const RETRY_MOST: Duration = Duration::from_secs(30);

/// How often it is looked for what is too old.
const RARELY: Duration = Duration::from_secs(3600);

/// Written at once, so that the log beside the file stays small.
const AT_ONCE: usize = 1000;

/// When events wait longer than this, something is wrong, though nobody has said so: a disk that hangs.
const HANGS: Duration = Duration::from_secs(10);

/// More than the thread needs; what is not touched costs nothing.
const STACK: usize = 512 * 1024;

/// Remembers what happens. Never fails and never waits: what goes wrong is told as an event.
pub struct Journal {
    buffer: Arc<Buffer>,
    seen: Arc<Mutex<Condition>>,
    written: Mutex<Option<oneshot::Receiver<()>>>,
}

/// What the journal must know.
pub struct Ours {
    /// The file.
    pub path: PathBuf,
    /// How much is kept.
    pub rules: Rules,
    /// Who we are.
    pub life: Life,
    /// Wall time.
    pub clock: Arc<dyn Clock>,
}

/// How the journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Is what happens written down?
    pub verdict: Verdict,
    /// Why not.
    pub reason: Option<String>,
    /// The bytes of the file.
    pub bytes: u64,
    /// Events that were left out since the start.
    pub dropped: u64,
}

impl Journal {
    /// Starts the thread that writes; events come out of `tell`'s other end. The file is opened when there is something to write.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn begin(ours: Ours, tell: UnboundedSender<Event>) -> io::Result<Self> {
        let buffer = Arc::new(Buffer::new());
        let seen = Condition { verdict: Verdict::Pass, reason: None, bytes: size(&ours.path), dropped: 0 };
        let seen = Arc::new(Mutex::new(seen));
        let (done, written) = oneshot::channel();
        let writer = Writer::new(ours, tell, Arc::clone(&buffer), Arc::clone(&seen));
        thread::Builder::new().name("mainstay-journal".to_owned()).stack_size(STACK).spawn(move || {
            writer.run();
            let _ = done.send(());
        })?;
        Ok(Self { buffer, seen, written: Mutex::new(Some(written)) })
    }

    /// Takes an event. It is in the file a moment later.
    pub fn note(&self, record: Record) {
        self.buffer.take(record);
    }

    /// How it is now.
    pub fn condition(&self) -> Condition {
        let (dropped, waits) = self.buffer.backlog();
        let mut seen = Condition { dropped, ..locked(&self.seen).clone() };
        if seen.verdict == Verdict::Pass && waits > HANGS {
            seen.verdict = Verdict::CouldNotVerify;
            seen.reason = Some(format!("nothing has been written for {}", report::seconds(waits)));
        }
        seen
    }

    /// Resolves when all that was noted so far is in the file; false when it is not, or not within `limit`.
    pub async fn flush(&self, limit: Duration) -> bool {
        self.condition().verdict == Verdict::Pass && self.buffer.settled(limit).await && {
            self.condition().verdict == Verdict::Pass
        }
    }

    /// Is all that was noted so far in the file, or given up?
    pub fn is_written(&self) -> bool {
        self.buffer.is_settled()
    }

    /// Writes what waits and that this life has ended well, as far as it goes within `limit`; says whether it was done. Nothing is taken any more.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.buffer.close();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).take();
        match written {
            Some(written) => timeout(limit, written).await.is_ok(),
            None => true,
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.buffer.close();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Writer {
    ours: Ours,
    tell: UnboundedSender<Event>,
    buffer: Arc<Buffer>,
    seen: Arc<Mutex<Condition>>,
    /// Open while there is something to write.
    store: Option<Store>,
    /// Our life in the file, and which file that is.
    known: Option<(Identity, i64)>,
    roller: Roller,
    broken: Option<Broken>,
    prune_at: Timestamp,
}

/// It cannot be written.
struct Broken {
    since: Timestamp,
    retry: Duration,
}

impl Writer {
    fn new(ours: Ours, tell: UnboundedSender<Event>, buffer: Arc<Buffer>, seen: Arc<Mutex<Condition>>) -> Self {
        let roller = Roller::default();
        Self { ours, tell, buffer, seen, store: None, known: None, roller, broken: None, prune_at: Timestamp::MIN }
    }

    fn run(mut self) {
        loop {
            match self.buffer.next(self.store.is_some().then_some(QUIET)) {
                Next::Records(records, lost) => self.keep(&records, lost),
                Next::Nothing => self.close(),
                Next::Closed => break,
            }
        }
        self.end();
    }

    fn close(&mut self) {
        self.store = None;
        locked(&self.seen).bytes = size(&self.ours.path);
    }

    fn keep(&mut self, records: &[Record], lost: u64) {
        records.chunks(AT_ONCE).for_each(|records| self.keep_some(records));
        if lost > 0 {
            let events = count(usize::try_from(lost).unwrap_or(usize::MAX), "event");
            let text = format!("{events} left out of the journal: the disk is slower than what happens");
            self.say(Event::new("journal.dropped", text).level(Level::Warn).with("events", lost));
        }
    }

    /// Until it is written, or given up: by a newer mainstay's file at once, by any other trouble only at the very end.
    fn keep_some(&mut self, records: &[Record]) {
        loop {
            match self.write(records) {
                Ok(()) => {
                    self.mended();
                    return self.buffer.settle(records.len());
                }
                Err(Fault::Damaged(why)) if self.put_aside(&why) => {}
                Err(fault @ (Fault::Newer { .. } | Fault::Foreign)) => {
                    self.breaks(&fault);
                    return self.buffer.give_up(records.len());
                }
                Err(fault) => {
                    self.breaks(&fault);
                    let retry = self.retry();
                    if !self.buffer.pause(retry) {
                        return self.buffer.give_up(records.len());
                    }
                }
            }
        }
    }

    fn write(&mut self, records: &[Record]) -> Result<(), Fault> {
        self.open()?;
        let (now, rules) = (self.now(), self.ours.rules);
        let Some(store) = &mut self.store else { return Ok(()) };
        store.write(records, &mut self.roller)?;
        if now >= self.prune_at || store.is_too_large(&rules)? {
            let more = store.prune(&rules, now)?;
            self.prune_at = if more { now } else { now + RARELY };
        }
        locked(&self.seen).bytes = store.bytes();
        Ok(())
    }

    /// Opens the file unless it is open, and still there.
    fn open(&mut self) -> Result<(), Fault> {
        if self.store.as_ref().is_some_and(Store::is_in_place) {
            return Ok(());
        }
        // The old one first: at its end it removes the log beside it.
        self.store = None;
        let there = host::fs::identity(&self.ours.path).ok();
        let ours = self.known.filter(|(identity, _)| Some(*identity) == there);
        let lost = self.known.is_some() && ours.is_none();
        let store = Store::open(&self.ours.path, &self.ours.life, ours.map(|(_, start)| start))?;
        self.known = Some((store.identity(), store.start()));
        self.store = Some(store);
        if lost {
            let text = format!("`{}` was removed or replaced: the journal begins anew there", self.ours.path.display());
            self.say(Event::new("journal.replaced", text).level(Level::Warn));
        }
        Ok(())
    }

    /// Keeps a damaged file under another name; false when that cannot be done.
    fn put_aside(&mut self, why: &str) -> bool {
        self.store = None;
        let Ok(aside) = put_aside(&self.ours.path, self.now()) else { return false };
        self.known = None;
        let text = format!("the journal was damaged and is kept as `{}`; a new one is begun", aside.display());
        self.say(Event::new("journal.damaged", text).level(Level::Error).with("reason", why));
        true
    }

    fn breaks(&mut self, fault: &Fault) {
        self.store = None;
        let first = self.broken.is_none();
        self.broken.get_or_insert(Broken { since: self.ours.now(), retry: RETRY });
        let why = fault.to_string();
        let mut seen = locked(&self.seen);
        (seen.verdict, seen.reason) = (Verdict::Fail, Some(why.clone()));
        drop(seen);
        if first {
            let text = format!("the journal cannot be written, all else goes on: {why}");
            let event = Event::new("journal.broken", text).level(Level::Error);
            self.say(event.with("file", self.ours.path.display().to_string()).with("reason", why));
        }
    }

    fn retry(&mut self) -> Duration {
        let Some(broken) = &mut self.broken else { return RETRY };
        let retry = broken.retry;
        broken.retry = (retry * 2).min(RETRY_MOST);
        retry
    }

    fn mended(&mut self) {
        let Some(broken) = self.broken.take() else { return };
        let mut seen = locked(&self.seen);
        (seen.verdict, seen.reason) = (Verdict::Pass, None);
        drop(seen);
        let away = Duration::try_from(self.now().duration_since(broken.since)).unwrap_or_default();
        let text = format!("the journal is written again after {}", report::seconds(away));
        self.say(Event::new("journal.back", text).with("after", away));
    }

    fn end(&mut self) {
        // Where nothing was ever written, or nothing can be, there is nothing to end.
        if self.broken.is_none() && self.known.is_some() && self.open().is_ok() {
            let now = self.now();
            let _ = self.store.as_mut().map(|store| store.end(now));
        }
    }

    fn say(&self, event: Event) {
        // Nobody listens any more at the very end.
        let _ = self.tell.send(event);
    }

    fn now(&self) -> Timestamp {
        self.ours.now()
    }
}

impl Ours {
    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }
}
