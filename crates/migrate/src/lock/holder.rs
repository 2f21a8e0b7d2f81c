//! Who holds the lock.

use std::{fmt, time::Duration};

/// A holder gives a sign every ten seconds; one that has missed two of them is told as silent.
const SILENT: Duration = Duration::from_secs(30);
/// PostgreSQL keeps 63 bytes of `application_name`.
const LONGEST_NAME: usize = 63;
/// So many bytes of a host's name, so that there is room for the release.
const LONGEST_HOST: usize = 24;

/// Who holds the lock, as far as it can be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holder {
    /// Its process: of the server for PostgreSQL, of the machine for SQLite.
    pub pid: Option<i64>,
    /// What it calls itself: `mainstay-migrate/web-2:4711/v42`.
    pub application: Option<String>,
    /// Where it is, when it is not on the server's own machine.
    pub client: Option<String>,
    /// How long it has had the lock.
    pub since: Option<Duration>,
    /// What it is doing, where that can be seen.
    pub activity: Option<Box<Activity>>,
}

/// What the holder of the lock is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The statement that it is at: one short line.
    pub statement: Option<String>,
    /// How long ago the last sign came from it, when it is one that gives signs.
    pub silent: Option<Duration>,
}

/// How a migrator calls itself in PostgreSQL: `mainstay-migrate/<host>:<pid>/<release>`, within 63 bytes of ASCII.
pub(crate) fn session_name(host: &str, pid: u32, release: Option<&str>) -> String {
    let plain = |text: &str, most: usize| text.chars().filter(char::is_ascii_graphic).take(most).collect::<String>();
    let name = format!("mainstay-migrate/{}:{pid}", plain(host, LONGEST_HOST));
    match release.filter(|release| !release.is_empty()) {
        Some(release) => format!("{name}/{}", plain(release, LONGEST_NAME - name.len() - 1)),
        None => name,
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let application = self.application.as_ref().filter(|name| !name.is_empty()).map(|name| format!("`{name}`"));
        let mut details = Vec::new();
        match (self.pid, application) {
            (None, None) => return f.write_str("the holder cannot be seen"),
            (None, Some(name)) => write!(f, "held by {name}")?,
            (Some(pid), name) => {
                write!(f, "held by process {pid}")?;
                details.extend(name);
            }
        }
        details.extend(self.client.as_ref().map(|client| format!("from {client}")));
        details.extend(self.since.map(|since| format!("there for {}", report::seconds(since))));
        if let Some(Activity { statement, silent }) = self.activity.as_deref() {
            details.extend(statement.as_ref().map(|statement| format!("at `{statement}`")));
            let silent = silent.filter(|silent| *silent >= SILENT);
            details.extend(silent.map(|silent| format!("no sign of life for {}", report::seconds(silent))));
        }
        if details.is_empty() { Ok(()) } else { write!(f, " ({})", details.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_holder_is_named_as_far_as_it_is_known() {
        assert_eq!(Holder::default().to_string(), "the holder cannot be seen");
        assert_eq!(Holder { pid: Some(7), ..Holder::default() }.to_string(), "held by process 7");
        let whole = Holder {
            pid: Some(7),
            application: Some("mainstay-migrate/web-2:17/v42".into()),
            client: Some("10.0.0.3".into()),
            since: Some(Duration::from_secs(70)),
            activity: Some(Box::new(Activity {
                statement: Some("alter table a add b int".into()),
                silent: Some(Duration::from_secs(45)),
            })),
        };
        assert_eq!(
            whole.to_string(),
            "held by process 7 (`mainstay-migrate/web-2:17/v42`, from 10.0.0.3, there for 70 s, \
             at `alter table a add b int`, no sign of life for 45 s)"
        );
        let quiet = Some(Box::new(Activity { statement: None, silent: Some(Duration::from_secs(9)) }));
        let lease = Holder { pid: None, client: None, activity: quiet, ..whole };
        assert_eq!(lease.to_string(), "held by `mainstay-migrate/web-2:17/v42` (there for 70 s)");
    }

    #[test]
    fn a_migrator_names_itself() {
        assert_eq!(session_name("web-2", 17, Some("v42")), "mainstay-migrate/web-2:17/v42");
        assert_eq!(session_name("web-2", 17, None), "mainstay-migrate/web-2:17");
    }

    proptest! {
        #[test]
        fn a_name_is_never_cut_by_the_server(host in ".{0,80}", pid: u32, release in proptest::option::of(".{0,80}")) {
            let name = session_name(&host, pid, release.as_deref());
            prop_assert!(name.len() <= LONGEST_NAME && name.is_ascii());
            let process = format!(":{pid}");
            prop_assert!(name.contains(&process));
        }
    }
}
