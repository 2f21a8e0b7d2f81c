//! What others may ask of a running supervisor.

use crate::{
    generation::{Begun, Beside, CandidateError, Generation, Promotion},
    reload::{ReloadError, Reloaded},
    resume::{Frozen, NotStill, Told},
    status::ServiceStatus,
    still::{Freeze, stand_still},
    usage::{Meters, ServiceUsage},
};
use config::Service;
use host::Env;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc::UnboundedSender, oneshot, watch},
    time::Instant,
};

/// How a dependency is, as somebody told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// It is there.
    Met,
    /// It is down.
    Down {
        /// Why, in a few words.
        reason: String,
    },
}

pub(crate) enum Command {
    Need { name: String, need: Need },
    Stop,
    Force,
    Stay(bool),
    Restart { name: String },
    StartOne { name: String },
    StopOne { name: String },
    Reload { services: Vec<Service>, base_env: Env, reply: oneshot::Sender<Result<Reloaded, ReloadError>> },
    StandStill(Freeze<Told>),
    Candidate { generation: Box<Generation>, reply: oneshot::Sender<Result<Begun, CandidateError>> },
    Promote { drain: Option<Duration>, reply: oneshot::Sender<Result<Promotion, CandidateError>> },
    Discard,
}

/// There is no service of this name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no service `{name}` here; there {}", known(.services))]
pub struct NoSuchService {
    /// The name that was asked for.
    pub name: String,
    /// The names that there are.
    pub services: Vec<String>,
}

/// What others may ask of a running supervisor. Clones ask the same one; a request to one that has ended is void.
#[derive(Clone)]
pub struct Handle {
    pub(crate) commands: UnboundedSender<Command>,
    pub(crate) statuses: watch::Receiver<Vec<ServiceStatus>>,
    beside: watch::Receiver<Beside>,
    /// Those of the generation that serves.
    meters: Arc<Mutex<Meters>>,
}

impl Handle {
    pub(crate) fn new(
        commands: UnboundedSender<Command>,
        statuses: watch::Receiver<Vec<ServiceStatus>>,
        beside: watch::Receiver<Beside>,
        meters: &Meters,
    ) -> Self {
        Self { commands, statuses, beside, meters: Arc::new(Mutex::new(meters.clone())) }
    }

    pub(crate) fn measure_by(&self, meters: &Meters) {
        *self.meters.lock().unwrap_or_else(PoisonError::into_inner) = meters.clone();
    }

    /// Tells how a dependency is. Tell it only of those that are required: what is told to be down parks everybody who
    /// needs it. What was never told is taken to be there. Told before [`Supervisor::run`](crate::Supervisor::run), it
    /// is known before anything starts.
    pub fn need(&self, name: impl Into<String>, need: Need) {
        self.send(Command::Need { name: name.into(), need });
    }

    /// Stops all services politely, those first that were started last.
    pub fn stop(&self) {
        self.send(Command::Stop);
    }

    /// Kills all services at once: for a second Ctrl-C.
    pub fn force(&self) {
        self.send(Command::Force);
    }

    /// Is the supervisor to run on when every service is done, or when there is none? Then a reload may bring others. Where a service
    /// has failed and nothing else is left, it ends all the same.
    pub fn stay(&self, stays: bool) {
        self.send(Command::Stay(stays));
    }

    /// Stops `service` politely and starts it again; one that has ended is started. Nothing else is touched. While a
    /// dependency that it needs is down, it is parked instead.
    ///
    /// # Errors
    /// When there is no service of this name.
    pub fn restart(&self, service: &str) -> Result<(), NoSuchService> {
        self.known(service).map(|name| self.send(Command::Restart { name }))
    }

    /// Starts `service` if it does not run: because it was stopped, has done its work or has failed.
    ///
    /// # Errors
    /// When there is no service of this name.
    pub fn start(&self, service: &str) -> Result<(), NoSuchService> {
        self.known(service).map(|name| self.send(Command::StartOne { name }))
    }

    /// Stops `service` politely, and nothing else. It stays stopped until it is started again, and the supervisor waits
    /// for that even when no other service is left.
    ///
    /// # Errors
    /// When there is no service of this name.
    pub fn stop_service(&self, service: &str) -> Result<(), NoSuchService> {
        self.known(service).map(|name| self.send(Command::StopOne { name }))
    }

    /// From now on these are the services, each after those it starts after, with this environment. Those that are as
    /// before are not touched; changed ones are stopped and started as they are now, with the socket that they had if
    /// its address is the same; those that are not among them are stopped.
    ///
    /// Answers when that has begun. When a new socket cannot be bound nothing is changed at all.
    ///
    /// # Errors
    /// See [`ReloadError`].
    pub async fn reload(&self, services: Vec<Service>, base_env: Env) -> Result<Reloaded, ReloadError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Reload { services, base_env, reply });
        answer.await.unwrap_or(Err(ReloadError::NotRunning))
    }

    /// Starts those services of `generation` that may overlap beside those that run, which are not touched. Each has a socket of its
    /// own at the same address and is asked by nobody but who comes from [`host::net::PREVIEW`], where the kernel can do that; else the
    /// very socket of the one that runs. [`Handle::beside`] tells how they are.
    ///
    /// # Errors
    /// See [`CandidateError`]; then nothing was begun.
    pub async fn candidate(&self, generation: Generation) -> Result<Begun, CandidateError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Candidate { generation: Box::new(generation), reply });
        answer.await.unwrap_or(Err(CandidateError::NotRunning))
    }

    /// The candidate takes the place of what runs: connections are led to it from now on, and those before finish what they have begun,
    /// within `drain` or what their own rules say if that is longer. Services that must not overlap are stopped and started anew. Answers
    /// when that has begun.
    ///
    /// # Errors
    /// See [`CandidateError`]; then nothing was begun.
    pub async fn promote(&self, drain: Option<Duration>) -> Result<Promotion, CandidateError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Promote { drain, reply });
        answer.await.unwrap_or(Err(CandidateError::NotRunning))
    }

    /// Stops the candidate, if there is one. It is gone when [`Handle::beside`] says so.
    pub fn discard(&self) {
        self.send(Command::Discard);
    }

    /// Who is there besides the services that serve, and when that changes.
    pub fn beside(&self) -> watch::Receiver<Beside> {
        self.beside.clone()
    }

    /// Has everybody stand still and tells what is handed over to the next version of mainstay. Nothing is read, started or
    /// signalled until what is answered is dropped; then all go on as if nothing had been.
    ///
    /// # Errors
    /// When services are between two lives.
    pub async fn stand_still(&self) -> Result<Frozen, NotStill> {
        let (still, until) = stand_still();
        let (freeze, told) = Freeze::ask(&until);
        self.send(Command::StandStill(freeze));
        let (services, handing) = told.await.unwrap_or(Err(NotStill::NotRunning))?;
        Ok(Frozen { services, handing, still })
    }

    /// How all services are now, in the order in which they are started.
    pub fn snapshot(&self) -> Vec<ServiceStatus> {
        self.statuses.borrow().clone()
    }

    /// What each service that was ever started uses now. This looks at all of its processes; nothing does so unasked.
    pub fn usage(&self) -> BTreeMap<String, ServiceUsage> {
        self.meters.lock().unwrap_or_else(PoisonError::into_inner).read(Instant::now())
    }

    /// How all services are, and when that changes.
    pub fn watch(&self) -> watch::Receiver<Vec<ServiceStatus>> {
        self.statuses.clone()
    }

    fn known(&self, service: &str) -> Result<String, NoSuchService> {
        let services: Vec<_> = self.statuses.borrow().iter().map(|status| status.name.clone()).collect();
        match services.iter().any(|name| name == service) {
            true => Ok(service.to_owned()),
            false => Err(NoSuchService { name: service.to_owned(), services }),
        }
    }

    fn send(&self, command: Command) {
        let _ = self.commands.send(command);
    }
}

fn known(services: &[String]) -> String {
    match services {
        [] => "is none".to_owned(),
        services => format!("is {}", report::or_list(services)),
    }
}
