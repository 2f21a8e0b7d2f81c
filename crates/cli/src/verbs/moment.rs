//! A moment as people write it.

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime, Time},
    tz::TimeZone,
};
use report::Finding;

/// What a flag says of a time, or what is wrong with that.
pub(super) fn asked(flag: &str, text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, Finding> {
    let hint = "write `10m`, `14:30`, `2026-11-24`, `2026-11-24 14:30` or `2026-11-24T14:30:00Z`; times are UTC";
    let read =
        |text| moment(text, now).ok_or_else(|| Finding::error(format!("`{flag}`: `{text}` is not a time")).hint(hint));
    text.map(read).transpose()
}

/// What is wrong with a pattern.
pub(super) fn no_pattern(error: &regex::Error) -> Finding {
    let finding = Finding::error("`--grep`: this is no regular expression").seen(error);
    finding.hint("put a `\\` before each of `\\.+*?()|[]{}^$` that stands for itself")
}

/// `10m` ago, `14:30` of today, `2026-11-24`, `2026-11-24 14:30`, RFC 3339; all in UTC.
pub(super) fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    let in_utc = |at: DateTime| Some(at.to_zoned(TimeZone::UTC).ok()?.timestamp());
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(span) = config::parse_duration(text) {
        return now.checked_sub(SignedDuration::try_from(span).ok()?).ok();
    }
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    if !text.contains('-') && text.contains(':') {
        return in_utc(now.to_zoned(TimeZone::UTC).date().to_datetime(text.parse::<Time>().ok()?));
    }
    match text.contains([':', 'T', ' ']) {
        true => in_utc(text.parse::<DateTime>().ok()?),
        false => in_utc(text.parse::<Date>().ok()?.to_datetime(Time::midnight())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now: Timestamp = "2026-11-24T22:00:00Z".parse().unwrap();
        for (text, at) in [
            ("10m", "2026-11-24T21:50:00Z"),
            ("1h30m", "2026-11-24T20:30:00Z"),
            ("14:30", "2026-11-24T14:30:00Z"),
            ("14:30:15", "2026-11-24T14:30:15Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("2026-11-23 14:30", "2026-11-23T14:30:00Z"),
            ("2026-11-23T14:30:01.5", "2026-11-23T14:30:01.5Z"),
            ("2026-11-23T14:30Z", "2026-11-23T14:30:00Z"),
            ("2026-11-23T14:30:00+02:00", "2026-11-23T12:30:00Z"),
        ] {
            assert_eq!(moment(text, now).map(|at| at.to_string()).as_deref(), Some(at), "{text}");
        }
        for text in ["", "soon", "25:00", "2026-13-01", "-5m", "9999999d"] {
            assert_eq!(moment(text, now), None, "{text}");
        }
    }
}
