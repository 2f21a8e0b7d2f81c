//! A monitor for each dependency of what is run by now: another release may bring others, and a rollback takes them away again.

use super::{World, adapters::Senses};
use config::{App, Dependency, Target};
use health::{Answer, News};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{AbortHandle, JoinSet},
};

/// Nobody waits longer for the first answer of a dependency that is new.
const FIRST: Duration = Duration::from_secs(2);

/// All that watch. They end with this.
pub(super) struct Monitors {
    tasks: JoinSet<()>,
    each: BTreeMap<String, (Dependency, AbortHandle)>,
    tell: UnboundedSender<News>,
}

impl Monitors {
    /// Watches the dependencies that there are by now; the other end hears of them.
    pub(super) fn begin(world: &Arc<World>) -> (Self, UnboundedReceiver<News>) {
        let (tell, news) = unbounded_channel();
        let mut monitors = Self { tasks: JoinSet::new(), each: BTreeMap::new(), tell };
        monitors.follow(world, &world.by_now().dependencies);
        (monitors, news)
    }

    /// From now on these are watched; answers with the names of those that are not any more, or are others by now.
    pub(super) fn follow(&mut self, world: &Arc<World>, dependencies: &[Dependency]) -> Vec<String> {
        let lost: Vec<_> = self
            .each
            .extract_if(.., |_, (watched, task)| {
                let goes = !dependencies.contains(watched);
                goes.then(|| task.abort()).is_some()
            })
            .map(|(name, _)| name)
            .collect();
        while self.tasks.try_join_next().is_some() {}
        for dependency in
            dependencies.iter().filter(|it| !self.each.contains_key(&it.name)).cloned().collect::<Vec<_>>()
        {
            let task = self.watch(world, dependency.clone());
            self.each.insert(dependency.name.clone(), (dependency, task));
        }
        lost
    }

    fn watch(&mut self, world: &Arc<World>, dependency: Dependency) -> AbortHandle {
        let (world, tell) = (world.clone(), self.tell.clone());
        self.tasks.spawn(async move {
            let senses = Senses(world.clone());
            health::watch(&dependency, &senses, &world.board, &*world.journal, tell).await;
        })
    }
}

/// Are they the same one? Each release has a path of its own to a file that all of them share.
pub(crate) fn is_same(one: &Dependency, other: &Dependency) -> bool {
    one.name == other.name && leads_to_same(&one.target, &other.target)
}

/// The same without their names.
pub(crate) fn leads_to_same(one: &Target, other: &Target) -> bool {
    match (one, other) {
        (Target::Sqlite(one), Target::Sqlite(other)) => host::fs::real_path(one) == host::fs::real_path(other),
        _ => one == other,
    }
}

fn is_known(app: &App, dependency: &Dependency) -> bool {
    app.dependencies.iter().any(|known| is_same(known, dependency))
}

/// What dependencies of `app` that are not watched say of themselves, each asked once.
pub(super) async fn first_answers(
    world: &World,
    app: &App,
) -> Vec<(String, Result<Answer, database::Refusal>, Duration)> {
    let (before, probes) = (world.by_now(), world.probes_of(app));
    let mut answers = Vec::new();
    for dependency in app.dependencies.iter().filter(|it| !is_known(&before, it)) {
        let limit = dependency.wait.attempt_timeout.min(FIRST);
        answers.push(match probe::ask(&dependency.target, dependency.access, limit, &probes).await {
            Ok(ready) => (dependency.name.clone(), Ok(Answer::default()), ready.latency),
            Err(refusal) => (dependency.name.clone(), Err(refusal), limit),
        });
    }
    answers
}

/// `app` is what is run by now: its dependencies stand on the board, and are watched.
pub(super) fn depend_on(
    world: &World,
    before: &App,
    app: &App,
    answers: Vec<(String, Result<Answer, database::Refusal>, Duration)>,
) {
    world.board.depend_on(&app.dependencies, |it| is_known(before, it));
    answers.iter().for_each(|(name, said, took)| world.board.asked(name, said, *took));
    world.depends_anew.notify_one();
}
