//! Other services than before, while those that are the same go on.

use crate::{
    input::Input,
    listen::ListenError,
    member::{Fate, Member},
    supervisor::Supervisor,
};
use config::Service;
use host::Env;

/// What a reload has begun to do, by the names of services, or of jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// They are as before and were not touched.
    pub unchanged: Vec<String>,
    /// They are stopped, and started as they are now.
    pub changed: Vec<String>,
    /// They are started.
    pub added: Vec<String>,
    /// They are stopped and forgotten.
    pub removed: Vec<String>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// A new socket could not be bound.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// There are two generations.
    #[error("a release is beside the one that serves, or the one before has not ended yet")]
    Candidate,
    /// The services are not started yet, or being stopped.
    #[error("the services are not started yet, or are being stopped")]
    NotRunning,
}

/// What becomes of one of the services that shall be.
enum Step {
    Keep { at: usize },
    Replace { at: usize, with: Box<Member> },
    Add(Box<Member>),
}

impl Supervisor {
    /// Everything that can fail comes first.
    pub(crate) fn reload(&mut self, services: Vec<Service>, base_env: &Env) -> Result<Reloaded, ReloadError> {
        if self.stopping {
            return Err(ReloadError::NotRunning);
        }
        if self.is_in_between() {
            return Err(ReloadError::Candidate);
        }
        let order: Vec<_> = services.iter().map(|service| service.name.clone()).collect();
        let steps = services.into_iter().map(|service| self.step_for(service, base_env));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        let mut reloaded = Reloaded { removed: self.retire_others(&order), ..Reloaded::default() };
        for step in steps {
            self.take(step, &mut reloaded);
        }
        let place = |member: &Member| order.iter().position(|name| *name == member.service.name).unwrap_or(usize::MAX);
        self.members.sort_by_key(place);
        self.settle();
        self.publish();
        Ok(reloaded)
    }

    fn step_for(&mut self, service: Service, base_env: &Env) -> Result<Step, ListenError> {
        let id = self.next_id();
        let Some(at) = self.members.iter().position(|member| member.service.name == service.name) else {
            let member = Member::new(id, service, &self.instance, base_env, None, &self.outfit)?;
            return Ok(Step::Add(Box::new(member)));
        };
        let member = &self.members[at];
        let latest = if let Fate::Yields(next) = &member.fate { next } else { member };
        if !latest.differs(&service, base_env) && !matches!(member.fate, Fate::Leaves) {
            return Ok(Step::Keep { at });
        }
        let before = latest.listening.clone().filter(|_| latest.service.listen == service.listen);
        let with = Member::new(id, service, &self.instance, base_env, before, &self.outfit)?;
        Ok(Step::Replace { at, with: Box::new(with) })
    }

    fn retire_others(&mut self, names: &[String]) -> Vec<String> {
        let others = self.members.iter_mut().filter(|member| !names.contains(&member.service.name));
        let retire = |member: &mut Member| {
            member.fate = Fate::Leaves;
            member.tell(Input::Unwanted);
            member.service.name.clone()
        };
        others.map(retire).collect()
    }

    fn take(&mut self, step: Step, reloaded: &mut Reloaded) {
        match step {
            Step::Keep { at } => reloaded.unchanged.push(self.members[at].service.name.clone()),
            Step::Replace { at, mut with } => {
                let member = &mut self.members[at];
                reloaded.changed.push(with.service.name.clone());
                with.held = member.held;
                member.tell(Input::Unwanted);
                member.fate = Fate::Yields(with);
            }
            Step::Add(member) => {
                reloaded.added.push(member.service.name.clone());
                self.members.push(*member);
                self.begin(self.members.len() - 1);
            }
        }
    }

    /// Whoever is over makes way; one whose group survived `SIGKILL` not before that is gone.
    pub(crate) fn settle(&mut self) {
        let mut at = 0;
        while at < self.members.len() && !self.stopping {
            let member = &mut self.members[at];
            if member.stays() || !member.state.is_gone() {
                at += 1;
                continue;
            }
            match std::mem::replace(&mut member.fate, Fate::Leaves) {
                Fate::Yields(next) => {
                    let before = std::mem::replace(&mut self.members[at], *next);
                    self.members[at].ended_before = before.status.exited_at;
                    self.begin(at);
                    at += 1;
                }
                Fate::Stays | Fate::Leaves => drop(self.members.remove(at)),
            }
        }
    }
}
