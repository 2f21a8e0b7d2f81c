//! One service as the supervisor knows it.

use crate::{
    driver::Message,
    handed::{HandedService, Resumed},
    input::Input,
    life::Life,
    listen::{ListenError, Listening},
    outfit::Outfit,
    resume::ResumeError,
    state::State,
    status::ServiceStatus,
};
use config::Service;
use host::{
    Env,
    handover::Descriptors,
    net::{bind_alone, port},
    process,
};
use std::{collections::BTreeMap, net::Ipv4Addr, sync::Arc};
use tokio::{sync::mpsc, time::Instant};

/// One service as the supervisor knows it.
pub(crate) struct Member {
    /// Which driver its changes come from; never used again.
    pub(crate) id: usize,
    pub(crate) service: Arc<Service>,
    /// What it is run with.
    pub(crate) outfit: Arc<Outfit>,
    pub(crate) command: process::Command,
    pub(crate) listening: Option<Listening>,
    pub(crate) life: Life,
    /// To its driver; nothing before the start.
    pub(crate) inbox: Option<mpsc::UnboundedSender<Message>>,
    pub(crate) state: State,
    pub(crate) status: ServiceStatus,
    /// Those that start after it have been told that it is ready.
    pub(crate) announced: bool,
    pub(crate) told_to_stop: bool,
    /// Stopped by hand: somebody may want it again.
    pub(crate) held: bool,
    pub(crate) fate: Fate,
    /// When the one whose place it has taken ended.
    pub(crate) ended_before: Option<Instant>,
    /// It goes on from here, instead of being started.
    pub(crate) resumed: Option<Resumed>,
}

/// What becomes of a member once it is over.
pub(crate) enum Fate {
    /// It stays, and may be started again.
    Stays,
    /// It is forgotten.
    Leaves,
    /// This one takes its place.
    Yields(Box<Member>),
}

impl Member {
    /// With the socket that it had before, if that is the same still.
    pub(crate) fn new(
        id: usize,
        service: Service,
        instance: &str,
        base_env: &Env,
        before: Option<Listening>,
        outfit: &Arc<Outfit>,
    ) -> Result<Self, ListenError> {
        let listening = match before {
            Some(listening) => Some(listening),
            None => Listening::bind(&service)?,
        };
        let service = match service.port {
            Some(Service::UNCHOSEN) => service.at_port(free_port(&service)?),
            _ => service,
        };
        let env = environment(&service, base_env, listening.as_ref());
        let (instance, release) = (instance.to_owned(), env.get(process::RELEASE).cloned());
        let mark = process::Mark { instance, service: service.name.clone(), release };
        let command = process::Command {
            argv: service.argv.clone(),
            cwd: service.cwd.clone(),
            env,
            listeners: listening.iter().map(|listening| Arc::clone(&listening.socket)).collect(),
            output: process::Output::Piped,
            mark: Some(mark),
            limits: limits(&service),
        };
        let service = Arc::new(service);
        let life = Life::new(Arc::clone(&service), service.restart.backoff.waits(), Instant::now());
        let status = ServiceStatus::of(&service.name, &life, None);
        let (state, inbox) = (State::Stopped, None);
        let (announced, told_to_stop, held, fate, resumed) = (false, false, false, Fate::Stays, None);
        Ok(Self {
            id,
            service,
            outfit: Arc::clone(outfit),
            command,
            listening,
            life,
            inbox,
            state,
            status,
            announced,
            told_to_stop,
            held,
            fate,
            ended_before: None,
            resumed,
        })
    }

    /// One that goes on as it was handed over.
    pub(crate) fn resume(
        id: usize,
        service: Service,
        instance: &str,
        base_env: &Env,
        handed: HandedService,
        outfit: &Arc<Outfit>,
        all: &mut Descriptors,
    ) -> Result<Self, ResumeError> {
        let service = handed.port.map_or_else(|| service.clone(), |port| service.at_port(port));
        let (announced, held, life) = (handed.announced, handed.held, handed.driver.life.clone());
        let lost = |source| ResumeError::Lost { service: service.name.clone(), source };
        let (listening, resumed) = handed.take(&service, outfit, all).map_err(lost)?;
        let life = Life::take_over(Arc::new(service.clone()), life);
        let member = Self::new(id, service, instance, base_env, listening, outfit)?;
        let (state, status) = (life.state().clone(), ServiceStatus::of(&member.service.name, &life, None));
        let mut member = Self { life, state, status, announced, held, resumed: Some(resumed), ..member };
        member.show_held();
        Ok(member)
    }

    /// Would `service` with this environment be anything else than this?
    pub(crate) fn differs(&self, service: &Service, base_env: &Env) -> bool {
        let service = &self.service.port.map_or_else(|| service.clone(), |port| service.at_port(port));
        *self.service != *service || self.command.env != environment(service, base_env, self.listening.as_ref())
    }

    pub(crate) fn needs(&self, name: &str) -> bool {
        self.service.needs.iter().any(|need| need == name)
    }

    pub(crate) fn starts_after(&self, name: &str) -> bool {
        self.service.after.iter().any(|after| after == name)
    }

    pub(crate) fn stays(&self) -> bool {
        matches!(self.fate, Fate::Stays)
    }

    /// What a person has done is told as that.
    pub(crate) fn show_held(&mut self) {
        self.status.held = self.held;
        if self.held && self.state == State::Stopped {
            self.status.reason = Some("stopped by hand".to_owned());
        }
    }

    /// Takes what its driver tells; says whether those that start after it learn something: that it is ready, or will never be.
    pub(crate) fn take_note(&mut self, status: ServiceStatus, state: State) -> Option<bool> {
        let ready = status.ready || matches!(state, State::Done(_));
        let failed = matches!(state, State::Failed(_));
        (self.state, self.status) = (state, status);
        self.show_held();
        let news = !self.announced && (ready || failed) && self.stays();
        self.announced |= news && ready;
        news.then_some(ready)
    }

    /// Ready, or done with its work.
    pub(crate) fn has_come(&self) -> bool {
        self.status.ready || matches!(self.state, State::Done(_))
    }

    pub(crate) fn stop(&mut self, how: Input) {
        self.told_to_stop = true;
        self.tell(how);
    }

    pub(crate) fn tell(&self, input: Input) {
        if let Some(inbox) = &self.inbox {
            let _ = inbox.send(Message::Input(input));
        }
    }
}

/// One that nobody has at this moment.
fn free_port(service: &Service) -> Result<u16, ListenError> {
    let address = (Ipv4Addr::LOCALHOST, 0).into();
    let name = || service.name.clone();
    let socket = bind_alone(address).map_err(|source| ListenError::Bind { service: name(), address, source })?;
    port(&socket).map_err(|source| ListenError::Socket { service: name(), address, source })
}

fn limits(service: &Service) -> process::Limits {
    let config::Limits { memory, cpu, pids, files } = service.limits;
    process::Limits { memory, cpu, pids: pids.map(u64::from), files: files.map(u64::from) }
}

/// What the service itself declares wins.
fn environment(service: &Service, base_env: &Env, listening: Option<&Listening>) -> BTreeMap<String, String> {
    let mut env = base_env.clone();
    env.extend(listening.map(|listening| ("PORT".to_owned(), listening.port.to_string())));
    env.extend(service.port.map(|port| ("PORT".to_owned(), port.to_string())));
    env.extend(service.env.clone());
    env
}
