//! What a supervisor is given to do, in the words of each.
use super::helper;
use super::supervisor::Supervisor;
use crate::task::Failure;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use testkit::TempDir;

/// Where lines are kept, below the directory of a supervisor.
pub(super) const LOGS: &str = "logs";

/// A file of lines is put aside when it is so large.
const LARGEST: u64 = 10_000_000;

/// So many are kept: nothing is thrown away while lines are counted.
const KEPT: usize = 1000;

/// Services, all alike.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) services: usize,
    /// What each of them does, as `child.c` calls it.
    pub(super) verb: &'static str,
    /// How much of it.
    pub(super) amount: Option<u64>,
    /// Ours opens a database first.
    pub(super) gate: bool,
    /// Lines are kept in files like this, and nowhere else.
    pub(super) logs: Option<Format>,
}

/// How lines are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Raw,
    Json,
}

impl Load {
    /// Services that do nothing.
    pub(super) fn idle(services: usize) -> Self {
        Self { services, verb: helper::IDLE, amount: None, gate: false, logs: None }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let verb = self.verb;
        (0..self.services).map(move |index| format!("{verb}{index}"))
    }

    fn words(&self, stamps: &Path, name: &str) -> Vec<String> {
        let amount = self.amount.map(|amount| amount.to_string());
        helper::words(self.verb, stamps, name).into_iter().chain(amount).collect()
    }

    /// Paths with quotes in them are not supported.
    fn line(&self, stamps: &Path, name: &str) -> String {
        self.words(stamps, name).iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
    }

    /// Writes the configuration of `supervisor` into `dir`.
    pub(super) fn write(&self, supervisor: Supervisor, dir: &TempDir, stamps: &Path) -> Result<(), Failure> {
        let at = dir.path().display().to_string();
        let text = |name: &str, text: String| drop(dir.write(name, &text));
        match supervisor {
            Supervisor::Mainstay => text("mainstay.toml", self.toml(stamps)),
            Supervisor::Supervisord => text("supervisord.conf", self.ini(&at, stamps)),
            Supervisor::Pm2 => text("pm2.json", self.pm2(&at, stamps)),
            Supervisor::Honcho => {
                let lines = self.names().map(|name| format!("{name}: exec {}\n", self.line(stamps, &name)));
                text("Procfile", lines.collect());
            }
            Supervisor::Runit | Supervisor::S6 => return self.scripts(supervisor, dir, stamps),
            Supervisor::Bare => {}
        }
        if self.logs.is_some() && supervisor != Supervisor::Mainstay {
            let made = std::fs::create_dir_all(dir.path().join(LOGS));
            made.map_err(|error| Failure::Failed(format!("cannot make {LOGS} in {at}: {error}")))?;
        }
        Ok(())
    }

    fn toml(&self, stamps: &Path) -> String {
        let needs = if self.gate { "needs = [\"main\"]\n" } else { "" };
        let services = self.names().map(|name| {
            let command = self.line(stamps, &name);
            format!("\n[services.{name}]\ncommand = \"{command}\"\n{needs}")
        });
        let services: String = services.collect();
        // A SQLite file in the directory: the gate is there, and opens at once.
        let database = if self.gate { "[databases.main]\nurl = \"sqlite:data/bench.db\"\n" } else { "" };
        let logs = self.logs.map(|format| {
            let format = if format == Format::Raw { "raw" } else { "json" };
            format!("[logs]\ndir = \"{LOGS}\"\nformat = \"{format}\"\nmax_size = \"10MB\"\nkeep = {KEPT}\ntotal = \"100GB\"\ncompress = false\necho = false\n")
        });
        format!("name = \"bench\"\n\n{database}{}{services}", logs.unwrap_or_default())
    }

    fn ini(&self, at: &str, stamps: &Path) -> String {
        let programs = self.names().map(|name| {
            let command = self.line(stamps, &name);
            let logs = match self.logs {
                Some(_) => format!(
                    "stdout_logfile={at}/{LOGS}/{name}\nstdout_logfile_maxbytes={LARGEST}\nstdout_logfile_backups={KEPT}\n"
                ),
                None => String::new(),
            };
            format!("\n[program:{name}]\ncommand={command}\nautorestart=true\n{logs}")
        });
        let head = format!("[supervisord]\nlogfile={at}/log\npidfile={at}/pid\nuser=root\nminfds=8192\n");
        head + &programs.collect::<String>()
    }

    fn pm2(&self, at: &str, stamps: &Path) -> String {
        let apps = self.names().map(|name| {
            let words = self.words(stamps, &name);
            let mut app = json!({ "name": name, "script": words[0], "args": &words[1..], "interpreter": "none" });
            if self.logs.is_some() {
                app["out_file"] = json!(format!("{at}/{LOGS}/{name}"));
            }
            app
        });
        json!({ "apps": apps.collect::<Vec<_>>() }).to_string()
    }

    /// A directory with a `run` script for each, as runit and s6 want it.
    fn scripts(&self, supervisor: Supervisor, dir: &TempDir, stamps: &Path) -> Result<(), Failure> {
        dir.write("services/.empty", "");
        for name in self.names() {
            script(dir, &format!("services/{name}/run"), &self.line(stamps, &name))?;
            if self.logs.is_none() {
                continue;
            }
            // s6-log makes its own directory, but not the one above.
            dir.write(&format!("{LOGS}/.empty"), "");
            let into = dir.path().join(LOGS).join(&name).display().to_string();
            let writer = match supervisor {
                Supervisor::Runit => {
                    dir.write(&format!("{LOGS}/{name}/config"), &format!("s{LARGEST}\nn0\n"));
                    format!("svlogd '{into}'")
                }
                _ => format!("s6-log n{KEPT} s{LARGEST} '{into}'"),
            };
            script(dir, &format!("services/{name}/log/run"), &writer)?;
        }
        Ok(())
    }
}

fn script(dir: &TempDir, name: &str, command: &str) -> Result<(), Failure> {
    let file = dir.write(name, &format!("#!/bin/sh\nexec {command}\n"));
    let made = std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755));
    made.map_err(|error| Failure::Failed(format!("cannot make {} executable: {error}", file.display())))
}
