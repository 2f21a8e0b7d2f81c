//! Jobs are handed over to the next version of mainstay, or taken over from the one before, runs at work included.

use super::{Member, Scheduler};
use crate::{
    schedule::{
        attend::{Group, Order},
        handed::{HandedJob, HandedJobs, HandedRun, JobsNotStill},
        handle::Told,
        life::JobLife,
    },
    still::{Freeze, Until},
};
use config::Job;
use host::{
    Env,
    handover::{Descriptors, Handing},
};
use std::{io, sync::Arc};

impl Scheduler {
    /// The same for jobs that an earlier version of this process has handed over. What was at work goes on.
    ///
    /// # Errors
    /// When something of a job did not arrive.
    pub fn resume(
        mut self,
        jobs: Vec<Job>,
        base_env: &Env,
        handed: HandedJobs,
        all: &mut Descriptors,
    ) -> io::Result<Self> {
        let HandedJobs { book, jobs: mut known } = handed;
        self.book = book;
        for job in jobs {
            match known.iter().position(|it| it.name == job.name) {
                Some(at) => self.go_on(job, base_env, known.swap_remove(at), all)?,
                None => {
                    let member = self.member(job, base_env);
                    self.members.push(member);
                }
            }
        }
        self.publish();
        Ok(self)
    }

    fn go_on(&mut self, job: Job, base_env: &Env, handed: HandedJob, all: &mut Descriptors) -> io::Result<()> {
        let HandedJob { life, run, guard, unlock, .. } = handed;
        let guard = guard.map(|guard| self.outfit.surroundings.take_over(&job, guard, all)).transpose()?;
        let life = JobLife::take_over(Arc::new(job), life);
        let member = self.member_with(life, base_env);
        self.members.push(Member { guard, unlock, ..member });
        if let Some(run) = run {
            let (child, outputs) = run.take(&*self.outfit.spawner, all)?;
            let pid = child.pid();
            self.stay_with(self.members.len() - 1, pid, Group::new(child), outputs);
        }
        Ok(())
    }

    /// Whatever has lost its answer with an earlier version is asked again.
    pub(super) async fn ask_again(&mut self) {
        for index in 0..self.members.len() {
            if let Some(effect) = self.members[index].life.unanswered()
                && let Some(input) = self.carry_out(index, effect).await
            {
                self.feed(self.members[index].id, input).await;
            }
        }
    }

    /// Tells what is handed over, and stands still with whoever is with a run until let go.
    pub(super) async fn stand_still(&mut self, freeze: Freeze<Told>) {
        match self.all_stand_still(freeze.until()).await {
            Ok(told) => freeze.answer(Ok(told)).await,
            Err(error) => freeze.refuse(Err(error)),
        }
    }

    async fn all_stand_still(&mut self, until: &Until) -> Told {
        while self.pings.try_join_next().is_some() {}
        match (self.stopping, self.pings.is_empty()) {
            (true, _) => return Err(JobsNotStill::NotRunning),
            (_, false) => return Err(JobsNotStill::Pings),
            (false, true) => {}
        }
        let (mut all, mut jobs) = (Handing::default(), Vec::with_capacity(self.members.len()));
        for index in 0..self.members.len() {
            let run = self.run_stands_still(index, until, &mut all).await?;
            jobs.push(self.members[index].hand_over(run, &mut all)?);
        }
        Ok((HandedJobs { book: self.book.clone(), jobs }, all))
    }

    async fn run_stands_still(
        &mut self,
        index: usize,
        until: &Until,
        all: &mut Handing,
    ) -> Result<Option<HandedRun>, JobsNotStill> {
        let member = &mut self.members[index];
        let Some(orders) = member.orders.clone() else { return Ok(None) };
        let job = member.life.job().name.clone();
        let (freeze, told) = Freeze::ask(until);
        let sent = orders.send(Order::Freeze(freeze)).is_ok();
        match told.await {
            Ok(Ok((run, handing))) if sent => {
                all.extend(handing);
                Ok(Some(run))
            }
            Ok(Err(error)) => Err(JobsNotStill::Unable { job, why: error.to_string() }),
            Ok(_) | Err(_) => Err(JobsNotStill::Ends { job }),
        }
    }
}

impl Member {
    fn hand_over(&self, run: Option<HandedRun>, all: &mut Handing) -> Result<HandedJob, JobsNotStill> {
        let name = self.life.job().name.clone();
        if self.retired {
            return Err(JobsNotStill::Retired { job: name });
        }
        let unable = |error: io::Error| JobsNotStill::Unable { job: name.clone(), why: error.to_string() };
        let guard = self.guard.as_ref().map(|guard| guard.hand_over(all)).transpose().map_err(unable)?;
        Ok(HandedJob { name, life: self.life.hand_over(), run, guard, unlock: self.unlock })
    }
}
