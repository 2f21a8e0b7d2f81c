//! A certificate that is asked for by ACME (RFC 8555), proven over HTTP, and renewed in time.
//!
//! [`due::due`] decides when; `order` carries it out. Nobody waits for the authority: what is kept is shown meanwhile.

mod challenges;
mod client;
pub mod due;
mod order;
mod store;

pub use challenges::Challenges;
pub(crate) use challenges::Found;

use crate::{Certificate, Certificates, NoCertificate, Shown};
use client::Client;
use due::Tries;
use host::{Clock, Env, alarm::Alarm, failpoint};
use jiff::Timestamp;
use order::{Errand, Issued};
use report::{Event, Journal, Level};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use store::{State, Store};
use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};

/// An order takes no longer, all names together.
const LIMIT: Duration = Duration::from_secs(10 * 60);
/// Where nothing tells that it is due, it is looked at again after this long.
const AGAIN: Duration = Duration::from_secs(60);
/// So many may wait for the same order.
const WISHES: usize = 16;

type Wish = oneshot::Sender<Result<(), String>>;

/// The file in `directory` that holds the certificate, those above it, and its key.
pub fn certificate_in(directory: &Path) -> PathBuf {
    Store::new(directory.to_owned()).certificate()
}

/// Keeps one certificate fresh.
pub struct Acme {
    wanted: config::Acme,
    store: Store,
    certificates: Arc<Certificates>,
    challenges: Arc<Challenges>,
    machine: Machine,
    state: Mutex<State>,
    next: Mutex<Option<Timestamp>>,
    wish: mpsc::Sender<Wish>,
    wishes: tokio::sync::Mutex<mpsc::Receiver<Wish>>,
}

/// What it needs of the machine.
pub struct Machine {
    /// The calendar.
    pub clock: Arc<dyn Clock>,
    /// What happens is told here.
    pub journal: Arc<dyn Journal>,
    /// Names the place at which a test may end us.
    pub env: Env,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// When the certificate is asked for next; nothing while that is under way.
    pub next: Option<Timestamp>,
    /// What was wrong with the last try.
    pub failure: Option<String>,
}

impl Acme {
    /// Shows what is kept in `directory`, or something provisional.
    ///
    /// # Errors
    /// When nothing can be shown.
    pub fn new(wanted: config::Acme, directory: PathBuf, machine: Machine) -> Result<Arc<Self>, NoCertificate> {
        let store = Store::new(directory);
        let certificates = Arc::new(Certificates::kept(store.certificate(), &wanted.domains)?);
        let (wish, wishes) = mpsc::channel(WISHES);
        let state = Mutex::new(of(&wanted, store.state(), &certificates.shown()));
        let (challenges, next, wishes) = (Arc::default(), Mutex::default(), tokio::sync::Mutex::new(wishes));
        Ok(Arc::new(Self { wanted, store, certificates, challenges, machine, state, next, wish, wishes }))
    }

    /// What whoever connects is shown.
    pub fn certificates(&self) -> Arc<Certificates> {
        self.certificates.clone()
    }

    /// What is answered over HTTP.
    pub fn challenges(&self) -> Arc<Challenges> {
        self.challenges.clone()
    }

    /// How it stands now.
    pub fn standing(&self) -> Standing {
        let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        Standing { next, failure: self.state().tries.reason.clone() }
    }

    /// Asks for another certificate now, whenever it would be due; for people who have mended something.
    ///
    /// # Errors
    /// What the authority says.
    pub async fn renew(&self) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.wish.try_send(reply).map_err(|_| "too many have asked already".to_owned())?;
        answer.await.map_err(|_| "nobody asks for certificates any more".to_owned())?
    }

    /// Asks whenever one is due, for as long as it is polled.
    pub async fn keep(self: Arc<Self>) {
        let chance = fastrand::f64();
        let Ok(mut wishes) = self.wishes.try_lock() else { return };
        loop {
            let due = due::due(self.kept().as_ref(), &self.state().tries.clone(), chance, self.now());
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(due);
            let wish = match self.wait(due, &mut wishes).await {
                Ok(wish) => wish,
                Err(error) => {
                    self.cannot_wait(&error).await;
                    continue;
                }
            };
            *self.next.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let outcome = self.ask().await;
            let waiting = std::iter::from_fn(|| wishes.try_recv().ok());
            for wish in wish.into_iter().chain(waiting) {
                // Whoever has left needs no answer.
                let _ = wish.send(outcome.clone());
            }
        }
    }

    /// No timer can be had: whoever keeps the certificate tries again, and never gives up.
    async fn cannot_wait(&self, error: &io::Error) {
        let text = format!("the next certificate cannot be waited for: {error}");
        self.machine.journal.note(Event::new("certificate.unkept", text).level(Level::Warn));
        sleep(AGAIN).await;
    }

    /// Until it is due, or somebody wishes for it.
    async fn wait(&self, due: Timestamp, wishes: &mut mpsc::Receiver<Wish>) -> io::Result<Option<Wish>> {
        let alarm = Alarm::new()?;
        loop {
            if self.now() >= due {
                return Ok(None);
            }
            alarm.set(SystemTime::from(due))?;
            tokio::select! {
                rung = alarm.ring() => drop(rung?),
                Some(wish) = wishes.recv() => return Ok(Some(wish)),
            }
        }
    }

    /// One try, whatever comes of it.
    async fn ask(&self) -> Result<(), String> {
        let client = Client::new(self.wanted.root.clone());
        let outcome = match timeout(LIMIT, self.order(&client)).await {
            Ok(Ok(issued)) => self.take(&issued),
            Ok(Err(words)) => Err(words),
            Err(_) => Err(format!("the authority has not finished the order within {}", report::seconds(LIMIT))),
        };
        let now = self.now();
        self.change(|state| match &outcome {
            Ok(()) => {
                state.tries.succeed(now);
                state.order = None;
            }
            Err(words) => state.tries.fail(now, words.clone(), client.sent_away()),
        });
        self.tell(&outcome);
        outcome
    }

    async fn order(&self, client: &Client) -> Result<Issued, String> {
        let begun = |begun| self.change(|state| state.order = begun);
        let (wanted, store, challenges) = (&self.wanted, &self.store, &*self.challenges);
        let before = self.state().order.clone();
        Errand { wanted, store, challenges, client, begun: &begun }.run(before).await
    }

    /// From now on it is shown, once it is kept.
    fn take(&self, issued: &Issued) -> Result<(), String> {
        failpoint::reach(&self.machine.env, "acme.issued");
        let kept = self.store.keep_certificate(&issued.chain, &issued.key);
        kept.map_err(|error| format!("the certificate cannot be kept: {error}"))?;
        match self.certificates.look() {
            Some(error) => Err(format!("the certificate that was issued cannot be used: {error}")),
            None => Ok(()),
        }
    }

    fn tell(&self, outcome: &Result<(), String>) {
        let names = self.wanted.domains.join(", ");
        let event = match (outcome, self.certificates.shown()) {
            (Ok(()), shown) => {
                let until = shown.certificate.map(|it| report::rfc3339(it.until)).unwrap_or_default();
                Event::new("certificate.issued", format!("the certificate for {names} holds until {until}"))
                    .with("until", until)
            }
            (Err(words), shown) => {
                let (old, now) = (shown.certificate.filter(|_| !shown.provisional), self.now());
                let meanwhile = match &old {
                    Some(old) if old.until >= now => format!("the old one holds for another {} d", old.days_left(now)),
                    Some(_) => "the old one is over".to_owned(),
                    None => "a provisional one is shown".to_owned(),
                };
                let fine = old.is_some_and(|old| !old.is_over_soon(now));
                let level = if fine { Level::Warn } else { Level::Error };
                let text = format!("no certificate for {names}: {words}; {meanwhile}");
                Event::new("certificate.failed", text).level(level).with("reason", words.clone())
            }
        };
        self.machine.journal.note(event.with("names", names));
    }

    /// The certificate that is shown, where it is one of those that are wanted.
    fn kept(&self) -> Option<Certificate> {
        let shown = self.certificates.shown();
        let known = self.state().tries.issued.is_some();
        shown
            .certificate
            .filter(|it| !shown.provisional && known && self.wanted.domains.iter().all(|name| it.is_for(name)))
    }

    /// In memory, and on the disk where that can be: a try that cannot be written down still counts.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        if let Err(error) = self.store.keep_state(&state) {
            let text = format!("how certificates were asked for cannot be written down: {error}");
            self.machine.journal.note(Event::new("certificate.unkept", text).level(Level::Warn));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.machine.clock.now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// How others went, or went with another authority, says nothing. A certificate of which nothing is written is taken for one of ours.
fn of(wanted: &config::Acme, before: Option<State>, shown: &Shown) -> State {
    let same = |it: &State| it.directory == wanted.directory && it.domains == wanted.domains;
    let unwritten = before.is_none() && !shown.provisional;
    let issued = shown.certificate.as_ref().filter(|_| unwritten).map(|it| it.from);
    before.filter(same).unwrap_or_else(|| State {
        directory: wanted.directory.clone(),
        domains: wanted.domains.clone(),
        tries: Tries { issued, ..Tries::default() },
        order: None,
    })
}
