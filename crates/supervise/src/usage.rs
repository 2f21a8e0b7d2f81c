//! What services use: asked for now and then, never by a timer.

use crate::handed::HandedUsage;
use host::process::{Memory, Meter, usage};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A span shorter than this tells nothing about a share: the kernel counts processor time in ticks of 10 ms.
const SHORTEST: Duration = Duration::from_millis(500);

/// What one service uses, all of its processes together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceUsage {
    /// Processor time of all its processes since mainstay started, those that have ended included as far as it was seen.
    pub cpu: Duration,
    /// How much of one processor it used; nothing while it does not run.
    pub share: Option<Share>,
    /// Its memory; nothing when it does not run, or may not be looked at.
    pub memory: Option<Memory>,
    /// Its open files, sockets and pipes; nothing likewise.
    pub open_files: Option<u64>,
    /// Its processes.
    pub processes: u64,
    /// How often somebody of it was killed for want of memory.
    pub oom_kills: u64,
    /// Its limit on memory in bytes, where one is in force, and what the kernel counts towards it, what it keeps of files for it
    /// included.
    pub memory_limit: Option<(u64, u64)>,
    /// How long its last health check took, when that has passed and its process still runs.
    pub answer: Option<Duration>,
}

/// How much of one processor was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// 1 for one whole processor; more when several worked.
    pub of_one: f64,
    /// In the last so much time: since the question before, at least half a second.
    pub over: Duration,
}

/// The meters of all services. Clones are the same ones.
#[derive(Clone, Default)]
pub(crate) struct Meters(Arc<Mutex<BTreeMap<String, Account>>>);

/// What is remembered of one service.
#[derive(Default)]
struct Account {
    /// Of processes that are gone.
    before: Duration,
    running: Option<(Meter, Pace)>,
    oom_kills: u64,
    answer: Option<Duration>,
}

/// Processor time at the two last questions that were not too close to each other. Pure.
#[derive(Clone, Copy, Debug)]
struct Pace {
    base: (Instant, Duration),
    latest: (Instant, Duration),
}

impl Meters {
    /// A process of `service` was started.
    pub(crate) fn started(&self, service: &str, meter: Option<Meter>, now: Instant) {
        let mut all = self.locked();
        let account = all.entry(service.to_owned()).or_default();
        account.end();
        account.running = meter.map(|meter| (meter, Pace::new(now)));
    }

    /// What is handed over of `service`.
    pub(crate) fn hand_over(&self, service: &str) -> HandedUsage {
        let all = self.locked();
        all.get(service).map(|it| HandedUsage { cpu: it.before, oom_kills: it.oom_kills }).unwrap_or_default()
    }

    /// The account of `service` goes on; shares are of the time from now on.
    pub(crate) fn take_over(&self, service: &str, handed: &HandedUsage, meter: Option<Meter>, now: Instant) {
        let running = meter.map(|meter| {
            let cpu = meter.cpu().unwrap_or_default();
            (meter, Pace { base: (now, cpu), latest: (now, cpu) })
        });
        let account = Account { before: handed.cpu, oom_kills: handed.oom_kills, running, answer: None };
        self.locked().insert(service.to_owned(), account);
    }

    /// What was used by the services of a generation before counts for those of this one.
    pub(crate) fn go_on_from(&self, before: &Self, now: Instant) {
        let before = before.read(now);
        let mut all = self.locked();
        for (name, ServiceUsage { cpu, oom_kills, .. }) in before {
            let account = all.entry(name).or_default();
            account.before += cpu;
            account.oom_kills += oom_kills;
        }
    }

    /// Nobody of it is left. Called while its control group is still there.
    pub(crate) fn ended(&self, service: &str) {
        if let Some(account) = self.locked().get_mut(service) {
            account.end();
        }
    }

    /// It was killed for want of memory, so often more.
    pub(crate) fn out_of_memory(&self, service: &str, kills: u64) {
        self.locked().entry(service.to_owned()).or_default().oom_kills += kills;
    }

    /// Its health check took so long; nothing when it has not passed.
    pub(crate) fn answered(&self, service: &str, took: Option<Duration>) {
        self.locked().entry(service.to_owned()).or_default().answer = took;
    }

    /// What all of them use now.
    pub(crate) fn read(&self, now: Instant) -> BTreeMap<String, ServiceUsage> {
        let mut all = self.locked();
        let meters = all.values().filter_map(|account| account.running.as_ref().map(|(meter, _)| meter));
        let mut seen = usage(meters).into_iter();
        let read = |(name, account): (&String, &mut Account)| (name.clone(), account.read(&mut seen, now));
        all.iter_mut().map(read).collect()
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<String, Account>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn end(&mut self) {
        self.answer = None;
        if let Some((meter, mut pace)) = self.running.take() {
            self.oom_kills += meter.oom_kills().unwrap_or_default();
            self.before += meter.cpu().map_or(pace.latest.1, |cpu| pace.grown(cpu));
        }
    }

    fn read(&mut self, seen: &mut impl Iterator<Item = Option<host::process::Usage>>, now: Instant) -> ServiceUsage {
        let (cpu, oom_kills, answer) = (self.before, self.oom_kills, self.answer);
        let nothing = ServiceUsage { cpu, oom_kills, answer, ..ServiceUsage::default() };
        let Some((meter, pace)) = &mut self.running else { return nothing };
        let Some(seen) = seen.next().flatten() else { return nothing };
        let share = pace.step(seen.cpu, now);
        let (memory, open_files, processes) = (seen.memory, seen.open_files, seen.processes);
        let memory_limit = seen.memory_limit.zip(seen.memory_charged);
        let oom_kills = oom_kills + meter.oom_kills().unwrap_or_default();
        let cpu = cpu + pace.latest.1;
        ServiceUsage { cpu, share, memory, open_files, processes, oom_kills, memory_limit, answer }
    }
}

impl Pace {
    /// Of a process that was started `now`.
    fn new(now: Instant) -> Self {
        Self { base: (now, Duration::ZERO), latest: (now, Duration::ZERO) }
    }

    /// Takes the processor time that is seen `now`. Whoever asks much too often does not move the beginning of the span.
    fn step(&mut self, cpu: Duration, now: Instant) -> Option<Share> {
        if now.saturating_duration_since(self.latest.0) >= SHORTEST {
            self.base = self.latest;
            self.latest.0 = now;
        }
        let cpu = self.grown(cpu);
        self.latest.1 = cpu;
        let over = now.saturating_duration_since(self.base.0);
        let used = cpu.saturating_sub(self.base.1);
        (!over.is_zero()).then(|| Share { of_one: used.as_secs_f64() / over.as_secs_f64(), over })
    }

    /// Without a control group somebody who ended takes what he used along: the sum never falls.
    fn grown(&mut self, cpu: Duration) -> Duration {
        cpu.max(self.latest.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Item 6: the share is that of the time between two questions, from the start on for the first.
    #[test]
    fn a_share_is_of_the_time_since_the_question_before() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.step(ms(500), start + ms(1000)), Some(Share { of_one: 0.5, over: ms(1000) }));
        assert_eq!(pace.step(ms(2500), start + ms(2000)), Some(Share { of_one: 2.0, over: ms(1000) }));
        assert_eq!(pace.step(ms(2500), start + ms(6000)), Some(Share { of_one: 0.0, over: ms(4000) }));
    }

    /// Several who ask at once see nearly the same, instead of noise.
    #[test]
    fn questions_close_together_share_a_span() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert_eq!(pace.step(ms(0), start), None);
        pace.step(ms(1000), start + ms(1000));
        let soon = pace.step(ms(1010), start + ms(1010)).unwrap();
        assert_eq!((soon.over, soon.of_one), (ms(1010), 1.0));
        assert_eq!(pace.step(ms(1510), start + ms(1600)).map(|share| share.over), Some(ms(600)));
    }

    /// A counter for Prometheus never falls while the process lives, whoever of its family has ended.
    #[test]
    fn the_sum_never_falls() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.step(ms(900), start + ms(1000));
        assert_eq!(pace.step(ms(100), start + ms(2000)).map(|share| share.of_one), Some(0.0));
        assert_eq!(pace.latest.1, ms(900));
    }
}
