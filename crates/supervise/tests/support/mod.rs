//! What the tests of supervision share: services, a supervisor that runs, and waiting with a limit.

#![allow(dead_code, reason = "each test file uses its own part of it")]

use config::{Handover, HealthCheck, Limits, Restart, RestartWhen, Service, Sign, Stop, Target, Window};
use host::{Env, Pending, process::Spawner};
use report::Recorder;
use retry::Backoff;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use supervise::{Checker, Ended, Fence, Handle, Outfit, ServiceStatus, Supervisor, schedule::NoLock};
use tokio::{task::JoinHandle, time::timeout};

/// No test waits longer for anything.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A directory that is gone again: sockets have names without a file then.
pub(crate) fn no_directory() -> PathBuf {
    testkit::TempDir::new().path().to_owned()
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A service on the defaults, whatever `argv` means to the spawner.
pub(crate) fn service(name: &str, argv: &[&str]) -> Service {
    Service {
        name: name.into(),
        argv: argv.iter().map(|word| (*word).to_owned()).collect(),
        cwd: "/".into(),
        env: BTreeMap::new(),
        needs: Vec::new(),
        after: Vec::new(),
        listen: None,
        port: None,
        health: None,
        restart: Restart {
            when: RestartWhen::Always,
            backoff: Backoff::doubling(s(1), s(30)),
            stable_after: s(60),
            budget: None,
        },
        stop: Stop { signal: 15, grace: s(30) },
        handover: Handover::Overlap,
        single: None,
        limits: Limits::default(),
        start_delay: Duration::ZERO,
    }
}

/// A service that is a small shell script.
pub(crate) fn script(name: &str, text: &str) -> Service {
    service(name, &["/bin/sh", "-c", text])
}

pub(crate) fn once(service: Service) -> Service {
    Service { restart: Restart { when: RestartWhen::Never, ..service.restart }, ..service }
}

pub(crate) fn needing(need: &str, service: Service) -> Service {
    Service { needs: vec![need.into()], ..service }
}

pub(crate) fn after(name: &str, service: Service) -> Service {
    Service { after: vec![name.into()], ..service }
}

pub(crate) fn checked(service: Service) -> Service {
    let target = Target::Tcp { host: "127.0.0.1".into(), port: 1 };
    let check = HealthCheck {
        sign: Sign::Target(target),
        every: s(10),
        timeout: s(3),
        fail: Window { count: 3, of: 3 },
        pass: Window { count: 1, of: 1 },
        start_timeout: s(30),
    };
    Service { health: Some(check), ..service }
}

/// Answers what a test tells it to.
pub(crate) struct Answers {
    check: Mutex<Result<(), String>>,
    need: Mutex<Result<(), String>>,
    checks: AtomicU32,
    needs: AtomicU32,
    fence: Mutex<Option<String>>,
    lost: Arc<tokio::sync::Notify>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            check: Mutex::new(Ok(())),
            need: Mutex::new(Ok(())),
            checks: 0.into(),
            needs: 0.into(),
            fence: Mutex::default(),
            lost: Arc::default(),
        }
    }
}

impl Answers {
    pub(crate) fn check_with(&self, answer: Result<(), &str>) {
        *self.check.lock().unwrap_or_else(PoisonError::into_inner) = answer.map_err(str::to_owned);
    }

    pub(crate) fn need_with(&self, answer: Result<(), &str>) {
        *self.need.lock().unwrap_or_else(PoisonError::into_inner) = answer.map_err(str::to_owned);
    }

    /// Who has the lock of exclusive services; nobody, so that they get it.
    pub(crate) fn fence_with(&self, holder: Option<&str>) {
        *self.fence.lock().unwrap_or_else(PoisonError::into_inner) = holder.map(str::to_owned);
    }

    pub(crate) fn lose_the_fence(&self) {
        self.lost.notify_waiters();
    }

    pub(crate) fn checks(&self) -> u32 {
        self.checks.load(Ordering::Relaxed)
    }

    pub(crate) fn needs(&self) -> u32 {
        self.needs.load(Ordering::Relaxed)
    }
}

impl Checker for Answers {
    fn check<'a>(&'a self, _: &'a HealthCheck) -> Pending<'a, Result<(), String>> {
        self.checks.fetch_add(1, Ordering::Relaxed);
        let answer = self.check.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(answer))
    }

    fn need<'a>(&'a self, _: &'a str) -> Pending<'a, Result<(), String>> {
        self.needs.fetch_add(1, Ordering::Relaxed);
        let answer = self.need.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(std::future::ready(answer))
    }

    fn fence<'a>(&'a self, _: &'a Service) -> Pending<'a, Result<Fence, NoLock>> {
        let holder = self.fence.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lost = self.lost.clone();
        let fence = Fence { guard: Box::new(()), lost: Box::pin(async move { lost.notified().await }) };
        Box::pin(std::future::ready(holder.map_or(Ok(fence), |holder| Err(NoLock::Held(holder)))))
    }
}

/// A supervisor and all that it works with.
pub(crate) struct Stage {
    pub(crate) handle: Handle,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) answers: Arc<Answers>,
    /// What no wait is longer than; more than [`LIMIT`] only where time is paused.
    pub(crate) limit: Duration,
    supervisor: Option<Supervisor>,
    running: Option<JoinHandle<Ended>>,
}

/// One for each stage, as each `mainstay up` has its own.
fn instance() -> String {
    static STAGES: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    format!("{}-{}", std::process::id(), STAGES.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}

impl Stage {
    /// Prepared, not started.
    pub(crate) fn set(services: Vec<Service>, spawner: impl Spawner + 'static) -> Self {
        let (recorder, answers) = (Arc::new(Recorder::default()), Arc::new(Answers::default()));
        let env = Env::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]);
        let outfit =
            Outfit::new(Arc::new(spawner), answers.clone(), recorder.clone(), recorder.clone(), no_directory());
        let supervisor = Supervisor::new(services, &instance(), &env, outfit);
        let supervisor = supervisor.expect("the sockets can be bound");
        Self {
            handle: supervisor.handle(),
            recorder,
            answers,
            limit: LIMIT,
            supervisor: Some(supervisor),
            running: None,
        }
    }

    pub(crate) fn start(&mut self) {
        self.running = self.supervisor.take().map(|supervisor| tokio::spawn(supervisor.run()));
    }

    pub(crate) fn started(services: Vec<Service>, spawner: impl Spawner + 'static) -> Self {
        let mut stage = Self::set(services, spawner);
        stage.start();
        stage
    }

    /// Waits until the service is as `wanted`.
    pub(crate) async fn until(&self, service: &str, wanted: impl Fn(&ServiceStatus) -> bool) -> ServiceStatus {
        let mut statuses = self.handle.watch();
        let seen = |all: &Vec<ServiceStatus>| all.iter().any(|status| status.name == service && wanted(status));
        let waited = timeout(self.limit, statuses.wait_for(seen)).await.map(|seen| seen.map(|all| all.to_vec()));
        let Ok(Ok(all)) = waited else { panic!("{service} never came: {:#?}", self.recorder.texts()) };
        all.into_iter().find(|status| status.name == service).expect("the service is known")
    }

    pub(crate) async fn until_fine(&self, service: &str, fine: &str) -> ServiceStatus {
        self.until(service, |status| status.fine == fine).await
    }

    pub(crate) fn status(&self, service: &str) -> ServiceStatus {
        self.handle.snapshot().into_iter().find(|status| status.name == service).expect("the service is known")
    }

    /// Waits until it is over.
    pub(crate) async fn end(&mut self) -> Ended {
        let running = self.running.as_mut().expect("it was started");
        let Ok(ended) = timeout(self.limit, running).await else { panic!("no end: {:#?}", self.recorder.texts()) };
        ended.expect("the supervisor did not panic")
    }

    pub(crate) async fn stop(&mut self) -> Ended {
        self.handle.stop();
        self.end().await
    }

    /// Drops the supervisor.
    pub(crate) fn abort(&self) {
        self.running.as_ref().expect("it was started").abort();
    }

    /// The lines of a service, in order.
    pub(crate) fn lines(&self, service: &str) -> Vec<String> {
        let lines = self.recorder.lines().into_iter().filter(|(name, ..)| name == service);
        lines.map(|(.., line)| String::from_utf8_lossy(&line).into_owned()).collect()
    }

    /// Waits until the service has written `line`.
    pub(crate) async fn line(&self, service: &str, line: &str) {
        let seen = async {
            while !self.lines(service).iter().any(|seen| seen == line) {
                tokio::time::sleep(ms(2)).await;
            }
        };
        assert!(timeout(LIMIT, seen).await.is_ok(), "no line `{line}`: {:#?}", self.recorder.texts());
    }

    /// How often an event of this name was told.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.recorder.names().iter().filter(|name| **name == event).count()
    }
}
