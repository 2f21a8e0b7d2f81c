//! Points in time as home-made runners write them.

use crate::{
    sql::Dialect,
    style::{Column, utc},
};

/// The form of a point in time in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// PostgreSQL's `timestamp with time zone`.
    Instant,
    /// PostgreSQL's `timestamp`, in the time zone of the session.
    Local,
    /// PostgreSQL's `date`.
    Day,
    /// Seconds since 1970.
    Seconds,
    /// Milliseconds since 1970.
    Millis,
    /// `2026-11-24T18:30:00.000Z`
    Rfc3339,
    /// `2026-11-24 18:30:00`
    Spaced,
    /// `2026-11-24`
    DayText,
}

/// More seconds than this are milliseconds: the year 5138.
const LARGEST_SECONDS: i64 = 100_000_000_000;

impl Moment {
    /// From the type of the column, or where that leaves it open from its values. Nothing when those do not agree.
    pub(super) fn of(column: &Column, dialect: Dialect, values: &[&str]) -> Option<Self> {
        let kind = column.kind.to_ascii_lowercase();
        if dialect == Dialect::Postgres {
            match kind.split('(').next().unwrap_or_default().trim() {
                _ if kind.starts_with("timestamp") && kind.ends_with("with time zone") => return Some(Self::Instant),
                _ if kind.starts_with("timestamp") => return Some(Self::Local),
                "date" => return Some(Self::Day),
                _ => {}
            }
        }
        let mut forms = values.iter().map(|value| Self::of_text(value));
        let first = forms.next()??;
        forms.all(|form| form == Some(first)).then_some(first)
    }

    fn of_text(value: &str) -> Option<Self> {
        if let Ok(number) = value.parse::<i64>() {
            return Some(if number < LARGEST_SECONDS { Self::Seconds } else { Self::Millis });
        }
        let shape: String = value.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        let rest = shape.strip_prefix("0000-00-00")?;
        match rest.split_at_checked(1) {
            None => Some(Self::DayText),
            Some((" ", "00:00:00")) => Some(Self::Spaced),
            Some(("T", time)) => {
                let zone = time.strip_prefix("00:00:00")?.trim_start_matches(['.', '0']);
                (zone == "Z" || zone == "+00:00").then_some(Self::Rfc3339)
            }
            _ => None,
        }
    }

    /// SQL for now.
    pub(super) fn now(self, dialect: Dialect) -> &'static str {
        match (self, dialect) {
            (Self::Instant | Self::Local, _) => "now()",
            (Self::Day, _) => "current_date",
            (Self::Seconds, Dialect::Postgres) => "extract(epoch FROM now())::bigint",
            (Self::Millis, Dialect::Postgres) => "(extract(epoch FROM now()) * 1000)::bigint",
            (Self::Rfc3339, Dialect::Postgres) => {
                "pg_catalog.to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
            }
            (Self::Spaced, Dialect::Postgres) => {
                "pg_catalog.to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
            }
            (Self::DayText, Dialect::Postgres) => "pg_catalog.to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
            (Self::Seconds, Dialect::Sqlite) => "CAST(strftime('%s', 'now') AS INTEGER)",
            (Self::Millis, Dialect::Sqlite) => "CAST(strftime('%s', 'now') AS INTEGER) * 1000",
            (Self::Rfc3339, Dialect::Sqlite) => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
            (Self::Spaced, Dialect::Sqlite) => "strftime('%Y-%m-%d %H:%M:%S', 'now')",
            (Self::DayText, Dialect::Sqlite) => "strftime('%Y-%m-%d', 'now')",
        }
    }

    /// SQL that reads `column` as RFC 3339 in UTC. Texts that name no zone are taken for UTC.
    pub(super) fn rfc3339(self, column: &str, dialect: Dialect) -> String {
        let epoch = |seconds: String| match dialect {
            Dialect::Postgres => utc(&format!("pg_catalog.to_timestamp({seconds})"), dialect),
            Dialect::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%SZ', {seconds}, 'unixepoch')"),
        };
        match self {
            Self::Instant => utc(column, dialect),
            Self::Local => utc(&format!("{column}::timestamptz"), dialect),
            Self::Day | Self::DayText => format!("CAST({column} AS text) || 'T00:00:00Z'"),
            Self::Seconds => epoch(format!("CAST({column} AS bigint)")),
            Self::Millis => epoch(format!("CAST({column} AS bigint) / 1000")),
            Self::Rfc3339 => column.to_owned(),
            Self::Spaced => format!("replace({column}, ' ', 'T') || 'Z'"),
        }
    }
}
