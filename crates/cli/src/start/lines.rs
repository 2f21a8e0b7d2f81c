//! Where the lines of services go: to the terminal, and to the files.

use super::world::{Told, told_by};
use crate::terminal::Terminal;
use config::App;
use host::Clock;
use logs::{Files, Ours, Source};
use report::{Event, Journal, Level, Lines, Masker, Stream};
use std::{
    borrow::Cow,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};

/// Takes the lines of services.
pub(crate) struct Everywhere {
    terminal: Arc<Terminal>,
    kept: OnceLock<Kept>,
}

/// Lines that are kept in files.
struct Kept {
    files: Files,
    masker: RwLock<Masker>,
    /// Do they go to the terminal too?
    echo: bool,
    journal: Arc<Told>,
    /// Tells what the files have to say.
    teller: Mutex<Option<JoinHandle<()>>>,
    /// When it was last told that the disk is too slow.
    told_slow: Mutex<Option<Instant>>,
}

/// Services that wait longer than this for the disk are told of.
const SLOW: Duration = Duration::from_secs(1);

/// And again after this long.
const STILL_SLOW: Duration = Duration::from_secs(10);

impl Everywhere {
    pub(super) fn new(terminal: Arc<Terminal>) -> Self {
        Self { terminal, kept: OnceLock::new() }
    }

    /// From now on lines are kept in files, if that is wanted. Call it when the data directory is ours.
    pub(super) fn keep(&self, app: &App, clock: Arc<dyn Clock>, journal: &Arc<Told>) {
        if !app.logs.enabled {
            return;
        }
        let (tell, teller) = told_by(journal);
        let ours = Ours { logs: app.logs.clone(), release: release(app), clock };
        let files = match Files::start(ours, tell) {
            Ok(files) => files,
            Err(error) => {
                let text = format!("the lines of the services are not kept: {error}");
                return journal.note(Event::new("logs.broken", text).level(Level::Error));
            }
        };
        let journal = Arc::clone(journal);
        let (masker, teller, told_slow) =
            (RwLock::new(self.terminal.masker()), Mutex::new(Some(teller)), Mutex::default());
        let _ = self.kept.set(Kept { files, masker, echo: app.logs.echo, journal, teller, told_slow });
    }

    /// From now on what the terminal hides is in no file, either.
    pub(super) fn hide_as_the_terminal_does(&self) {
        if let Some(kept) = self.kept.get() {
            *kept.masker.write().unwrap_or_else(PoisonError::into_inner) = self.terminal.masker();
        }
    }

    /// Resolves when all lines so far are in their files; says whether they are, within `limit`.
    pub(super) async fn flush(&self, limit: Duration) -> bool {
        match self.kept.get() {
            Some(kept) => kept.files.flush(limit).await,
            None => true,
        }
    }

    /// Are all lines so far in their files?
    pub(super) fn is_written(&self) -> bool {
        self.kept.get().is_none_or(|kept| kept.files.is_written())
    }

    /// Writes what waits for the disk, as far as it goes within `limit`, and tells what is to be told of it.
    pub(super) async fn finish(&self, limit: Duration) {
        let Some(kept) = self.kept.get() else { return };
        if !kept.files.finish(limit).await {
            let text = "the last lines of the services are not in their files: the disk is too slow";
            self.terminal.note(Event::new("logs.late", text).level(Level::Warn));
        }
        let teller = kept.teller.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(teller) = teller {
            let _ = timeout(limit, teller).await;
        }
    }
}

/// The release that a service belongs to, where that is said.
pub(super) fn release(app: &App) -> Option<String> {
    app.env.get("MAINSTAY_RELEASE").filter(|release| !release.is_empty()).or(app.health.version.as_ref()).cloned()
}

impl Kept {
    /// Resolves when the files have room; tells when that takes long.
    async fn room(&self) {
        if timeout(SLOW, self.files.room()).await.is_err() {
            self.tell_slow();
            self.files.room().await;
        }
    }

    fn masker(&self) -> RwLockReadGuard<'_, Masker> {
        self.masker.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_slow(&self) {
        let mut told = self.told_slow.lock().unwrap_or_else(PoisonError::into_inner);
        if told.is_none_or(|told| told.elapsed() >= STILL_SLOW) {
            *told = Some(Instant::now());
            let text = "services wait until their lines are written: the disk is slower than they are";
            self.journal.note(Event::new("logs.slow", text).level(Level::Warn));
        }
    }
}

impl Everywhere {
    fn take(&self, from: Source<'_>, stream: Stream, block: &[u8]) {
        let Some(kept) = self.kept.get() else { return self.terminal.lines(from.service, stream, block) };
        kept.files.take(from, stream, &kept.masker().mask_lines(block));
        if kept.echo {
            self.terminal.lines(from.service, stream, block);
        }
    }

    fn take_block(&self, from: Source<'_>, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        match self.kept.get() {
            Some(kept) if !kept.echo => {
                let masked = match kept.masker().mask_lines(&block) {
                    Cow::Borrowed(_) => None,
                    Cow::Owned(masked) => Some(masked),
                };
                kept.files.keep(from, stream, masked.unwrap_or(block))
            }
            _ => {
                self.take(from, stream, &block);
                block
            }
        }
    }
}

/// The lines of one release.
pub(super) struct OfRelease {
    pub(super) everywhere: Arc<Everywhere>,
    pub(super) release: Arc<str>,
}

impl Lines for OfRelease {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        self.lines(service, stream, &[line, b"\n"].concat());
    }

    fn lines(&self, service: &str, stream: Stream, block: &[u8]) {
        self.everywhere.take(Source { service, release: Some(&self.release) }, stream, block);
    }

    fn block(&self, service: &str, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        self.everywhere.take_block(Source { service, release: Some(&self.release) }, stream, block)
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.everywhere.room()
    }
}

impl Lines for Everywhere {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        self.lines(service, stream, &[line, b"\n"].concat());
    }

    fn lines(&self, service: &str, stream: Stream, block: &[u8]) {
        self.take(service.into(), stream, block);
    }

    fn block(&self, service: &str, stream: Stream, block: Vec<u8>) -> Vec<u8> {
        self.take_block(service.into(), stream, block)
    }

    fn room(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.terminal.room().await;
            if let Some(kept) = self.kept.get() {
                kept.room().await;
            }
        })
    }
}
