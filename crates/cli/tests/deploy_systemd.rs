//! Releases whose services systemd runs: units are restarted in their order from the release that is current, and go back.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/stand_in.rs"]
mod stand_in;
mod support;

use stand_in::Site;
use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command},
};
use support::{LIMIT, get};
use testkit::{Test, free_port, wait_until};

/// systemctl(1): what a unit becomes when it is restarted stands in the file `does` of the current release. Of each unit its state, its
/// restarts and the release that it runs are kept in a file. Writes down what changes something.
const SYSTEMCTL: &str = r#"#!/bin/sh
whose=$1 verb=$4
shift 4
[ "$verb" = show ] && shift 2
shift
link() { basename "$(readlink "$SITE/data/releases/current" 2>/dev/null)"; }
does() { cat "$SITE/data/releases/current/tree/does" 2>/dev/null; }
version() { cat "$SITE/data/releases/current/tree/version" 2>/dev/null; }
case $verb in
show)
    for unit; do
        load=loaded
        { [ -f "$STATE/lost" ] || [ -f "$STATE/$unit.lost" ]; } && load=not-found
        read -r active restarts < "$STATE/$unit" 2>/dev/null || { active=inactive restarts=0; }
        if [ -f "$STATE/$unit.later" ]; then restarts=$(wc -l < "$STATE/$unit.later"); echo >> "$STATE/$unit.later"; fi
        result=success status=0
        [ "$active" = failed ] && result=exit-code status=7
        printf 'Id=%s\nLoadState=%s\nActiveState=%s\nSubState=x\nResult=%s\nExecMainStatus=%s\nType=notify\n' $unit $load $active $result $status
        printf 'NRestarts=%s\nMainPID=0\nTimeoutStartUSec=5s\nTimeoutStopUSec=5s\nNeedDaemonReload=no\n' $restarts
        printf 'ActiveExitTimestampMonotonic=1000000\nActiveEnterTimestampMonotonic=1120000\n'
        printf 'WorkingDirectory=%s/data/releases/current/tree\nEnvironmentFiles=\nExecStart=\n\n' "$SITE"
    done ;;
restart)
    echo "$whose restart $1 $(version)" >> "$STATE/calls"
    rm -f "$STATE/$1.later"
    case $1:$(does) in
    worker.service:never) echo "failed 0" > "$STATE/$1"; echo "Job for $1 failed." >&2; exit 1 ;;
    worker.service:later) echo "active 0" > "$STATE/$1"; : > "$STATE/$1.later" ;;
    *) echo "active 0" > "$STATE/$1" ;;
    esac ;;
stop) for unit; do [ -f "$STATE/$unit.lost" ] && { echo "Unit $unit not loaded." >&2; exit 5; }; echo "$whose stop $unit" >> "$STATE/calls"; echo "inactive 0" > "$STATE/$unit"; done ;;
reset-failed) ;;
*) echo "unknown verb $verb" >&2; exit 1 ;;
esac
"#;

const JOURNALCTL: &str = "#!/bin/sh\n[ -f \"$STATE/mute\" ] && exit 1\necho \"Started $2.\"\ncat \"$SITE/data/releases/current/tree/says\" 2>/dev/null\nexit 0\n";

const CONFIG: &str = "name = \"shop\"\n[deploy]\ndriver = \"systemd\"\nmanager = \"user\"\nunits = [\"web.service\", \"worker.service\"]\n\
    watch = \"1s\"\nerrors = 1\nsmoke = [{ command = [\"sh\", \"-c\", \"test \\\"$(cat does)\\\" != smoke\"] }]\n";

fn site() -> Site {
    Site::new(CONFIG, &[("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)])
}

/// S1.7, issue 6, point 6: units are restarted one after the other, each gap is told, and a rollback restarts them from the release before.
#[test]
fn units_are_restarted_in_their_order() {
    let site = site();
    let output = site.run(&["deploy", "--dry-run"]);
    output.code(0).stdout_has("would    switch     restarted one after the other: web.service, worker.service");
    assert!(site.calls().is_empty() && site.releases().is_empty());
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("`web.service` started, `worker.service` started").stderr_has("is live and stays");
    assert_eq!(site.calls(), ["--user restart web.service v1", "--user restart worker.service v1"]);
    site.commit("v2", "", &[]);
    let output = site.run(&["deploy"]);
    output
        .code(0)
        .stderr_has("`web.service` restarted with a gap of [TIME]")
        .stderr_has("1 smoke check passed, no errors");
    assert_eq!(site.calls(), ["--user restart web.service v2", "--user restart worker.service v2"]);
    assert_eq!((site.current().as_deref(), site.states()), (Some("v2"), vec!["confirmed".into(), "superseded".into()]));
    site.run(&["deploy"]).code(0).stderr_has("is live already");
    site.run(&["rollback"]).code(0).stderr_has("is live again");
    assert_eq!(site.calls(), ["--user restart web.service v1", "--user restart worker.service v1"]);
    assert_eq!(
        (site.current().as_deref(), site.states()),
        (Some("v1"), vec!["rolled-back".into(), "confirmed".into()])
    );
}

/// S0.7, issue 6, points 5 and 6: whichever way it is bad, the units run from the release before in the end.
#[test]
fn a_bad_one_is_taken_back() {
    let site = site();
    site.deploy();
    let cases = [
        ("never", "`worker.service` does not stay active"),
        ("smoke", "smoke check"),
        ("later", "`worker.service` had to be started again"),
        ("noisy", "4 errors in the log of the new services"),
    ];
    for (does, what) in cases {
        site.calls();
        let says = if does == "noisy" { "ERROR: one\nERROR: two\n" } else { "all is well\n" };
        site.commit(does, does, &[("says", says)]);
        let output = site.run(&["deploy"]);
        output.code(1).stderr_has(what).stderr_has("is live again");
        let calls = site.calls();
        assert_eq!(
            calls[calls.len() - 2..],
            ["--user restart web.service v1", "--user restart worker.service v1"],
            "{does}"
        );
        assert_eq!((site.current().as_deref(), site.states()[0].as_str()), (Some("v1"), "rolled-back"), "{does}");
        assert!(!site.path("data/releases").join(site.id_of(does)).join("tree").exists(), "{does}");
    }
}

/// Issue 6, points 1 and 6: a first release that fails leaves nothing running, and a bad commit touches no unit.
#[test]
fn a_first_one_that_fails_leaves_nothing() {
    let site = site();
    site.commit("v1", "never", &[]);
    let output = site.run(&["deploy"]);
    output.code(1).stderr_has("does not stay active").stderr_has("nothing runs, as before");
    let started = ["--user restart web.service v1", "--user restart worker.service v1"];
    // The other one has failed, and nothing of it is left to be stopped.
    let stopped = ["--user stop web.service"];
    assert_eq!(site.calls(), [&started[..], &stopped].concat());
    assert_eq!(site.current(), None);
    fs::write(site.path("state/lost"), "").unwrap();
    let output = site.run(&["deploy"]);
    output.code(2).stderr_has("the user's systemd has no such units").stderr_has("`web.service`: not-found");
    assert!(site.calls().is_empty());
}

/// Issue 6, points 6 and 7: whoever is killed in the middle of the switch leaves half of it; the next one begins with all units on the
/// release before, and a rehearsal only says so.
#[test]
fn a_switch_that_was_broken_off_is_put_right() {
    let site = site();
    site.deploy();
    site.commit("v2", "", &[]);
    site.killed_in_switch("deploy");
    assert_eq!(site.current().as_deref(), Some("v2"));
    site.calls();
    site.run(&["deploy", "--dry-run"])
        .code(0)
        .stderr_has("a switch was broken off: the next release first brings back");
    assert!(site.calls().is_empty());
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("a switch was broken off: release");
    let of = |version: &str| ["web", "worker"].map(|unit| format!("--user restart {unit}.service {version}"));
    assert_eq!(site.calls(), [of("v1"), of("v2")].concat());
    assert_eq!(site.states(), ["confirmed", "abandoned", "superseded"]);
}

/// Issue 6, point 6: nobody runs a service twice because the driver changes.
#[test]
fn another_driver_has_to_wait_until_the_first_lets_go() {
    let site = site();
    site.deploy();
    let alone = "name = \"shop\"\n[deploy]\nwatch = \"0s\"\n[services.web]\ncommand = \"sleep 1000\"\n";
    site.commit("v2", "", &[("mainstay.toml", alone)]);
    let output = site.run(&["deploy"]);
    output
        .code(2)
        .stderr_has("the services are run by the user's systemd, and this release wants mainstay to run them");
    output.code(2).stderr_has("stop web.service, worker.service, then release it");
}

/// Issue 6, point 6: the units of another manager are other ones, also while only one of them is left running. Found in a review.
#[test]
fn another_manager_has_to_wait_too() {
    let site = site();
    site.deploy();
    fs::write(site.path("state/worker.service"), "failed 0\n").unwrap();
    site.commit("v2", "", &[("mainstay.toml", &CONFIG.replace("\"user\"", "\"system\""))]);
    site.calls();
    let output = site.run(&["deploy"]);
    output.code(2).stderr_has(
        "the services are run by the user's systemd, and this release wants the machine's systemd to run them",
    );
    assert!(site.calls().is_empty());
}

/// Issue 6, point 6: a unit that a release does not list any more would go on with old code, so it ends; the way back starts it again.
/// Found in a review.
#[test]
fn a_unit_that_is_not_listed_any_more_ends() {
    let site = site();
    site.deploy();
    let alone = CONFIG.replace(", \"worker.service\"", "");
    site.commit("v2", "", &[("mainstay.toml", &alone)]);
    site.calls();
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("`worker.service`, which it does not list, ended");
    assert_eq!(site.calls(), ["--user stop worker.service", "--user restart web.service v2"]);
    site.commit("bad", "smoke", &[("mainstay.toml", CONFIG)]);
    site.run(&["deploy"]).code(1).stderr_has("is live again");
    let brought = ["--user restart web.service bad", "--user restart worker.service bad"];
    assert_eq!(site.calls(), [&brought[..], &["--user stop worker.service", "--user restart web.service v2"]].concat());
    site.run(&["rollback"]).code(0);
    assert_eq!(site.calls(), ["--user restart web.service v1", "--user restart worker.service v1"]);
}

/// Issue 6, point 6: a unit that was taken away with its line in the file cannot be stopped, and need not be. Found in a review.
#[test]
fn a_unit_that_is_gone_is_in_nobodys_way() {
    let site = site();
    site.deploy();
    fs::remove_file(site.path("state/worker.service")).unwrap();
    fs::write(site.path("state/worker.service.lost"), "").unwrap();
    site.commit("v2", "", &[("mainstay.toml", &CONFIG.replace(", \"worker.service\"", ""))]);
    site.calls();
    site.run(&["deploy"]).code(0);
    assert_eq!(site.calls(), ["--user restart web.service v2"]);
}

/// S0.7, issue 6, points 6 and 7: whoever is killed when he has stopped what only the release before lists leaves it stopped; it is brought
/// back with the rest. Found in a review.
#[test]
fn what_was_stopped_for_a_switch_that_was_broken_off_comes_back() {
    let site = site();
    site.deploy();
    let new = CONFIG.replace("worker.service", "mail.service");
    site.commit("v2", "", &[("mainstay.toml", &new)]);
    site.killed_in_switch("deploy");
    fs::write(site.path("state/mail.service"), "active 0\n").unwrap();
    assert_eq!(site.calls().last().unwrap(), "--user restart web.service v2");
    site.commit("v3", "smoke", &[("mainstay.toml", CONFIG)]);
    site.run(&["deploy"]).code(1).stderr_has("a switch was broken off: release").stderr_has("is live again");
    let of = |version: &str| ["web", "worker"].map(|unit| format!("--user restart {unit}.service {version}"));
    let stopped = ["--user stop mail.service".to_owned()];
    assert_eq!(site.calls(), [&stopped[..], &of("v1"), &of("v3"), &of("v1")].concat());
}

/// S1.8, issue 6, point 6: whoever writes into a database is stopped before it is emptied, also when the new release does not list him any
/// more. Found in a review.
#[test]
fn a_clean_release_stops_all_that_ran() {
    let site = site();
    let more = "[databases.main]\nurl = \"sqlite:data/shop.db\"\n";
    fs::create_dir_all(site.path("data")).unwrap();
    rusqlite::Connection::open(site.path("data/shop.db")).unwrap().execute("create table item (id int)", []).unwrap();
    site.commit("v1", "", &[("mainstay.toml", &format!("{CONFIG}{more}"))]);
    site.run(&["deploy"]).code(0);
    let alone = CONFIG.replace(", \"worker.service\"", "");
    site.commit("v2", "", &[("mainstay.toml", &format!("{alone}{more}"))]);
    site.calls();
    let output = site.run(&["deploy", "--clean", "--yes-destroy", "shop"]);
    output.code(0).stderr_has("1 database empty");
    let calls = site.calls();
    let expected = ["--user stop worker.service", "--user stop web.service", "--user restart web.service v2"];
    assert_eq!(calls, expected);
}

/// S0.7, issue 6, point 6: a rollback that was killed in its switch leaves parts of both releases, though the one it leads to was live
/// before and nobody can see which part is of which. Found in a review.
#[test]
fn a_rollback_that_was_broken_off_is_put_right() {
    let site = site();
    site.deploy();
    site.commit("v2", "", &[]);
    site.deploy();
    site.killed_in_switch("rollback");
    assert_eq!(site.current().as_deref(), Some("v1"));
    site.calls();
    site.run(&["deploy"]).code(0).stderr_has("a switch was broken off: release").stderr_has("is live already");
    assert_eq!(site.calls(), ["--user restart web.service v2", "--user restart worker.service v2"]);
    assert_eq!(site.current().as_deref(), Some("v2"));
    let output = site.run(&["deploy"]);
    output.code(0);
    assert!(!output.raw_stderr.contains("broken off"), "{}", output.raw_stderr);
}

/// Issue 6, point 5: a log that cannot be read holds no errors that anybody has counted. Found in a review.
#[test]
fn errors_that_cannot_be_counted_are_told() {
    let site = site();
    fs::write(site.path("state/mute"), "").unwrap();
    site.commit("v1", "", &[]);
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("could not verify how many errors the release writes: its log cannot be read");
}

/// A systemd of our own: the manager of a user, in a directory of its own.
struct Systemd {
    child: Child,
    runtime: Test,
}

impl Systemd {
    /// It wants to see that the machine was booted with systemd, so it is shown a directory that says so. Its control group is its own.
    fn start() -> Self {
        let runtime = support::mainstay();
        let group = runtime.path().file_name().unwrap().to_string_lossy().replace('.', "");
        let script = "mkdir -p /run/systemd; mount -t tmpfs tmpfs /run/systemd; mkdir /run/systemd/system\n\
            for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do\n\
              [ -e $tree/cgroup.procs ] && mkdir -p $tree/$GROUP && echo $$ > $tree/$GROUP/cgroup.procs\ndone\n\
            exec /lib/systemd/systemd --user --log-target=null";
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh", "-c", script]).env_clear().env("GROUP", group).process_group(0);
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", runtime.path());
        command.env("XDG_RUNTIME_DIR", runtime.path()).env("XDG_CONFIG_HOME", runtime.path().join("config"));
        let child = command.spawn().expect("util-linux is installed");
        let private = runtime.path().join("systemd/private");
        wait_until(LIMIT, "systemd is there", || private.exists());
        Self { child, runtime }
    }

    fn systemctl(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("systemctl");
        command.arg("--user").args(arguments).env("XDG_RUNTIME_DIR", self.runtime.path());
        String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned()
    }

    fn unit(&self, name: &str, text: &str) {
        let dir = self.runtime.path().join("config/systemd/user");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(name), text).unwrap();
        self.systemctl(&["daemon-reload"]);
    }
}

impl Drop for Systemd {
    fn drop(&mut self) {
        self.systemctl(&["exit"]);
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tells systemd that it is ready when it listens, if the commit does not say otherwise; answers with its version and a variable.
const APP: &str = r#"
import http.server, os, socket, sys
version, does = open("version").read().strip(), open("does").read().strip()
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (version + " " + os.environ.get("GREETING", "")).encode()
        self.send_response(500 if does == "smoke" else 200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
if does == "crash": sys.exit("no prices")
server = http.server.HTTPServer(("127.0.0.1", int(os.environ["SHOP_PORT"])), Shop)
if does != "never":
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect(os.environ["NOTIFY_SOCKET"]); notify.send(b"READY=1")
server.serve_forever()
"#;

/// S0.7, S1.7, S4.8, issue 6, points 5 to 7: with a real systemd of a user a first release, a second with other variables, one that is never ready, one
/// that crashes, one whose smoke fails, one whose deployer is killed in the middle of the switch, and the way back.
#[test]
#[ignore = "needs root, for a systemd of its own"]
fn a_real_systemd_runs_what_is_current() {
    let (systemd, port) = (Systemd::start(), free_port());
    let config = format!(
        "name = \"shop\"\n[deploy]\ndriver = \"systemd\"\nmanager = \"user\"\nunits = [\"shop.service\"]\nwatch = \"2s\"\n\
         smoke = [{{ http = \"http://127.0.0.1:{port}/\", contains = \"v\" }}]\n"
    );
    let mut site = Site::new(&config, &[]);
    site.test = std::mem::replace(&mut site.test, support::mainstay())
        .env("XDG_RUNTIME_DIR", systemd.runtime.path().display().to_string());
    let current = site.path("data/releases/current");
    systemd.unit(
        "shop.service",
        &format!(
            "[Service]\nType=notify\nExecStart=/usr/bin/python3 app.py\nEnvironment=SHOP_PORT={port}\nWorkingDirectory={0}/tree\n\
             EnvironmentFile={0}/env\nTimeoutStartSec=3\nRestart=on-failure\nRestartSec=100ms\n",
            current.display()
        ),
    );
    let answer = || get(port, "/").map(|(_, body)| body).unwrap_or_default();
    fs::write(site.path(".env"), "GREETING='hello, you'\n").unwrap();
    site.commit("v1", "", &[("app.py", APP), (".gitignore", "data/\nbin/\nstate/\n.env\n")]);
    site.deploy();
    assert_eq!(answer(), "v1 hello, you");
    fs::write(site.path(".env"), "GREETING=bye\n").unwrap();
    site.commit("v2", "", &[]);
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("`shop.service` restarted with a gap of").stderr_has("requests through its own door");
    assert_eq!(answer(), "v2 bye");
    for does in ["never", "crash", "smoke"] {
        site.commit(does, does, &[]);
        site.run(&["deploy"]).code(1).stderr_has("is live again");
        assert_eq!((answer(), site.states()[0].as_str()), ("v2 bye".to_owned(), "rolled-back"), "{does}");
    }
    site.commit("v3", "", &[]);
    site.killed_in_switch("deploy");
    assert_eq!(answer(), "v3 bye");
    site.commit("v4", "crash", &[]);
    let output = site.run(&["deploy"]);
    output.code(1).stderr_has("a switch was broken off: release").stderr_has("is live again");
    assert_eq!(answer(), "v2 bye");
    site.run(&["rollback"]).code(0);
    assert_eq!(answer(), "v1 hello, you");
}
