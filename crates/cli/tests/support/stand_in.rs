//! Programs of others, played by a script that writes down how it was called.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use crate::support::app;
use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Command, time::Duration};
use testkit::{Output, Test};

/// docker-compose takes seconds for each answer on a busy machine.
const LONG: Duration = Duration::from_secs(300);

/// A site in a repository of its own, whose parts others run.
pub struct Site {
    pub test: Test,
}

impl Site {
    /// With a first commit of version `v1`, and these programs (name and text) before all others on `PATH`.
    pub fn new(config: &str, programs: &[(&str, &str)]) -> Self {
        let test = app(config).file(".gitignore", "data/\nbin/\nstate/\n");
        let (bin, state) = (test.path().join("bin"), test.path().join("state"));
        fs::create_dir_all(&bin).unwrap();
        fs::create_dir_all(&state).unwrap();
        for (name, text) in programs {
            fs::write(bin.join(name), text).unwrap();
            fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        let (root, state) = (test.path().display().to_string(), state.display().to_string());
        let site = Self { test: test.env("PATH", path).env("STATE", state).env("SITE", root) };
        site.git(&["init", "--quiet", "--initial-branch=main"]);
        site.commit("v1", "", &[]);
        site
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.test.path().join(name)
    }

    pub fn git(&self, arguments: &[&str]) {
        let fixed = ["-c", "user.name=Ada", "-c", "user.email=ada@shop.example"];
        let output = Command::new("git").args(fixed).args(arguments).current_dir(self.test.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Another version, which does this.
    pub fn commit(&self, version: &str, does: &str, files: &[(&str, &str)]) {
        for (name, text) in [("version", version), ("does", does)].iter().chain(files) {
            fs::write(self.path(name), text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("Version {version}")]);
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.test.again().args(arguments.iter().copied()).run()
    }

    /// The same with programs that take their time.
    pub fn run_long(&self, arguments: &[&str]) -> Output {
        self.test.again().args(arguments.iter().copied()).spawn().wait(LONG)
    }

    /// A release that comes live.
    #[track_caller]
    pub fn deploy(&self) {
        let output = self.run(&["deploy"]);
        assert_eq!(output.exit_code(), 0, "{}", output.raw_stderr);
    }

    /// All releases as JSON, the newest first.
    #[track_caller]
    pub fn releases(&self) -> Vec<Value> {
        let output = self.run(&["releases", "--json"]);
        let value: Value = serde_json::from_str(&output.raw_stdout).expect("it is JSON");
        value["releases"].as_array().unwrap().clone()
    }

    /// Their states, the newest first.
    #[track_caller]
    pub fn states(&self) -> Vec<String> {
        self.releases().iter().map(|it| it["state"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The id of the release of this version.
    #[track_caller]
    pub fn id_of(&self, version: &str) -> String {
        let subject = format!("Version {version}");
        let all = self.releases();
        let release = all.iter().find(|it| it["subject"] == subject.as_str()).expect("there is one");
        release["id"].as_str().unwrap().to_owned()
    }

    /// Which version `current` is.
    pub fn current(&self) -> Option<String> {
        Some(fs::read_to_string(self.path("data/releases/current/tree/version")).ok()?.trim().to_owned())
    }

    /// Whoever does this is killed when the first part is switched.
    #[track_caller]
    pub fn killed_in_switch(&self, verb: &str) {
        let killed = self.test.again().args([verb]).env("MAINSTAY_FAILPOINT", "kill:deploy.switch.part").run();
        assert_ne!(killed.exit_code(), 0);
    }

    /// What was written down since this was asked last.
    pub fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("state/calls")).unwrap_or_default();
        fs::write(self.path("state/calls"), "").unwrap();
        text.lines().map(str::to_owned).collect()
    }
}
