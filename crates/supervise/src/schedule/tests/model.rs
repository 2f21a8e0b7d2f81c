//! All that can ever become of a job within three due times: every state that any sequence of inputs leads to, each looked at once.

use super::*;
use std::collections::{BTreeSet, VecDeque};

/// More states than these mean that something grows without end.
const MOST: usize = 60_000;

/// How the next start of a process goes.
#[derive(Clone, Copy, Debug)]
enum Spawns {
    Works,
    FailsOnce,
    FailsForEver,
}

/// A job, what it has asked for, and what time it is.
#[derive(Clone)]
struct Node {
    life: JobLife,
    wall: Timestamp,
    at: Instant,
    alive: bool,
    asking: bool,
    locking: bool,
    stopped: bool,
    /// Due times that may come yet.
    dues: u8,
}

impl Node {
    fn new(job: Job) -> Self {
        let (life, wall, at) = (JobLife::new(Arc::new(job), at(BEGIN)), at(BEGIN), Instant::now());
        Self { life, wall, at, alive: false, asking: false, locking: false, stopped: false, dues: 3 }
    }

    /// What this state is; moments by how far off they are.
    fn key(&self) -> String {
        let off = |at: Instant| at.saturating_duration_since(self.at);
        let phase = match self.life.phase() {
            Phase::Idle => "idle".to_owned(),
            Phase::Asking { plan, waited } => format!("asking {plan:?} {:?}", waited.map(|it| it.pause)),
            Phase::Gated { plan, again, waited, .. } => format!("gated {plan:?} {:?} {:?}", off(*again), waited.pause),
            Phase::Locking { plan, waited } => format!("locking {plan:?} {:?}", waited.map(|it| it.pause)),
            Phase::Running(run) => format!("running {:?} {:?}", run.plan, run.ends.map(off)),
            Phase::Stopping { run, why, kill_at } => format!("stopping {:?} {why:?} {:?}", run.plan, kill_at.map(off)),
            Phase::Retrying { plan, until } => format!("retrying {plan:?} {:?}", off(*until)),
        };
        let rest = format!("{:?}", self.life.hand_over());
        let rest = &rest[rest.find("through:").unwrap()..];
        format!("{phase} {rest} {} {} {} {} {}", self.alive, self.asking, self.locking, self.stopped, self.dues)
    }

    fn next(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for spawns in [Spawns::Works, Spawns::FailsOnce, Spawns::FailsForEver] {
            for input in everything().into_iter().filter(|input| self.allows(input)) {
                let mut node = self.clone();
                match input {
                    Input::Clock => {
                        node.dues -= 1;
                        node.wall += SignedDuration::from_secs(60);
                    }
                    Input::Elapsed => node.at = node.at.max(node.life.next_elapse().unwrap_or(node.at)),
                    _ => {}
                }
                node.take(input, spawns);
                all.push(node);
            }
        }
        all
    }

    fn allows(&self, input: &Input) -> bool {
        match input {
            Input::Clock => self.dues > 0,
            Input::NeedsKnown(_) => self.asking,
            Input::Locked(_) => self.locking,
            Input::Exited(_) => self.alive,
            _ => true,
        }
    }

    fn take(&mut self, input: Input, spawns: Spawns) {
        match input {
            Input::NeedsKnown(_) => self.asking = false,
            Input::Locked(_) => self.locking = false,
            Input::Exited(_) => self.alive = false,
            Input::Stop | Input::Force => self.stopped = true,
            _ => {}
        }
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.life.step(input, Now { wall: self.wall, at: self.at }) {
                match effect {
                    Effect::AskNeeds => self.asking = true,
                    Effect::TakeLock => self.locking = true,
                    Effect::Spawn(_) => {
                        assert!(!self.alive, "two runs at once");
                        assert!(!self.stopped, "a run begins after the end");
                        self.alive = matches!(spawns, Spawns::Works);
                        inputs.push_back(match spawns {
                            Spawns::Works => Input::Spawned(7),
                            Spawns::FailsOnce => Input::SpawnFailed { reason: "again".into(), permanent: false },
                            Spawns::FailsForEver => Input::SpawnFailed { reason: "missing".into(), permanent: true },
                        });
                    }
                    Effect::Signal(_) | Effect::Kill => assert!(self.alive, "a signal to nobody"),
                    Effect::Taken(_) | Effect::Unlock | Effect::Save => {}
                    Effect::Record(_) | Effect::Ping(_) | Effect::Note(_) => {}
                }
            }
        }
    }

    /// What is true in every state.
    fn check(&self) {
        let at_work = matches!(self.life.phase(), Phase::Running(_) | Phase::Stopping { .. });
        assert_eq!(at_work, self.alive, "{:?}", self.life.phase());
        assert!(!matches!(self.life.phase(), Phase::Asking { .. }) || self.asking, "waits for no answer");
        assert!(!matches!(self.life.phase(), Phase::Locking { .. }) || self.locking, "waits for no lock");
        let mut end = self.clone();
        end.take(Input::Stop, Spawns::Works);
        if end.alive {
            end.at = end.at.max(end.life.next_elapse().unwrap_or(end.at));
            end.take(Input::Elapsed, Spawns::Works);
            end.take(Input::Exited(Exit::Signal(9)), Spawns::Works);
        }
        assert_eq!(end.life.phase(), &Phase::Idle, "a stop has no end");
    }
}

fn everything() -> Vec<Input> {
    vec![
        Input::Clock,
        Input::RunNow,
        Input::NeedsKnown(Ok(())),
        Input::NeedsKnown(Err("down".into())),
        Input::NeedMet("main".into()),
        Input::Locked(Ok(())),
        Input::Locked(Err(NoLock::Held("other".into()))),
        Input::Locked(Err(NoLock::Unknown("down".into()))),
        Input::Exited(Exit::Code(0)),
        Input::Exited(Exit::Code(1)),
        Input::Elapsed,
        Input::Stop,
        Input::Force,
    ]
}

/// Looks at every state that `job` can come to; answers how many there are.
fn explore(job: Job) -> usize {
    let first = Node::new(job);
    let mut seen = BTreeSet::from([first.key()]);
    let mut queue = VecDeque::from([first]);
    while let Some(node) = queue.pop_front() {
        node.check();
        for next in node.next() {
            if seen.insert(next.key()) {
                queue.push_back(next);
            }
        }
        assert!(seen.len() < MOST, "the states have no end: {}", seen.last().unwrap());
    }
    seen.len()
}

/// Issue 4, proof: in no state that can be reached are there two runs of a job, a run after the end of everything, or a question that
/// nobody answers; and from everywhere a stop leads to an end.
#[test]
fn in_every_state_there_is() {
    let mut states = 0;
    for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Replace] {
        let timeout = Some(Duration::from_secs(40));
        states += explore(Job { overlap, timeout, retries: 1, needs: vec!["main".into()], ..job(60) });
    }
    assert!(states > 1000, "{states}");
}
