//! All services together: who starts after whom, who is told what, and when it is over.

use crate::{
    driver::{Change, Driver},
    ended::{Ended, EndedService},
    generation::{Beside, Candidacy, Leaving, Others},
    handle::{Command, Handle, Need},
    input::Input,
    listen::ListenError,
    member::{Fate, Member},
    outfit::Outfit,
    state::State,
    status::ServiceStatus,
};
use config::Service;
use host::Env;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

/// So many changes are acted on together.
const AT_ONCE: usize = 64;

/// Keeps services running until told to stop, or until none has anything left to do.
pub struct Supervisor {
    pub(crate) outfit: Arc<Outfit>,
    /// In the marks of all processes.
    pub(crate) instance: String,
    pub(crate) members: Vec<Member>,
    pub(crate) handle: Handle,
    commands: mpsc::UnboundedReceiver<Command>,
    statuses: watch::Sender<Vec<ServiceStatus>>,
    /// Nobody before the start.
    pub(crate) crew: Option<Crew>,
    /// Dependencies that are down, with the reason: those who come later must know, too.
    pub(crate) unmet: BTreeMap<String, String>,
    /// How many members there were so far.
    ids: usize,
    /// A release beside the one that serves.
    pub(crate) candidacy: Option<Candidacy>,
    /// Services that were replaced and finish what they have begun.
    pub(crate) leaving: Vec<Leaving>,
    /// Those of them that are gone, as they were last.
    pub(crate) gone: Vec<ServiceStatus>,
    others: Others,
    /// Has [`Handle::stop`] or [`Handle::force`] been heard?
    pub(crate) stopping: bool,
    /// Others may come when nobody is left: see [`Handle::stay`].
    stays: bool,
}

/// The drivers, and where they tell what becomes of their services.
pub(crate) struct Crew {
    drivers: JoinSet<()>,
    changes: mpsc::UnboundedSender<Change>,
}

impl Supervisor {
    /// Prepares `services`, each after those it starts after, and binds their sockets; starts nothing. Each gets
    /// `base_env`, its own variables, its [`host::process::Mark`] with the name of this `instance` and, when mainstay listens for it,
    /// `PORT`.
    ///
    /// # Errors
    /// When a socket cannot be bound.
    pub fn new(services: Vec<Service>, instance: &str, base_env: &Env, outfit: Outfit) -> Result<Self, ListenError> {
        let outfit = Arc::new(outfit);
        let one = |(id, service)| Member::new(id, service, instance, base_env, None, &outfit);
        let members = services.into_iter().enumerate().map(one);
        let members = members.collect::<Result<Vec<_>, _>>()?;
        Ok(Self::of(members, BTreeMap::new(), instance, outfit))
    }

    pub(crate) fn of(
        members: Vec<Member>,
        unmet: BTreeMap<String, String>,
        instance: &str,
        outfit: Arc<Outfit>,
    ) -> Self {
        let (statuses, seen) = watch::channel(shown(&members));
        let (sender, commands) = mpsc::unbounded_channel();
        let (others, beside) = watch::channel(Beside::default());
        let handle = Handle::new(sender, seen, beside, &outfit.meters);
        let (crew, ids, instance) = (None, members.len(), instance.to_owned());
        Self {
            outfit,
            instance,
            members,
            handle,
            commands,
            statuses,
            crew,
            unmet,
            ids,
            candidacy: None,
            leaving: Vec::new(),
            gone: Vec::new(),
            others,
            stopping: false,
            stays: false,
        }
    }

    /// What others may ask of it, also before it runs.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Runs until every service is done, has failed or was stopped, or longer where it is to [stay](Handle::stay). Dropped before, it
    /// kills them all.
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
            Command::Need { name, need } => self.know(&name, &need),
            Command::Stop | Command::Force => self.stopping = true,
            Command::Stay(stays) => self.stays = stays,
            // Whoever waits for an answer sees that there is none.
            Command::Restart { .. } | Command::StartOne { .. } | Command::StopOne { .. } | Command::Reload { .. } => {}
            Command::StandStill(_) | Command::Candidate { .. } | Command::Promote { .. } | Command::Discard => {}
        }
    }

    async fn supervise(&mut self) {
        let (sender, mut changes) = mpsc::unbounded_channel();
        self.crew = Some(Crew { drivers: JoinSet::new(), changes: sender });
        (0..self.members.len()).for_each(|at| self.begin(at));
        let mut news = Vec::new();
        while !self.is_over() {
            let look = self.next_look();
            tokio::select! {
                biased;
                1.. = changes.recv_many(&mut news, AT_ONCE) => self.changed(news.drain(..)),
                Some(command) = self.commands.recv() => match command {
                    Command::StandStill(freeze) => self.stand_still(freeze).await,
                    command => self.obey(command),
                },
                () = look => {
                    self.let_go(Instant::now());
                    self.publish();
                }
                () = left(self.crew.as_mut()) => {}
            }
        }
        // Without an inbox a driver ends; it has told all lines by then.
        self.others_mut().for_each(|member| member.inbox = None);
        self.members.iter_mut().for_each(|member| member.inbox = None);
        if let Some(mut crew) = self.crew.take() {
            while crew.drivers.join_next().await.is_some() {}
        }
    }

    /// Is there nothing left to do? What has failed is the end also of who would stay.
    fn is_over(&self) -> bool {
        let failed = || self.members.iter().any(|member| matches!(member.state, State::Failed(_)));
        self.has_nothing_to_do() && (self.stopping || !self.stays || failed())
    }

    /// Somebody may yet want what was stopped by hand.
    fn has_nothing_to_do(&self) -> bool {
        !self.is_in_between()
            && self.members.iter().all(|it| it.state.is_over() && (self.stopping || !it.held && it.stays()))
    }

    /// Starts the driver of a member, which knows how the world is by now.
    pub(crate) fn begin(&mut self, at: usize) {
        let world = self.world_of(&self.members[at]);
        drive(&mut self.crew, &mut self.members[at], world);
    }

    fn world_of(&self, member: &Member) -> Vec<Input> {
        let others = self.members.iter().filter(|other| member.starts_after(&other.service.name));
        let others = others.filter_map(|other| {
            let name = other.service.name.clone();
            match other.state {
                _ if other.announced && other.stays() => Some(Input::AfterReady { name }),
                State::Failed(_) => Some(Input::AfterFailed { name }),
                _ => None,
            }
        });
        self.unmet_of(member).chain(others).collect()
    }

    pub(crate) fn unmet_of(&self, member: &Member) -> impl Iterator<Item = Input> {
        let unmet = self.unmet.iter().filter(|(name, _)| member.needs(name));
        unmet.map(|(name, reason)| Input::NeedLost { name: name.clone(), reason: reason.clone() })
    }

    /// What comes together is acted on once: of five hundred services that start or stop, each would else be looked at for each.
    fn changed(&mut self, changes: impl Iterator<Item = Change>) {
        changes.for_each(|change| self.take_note(change));
        match self.stopping {
            true => self.stop_next(),
            false => self.settle(),
        }
        self.settle_others();
        self.publish();
    }

    fn take_note(&mut self, change: Change) {
        let Change { id, status, state } = change;
        let Some(member) = self.members.iter_mut().find(|member| member.id == id) else {
            return self.take_note_of_another(id, status, state);
        };
        if let Some(ready) = member.take_note(status, state) {
            let name = member.service.name.clone();
            self.tell_those_after(&name, ready);
        }
    }

    /// Of a candidate, or of one that leaves; of nobody when these are the last words of one that was replaced.
    fn take_note_of_another(&mut self, id: usize, status: ServiceStatus, state: State) {
        let Some(member) = self.others_mut().find(|member| member.id == id) else { return };
        let Some(ready) = member.take_note(status, state) else { return };
        let name = member.service.name.clone();
        let candidates = self.candidacy.iter().flat_map(|it| &it.members);
        candidates.filter(|other| other.starts_after(&name)).for_each(|other| other.tell(after_input(&name, ready)));
    }

    pub(crate) fn publish(&self) {
        self.statuses.send_replace(shown(&self.members));
        let others = self.others();
        self.others.send_if_modified(|told| {
            let news = *told != others;
            *told = others;
            news
        });
    }

    pub(crate) fn next_id(&mut self) -> usize {
        self.ids += 1;
        self.ids
    }

    fn tell_those_after(&self, name: &str, ready: bool) {
        for member in self.members.iter().filter(|member| member.starts_after(name)) {
            member.tell(after_input(name, ready));
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Need { name, need } => {
                self.know(&name, &need);
                let needy = self.members.iter().filter(|member| member.needs(&name));
                needy.for_each(|member| member.tell(need_input(&name, &need)));
                let others = self.others_mut().filter(|member| member.needs(&name));
                others.for_each(|member| member.tell(need_input(&name, &need)));
            }
            Command::Stop => {
                self.stopping = true;
                self.stop_others(Input::Unwanted);
                self.stop_next();
            }
            Command::Force => {
                self.stopping = true;
                self.stop_others(Input::Force);
                self.members.iter_mut().for_each(|member| member.stop(Input::Force));
            }
            Command::Reload { services, base_env, reply } => {
                let _ = reply.send(self.reload(services, &base_env));
            }
            Command::Candidate { generation, reply } => {
                let _ = reply.send(self.candidate(*generation));
            }
            Command::Promote { drain, reply } => {
                let _ = reply.send(self.promote(drain));
            }
            Command::Discard => self.discard(),
            // Being told so is no end by itself.
            Command::Stay(stays) => self.stays = stays || self.stays && self.has_nothing_to_do(),
            // Whoever asks for it between two lives sees that there is no answer.
            Command::StandStill(_) => {}
            // A supervisor that stops starts nothing.
            Command::Restart { .. } | Command::StartOne { .. } | Command::StopOne { .. } if self.stopping => {}
            Command::Restart { name } => self.one(&name, false, |_| Input::Restart),
            Command::StartOne { name } => self.one(&name, false, |state| match state.is_over() {
                true => Input::Restart,
                false => Input::Wanted,
            }),
            Command::StopOne { name } => self.one(&name, true, |_| Input::Unwanted),
        }
    }

    /// Tells one service what somebody wants of it; one that makes way for another passes it on.
    fn one(&mut self, name: &str, held: bool, input: impl Fn(&State) -> Input) {
        for member in self.members.iter_mut().filter(|member| member.service.name == name) {
            match &mut member.fate {
                Fate::Stays => {
                    member.held = held;
                    member.show_held();
                    let input = input(&member.state);
                    if member.state.is_over() && input == Input::Restart {
                        // Not over any more, although its driver has not said so yet.
                        member.state = State::Spawning;
                    }
                    member.tell(input);
                }
                Fate::Yields(next) => next.held = held,
                Fate::Leaves => {}
            }
        }
    }

    fn know(&mut self, name: &str, need: &Need) {
        match need {
            Need::Met => drop(self.unmet.remove(name)),
            Need::Down { reason } => drop(self.unmet.insert(name.to_owned(), reason.clone())),
        }
    }

    /// Stops everybody that nobody hangs on any more.
    fn stop_next(&mut self) {
        let there = self.members.iter().filter(|member| !member.state.is_over());
        let hung_on: BTreeSet<String> = there.flat_map(|member| member.service.after.iter().cloned()).collect();
        let asked = |member: &&mut Member| !member.told_to_stop && !hung_on.contains(&member.service.name);
        self.members.iter_mut().filter(asked).for_each(|member| member.stop(Input::Unwanted));
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

/// Starts the driver of `member` in this `world`.
pub(crate) fn drive(crew: &mut Option<Crew>, member: &mut Member, world: Vec<Input>) {
    let Some(crew) = crew else { return };
    let (inbox, orders) = mpsc::unbounded_channel();
    member.inbox = Some(inbox);
    let driver = |member: &Member| {
        let (command, life) = (member.command.clone(), member.life.clone());
        Driver::new(member.id, command, life, member.outfit.clone(), crew.changes.clone())
    };
    if let Some(resumed) = member.resumed.take() {
        // It knows its world already.
        crew.drivers.spawn(driver(member).resume(resumed).run(orders));
        return;
    }
    for input in world {
        member.life.step(input, Instant::now());
    }
    crew.drivers.spawn(driver(member).start(orders));
    member.state = State::Spawning;
    if member.held {
        member.tell(Input::Unwanted);
    }
}

fn shown(members: &[Member]) -> Vec<ServiceStatus> {
    members.iter().map(|member| member.status.clone()).collect()
}

/// A driver has ended: its service was replaced or removed.
async fn left(crew: Option<&mut Crew>) {
    match crew {
        Some(crew) if !crew.drivers.is_empty() => drop(crew.drivers.join_next().await),
        _ => std::future::pending().await,
    }
}

fn after_input(name: &str, ready: bool) -> Input {
    let name = name.to_owned();
    if ready { Input::AfterReady { name } } else { Input::AfterFailed { name } }
}

fn need_input(name: &str, need: &Need) -> Input {
    let name = name.to_owned();
    match need {
        Need::Met => Input::NeedMet { name },
        Need::Down { reason } => Input::NeedLost { name, reason: reason.clone() },
    }
}
