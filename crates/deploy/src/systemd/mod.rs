//! Units of systemd: what is known of them, and how they are restarted one after the other. Asked for with `systemctl` and `journalctl`
//! (systemctl(1), journalctl(1)), which ask nobody for a password here.

mod unit;

pub use unit::Unit;

use crate::tool::{MOST_LINES, Tool, ToolError, words};
use config::Manager;
use host::{Env, process::Spawner};
use jiff::Timestamp;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// What only looks.
const SOON: Duration = Duration::from_secs(20);
/// A unit may set no limit of its own to its start; there is one all the same.
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// What systemctl takes besides the unit's own time.
const MARGIN: Duration = Duration::from_secs(10);

/// The systemd of the machine, or that of the user.
pub struct Systemd<'a> {
    tool: Tool<'a>,
    user: bool,
}

impl<'a> Systemd<'a> {
    /// The one that is meant: where nothing is said, that of the machine for root and that of the user for all others.
    pub fn new(spawner: &'a dyn Spawner, env: &Env, manager: Manager) -> Self {
        let (uid, user) = (host::user::uid(), is_users(manager));
        let mut env = env.clone();
        // Whoever comes in by a hook or a job has no session that would say where the user's systemd listens (pam_systemd(8)).
        let usual = PathBuf::from(format!("/run/user/{uid}"));
        if user && !env.contains_key("XDG_RUNTIME_DIR") && host::fs::metadata(&usual).is_ok() {
            env.insert("XDG_RUNTIME_DIR".to_owned(), usual.display().to_string());
        }
        Self { tool: Tool { spawner, env, cwd: PathBuf::from("/") }, user }
    }

    /// Which one it is, for people.
    pub fn whose(&self) -> &'static str {
        of_user(self.user)
    }

    /// How these units are; one that does not exist is told as such.
    ///
    /// # Errors
    /// systemd cannot be asked.
    pub async fn units(&self, names: &[String]) -> Result<Vec<Unit>, ToolError> {
        let argv = [self.systemctl("show"), words(&["--property", &unit::PROPERTIES.join(",")]), named(names)].concat();
        let command = argv.join(" ");
        let text = self.tool.ask(argv, SOON).await?;
        unit::read_all(&text, names).map_err(|problem| ToolError::Answer { command, problem })
    }

    /// Stops and starts a unit, and waits until it is started, as its `Type` means that.
    ///
    /// # Errors
    /// It did not start within its own limits, or within ten minutes.
    pub async fn restart(&self, unit: &Unit) -> Result<(), ToolError> {
        let limit = |limit: Option<Duration>| limit.unwrap_or(LONGEST).min(LONGEST);
        let limit = (limit(unit.start_limit) + limit(unit.stop_limit)).min(LONGEST) + MARGIN;
        // One that was started too often lately would be refused (systemd.unit(5), StartLimitBurst=), the way back too.
        drop(
            self.tool
                .ask([self.systemctl("reset-failed"), named(std::slice::from_ref(&unit.name))].concat(), SOON)
                .await,
        );
        self.tool
            .ask([self.systemctl("restart"), named(std::slice::from_ref(&unit.name))].concat(), limit)
            .await
            .map(drop)
    }

    /// Stops units, the last one first.
    ///
    /// # Errors
    /// They did not stop.
    pub async fn stop(&self, names: &[String]) -> Result<(), ToolError> {
        let back: Vec<_> = names.iter().rev().cloned().collect();
        self.tool.ask([self.systemctl("stop"), named(&back)].concat(), LONGEST).await.map(drop)
    }

    /// What was written of a unit since its start then, by itself and by systemd, the last of it; nothing where there is no journal for us.
    pub async fn journal(&self, name: &str, since: Timestamp) -> Option<Vec<String>> {
        let (which, since) = (if self.user { "--user-unit" } else { "--unit" }, moment(since));
        let argv = words(&[
            "journalctl",
            which,
            name,
            "--since",
            &since,
            "--lines",
            MOST_LINES,
            "--output",
            "cat",
            "--no-pager",
        ]);
        // Of what is too long for an answer the end is lost, so the newest come first.
        let argv = [argv, words(&["--reverse"])].concat();
        let text = self.tool.ask(argv, SOON).await.ok()?;
        let lines: Vec<_> = text.lines().rev().filter(|line| *line != "-- No entries --").map(str::to_owned).collect();
        // systemd itself writes there that it has started the unit: where not even that is found, we may not read it.
        (!lines.is_empty()).then_some(lines)
    }

    fn systemctl(&self, verb: &str) -> Vec<String> {
        let whose: &[&str] = if self.user { &["--user"] } else { &["--system"] };
        words(&[&["systemctl"], whose, &["--no-ask-password", "--no-pager", verb]].concat())
    }
}

/// Seconds since 1970, to the microsecond (systemd.time(7)).
fn moment(at: Timestamp) -> String {
    format!("@{}.{:06}", at.as_second(), at.subsec_microsecond())
}

/// Do they belong to the user?
fn is_users(manager: Manager) -> bool {
    match manager {
        Manager::Usual => host::user::uid() != 0,
        Manager::User => true,
        Manager::System => false,
    }
}

/// Which one is meant, for people.
pub fn whose(manager: Manager) -> &'static str {
    of_user(is_users(manager))
}

fn of_user(user: bool) -> &'static str {
    if user { "the user's systemd" } else { "the machine's systemd" }
}

fn named(names: &[String]) -> Vec<String> {
    [words(&["--"]), names.to_vec()].concat()
}

/// Does nothing of `unit` lead through the link `current`?
pub fn goes_past(unit: &Unit, current: &Path) -> bool {
    let link = current.display().to_string();
    !unit.paths.iter().any(|text| text.contains(&link))
}
