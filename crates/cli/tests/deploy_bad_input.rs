//! Everything that can be wrong with what is to be released: the whole of what is told, the exit code, the old version serving without
//! a request lost, and nothing left behind.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/pushed.rs"]
mod pushed;
#[path = "support/releases.rs"]
mod releases;
mod support;

use pushed::Server;
use releases::{Load, Site};
use std::{
    fmt::Write as _,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
};
use support::LIMIT;
use testkit::{Output, wait_until};

/// What was told, without what no two runs have in common: names of releases, commits, times and the process that runs the tests.
fn told(output: &Output) -> String {
    let us = format!("process {} (`{}`)", std::process::id(), std::env::args().collect::<Vec<_>>().join(" "));
    let text = output.stderr.replace(&us, "[THE TEST]");
    let mut seen = String::new();
    for word in text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let (name, end) = word.split_at(word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len());
        let upper = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
        let commit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        let placeholder = match name.len() {
            26 if name.chars().all(upper) => "[RELEASE]",
            7 | 10 | 40 if name.chars().all(commit) && name.contains(|c: char| c.is_ascii_digit()) => "[COMMIT]",
            _ => name,
        };
        seen.push_str(placeholder);
        seen.push_str(end);
    }
    seen
}

/// What every release that is refused has to leave: the old one, which has served all the time, and its own record.
struct Before {
    current: Option<PathBuf>,
    there: Vec<String>,
    records: usize,
    load: Load,
}

impl Before {
    fn of(server: &Server) -> Self {
        let current = fs::read_link(server.path("data/releases/current")).ok();
        let records = server.releases().len();
        Self { current, there: left(server), records, load: Load::on(server.site.port, 2) }
    }

    #[track_caller]
    fn goes_on(self, server: &Server, what: &str) {
        self.load.all_answered_once(&server.site.path("seen"));
        assert_eq!(server.site.version(), "v1", "{what}");
        assert_eq!(fs::read_link(server.path("data/releases/current")).ok(), self.current, "{what}");
        let releases = server.releases();
        assert!(releases.len() <= self.records + 1, "{what}: {releases:#?}");
        if releases.len() > self.records {
            let newest = &releases[0];
            assert!(newest["state"] == "failed" && newest["cause"].is_string(), "{what}: {newest}");
        }
        assert_eq!(left(server), self.there, "{what}");
        // mainstay itself, and one life of the service.
        wait_until(LIMIT, "nobody is left of it", || server.site.processes().len() == 2);
    }
}

/// What lies there besides records and what builds have said. Links are not followed, nor is it looked into trees.
fn left(server: &Server) -> Vec<String> {
    let entries = |path: &Path| -> Vec<_> {
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        entries.map(|entry| (entry.file_name().display().to_string(), entry.path())).collect()
    };
    let mut left = Vec::new();
    for (name, path) in entries(&server.path("data/releases")) {
        let is_release = name.len() == 26;
        if is_release || name == "queue" {
            let below = entries(&path).into_iter().filter(|(name, _)| name != "release.json" && name != "build.log");
            left.extend(below.map(|(below, _)| format!("{name}/{below}")));
        }
        if !is_release {
            left.push(name);
        }
    }
    left.sort();
    left
}

/// A server that fetches from the work beside it and runs `v1` of it.
fn running() -> Server {
    let server = Server::new("", "", &["--repository", ".."]);
    let output = server.site.run(&["deploy", "--dir", "shop"]);
    assert_eq!(output.exit_code(), 0, "{}", output.raw_stderr);
    server
}

fn deploy(site: &Site, arguments: &[&str]) -> Output {
    let test = site.test.again().env("MAINSTAY_LOG_LEVEL", "error");
    test.args([&["deploy", "--dir", "shop"], arguments].concat()).run()
}

/// Compares with the file of what was told, or writes it where `UPDATE` is set.
#[track_caller]
fn compare(seen: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input/releases.txt");
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(path, seen).unwrap();
    }
    let wanted = fs::read_to_string(path).unwrap();
    let mut heading = "";
    for (seen_line, wanted) in seen.lines().zip(wanted.lines()) {
        heading = if seen_line.starts_with("##") { seen_line } else { heading };
        assert_eq!(seen_line, wanted, "in {heading}\n--- what really happened\n{seen}");
    }
    assert_eq!(seen.lines().count(), wanted.lines().count(), "{seen}");
}

/// Issue 6, bad input; S1.7, S4.4: unknown commits, repositories without one, configurations that are missing or wrong, variables that
/// nobody has set, addresses of somebody else.
#[test]
fn what_is_wrong_with_a_release_is_told_and_harms_nobody() {
    let server = running();
    let (site, taken) = (&server.site, TcpListener::bind("127.0.0.1:0").unwrap());
    let good = fs::read_to_string(site.path("mainstay.toml")).unwrap();
    let mut seen = String::new();
    let mut refused = |what: &str, arguments: &[&str]| {
        let before = Before::of(&server);
        let output = deploy(site, arguments);
        output.stdout_is("");
        let _ = write!(seen, "## {what}\n{}exit {}\n\n", told(&output), output.exit_code());
        before.goes_on(&server, what);
    };
    refused("a branch that nobody has", &["mian"]);
    refused("no name of a commit", &["--", "--upload-pack=sh"]);
    // One that was pushed over, and is gone.
    let gone = site.commit("v2", "", &[]);
    site.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    site.git(&["reflog", "expire", "--expire=now", "--all"]);
    site.git(&["gc", "--quiet", "--prune=now"]);
    refused("a commit that was pushed over", &[&gone]);
    let wrong: [(&str, String); 5] = [
        ("a configuration that is none", good.replace("[services.api]", "[services.api")),
        ("an unknown key", good.replace("health =", "helth =")),
        (
            "variables that nobody has set",
            format!(
                "{good}[env]\nTOKEN = {{ about = \"Of the bot\", secret = true, required = true }}\nPAY = {{ required = true }}\n"
            ),
        ),
        (
            "an address of somebody else",
            format!(
                "{good}[services.second]\ncommand = \"python3 app.py\"\nlisten = \"{}\"\n",
                taken.local_addr().unwrap()
            ),
        ),
        ("a program that is not there", good.replace("python3 app.py", "pyhton3 app.py")),
    ];
    for (what, config) in &wrong {
        site.commit("v2", "", &[("mainstay.toml", config)]);
        refused(what, &[]);
    }
    fs::remove_file(site.path("mainstay.toml")).unwrap();
    site.git(&["add", "--all"]);
    site.git(&["commit", "--quiet", "-m", "Nothing is configured"]);
    refused("no configuration", &[]);
    // The same for repositories.
    let file = fs::read_to_string(server.path("mainstay.toml")).unwrap();
    site.git(&["init", "--quiet", "--bare", "seen-nothing.git"]);
    for (what, repository) in [("an empty repository", "../seen-nothing.git"), ("no repository", "../nowhere.git")] {
        fs::write(server.path("mainstay.toml"), file.replace("\"..\"", &format!("\"{repository}\""))).unwrap();
        refused(what, &[]);
    }
    compare(&seen);
    fs::write(server.path("mainstay.toml"), file).unwrap();
    fs::remove_dir_all(site.path("seen-nothing.git")).unwrap();
    let commit = site.commit("v2", "", &[("mainstay.toml", &good)]);
    deploy(site, &[]).code(0).stderr_is("");
    assert_eq!((site.version(), server.releases()[0]["commit"].as_str()), ("v2".to_owned(), Some(&*commit)));
}

/// Issue 6, bad input: somebody else has the port when nothing runs yet: it is told before anything is built, and with the port free the
/// same commit comes live.
#[test]
fn an_address_of_somebody_else_is_told_before_a_first_start() {
    let server = Server::new("build = [\"touch built-it\"]\n", "", &["--repository", ".."]);
    let site = &server.site;
    let taken = TcpListener::bind(("127.0.0.1", site.port)).unwrap();
    let output = deploy(site, &[]);
    output.code(2).stdout_is("");
    let wanted = "\
error: service `api` cannot listen on 127.0.0.1:[PORT]
  seen: `127.0.0.1:[PORT]` is taken by [THE TEST]
  hint: free the port, or change `listen` of `[services.api]`
error: the release failed in `check`; nothing runs, as before
";
    assert_eq!(told(&output), wanted);
    assert!(site.processes().is_empty() && !server.path("data/releases/current").exists());
    assert_eq!(server.releases()[0]["state"], "failed");
    drop(taken);
    deploy(site, &[]).code(0);
    assert_eq!(site.version(), "v1");
}

/// Issue 6, bad input: of two that wait the older one is told that there is a newer one.
#[test]
fn who_is_overtaken_is_told() {
    let server = running();
    let site = &server.site;
    let hold = site.path("go").display().to_string();
    let held = format!("[deploy]\nbuild = [\"sh -c 'until test -e {hold}; do sleep 0.05; done'\"]\n");
    site.commit("v2", "", &[("mainstay.toml", &site.edited("[deploy]\n", &held))]);
    let first = site.spawn(&["deploy", "--dir", "shop"]);
    wait_until(LIMIT, "it builds", || server.releases()[0]["state"] == "preparing" && server.releases().len() == 2);
    let second = site.test.again().env("MAINSTAY_LOG_LEVEL", "error").args(["deploy", "--dir", "shop"]).spawn();
    let waiting = || fs::read_dir(server.path("data/releases/queue")).map_or(0, Iterator::count);
    wait_until(LIMIT, "the second waits", || waiting() == 1);
    site.commit("v3", "", &[]);
    let third = site.spawn(&["deploy", "--dir", "shop"]);
    let output = second.wait(LIMIT);
    let wanted = "\
error: a newer release was asked for meanwhile, so this one is not made
  seen: `[RELEASE]` waits behind it
  hint: `mainstay releases` shows what became of the newer one
";
    assert_eq!((told(&output).as_str(), output.exit_code()), (wanted, 75));
    assert_eq!(site.version(), "v1");
    fs::write(&hold, "").unwrap();
    first.wait(LIMIT).code(0);
    third.wait(LIMIT).code(0);
    assert_eq!((site.version(), server.releases().len(), waiting()), ("v3".to_owned(), 3, 0));
}

/// Issue 6, bad input: after the clock went back, a new release is the newest all the same, and goes back to the one before.
#[test]
fn a_clock_that_goes_back_holds_up_nobody() {
    let server = running();
    let site = &server.site;
    let first = server.releases()[0]["id"].as_str().unwrap().to_owned();
    site.run(&["down", "--dir", "shop"]).code(0);
    // As if it had been made in the year 2100.
    let (releases, future) = (server.path("data/releases"), format!("03SZH8E000{}", &first[10..]));
    fs::rename(releases.join(&first), releases.join(&future)).unwrap();
    let record = fs::read_to_string(releases.join(&future).join("release.json")).unwrap();
    fs::write(releases.join(&future).join("release.json"), record.replace(&first, &future)).unwrap();
    fs::remove_file(releases.join("current")).unwrap();
    std::os::unix::fs::symlink(&future, releases.join("current")).unwrap();
    site.run(&["up", "-d", "--dir", "shop"]).code(0);
    site.commit("v2", "", &[]);
    deploy(site, &[]).code(0).stderr_is("");
    let ids: Vec<_> = server.releases().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    assert!(site.version() == "v2" && ids.len() == 2 && ids[0] > ids[1] && ids[1] == future, "{ids:?}");
    site.run(&["rollback", "--dir", "shop"]).code(0);
    assert_eq!(site.version(), "v1");
}
