//! Who is there besides the services that serve.

use super::Beside;
use crate::{input::Input, member::Member, status::ServiceStatus, supervisor::Supervisor};
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Connections that were led to the old socket are still on their way for so long.
const UNDERWAY: Duration = Duration::from_millis(25);

/// The interval between two looks at its queue.
const LOOK: Duration = Duration::from_millis(5);

/// Who accepts nothing for this long does not accept what waits, either.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where it is told who is there.
pub(crate) type Others = watch::Sender<Beside>;

/// A service that was replaced.
pub(crate) struct Leaving {
    pub(crate) member: Member,
    drain: Option<Duration>,
    since: Instant,
    /// Connections may wait at a socket that is its alone: those are its own yet.
    queue: bool,
}

impl Leaving {
    pub(super) fn new(member: Member, drain: Option<Duration>, queue: bool) -> Self {
        Self { member, drain, since: Instant::now(), queue }
    }

    /// Has it taken all that will come?
    fn has_all(&self, now: Instant) -> bool {
        let quiet = self.member.listening.as_ref().is_none_or(|listening| listening.is_quiet());
        !self.queue || now >= self.since + PATIENCE || (now >= self.since + UNDERWAY && quiet)
    }

    fn go(&mut self, now: Instant) {
        self.member.stop(Input::Unwanted);
        if let Some(drain) = self.drain {
            self.member.tell(Input::Extended { until: now + drain });
        }
    }
}

impl Supervisor {
    /// Are there two generations?
    pub(crate) fn is_in_between(&self) -> bool {
        self.candidacy.is_some() || !self.leaving.is_empty()
    }

    /// Tells those to go who have nothing left to accept.
    pub(crate) fn let_go(&mut self, now: Instant) {
        let all = self.leaving.iter_mut().filter(|leaving| !leaving.member.told_to_stop);
        all.filter(|leaving| leaving.has_all(now)).for_each(|leaving| leaving.go(now));
        self.settle_others();
    }

    /// Resolves when it is time for that again.
    pub(crate) fn next_look(&self) -> impl Future<Output = ()> + use<> {
        let waits = self.leaving.iter().any(|leaving| !leaving.member.told_to_stop);
        let at = Instant::now() + LOOK;
        async move { if waits { sleep_until(at).await } else { std::future::pending().await } }
    }

    /// Whoever is over is forgotten.
    pub(crate) fn settle_others(&mut self) {
        let over = |leaving: &mut Leaving| leaving.member.state.is_over() && leaving.member.told_to_stop;
        let gone: Vec<_> = self.leaving.extract_if(.., over).collect();
        for Leaving { mut member, .. } in gone {
            self.gone.push(member.status.clone());
            member.inbox = None;
            let ours = member.listening.take();
            let others = self.members.iter_mut().filter(|other| other.service.name == member.service.name);
            let others = others.filter_map(|other| other.listening.as_mut());
            others.for_each(|theirs| theirs.be_alone(ours.as_ref()));
        }
        if let Some(candidacy) = self.candidacy.take_if(|it| it.discarded && it.is_gone()) {
            for member in candidacy.members {
                let live = self.members.iter_mut().find(|live| live.service.name == member.service.name);
                let live = live.and_then(|live| live.listening.as_mut());
                live.into_iter().for_each(|live| live.be_alone(member.listening.as_ref()));
            }
        }
    }

    /// Everybody is stopped, so they are, too.
    pub(crate) fn stop_others(&mut self, how: Input) {
        if let Some(candidacy) = &mut self.candidacy {
            candidacy.discarded = true;
            candidacy.members.iter_mut().for_each(|member| member.stop(how.clone()));
        }
        self.leaving.iter_mut().for_each(|leaving| leaving.member.stop(how.clone()));
        self.settle_others();
    }

    pub(crate) fn others(&self) -> Beside {
        let status = |member: &Member| member.status.clone();
        let ended_before = |member: &Member| Some((member.service.name.clone(), member.ended_before?));
        Beside {
            candidates: self.candidacy.iter().flat_map(|it| &it.members).map(status).collect(),
            leaving: self.leaving.iter().map(|leaving| status(&leaving.member)).collect(),
            gone: self.gone.clone(),
            ended_before: self.members.iter().filter_map(ended_before).collect(),
        }
    }

    /// Services of the candidate and those that leave.
    pub(crate) fn others_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        let candidates = self.candidacy.iter_mut().flat_map(|it| it.members.iter_mut());
        candidates.chain(self.leaving.iter_mut().map(|leaving| &mut leaving.member))
    }
}

impl Beside {
    /// The statuses of nobody.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.leaving.is_empty()
    }

    /// What one that has left was like last.
    pub fn last_of(&self, service: &str) -> Option<&ServiceStatus> {
        self.gone.iter().find(|status| status.name == service)
    }
}
