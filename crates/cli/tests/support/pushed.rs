//! A server that is pushed to, or that fetches.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use crate::{releases::Site, support::LIMIT};
use serde_json::Value;
use std::{fs, path::PathBuf};
use testkit::wait_until;

/// A server in the directory `shop` beside the work of whoever pushes to it.
pub struct Server {
    pub site: Site,
}

impl Server {
    /// `deploy` stands in the commits, `more` at the end of the server's own file.
    pub fn new(deploy: &str, more: &str, flags: &[&str]) -> Self {
        let server = Self { site: Site::new(&format!("watch = \"1s\"\n{deploy}"), "") };
        fs::write(server.site.path(".gitignore"), "/shop/\n/ssh/\n/seen\n/go\n").unwrap();
        server.site.commit("v1", "", &[]);
        server.site.run(&[&["server", "init", "--dir", "shop"], flags].concat()).code(0);
        // Whoever pushes brings no variables: those of the server are in its file.
        let seen = server.site.path("seen");
        fs::write(server.path(".env"), format!("SEEN={}\n", seen.display())).unwrap();
        let file = fs::read_to_string(server.path("mainstay.toml")).unwrap();
        fs::write(server.path("mainstay.toml"), file + more).unwrap();
        server
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.site.path("shop").join(name)
    }

    pub fn repository(&self) -> PathBuf {
        self.path("data/releases/repository.git")
    }

    #[track_caller]
    pub fn releases(&self) -> Vec<Value> {
        let output = self.site.run(&["releases", "--json", "--dir", "shop"]);
        let value: Value = serde_json::from_str(&output.raw_stdout).unwrap_or_else(|_| panic!("{}", output.raw_stderr));
        value["releases"].as_array().unwrap().clone()
    }

    /// Waits until the newest release is of this commit and stays.
    #[track_caller]
    pub fn stays(&self, commit: &str) {
        let log = || fs::read_to_string(self.path("data/run/deploy.log")).unwrap_or_default();
        let newest = || self.releases().first().cloned().unwrap_or_default();
        wait_until(LIMIT, "the commit stays live", || {
            let newest = newest();
            assert_ne!(newest["state"], "failed", "{}", log());
            newest["commit"] == commit && newest["state"] == "confirmed"
        });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.site.run(&["down", "--dir", "shop"]);
    }
}
