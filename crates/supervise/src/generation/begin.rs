//! A candidate is begun, and given up.

use super::{Begun, Candidacy, CandidateError, Doorway, Generation};
use crate::{
    input::Input,
    member::Member,
    supervisor::{Supervisor, drive},
};
use config::{Handover, Service};
use host::Env;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

impl Supervisor {
    /// Everything that can fail comes first.
    pub(crate) fn candidate(&mut self, generation: Generation) -> Result<Begun, CandidateError> {
        if self.stopping {
            return Err(CandidateError::NotRunning);
        }
        if self.is_in_between() || !self.members.iter().all(Member::stays) {
            return Err(CandidateError::Another);
        }
        let Generation { services, base_env, outfit } = generation;
        let order = services.iter().map(|service| service.name.clone()).collect();
        let mut candidacy =
            Candidacy { members: Vec::new(), later: Vec::new(), order, outfit: Arc::new(outfit), discarded: false };
        for service in services {
            let beside = self.may_overlap(&service);
            let member = self.another(service, &base_env, &candidacy, beside)?;
            if beside { candidacy.members.push(member) } else { candidacy.later.push(member) }
        }
        let begun = begun(&candidacy, |member| self.shares(member));
        self.candidacy = Some(candidacy);
        self.gone.clear();
        self.begin_candidates();
        self.publish();
        Ok(begun)
    }

    /// One that a person has stopped stays stopped.
    fn may_overlap(&self, service: &Service) -> bool {
        let held = self.live(&service.name).is_some_and(|member| member.held);
        service.handover == Handover::Overlap && !held
    }

    pub(crate) fn live(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.service.name == name)
    }

    fn another(
        &mut self,
        service: Service,
        base_env: &Env,
        candidacy: &Candidacy,
        beside: bool,
    ) -> Result<Member, CandidateError> {
        let id = self.next_id();
        let live = self.live(&service.name).filter(|member| member.service.listen == service.listen);
        let before = live.and_then(|member| member.listening.as_ref());
        let before = before.map(|listening| if beside { listening.beside() } else { listening.clone() });
        Ok(Member::new(id, service, &self.instance, base_env, before, &candidacy.outfit)?)
    }

    /// Has it the very socket of the one that serves?
    fn shares(&self, member: &Member) -> bool {
        let theirs = self.live(&member.service.name).and_then(|live| live.listening.as_ref());
        let ours = member.listening.as_ref();
        ours.zip(theirs).is_some_and(|(ours, theirs)| Arc::ptr_eq(&ours.socket, &theirs.socket))
    }

    fn begin_candidates(&mut self) {
        let Some(mut candidacy) = self.candidacy.take() else { return };
        for at in 0..candidacy.members.len() {
            let world = self.world_of_candidate(&candidacy, &candidacy.members[at]);
            drive(&mut self.crew, &mut candidacy.members[at], world);
        }
        self.candidacy = Some(candidacy);
    }

    /// What it starts after is another candidate, or runs already, or comes with the promotion and is not waited for.
    fn world_of_candidate(&self, candidacy: &Candidacy, member: &Member) -> Vec<Input> {
        let is_candidate = |name: &String| candidacy.members.iter().any(|other| other.service.name == *name);
        let ready = |name: &&String| {
            let later = candidacy.later.iter().any(|other| other.service.name == **name);
            !is_candidate(name) && (later || self.live(name).is_some_and(|live| live.announced))
        };
        let ready = member.service.after.iter().filter(ready);
        let ready = ready.map(|name| Input::AfterReady { name: name.clone() });
        self.unmet_of(member).chain(ready).collect()
    }

    /// Stops the candidate. It is forgotten when nobody of it is left.
    pub(crate) fn discard(&mut self) {
        let Some(candidacy) = &mut self.candidacy else { return };
        candidacy.discarded = true;
        candidacy.members.iter_mut().for_each(|member| member.stop(Input::Unwanted));
        self.settle_others();
        self.publish();
    }
}

/// Where it is asked: at the socket that it is given, or the port that it is told.
fn address(member: &Member) -> Option<SocketAddr> {
    let own = member.service.port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let listened = member.service.listen.map(|mut address| {
        address.set_port(member.listening.as_ref().map_or(address.port(), |listening| listening.port));
        address
    });
    listened.or(own)
}

fn begun(candidacy: &Candidacy, shares: impl Fn(&Member) -> bool) -> Begun {
    let doorway = |member: &Member| Doorway {
        service: member.service.name.clone(),
        address: address(member),
        led: member.listening.as_ref().is_some_and(|listening| listening.second),
        shared: shares(member),
    };
    Begun {
        beside: candidacy.members.iter().map(doorway).collect(),
        later: candidacy.later.iter().map(|member| member.service.name.clone()).collect(),
    }
}

impl Candidacy {
    /// Nobody of it is left.
    pub(crate) fn is_gone(&self) -> bool {
        self.members.iter().all(|member| member.state.is_over())
    }
}
