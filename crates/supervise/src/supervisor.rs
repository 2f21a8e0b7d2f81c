//! All services together: who starts after whom, who is told what, and when it is over.

use crate::{
    check::Checker,
    driver::{Change, Driver, Outfit},
    ended::{Ended, EndedService},
    handle::{Command, Handle, Need},
    input::Input,
    life::Life,
    listen::{ListenError, Listening},
    state::State,
    status::ServiceStatus,
};
use config::Service;
use host::{
    Env,
    process::{self, Spawner},
};
use report::{Journal, Lines};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

/// Keeps services running until told to stop, or until none has anything left to do.
pub struct Supervisor {
    outfit: Arc<Outfit>,
    members: Vec<Member>,
    handle: Handle,
    commands: mpsc::UnboundedReceiver<Command>,
    statuses: watch::Sender<Vec<ServiceStatus>>,
    /// Has [`Handle::stop`] or [`Handle::force`] been heard?
    stopping: bool,
}

struct Member {
    service: Arc<Service>,
    command: process::Command,
    life: Life,
    /// To its driver; nothing before the start.
    inbox: Option<mpsc::UnboundedSender<Input>>,
    state: State,
    /// Those that start after it have been told that it is ready.
    announced: bool,
    told_to_stop: bool,
}

impl Supervisor {
    /// Prepares `services`, each after those it starts after, and binds their sockets; starts nothing. Each gets
    /// `base_env`, its own variables, its [`process::Mark`] with the name of this `instance` and, when mainstay listens for it,
    /// `PORT`.
    ///
    /// # Errors
    /// When a socket cannot be bound.
    pub fn new(
        services: Vec<Service>,
        instance: &str,
        base_env: &Env,
        spawner: Arc<dyn Spawner>,
        checker: Arc<dyn Checker>,
        journal: Arc<dyn Journal>,
        lines: Arc<dyn Lines>,
    ) -> Result<Self, ListenError> {
        let members = services.into_iter().map(|service| Member::new(service, instance, base_env));
        let members = members.collect::<Result<Vec<_>, _>>()?;
        let first = members.iter().map(|member| ServiceStatus::of(&member.service.name, &member.life, None)).collect();
        let (statuses, seen) = watch::channel(first);
        let (sender, commands) = mpsc::unbounded_channel();
        let handle = Handle { commands: sender, statuses: seen };
        let outfit = Arc::new(Outfit { spawner, checker, journal, lines });
        Ok(Self { outfit, members, handle, commands, statuses, stopping: false })
    }

    /// What others may ask of it, also before it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until every service is done, has failed or was stopped. Dropped before, it kills them all.
    ///
    /// Run it on a runtime of one thread that lives as long as the services: children are bound to the thread that
    /// started them (see [`host::process`]).
    pub async fn run(mut self) -> Ended {
        while let Ok(command) = self.commands.try_recv() {
            self.prepare(command);
        }
        if !self.stopping {
            self.supervise().await;
        }
        self.ended()
    }

    /// A command that came before the start.
    fn prepare(&mut self, command: Command) {
        match command {
            Command::Need { name, need } => {
                for member in self.members.iter_mut().filter(|member| member.needs(&name)) {
                    member.life.step(need_input(&name, &need), Instant::now());
                }
            }
            Command::Stop | Command::Force => self.stopping = true,
            Command::Restart { .. } => {}
        }
    }

    async fn supervise(&mut self) {
        let mut drivers = JoinSet::new();
        let (sender, mut changes) = mpsc::unbounded_channel();
        for (index, member) in self.members.iter_mut().enumerate() {
            let (inbox, orders) = mpsc::unbounded_channel();
            let driver =
                Driver::new(index, member.command.clone(), member.life.clone(), self.outfit.clone(), sender.clone());
            drivers.spawn(driver.run(orders));
            member.inbox = Some(inbox);
            member.state = State::Spawning;
        }
        while !self.members.iter().all(|member| member.state.is_over()) {
            tokio::select! {
                biased;
                Some(change) = changes.recv() => self.changed(change),
                Some(command) = self.commands.recv() => self.obey(command),
            }
        }
        // Without an inbox a driver ends; it has told all lines by then.
        self.members.iter_mut().for_each(|member| member.inbox = None);
        while drivers.join_next().await.is_some() {}
    }

    fn changed(&mut self, change: Change) {
        let Change { index, status, state } = change;
        let ready = status.ready || matches!(state, State::Done(_));
        let failed = matches!(state, State::Failed(_));
        self.members[index].state = state;
        self.statuses.send_modify(|statuses| statuses[index] = status);
        if !self.members[index].announced && (ready || failed) {
            self.members[index].announced = ready;
            let name = self.members[index].service.name.clone();
            self.tell_those_after(&name, ready);
        }
        if self.stopping {
            self.stop_next();
        }
    }

    fn tell_those_after(&self, name: &str, ready: bool) {
        for member in self.members.iter().filter(|member| member.starts_after(name)) {
            let name = name.to_owned();
            member.tell(if ready { Input::AfterReady { name } } else { Input::AfterFailed { name } });
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Need { name, need } => {
                let needy = self.members.iter().filter(|member| member.needs(&name));
                needy.for_each(|member| member.tell(need_input(&name, &need)));
            }
            Command::Stop => {
                self.stopping = true;
                self.stop_next();
            }
            Command::Force => {
                self.stopping = true;
                self.members.iter_mut().for_each(|member| member.stop(Input::Force));
            }
            // A supervisor that stops restarts nothing.
            Command::Restart { .. } if self.stopping => {}
            Command::Restart { name } => {
                let named = self.members.iter().filter(|member| member.service.name == name);
                named.for_each(|member| member.tell(Input::Restart));
            }
        }
    }

    /// Stops everybody that nobody hangs on any more.
    fn stop_next(&mut self) {
        for index in 0..self.members.len() {
            let member = &self.members[index];
            let hanging = |other: &Member| other.starts_after(&member.service.name) && !other.state.is_over();
            if !member.told_to_stop && !self.members.iter().any(hanging) {
                self.members[index].stop(Input::Unwanted);
            }
        }
    }

    fn ended(self) -> Ended {
        let one = |member: Member| EndedService {
            name: member.service.name.clone(),
            restart: member.service.restart.when,
            state: member.state,
        };
        Ended { services: self.members.into_iter().map(one).collect(), on_request: self.stopping }
    }
}

impl Member {
    fn new(service: Service, instance: &str, base_env: &Env) -> Result<Self, ListenError> {
        let listening = Listening::bind(&service)?;
        let mark = process::Mark { instance: instance.to_owned(), service: service.name.clone() };
        let command = process::Command {
            argv: service.argv.clone(),
            cwd: service.cwd.clone(),
            env: environment(&service, base_env, listening.as_ref()),
            listeners: listening.into_iter().map(|listening| listening.socket).collect(),
            output: process::Output::Piped,
            mark: Some(mark),
        };
        let service = Arc::new(service);
        let life = Life::new(Arc::clone(&service), service.restart.backoff.waits(), Instant::now());
        Ok(Self { service, command, life, inbox: None, state: State::Stopped, announced: false, told_to_stop: false })
    }

    fn needs(&self, name: &str) -> bool {
        self.service.needs.iter().any(|need| need == name)
    }

    fn starts_after(&self, name: &str) -> bool {
        self.service.after.iter().any(|after| after == name)
    }

    fn stop(&mut self, how: Input) {
        self.told_to_stop = true;
        self.tell(how);
    }

    fn tell(&self, input: Input) {
        if let Some(inbox) = &self.inbox {
            let _ = inbox.send(input);
        }
    }
}

fn need_input(name: &str, need: &Need) -> Input {
    let name = name.to_owned();
    match need {
        Need::Met => Input::NeedMet { name },
        Need::Down { reason } => Input::NeedLost { name, reason: reason.clone() },
    }
}

/// What the service itself declares wins.
fn environment(service: &Service, base_env: &Env, listening: Option<&Listening>) -> BTreeMap<String, String> {
    let mut env = base_env.clone();
    env.extend(listening.map(|listening| ("PORT".to_owned(), listening.port.to_string())));
    env.extend(service.env.clone());
    env
}
