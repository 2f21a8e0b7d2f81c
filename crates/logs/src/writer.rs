//! The thread that owns the files, and the door to it.

use crate::{
    buffer::{Batch, Body, Buffer, Next, Source},
    file::{AT_ONCE, Happened, LogFile, Ours, RETRY, lines_of},
    name::FileName,
    retain::{Aside, Rules, doomed},
};
use config::WhenFull;
use host::{Clock, fs};
use jiff::Timestamp;
use report::{Event, Level, Stream};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot},
    time::{Instant, timeout},
};

/// How often files are looked at for their age when nothing else happens.
const RARELY: Duration = Duration::from_secs(3600);

/// A file is compressed when it has been put aside for so long: where files come so fast that it may be gone by then, compressing
/// would only take time from those who write.
const SETTLED: Duration = Duration::from_secs(2);

/// The same event is told again after this long.
const AGAIN: Duration = Duration::from_secs(10);

/// Between speed and size, as zstd has it by default.
const COMPRESSION: i32 = 3;

/// More than the threads need; what is not touched costs nothing.
const STACK: usize = 256 * 1024;

/// The files of all services. Never fails and never ends anybody: what goes wrong is told as an event.
pub struct Files {
    buffer: Arc<Buffer>,
    written: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Files {
    /// Starts the thread that writes; events come out of `tell`'s other end.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(ours: Ours, tell: UnboundedSender<Event>) -> io::Result<Self> {
        let limit = usize::try_from(ours.logs.buffer).unwrap_or(usize::MAX);
        let drops = ours.logs.when_full == WhenFull::Drop;
        let buffer = Arc::new(Buffer::new(limit, drops, Arc::clone(&ours.clock)));
        let (done, written) = oneshot::channel();
        let theirs = Arc::clone(&buffer);
        spawn("mainstay-logs", move || {
            Writer::new(ours, tell).run(&theirs);
            let _ = done.send(());
        })?;
        Ok(Self { buffer, written: Mutex::new(Some(written)) })
    }

    /// Takes whole lines, each with its end. They are in their file a moment later.
    pub fn take<'a>(&self, from: impl Into<Source<'a>>, stream: Stream, block: &[u8]) {
        self.buffer.take(from, stream, block);
    }

    /// The same for lines with memory of their own, which is not copied but kept when it is worth it; what comes back is there to be
    /// filled next, and what it holds is of no meaning.
    pub fn keep<'a>(&self, from: impl Into<Source<'a>>, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        self.buffer.keep(from, stream, block)
    }

    /// Resolves when there is room for more lines. Safe to drop and call again.
    pub async fn room(&self) {
        self.buffer.room().await;
    }

    /// Resolves when all that was taken is in its file; says whether it is, within `limit`.
    pub async fn flush(&self, limit: Duration) -> bool {
        timeout(limit, self.buffer.empty()).await.is_ok()
    }

    /// Is all that was taken in its file?
    pub fn is_written(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Writes what waits, as far as it goes within `limit`; says whether all of it went. Nothing is taken any more.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.buffer.close();
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner).take();
        match written {
            Some(written) => timeout(limit, written).await.is_ok(),
            None => true,
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.buffer.close();
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(work)
}

struct Writer {
    ours: Ours,
    tell: UnboundedSender<Event>,
    files: Vec<LogFile>,
    /// Files were put aside; the other end compresses them.
    compress: Option<mpsc::Sender<()>>,
    next_look: Instant,
    left_out: LeftOut,
}

/// Lines that were left out and not told of yet.
struct LeftOut {
    lines: u64,
    tell_at: Instant,
}

impl Writer {
    fn new(ours: Ours, tell: UnboundedSender<Event>) -> Self {
        let now = Instant::now();
        Self {
            ours,
            tell,
            files: Vec::new(),
            compress: None,
            next_look: now,
            left_out: LeftOut { lines: 0, tell_at: now },
        }
    }

    fn run(mut self, buffer: &Buffer) {
        let mut batch = Batch::default();
        self.compress = self.start_compressor();
        self.tidy();
        loop {
            match buffer.next(&mut batch, self.patience()) {
                Next::Lines => self.write(&mut batch, buffer),
                Next::Nothing => {}
                Next::Closed => break,
            }
            self.look_round();
        }
        self.left_out.tell_at = Instant::now();
        self.tell_of_left_out();
    }

    fn patience(&self) -> Duration {
        let soon = self.files.iter().any(LogFile::is_broken) || self.left_out.lines > 0;
        if soon { RETRY } else { RARELY }
    }

    fn write(&mut self, batch: &mut Batch, buffer: &Buffer) {
        let (mut happened, mut last, mut written) = (Happened::default(), None, 0);
        let mut copied = batch.bytes.as_slice();
        self.know(&batch.services);
        for piece in batch.pieces.drain(..) {
            if let Some(last) = last.replace(piece.service).filter(|last| *last != piece.service) {
                self.files[last].flush(&mut happened);
            }
            self.left_out.lines += piece.lost;
            let lines = piece.body.lines(&mut copied);
            self.files[piece.service].take(&self.ours, &piece, lines, &mut happened);
            written += lines.len();
            let block = if let Body::Kept(block) = piece.body { Some(block) } else { None };
            if block.is_some() || written >= AT_ONCE {
                buffer.written(std::mem::take(&mut written), block);
            }
        }
        if let Some(last) = last {
            self.files[last].flush(&mut happened);
        }
        self.act(happened);
    }

    fn know(&mut self, services: &[Arc<str>]) {
        if services.len() > self.files.len() {
            let there = listed(&self.ours.logs.dir);
            for service in &services[self.files.len()..] {
                let last = there
                    .iter()
                    .filter(|(name, _)| *name.service == **service)
                    .filter_map(|(name, _)| name.put_aside)
                    .max();
                self.files.push(LogFile::new(&self.ours, Arc::clone(service), last));
            }
        }
    }

    fn act(&mut self, happened: Happened) {
        for event in happened.events {
            // Nobody listens any more at the very end.
            let _ = self.tell.send(event);
        }
        if happened.put_aside {
            self.tidy();
        }
    }

    fn look_round(&mut self) {
        let mut happened = Happened::default();
        self.files.iter_mut().for_each(|file| file.mend(&self.ours, &mut happened));
        self.act(happened);
        self.tell_of_left_out();
        if self.next_look <= Instant::now() {
            self.tidy();
        }
    }

    fn tell_of_left_out(&mut self) {
        let now = Instant::now();
        if self.left_out.lines == 0 || now < self.left_out.tell_at {
            return;
        }
        let lines = std::mem::replace(&mut self.left_out, LeftOut { lines: 0, tell_at: now + AGAIN }).lines;
        let text = format!("{} left out of the log files: the disk is slower than the services", lines_of(lines));
        let _ = self.tell.send(Event::new("logs.dropped", text).level(Level::Warn).with("lines", lines));
    }

    /// Removes what is too much or too old, and has the rest compressed.
    fn tidy(&mut self) {
        self.next_look = Instant::now() + RARELY;
        let there = listed(&self.ours.logs.dir);
        let aside = |(name, bytes): &(FileName, u64)| {
            Some(Aside { service: name.service.clone(), at: name.put_aside?, bytes: *bytes })
        };
        let (old, current): (Vec<_>, Vec<_>) = there.into_iter().partition(|(name, _)| name.put_aside.is_some());
        let asides: Vec<_> = old.iter().filter_map(aside).collect();
        let used = current.iter().map(|(_, bytes)| bytes).sum();
        for place in doomed(&asides, used, &Rules::from(&self.ours.logs), self.ours.now()) {
            let file = self.ours.logs.dir.join(old[place].0.to_string());
            if let Err(error) = fs::remove(&file)
                && error.kind() != io::ErrorKind::NotFound
            {
                let text = format!("an old log file cannot be removed: {error}");
                let _ = self.tell.send(Event::new("logs.kept", text).level(Level::Warn));
            }
        }
        if let Some(compress) = &self.compress {
            let _ = compress.send(());
        }
    }

    fn start_compressor(&self) -> Option<mpsc::Sender<()>> {
        let (compress, asked) = mpsc::channel();
        let dir = self.ours.logs.dir.clone();
        let (on, clock) = (self.ours.logs.compress, Arc::clone(&self.ours.clock));
        spawn("mainstay-zstd", move || compressor(&dir, &*clock, &asked)).ok().filter(|_| on).map(|_| compress)
    }
}

/// Every file of ours in `dir` with its size. A plain file whose compressed one is there already does not count.
pub(crate) fn listed(dir: &Path) -> Vec<(FileName, u64)> {
    let mut names: Vec<_> =
        fs::entries(dir).unwrap_or_default().iter().filter_map(|it| FileName::parse(&it.name)).collect();
    names.sort();
    names.dedup_by(|next, name| {
        let same = name.service == next.service && name.put_aside == next.put_aside;
        name.compressed |= same && next.compressed;
        same
    });
    let sized = |name: FileName| fs::metadata(&dir.join(name.to_string())).ok().map(|facts| (name, facts.len));
    names.into_iter().filter_map(sized).collect()
}

/// Compresses what has been put aside for a while, one file after the other.
fn compressor(dir: &Path, clock: &dyn Clock, asked: &mpsc::Receiver<()>) {
    host::process::give_way();
    clear_away(dir);
    let mut more = false;
    while more || asked.recv().is_ok() {
        let end = Instant::now() + SETTLED;
        while asked.recv_timeout(end.saturating_duration_since(Instant::now())).is_ok() {}
        let settled = Timestamp::try_from(clock.now()).unwrap_or_default() - SETTLED;
        let plain = listed(dir).into_iter().map(|(name, _)| name).filter(|name| !name.compressed);
        let (due, young): (Vec<_>, Vec<_>) =
            plain.filter(|name| name.put_aside.is_some()).partition(|name| name.put_aside <= Some(settled));
        more = !young.is_empty();
        // What cannot be compressed stays as it is; it is read all the same.
        due.into_iter().for_each(|name| drop(compress(dir, name)));
    }
}

/// What a killed one has left: half a file, or a whole one beside its original.
fn clear_away(dir: &Path) {
    for entry in fs::entries(dir).unwrap_or_default() {
        let half = entry.name.strip_suffix(HALF).is_some_and(|name| FileName::parse(name).is_some());
        let twin = FileName::parse(&entry.name).filter(|name| name.put_aside.is_some() && !name.compressed);
        let twin = twin.is_some_and(|name| fs::metadata(&dir.join(name.compressed().to_string())).is_ok());
        if half || twin {
            let _ = fs::remove(&dir.join(entry.name));
        }
    }
}

const HALF: &str = ".tmp";

fn compress(dir: &Path, name: FileName) -> io::Result<()> {
    let plain = dir.join(name.to_string());
    let whole = dir.join(name.compressed().to_string());
    let half = PathBuf::from(format!("{}{HALF}", whole.display()));
    let written = (|| {
        let to = fs::create(&half, 0o600)?;
        zstd::stream::copy_encode(fs::open(&plain)?, &to, COMPRESSION)?;
        // The original goes only when this is safe.
        to.sync_all()?;
        fs::rename(&half, &whole)
    })();
    match written {
        Ok(()) => fs::remove(&plain),
        Err(error) => {
            let _ = fs::remove(&half);
            Err(error)
        }
    }
}
