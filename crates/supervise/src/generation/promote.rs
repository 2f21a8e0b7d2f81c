//! The candidate takes the place of the release that serves.

use super::{Candidacy, CandidateError, Leaving, Promotion};
use crate::{
    input::Input,
    member::{Fate, Member},
    supervisor::Supervisor,
};
use std::time::Duration;
use tokio::time::Instant;

impl Supervisor {
    /// From here on there is no way back but another promotion. Those before get `drain` to finish what they have begun, or what their
    /// own rules say if that is longer.
    pub(crate) fn promote(&mut self, drain: Option<Duration>) -> Result<Promotion, CandidateError> {
        if self.stopping {
            return Err(CandidateError::NotRunning);
        }
        let Some(candidacy) = self.candidacy.take_if(|it| !it.discarded && it.unready().is_empty()) else {
            return Err(self.unpromotable());
        };
        let Candidacy { members, later, order, outfit, .. } = candidacy;
        let mut done = Promotion { removed: self.let_others_go(&order, drain), ..Promotion::default() };
        outfit.meters.go_on_from(&self.outfit.meters, Instant::now());
        self.handle.measure_by(&outfit.meters);
        self.outfit = outfit;
        for member in members {
            self.switch(member, drain, &mut done);
        }
        for member in later {
            self.swap(member, &mut done);
        }
        let place = |member: &Member| order.iter().position(|name| *name == member.service.name).unwrap_or(usize::MAX);
        self.members.sort_by_key(place);
        self.settle();
        self.let_go(Instant::now());
        self.publish();
        Ok(done)
    }

    fn unpromotable(&self) -> CandidateError {
        match &self.candidacy {
            Some(candidacy) if !candidacy.discarded => CandidateError::Unready { services: candidacy.unready() },
            _ => CandidateError::None,
        }
    }

    /// Services that the new release does not have.
    fn let_others_go(&mut self, order: &[String], drain: Option<Duration>) -> Vec<String> {
        let gone = self.members.extract_if(.., |member| !order.contains(&member.service.name));
        let gone: Vec<_> = gone.collect();
        let names = gone.iter().map(|member| member.service.name.clone()).collect();
        self.leaving.extend(gone.into_iter().map(|member| Leaving::new(member, drain, false)));
        names
    }

    fn switch(&mut self, member: Member, drain: Option<Duration>, done: &mut Promotion) {
        let name = member.service.name.clone();
        // What cannot be led any more goes on as it was led, and the old one, which nobody asks, ends all the same.
        let led = member.listening.as_ref().is_some_and(|listening| listening.second && listening.lead().is_ok());
        match self.members.iter().position(|live| live.service.name == name) {
            Some(at) => {
                let before = std::mem::replace(&mut self.members[at], member);
                self.leaving.push(Leaving::new(before, drain, led));
                done.switched.push(name);
            }
            None => {
                self.members.push(member);
                done.added.push(name);
            }
        }
    }

    fn swap(&mut self, mut with: Member, done: &mut Promotion) {
        let name = with.service.name.clone();
        match self.members.iter().position(|live| live.service.name == name) {
            Some(at) => {
                let live = &mut self.members[at];
                with.held = live.held;
                live.tell(Input::Unwanted);
                live.fate = Fate::Yields(Box::new(with));
                done.swapped.push(name);
            }
            None => {
                self.members.push(with);
                self.begin(self.members.len() - 1);
                done.added.push(name);
            }
        }
    }
}

impl Candidacy {
    /// Its services that are not ready.
    pub(crate) fn unready(&self) -> Vec<String> {
        let late = self.members.iter().filter(|member| !member.has_come());
        late.map(|member| member.service.name.clone()).collect()
    }
}
