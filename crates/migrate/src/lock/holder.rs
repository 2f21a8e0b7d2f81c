//! Who holds the lock.

use std::{fmt, time::Duration};

/// Who holds the lock, as far as it can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process: of the server for PostgreSQL, of the machine for SQLite.
    pub pid: Option<i64>,
    /// What it calls itself: `mainstay-migrate/web-2:4711`.
    pub application: Option<String>,
    /// Where it is, when it is not on the server's own machine.
    pub client: Option<String>,
    /// How long it has been there.
    pub since: Option<Duration>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(pid) = self.pid else { return f.write_str("the holder cannot be seen") };
        write!(f, "held by process {pid}")?;
        let details: Vec<_> = [
            self.application.clone().filter(|name| !name.is_empty()).map(|name| format!("`{name}`")),
            self.client.as_ref().map(|client| format!("from {client}")),
            self.since.map(|since| format!("there for {}", report::seconds(since))),
        ]
        .into_iter()
        .flatten()
        .collect();
        if details.is_empty() { Ok(()) } else { write!(f, " ({})", details.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_named_as_far_as_it_is_known() {
        assert_eq!(Holder::default().to_string(), "the holder cannot be seen");
        assert_eq!(Holder { pid: Some(7), ..Holder::default() }.to_string(), "held by process 7");
        let whole = Holder {
            pid: Some(7),
            application: Some("mainstay-migrate/web-2:17".into()),
            client: Some("10.0.0.3".into()),
            since: Some(Duration::from_secs(12)),
        };
        assert_eq!(whole.to_string(), "held by process 7 (`mainstay-migrate/web-2:17`, from 10.0.0.3, there for 12 s)");
    }
}
