//! A unit, as `systemctl show` tells of it (org.freedesktop.systemd1(5)).

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// What is asked for.
pub(super) const PROPERTIES: [&str; 17] = [
    "LoadState",
    "ActiveState",
    "SubState",
    "Result",
    "Type",
    "NRestarts",
    "MainPID",
    "ExecMainStatus",
    "NeedDaemonReload",
    "TimeoutStartUSec",
    "TimeoutStopUSec",
    "InactiveExitTimestampMonotonic",
    "ActiveEnterTimestampMonotonic",
    "ActiveExitTimestampMonotonic",
    "WorkingDirectory",
    "EnvironmentFiles",
    "ExecStart",
];

/// A unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unit {
    /// As it was asked for.
    pub name: String,
    /// `loaded`, `not-found`, `masked`, `bad-setting`, `error`.
    pub load: String,
    /// `active`, `activating`, `failed` …
    pub active: String,
    /// More about it, as its kind has it: `running`, `auto-restart` …
    pub sub: String,
    /// How it ended last: `success`, `exit-code`, `timeout` …
    pub result: String,
    /// The exit code of its main process.
    pub status: String,
    /// Of a service, when it counts as started: `notify`, `simple`, `oneshot` …
    pub kind: String,
    /// So often systemd has started it again by itself.
    pub restarts: u64,
    /// Its main process.
    pub pid: Option<u32>,
    /// Its files have changed since they were read.
    pub needs_reload: bool,
    /// It may take so long to start; nothing for as long as it likes.
    pub start_limit: Option<Duration>,
    /// The same for its end.
    pub stop_limit: Option<Duration>,
    /// When its last start began, on the clock that only goes forward.
    pub began: Option<Duration>,
    /// When it became active, on the clock that only goes forward.
    pub entered: Option<Duration>,
    /// When it ceased to be.
    pub left: Option<Duration>,
    /// Every text of it that may hold a path: where it runs, what it reads, what it starts.
    pub paths: Vec<String>,
}

impl Unit {
    /// Is there such a unit?
    pub fn is_loaded(&self) -> bool {
        self.load == "loaded"
    }

    /// Does it do what it is there for? A one-shot service has done it.
    pub fn is_well(&self) -> bool {
        let done = self.kind == "oneshot" && self.active == "inactive" && self.result == "success";
        matches!(self.active.as_str(), "active" | "reloading") || done
    }

    /// Is anything of it there, or about to be?
    pub fn is_up(&self) -> bool {
        !matches!(self.active.as_str(), "inactive" | "failed" | "")
    }

    /// Has systemd given it up?
    pub fn has_failed(&self) -> bool {
        self.active == "failed"
    }

    /// Does it count as started as soon as its process is there, whatever that does then?
    pub fn starts_blindly(&self) -> bool {
        matches!(self.kind.as_str(), "simple" | "exec" | "idle" | "forking")
    }

    /// From its end to its next start.
    pub fn gap(&self) -> Option<Duration> {
        self.entered?.checked_sub(self.left?)
    }

    /// `failed (exit-code, status 7)`
    pub fn state(&self) -> String {
        match self.result.as_str() {
            "success" | "" => format!("{} ({})", self.active, self.sub),
            result if self.status != "0" => format!("{} ({result}, status {})", self.active, self.status),
            result => format!("{} ({result})", self.active),
        }
    }

    /// Where its main process works.
    pub fn works_in(&self) -> Option<PathBuf> {
        host::proc::Process::new(self.pid?).cwd()
    }
}

/// Of an answer about all of `names`, in their order.
pub(super) fn read_all(text: &str, names: &[String]) -> Result<Vec<Unit>, String> {
    let blocks: Vec<_> = text.split("\n\n").filter(|block| !block.trim().is_empty()).collect();
    if blocks.len() != names.len() {
        return Err(format!("{} were asked for, {} answered", names.len(), blocks.len()));
    }
    Ok(blocks.iter().zip(names).map(|(block, name)| read(block, name)).collect())
}

fn read(block: &str, name: &str) -> Unit {
    let values: BTreeMap<_, _> = block.lines().filter_map(|line| line.split_once('=')).collect();
    let text = |name| values.get(name).copied().unwrap_or_default().to_owned();
    let moment = |name| values.get(name)?.parse().ok().filter(|us| *us > 0).map(Duration::from_micros);
    Unit {
        name: name.to_owned(),
        load: text("LoadState"),
        active: text("ActiveState"),
        sub: text("SubState"),
        result: text("Result"),
        status: text("ExecMainStatus"),
        kind: text("Type"),
        restarts: text("NRestarts").parse().unwrap_or_default(),
        pid: text("MainPID").parse().ok().filter(|pid| *pid > 0),
        needs_reload: text("NeedDaemonReload") == "yes",
        start_limit: span(&text("TimeoutStartUSec")),
        stop_limit: span(&text("TimeoutStopUSec")),
        began: moment("InactiveExitTimestampMonotonic"),
        entered: moment("ActiveEnterTimestampMonotonic"),
        left: moment("ActiveExitTimestampMonotonic"),
        paths: ["WorkingDirectory", "EnvironmentFiles", "ExecStart"].map(text).to_vec(),
    }
}

/// A span as systemd writes it: `1min 30s`, `500ms`; nothing for `infinity` and what is not understood.
fn span(text: &str) -> Option<Duration> {
    let mut all = Duration::ZERO;
    for word in text.split_whitespace() {
        let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = word.split_at(digits);
        let seconds = match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        all += Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?;
    }
    (!text.trim().is_empty()).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 6, point 6: what systemctl tells of several units at once, also of one that does not exist.
    #[test]
    fn units_are_read() {
        let text = "Type=notify\nMainPID=42\nNRestarts=2\nTimeoutStartUSec=1min 30s\nTimeoutStopUSec=infinity\n\
            ActiveEnterTimestampMonotonic=2500000\nActiveExitTimestampMonotonic=2000000\nId=web.service\nLoadState=loaded\n\
            ActiveState=active\nSubState=running\nResult=success\nInactiveExitTimestampMonotonic=2100000\nWorkingDirectory=/srv/shop/data/releases/current/tree\n\n\
            Id=no.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n";
        let units = read_all(text, &["web.service".to_owned(), "no.service".to_owned()]).unwrap();
        let [web, no] = &units[..] else { panic!("{units:?}") };
        assert_eq!((web.pid, web.restarts, web.gap()), (Some(42), 2, Some(Duration::from_millis(500))));
        assert_eq!((web.start_limit, web.stop_limit), (Some(Duration::from_secs(90)), None));
        assert_eq!(web.began, Some(Duration::from_millis(2100)));
        assert!(web.is_well() && web.is_up() && web.is_loaded() && !web.starts_blindly());
        assert!(!super::super::goes_past(web, "/srv/shop/data/releases/current".as_ref()));
        assert_eq!((no.is_loaded(), no.is_well(), no.is_up(), no.gap()), (false, false, false, None));
        assert!(read_all(text, &["web.service".to_owned()]).is_err());
    }

    /// Issue 6, point 6: a unit that failed says how.
    #[test]
    fn a_unit_that_failed_says_how() {
        let text = "ActiveState=failed\nSubState=failed\nResult=exit-code\nExecMainStatus=7\nType=simple\n";
        let unit = read(text, "web.service");
        assert_eq!(unit.state(), "failed (exit-code, status 7)");
        assert!(unit.has_failed() && unit.starts_blindly() && !unit.is_well());
        let done = read("ActiveState=inactive\nSubState=dead\nResult=success\nType=oneshot\n", "migrate.service");
        assert!(done.is_well());
        assert_eq!(done.state(), "inactive (dead)");
    }

    /// systemd.time(7)
    #[test]
    fn spans_are_read_as_systemd_writes_them() {
        let ms = |ms| Some(Duration::from_millis(ms));
        for (text, expected) in
            [("1min 30s", ms(90_000)), ("2s", ms(2000)), ("1.500000s", ms(1500)), ("100ms", ms(100))]
        {
            assert_eq!(span(text), expected, "{text}");
        }
        assert_eq!((span("infinity"), span(""), span("3 months")), (None, None, None));
    }
}
