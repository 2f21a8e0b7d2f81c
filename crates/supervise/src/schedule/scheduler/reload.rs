//! Other jobs than before, while runs at work go on.

use super::Scheduler;
use crate::{
    reload::{ReloadError, Reloaded},
    schedule::phase::{Input, Phase},
};
use config::Job;
use host::Env;
use std::sync::Arc;

impl Scheduler {
    /// Runs at work are not touched: what changed counts for the next try and the next run.
    pub(super) async fn reload(&mut self, jobs: Vec<Job>, base_env: &Env) -> Result<Reloaded, ReloadError> {
        if self.stopping {
            return Err(ReloadError::NotRunning);
        }
        let order: Vec<_> = jobs.iter().map(|job| job.name.clone()).collect();
        let mut reloaded = Reloaded { removed: self.retire_others(&order).await, ..Reloaded::default() };
        for job in jobs {
            self.take_up(job, base_env, &mut reloaded).await;
        }
        let place = |name: &String| order.iter().position(|other| other == name).unwrap_or(usize::MAX);
        self.members.sort_by_key(|member| place(&member.life.job().name));
        self.settle();
        self.save().await;
        if !self.by_hand {
            self.look_at_the_calendar().await;
        }
        Ok(reloaded)
    }

    async fn retire_others(&mut self, names: &[String]) -> Vec<String> {
        let others = self.members.iter().filter(|member| !member.retired && !names.contains(&member.life.job().name));
        let others: Vec<_> = others.map(|member| (member.id, member.life.job().name.clone())).collect();
        for (id, _) in &others {
            if let Some(member) = self.members.iter_mut().find(|member| member.id == *id) {
                member.retired = true;
            }
            self.feed(*id, Input::Retire).await;
            self.call_off(*id);
        }
        others.into_iter().map(|(_, name)| name).collect()
    }

    async fn take_up(&mut self, job: Job, base_env: &Env, reloaded: &mut Reloaded) {
        let name = job.name.clone();
        let Some(member) = self.members.iter_mut().find(|member| member.life.job().name == name) else {
            reloaded.added.push(name);
            let member = self.member(job, base_env);
            return self.members.push(member);
        };
        let env = super::environment(&job, base_env);
        if !member.retired && **member.life.job() == job && member.env == env {
            return reloaded.unchanged.push(name);
        }
        let known = if std::mem::take(&mut member.retired) { &mut reloaded.added } else { &mut reloaded.changed };
        known.push(name);
        member.env = env;
        let id = member.id;
        self.feed(id, Input::Rules(Arc::new(job))).await;
    }

    /// Whoever is retired and has nothing at work any more is forgotten; what was run of it stays in the book.
    pub(super) fn settle(&mut self) {
        self.members.retain(|member| !(member.retired && *member.life.phase() == Phase::Idle));
    }
}
