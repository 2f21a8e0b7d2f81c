//! A life as it is handed over to the next version of mainstay.

use super::{Life, tally::Tally};
use crate::state::{Run, State};
use config::Service;
use host::{handover::moment, process::Exit};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// All of a [`Life`] but its rules.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedLife {
    state: State,
    #[serde(with = "moment")]
    since: Instant,
    wanted: bool,
    unmet: BTreeMap<String, String>,
    after: BTreeSet<String>,
    after_failed: Option<String>,
    delay: Duration,
    spawned: bool,
    streak: u32,
    /// How long the next wait of the backoff is.
    wait: Duration,
    tally: Tally,
    restarts: u32,
    last_exit: Option<HandedExit>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct HandedExit {
    exit: Exit,
    #[serde(with = "moment")]
    at: Instant,
}

impl Life {
    pub(crate) fn hand_over(&self) -> HandedLife {
        HandedLife {
            state: self.state.clone(),
            since: self.since,
            wanted: self.wanted,
            unmet: self.unmet.clone(),
            after: self.after.clone(),
            after_failed: self.after_failed.clone(),
            delay: self.delay,
            spawned: self.spawned,
            streak: self.streak,
            wait: self.waits.reached(),
            tally: self.tally.clone(),
            restarts: self.restarts,
            last_exit: self.last_exit.map(|(exit, at)| HandedExit { exit, at }),
        }
    }

    /// The life of `service` goes on.
    pub(crate) fn take_over(service: Arc<Service>, handed: HandedLife) -> Self {
        let mut waits = service.restart.backoff.waits();
        waits.go_on_from(handed.wait);
        Self {
            service,
            state: handed.state,
            since: handed.since,
            wanted: handed.wanted,
            unmet: handed.unmet,
            after: handed.after,
            after_failed: handed.after_failed,
            delay: handed.delay,
            spawned: handed.spawned,
            streak: handed.streak,
            waits,
            tally: handed.tally,
            restarts: handed.restarts,
            last_exit: handed.last_exit.map(|it| (it.exit, it.at)),
            effects: Vec::new(),
        }
    }

    /// Are the dependencies being asked whether they are to blame?
    pub(crate) fn is_asking(&self) -> bool {
        matches!(
            self.state,
            State::Asking { .. }
                | State::Starting(Run { accused: true, .. })
                | State::Running(Run { accused: true, .. })
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Input;
    use config::{App, Sources};

    fn service() -> Arc<Service> {
        let (env, files) = (BTreeMap::new(), config::FileMap::default());
        let file = config::TextFile {
            name: "mainstay.toml".into(),
            text: "[services.bot]\ncommand = \"bot\"\n".into(),
            mode: 0o600,
        };
        let sources = Sources { file: Some(file), ..Sources::new("/srv", &env, &files) };
        let App { mut services, .. } = config::resolve(&sources).unwrap().app;
        Arc::new(services.remove(0))
    }

    /// Issue 4, item 2: restarts, the wait that has been reached and the moment of the next start stay.
    #[test]
    fn a_crash_loop_goes_on_where_it_was() {
        let (service, now) = (service(), Instant::now());
        let mut life = Life::new(service.clone(), service.restart.backoff.waits(), now);
        life.step(Input::Wanted, now);
        for pid in 1..=3 {
            life.step(Input::Spawned { pid }, now);
            life.step(Input::Exited { exit: Exit::Code(1), left_behind: false }, now);
            if let State::Backoff { until } = *life.state() {
                life.step(Input::Elapsed, until);
            }
        }
        life.step(Input::Spawned { pid: 4 }, now);
        life.step(Input::Exited { exit: Exit::Code(1), left_behind: false }, now);
        let text = serde_json::to_string(&life.hand_over()).unwrap();
        let mut other = Life::take_over(service, serde_json::from_str(&text).unwrap());
        assert_eq!((other.restarts(), other.last_exit()), (life.restarts(), life.last_exit()));
        let (State::Backoff { until }, State::Backoff { until: same }) = (life.state(), other.state()) else {
            panic!("{:?} {:?}", life.state(), other.state())
        };
        let (until, same) = (*until, *same);
        let off = until.saturating_duration_since(same).max(same.saturating_duration_since(until));
        assert!(off < Duration::from_millis(100), "{off:?}");
        for life in [&mut life, &mut other] {
            let at = until.max(same);
            life.step(Input::Elapsed, at);
            life.step(Input::Spawned { pid: 5 }, at);
            life.step(Input::Exited { exit: Exit::Code(1), left_behind: false }, at);
        }
        let due = |life: &Life| life.state().due().unwrap().saturating_duration_since(until.max(same));
        assert_eq!(due(&life), due(&other), "the next wait is as long");
    }
}
