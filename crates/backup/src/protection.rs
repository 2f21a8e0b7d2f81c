//! How well the copies of a database protect it. Pure.

use crate::{Attempt, Copy, CutOff, Exposure, Id, Kind, Manifest, Source, attempt::Failure};
use config::Target;
use jiff::Timestamp;
use report::{Verdict, age};
use std::{collections::BTreeSet, time::Duration};

/// How well the copies of a database protect it. What depends on the time is computed when it is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Protection {
    /// The newest VERIFIED copy.
    pub newest: Option<Newest>,
    /// Copies, of whatever state; one that lies in several places is one.
    pub copies: usize,
    /// Those of them that are VERIFIED.
    pub verified: usize,
    /// Why the last try did not end in a VERIFIED copy, if it did not.
    pub failing: Option<Failure>,
    /// The last failure, also one that was followed by a success.
    pub failure: Option<Failure>,
    /// Which database it is, by the directory of its copies, once there are any.
    pub database: Option<String>,
    /// A restore of it that was cut off, and that nobody has looked after yet.
    pub cut_off: Option<CutOff>,
}

/// The newest VERIFIED copy.
#[derive(Clone, Debug, PartialEq)]
pub struct Newest {
    /// Its name.
    pub id: Id,
    /// The moment that it shows.
    pub taken: Timestamp,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Seconds that its restore took when it was tried.
    pub restore: Option<f64>,
}

impl Protection {
    /// By these copies, of which those of `target` count, and by the last try.
    pub fn of(target: &Target, copies: &[Copy], attempt: Option<&Attempt>) -> Self {
        let known = attempt.and_then(|attempt| attempt.database.as_deref());
        let of_it = |copy: &&Copy| match known {
            Some(id) => copy.database == id,
            None => copy.known().is_some_and(|manifest| is_at(&manifest.source, target)),
        };
        let ours: Vec<_> = copies.iter().filter(of_it).collect();
        let verified = || ours.iter().filter_map(|copy| copy.known()).filter(|manifest| manifest.is_verified());
        let distinct = |ids: BTreeSet<Id>| ids.len();
        Self {
            newest: verified().max_by_key(|manifest| (manifest.taken, manifest.id)).map(Newest::of),
            copies: distinct(ours.iter().map(|copy| copy.id).collect()),
            verified: distinct(verified().map(|manifest| manifest.id).collect()),
            failing: attempt.and_then(Attempt::failed).cloned(),
            failure: attempt.and_then(|attempt| attempt.failure.clone()),
            database: known.map(str::to_owned).or_else(|| Some(ours.first()?.database.clone())),
            cut_off: None,
        }
    }

    /// The same with what is known of it of restores that were cut off.
    pub fn with(mut self, cut_off: Vec<CutOff>) -> Self {
        self.cut_off = cut_off.into_iter().find(|it| Some(&it.database) == self.database.as_ref());
        self
    }

    /// What would be lost if the disk died now.
    pub fn exposure(&self, now: Timestamp) -> Exposure {
        Exposure {
            lose: self.age(now).map(|age| age.as_secs_f64()),
            back: self.newest.as_ref().and_then(|it| it.restore),
        }
    }

    /// How old the newest VERIFIED copy is. A clock that was set back makes none younger than new.
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.newest.as_ref().map(|newest| since(newest.taken, now))
    }

    /// Is a VERIFIED copy missing that should be there by now? `watched` is since when somebody sees to it: before the first copy was
    /// due, none is missing.
    pub fn is_stale(&self, limit: Option<Duration>, watched: Timestamp, now: Timestamp) -> bool {
        let Some(limit) = limit else { return false };
        match self.age(now) {
            Some(age) => age > limit,
            None => self.failing.is_some() || since(watched, now) > limit,
        }
    }

    /// `pass` while it is protected, `fail` when a copy is missing, `skipped` before the first one was due.
    pub fn verdict(&self, stale: bool) -> Verdict {
        match (stale, &self.newest) {
            (true, _) => Verdict::Fail,
            (false, Some(_)) => Verdict::Pass,
            (false, None) => Verdict::Skipped,
        }
    }

    /// What is wrong, for people: `no VERIFIED copy for 3 d 2 h (limit 1 d 2 h): no room`.
    pub fn complaint(&self, limit: Option<Duration>, watched: Timestamp, now: Timestamp) -> Option<String> {
        let stale = self.is_stale(limit, watched, now);
        let because = self.failing.as_ref().map(|failure| format!(": {}", failure.reason)).unwrap_or_default();
        let limit = limit.map(|limit| format!(" (limit {})", age(limit))).unwrap_or_default();
        match (stale, self.age(now), &self.failing) {
            (true, Some(old), _) => Some(format!("the newest VERIFIED copy is {} old{limit}{because}", age(old))),
            (true, None, _) => Some(format!("there is no VERIFIED copy{because}")),
            (false, _, Some(_)) => Some(format!("the last try failed{because}")),
            (false, ..) => self.cut_off.as_ref().map(|it| format!("{it}; `mainstay restore --undo` settles it")),
        }
    }
}

impl Newest {
    fn of(manifest: &Manifest) -> Self {
        Self {
            id: manifest.id,
            taken: manifest.taken,
            bytes: manifest.bytes(),
            rows: manifest.content.rows(),
            restore: manifest.proof.as_ref().map(|proof| proof.restore),
        }
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// Is this where it was copied from? Only for a database that nobody has asked yet: what belongs together is told by its id.
fn is_at(source: &Source, target: &Target) -> bool {
    match (source.kind, target) {
        (Kind::Postgresql, Target::Postgres(dsn)) => source.place == dsn.to_string(),
        (Kind::Sqlite, Target::Sqlite(path)) => source.place == format!("sqlite:{}", path.display()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + hours * HOUR).unwrap()
    }

    fn protection(taken: Option<i64>, failing: bool) -> Protection {
        let newest =
            |hours| Newest { id: Id::new(at(hours)), taken: at(hours), bytes: 1, rows: 1, restore: Some(240.0) };
        let failing = failing.then(|| Failure { at: at(0), reason: "no room".into() });
        Protection { newest: taken.map(newest), failure: failing.clone(), failing, ..Protection::default() }
    }

    /// S1.16: the age counts when it is asked for, with a limit; before the first copy was due none is missing; a clock that was set
    /// back makes no copy stale, and one that was set forward does.
    #[test]
    fn ages_and_limits() {
        let limit = Some(Duration::from_secs(26 * 3600));
        // Taken, the last try failed, watched since, now; stale, in a word.
        let table = [
            ((Some(0), false, 0, 3), (false, "pass", None)),
            ((Some(0), false, 0, 26), (false, "pass", None)),
            ((Some(0), false, 0, 27), (true, "fail", Some("the newest VERIFIED copy is 1 d 3 h old (limit 1 d 2 h)"))),
            (
                (Some(0), true, 0, 27),
                (true, "fail", Some("the newest VERIFIED copy is 1 d 3 h old (limit 1 d 2 h): no room")),
            ),
            ((Some(0), true, 0, 20), (false, "pass", Some("the last try failed: no room"))),
            (
                (Some(0), false, 500, 501),
                (true, "fail", Some("the newest VERIFIED copy is 20 d 21 h old (limit 1 d 2 h)")),
            ),
            ((Some(5), false, 0, -40), (false, "pass", None)),
            ((None, false, 0, 3), (false, "skipped", None)),
            ((None, false, 0, 27), (true, "fail", Some("there is no VERIFIED copy"))),
            ((None, true, 0, 1), (true, "fail", Some("there is no VERIFIED copy: no room"))),
        ];
        for ((taken, failing, watched, now), (stale, word, told)) in table {
            let it = protection(taken, failing);
            let seen = it.is_stale(limit, at(watched), at(now));
            let complaint = it.complaint(limit, at(watched), at(now));
            assert_eq!(
                (seen, &*it.verdict(seen).to_string(), complaint.as_deref()),
                (stale, word, told),
                "{taken:?} {failing} {watched} {now}"
            );
            assert!(!it.is_stale(None, at(watched), at(now)), "there is no limit");
        }
    }

    /// S1.16: the line of `status`.
    #[test]
    fn what_would_be_lost() {
        let told = protection(Some(0), false).exposure(at(3)).to_string();
        assert_eq!(told, "if the disk dies now: lose 3 h, back in about 4 m");
        assert_eq!(protection(Some(5), false).exposure(at(3)).lose, Some(0.0));
    }
}
