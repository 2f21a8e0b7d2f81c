//! Whether a release that answers already stays: a verdict on what is seen of it for a while.
//!
//! An outage of a database is no fault of the release: while one that services need is away, the clock of the watch stands
//! still, and services that are not well do not count. One that lets nobody in any more, because all connections are taken, does.

use std::{collections::BTreeMap, time::Duration};

/// So often in a row a service may be seen unwell before that counts; it may just have been asked at a bad moment.
const PATIENCE: u32 = 3;

/// What is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// So long it is watched.
    pub window: Duration,
    /// More lines of level error than so many are too many. None: they are not counted.
    pub errors: Option<u64>,
}

/// One look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Each service of the release.
    pub services: Vec<Service>,
    /// Databases that are not ready, by name.
    pub databases: Vec<(String, Database)>,
    /// Lines of level error since the switch.
    pub errors: u64,
    /// The last of these lines.
    pub last_error: Option<String>,
}

/// How a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Is it running, and healthy where that is asked?
    pub well: bool,
    /// How often it was started again, since it is known.
    pub restarts: u64,
    /// Will it not be started again?
    pub failed: bool,
    /// In its own words.
    pub state: String,
}

/// Why a database is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// Away, or about to come.
    Away,
    /// All connections are taken.
    Full,
}

/// What follows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// So much of the window is left.
    GoOn(Duration),
    /// It stays.
    Passed,
    /// It goes, for this cause.
    Broken(String),
}

/// A watch.
#[derive(Clone, Debug)]
pub struct Watch {
    limits: Limits,
    watched: Duration,
    last: Option<Duration>,
    restarts: BTreeMap<String, u64>,
    unwell: BTreeMap<String, u32>,
    full: u32,
}

impl Watch {
    /// Nothing has been seen yet. `before` is how often each service had been started again when the watch began.
    pub fn new(limits: Limits, before: BTreeMap<String, u64>) -> Self {
        Self { limits, watched: Duration::ZERO, last: None, restarts: before, unwell: BTreeMap::new(), full: 0 }
    }

    /// Takes in one look at moment `at`, a time since any moment.
    pub fn look(&mut self, at: Duration, look: &Look) -> Judgement {
        let away = look.databases.iter().any(|(_, how)| *how == Database::Away);
        let since = self.last.replace(at).map_or(Duration::ZERO, |last| at.saturating_sub(last));
        let broken = self.too_many_errors(look).or_else(|| self.full(look));
        let broken = if away { self.forgive(look) } else { broken.or_else(|| self.unwell(look)) };
        if let Some(cause) = broken {
            return Judgement::Broken(cause);
        }
        if !away {
            self.watched += since;
        }
        match self.limits.window.saturating_sub(self.watched) {
            Duration::ZERO if self.unwell.values().all(|times| *times == 0) => Judgement::Passed,
            left => Judgement::GoOn(left),
        }
    }

    fn too_many_errors(&self, look: &Look) -> Option<String> {
        let most = self.limits.errors?;
        (look.errors > most).then(|| {
            let last = look.last_error.as_ref().map(|line| format!("; the last one: {line}")).unwrap_or_default();
            format!("{} since the switch, more than {most}{last}", report::count(count(look.errors), "error"))
        })
    }

    fn full(&mut self, look: &Look) -> Option<String> {
        let full = look.databases.iter().find(|(_, how)| *how == Database::Full);
        self.full = if full.is_some() { self.full + 1 } else { 0 };
        full.filter(|_| self.full >= PATIENCE).map(|(name, _)| format!("all connections of `{name}` are taken"))
    }

    /// Nobody is blamed for what he cannot help; what was restarted meanwhile does not count later either.
    fn forgive(&mut self, look: &Look) -> Option<String> {
        self.unwell.clear();
        self.restarts.extend(look.services.iter().map(|it| (it.name.clone(), it.restarts)));
        None
    }

    fn unwell(&mut self, look: &Look) -> Option<String> {
        let mut broken = None;
        for service in &look.services {
            let before = *self.restarts.entry(service.name.clone()).or_insert(service.restarts);
            let times = self.unwell.entry(service.name.clone()).or_default();
            *times = if service.well { 0 } else { *times + 1 };
            let cause = match service {
                it if it.failed => Some(format!("`{}` has failed: {}", it.name, it.state)),
                it if it.restarts > before => Some(format!("`{}` had to be started again: {}", it.name, it.state)),
                it if *times >= PATIENCE => Some(format!("`{}` is not well: {}", it.name, it.state)),
                _ => None,
            };
            broken = broken.or(cause);
        }
        broken
    }
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn s(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn watch(errors: Option<u64>) -> Watch {
        Watch::new(Limits { window: s(10), errors }, BTreeMap::new())
    }

    fn api(well: bool, restarts: u64) -> Look {
        let state = if well { "active" } else { "exit 1" };
        let service = Service { name: "api".into(), well, restarts, failed: false, state: state.into() };
        Look { services: vec![service], ..Look::default() }
    }

    fn away(look: Look) -> Look {
        Look { databases: vec![("main".into(), Database::Away)], ..look }
    }

    /// S0.7, issue 6, point 5: it stays when it was well for the whole window.
    #[test]
    fn who_is_well_to_the_end_stays() {
        let mut watch = watch(None);
        assert_eq!(watch.look(s(0), &api(true, 2)), Judgement::GoOn(s(10)));
        assert_eq!(watch.look(s(4), &api(true, 2)), Judgement::GoOn(s(6)));
        assert_eq!(watch.look(s(10), &api(true, 2)), Judgement::Passed);
    }

    /// Issue 6, point 5: a crash in the window is the end, also when it has come back by itself.
    #[test]
    fn a_restart_is_the_end() {
        let mut watch = watch(None);
        watch.look(s(0), &api(true, 0));
        let broken = watch.look(s(1), &api(true, 1));
        assert_eq!(broken, Judgement::Broken("`api` had to be started again: active".into()));
    }

    /// Issue 6, point 5: one bad moment is none; three in a row are.
    #[test]
    fn unwell_three_times_in_a_row_is_the_end() {
        let mut watch = watch(None);
        for (at, well) in [(0, true), (1, false), (2, false), (3, true), (4, false), (5, false)] {
            assert!(matches!(watch.look(s(at), &api(well, 0)), Judgement::GoOn(_)), "{at}");
        }
        assert_eq!(watch.look(s(6), &api(false, 0)), Judgement::Broken("`api` is not well: exit 1".into()));
    }

    /// Issue 6, point 5: it does not pass in the middle of a bad moment.
    #[test]
    fn nobody_passes_while_unwell() {
        let mut watch = watch(None);
        watch.look(s(0), &api(true, 0));
        assert_eq!(watch.look(s(12), &api(false, 0)), Judgement::GoOn(s(0)));
        assert_eq!(watch.look(s(13), &api(true, 0)), Judgement::Passed);
    }

    /// S0.7, issue 6, point 5: an outage of the database neither counts nor lets time pass.
    #[test]
    fn an_outage_is_nobodys_fault() {
        let mut watch = watch(None);
        watch.look(s(0), &api(true, 0));
        for at in 1..60 {
            assert_eq!(watch.look(s(at), &away(api(false, at))), Judgement::GoOn(s(10)));
        }
        assert_eq!(watch.look(s(60), &api(true, 59)), Judgement::GoOn(s(9)));
        assert_eq!(watch.look(s(69), &api(true, 59)), Judgement::Passed);
    }

    /// Issue 6, point 5: connections that leak are the release's fault.
    #[test]
    fn taken_connections_are_the_releases_fault() {
        let mut watch = watch(None);
        let full = Look { databases: vec![("main".into(), Database::Full)], ..api(true, 0) };
        watch.look(s(0), &full);
        watch.look(s(1), &full);
        assert_eq!(watch.look(s(2), &full), Judgement::Broken("all connections of `main` are taken".into()));
    }

    /// S1.7, issue 6, point 5: errors in the log, where a limit is set.
    #[test]
    fn too_many_errors_are_the_end() {
        let errors = |errors| Look { errors, last_error: Some("boom".into()), ..api(true, 0) };
        assert!(matches!(watch(None).look(s(0), &errors(99)), Judgement::GoOn(_)));
        let mut watch = watch(Some(2));
        assert!(matches!(watch.look(s(0), &errors(2)), Judgement::GoOn(_)));
        let cause = "3 errors since the switch, more than 2; the last one: boom";
        assert_eq!(watch.look(s(1), &errors(3)), Judgement::Broken(cause.into()));
    }

    proptest! {
        /// Issue 6, point 5: it ends, and never passes with a restart that counts.
        #[test]
        fn it_ends_and_is_just(looks in prop::collection::vec((any::<bool>(), 0u64..2, any::<bool>()), 1..60)) {
            let mut watch = watch(None);
            let (mut restarts, mut counted) = (0, false);
            watch.look(s(0), &api(true, 0));
            for (at, (well, more, down)) in (1..).zip(looks) {
                restarts += more;
                let look = api(well, restarts);
                counted |= more > 0 && !down;
                match watch.look(s(at), &if down { away(look) } else { look }) {
                    Judgement::Passed => {
                        prop_assert!(!counted);
                        prop_assert!(watch.watched >= s(10));
                        return Ok(());
                    }
                    Judgement::Broken(_) => {
                        prop_assert!(!down);
                        return Ok(());
                    }
                    Judgement::GoOn(left) => prop_assert!(left <= s(10) && !counted),
                }
            }
        }
    }
}
