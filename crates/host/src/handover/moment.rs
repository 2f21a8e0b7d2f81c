//! Moments as numbers that mean the same to the next version of this process: by CLOCK_MONOTONIC, which goes on
//! (clock_gettime(2)).

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::time::Duration;
use tokio::time::Instant;

/// Nanoseconds on the clock of the kernel. To be used by `#[serde(with = "…")]`.
pub fn serialize<S: Serializer>(moment: &Instant, serializer: S) -> Result<S::Ok, S::Error> {
    number(*moment).serialize(serializer)
}

/// The other way round.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Instant, D::Error> {
    i64::deserialize(deserializer).map(moment)
}

fn number(moment: Instant) -> i64 {
    let (now, clock) = (Instant::now(), clock());
    let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match moment.checked_duration_since(now) {
        Some(ahead) => clock.saturating_add(nanos(ahead)),
        None => clock.saturating_sub(nanos(now.saturating_duration_since(moment))),
    }
}

fn moment(number: i64) -> Instant {
    let (now, ahead) = (Instant::now(), number.saturating_sub(clock()));
    let span = Duration::from_nanos(ahead.unsigned_abs());
    let moment = if ahead >= 0 { now.checked_add(span) } else { now.checked_sub(span) };
    moment.unwrap_or(now)
}

fn clock() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// The same for moments that may be missing.
pub mod option {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tokio::time::Instant;

    /// As the moment itself.
    pub fn serialize<S: Serializer>(moment: &Option<Instant>, serializer: S) -> Result<S::Ok, S::Error> {
        moment.map(super::number).serialize(serializer)
    }

    /// The other way round.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<i64>::deserialize(deserializer)?.map(super::moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_stays_the_same_moment() {
        let now = Instant::now();
        for at in [now, now + Duration::from_secs(3600), now.checked_sub(Duration::from_millis(5)).unwrap()] {
            let back = moment(number(at));
            let off = back.saturating_duration_since(at).max(at.saturating_duration_since(back));
            assert!(off < Duration::from_millis(100), "{off:?}");
        }
        moment(i64::MAX);
        moment(i64::MIN);
    }
}
