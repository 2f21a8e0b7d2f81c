//! `mainstay top`, on a real terminal.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{fs, path::Path, process::Command};
use support::{LIMIT, mainstay};
use testkit::{Test, Tmux, wait_until};

/// Two services and a job; one service writes what acts on a terminal.
const SHOP: &str = r#"name = "shop"
[services.api]
command = ["sh", "-c", "echo INFO begins; printf 'ERROR \\033[2J\\033]0;x\\007red\\n'; while :; do echo tick; sleep 0.2; done"]
[services.worker]
command = "sleep 1000"
[schedule.tidy]
command = "echo tidied up"
every = "1h"
"#;

/// A mainstay in the background and a terminal; both end with the test.
struct Stage {
    test: Test,
    tmux: Tmux,
}

impl Stage {
    fn new(environment: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        Self::with(SHOP, environment, columns, rows)
    }

    fn with(config: &str, environment: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").env("MAINSTAY_RELEASE", "1.4.2").file("there", "");
        let test = test.file("mainstay.toml", config);
        test.again().args(["up", "-d"]).run().code(0);
        let tmux = Tmux::start(test.path(), environment, columns, rows);
        Self { test, tmux }
    }

    fn top(&self, arguments: &str) {
        self.tmux.type_line(&format!("clear; {} top {arguments}; echo ended with $?", env!("CARGO_BIN_EXE_mainstay")));
    }

    /// The row of a service in the table.
    fn row(&self, service: &str) -> String {
        let screen = self.tmux.screen();
        let row = screen.lines().find(|line| line.trim_start_matches(['>', '*', ' ']).starts_with(service));
        row.unwrap_or_default().to_owned()
    }

    fn pid(&self, service: &str) -> u64 {
        let output = self.test.again().args(["ps", "--json"]).run();
        let ps: serde_json::Value = serde_json::from_str(&output.raw_stdout).unwrap();
        let services = ps["services"].as_array().unwrap();
        services.iter().find(|it| it["name"] == service).unwrap()["pid"].as_u64().unwrap_or_default()
    }

    /// The terminal is as it was: no second screen, a cursor, an echo.
    #[track_caller]
    fn given_back(&self, code: u8) {
        let screen = self.tmux.wait_for("it has ended", |screen| screen.contains("ended with"));
        assert!(screen.contains(&format!("ended with {code}")), "{screen}");
        assert_eq!(self.tmux.format("#{alternate_on} #{cursor_flag}"), "0 1");
        self.tmux.type_line("clear; stty -a");
        self.tmux.wait_for("it echoes, line by line", |screen| screen.contains(" icanon") && screen.contains(" echo "));
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let lock = fs::read_to_string(self.test.path().join("data/run/mainstay.lock")).unwrap_or_default();
        let Some(pid) = lock.lines().find_map(|line| line.strip_prefix("pid=")) else { return };
        // Its number may be somebody else's by now.
        let exe = fs::read_link(format!("/proc/{pid}/exe"));
        if exe.is_ok_and(|exe| exe == Path::new(env!("CARGO_BIN_EXE_mainstay"))) {
            let _ = Command::new("kill").args(["-KILL", pid]).status();
        }
    }
}

const UTF8: &[(&str, &str)] = &[("LC_ALL", "C.UTF-8")];

/// S4.7: services are seen, restarted and stopped, their lines live, sifted and side by side; the terminal is given back.
#[test]
fn a_terminal_session_shows_and_orders() {
    let stage = Stage::new(UTF8, 80, 24);
    stage.top("");
    let screen = stage.tmux.wait_for("all is shown", |screen| screen.contains("tick"));
    assert!(screen.starts_with(" shop  ok · 2 of 2 ready"), "{screen}");
    assert!(stage.row("api").contains("active"), "{screen}");
    assert!(screen.contains(" q quit"), "{screen}");
    stage.tmux.wait_for("lines are tame", |screen| screen.contains("ERROR red"));

    let before = stage.pid("worker");
    stage.tmux.press(&["j", "r"]);
    stage.tmux.wait_for("it asks", |screen| screen.contains("restart `worker`?") && screen.contains("y / n"));
    assert_eq!(stage.pid("worker"), before);
    stage.tmux.press(&["y"]);
    let screen = stage.tmux.wait_for("it is restarted", |screen| screen.contains("`worker` is ready after"));
    let after = stage.pid("worker");
    assert!(after != before && screen.contains(&format!("pid {after}")), "{before} {after}\n{screen}");

    stage.tmux.press(&["s", "y"]);
    wait_until(LIMIT, "it is stopped", || stage.row("worker").contains("inactive"));
    stage.tmux.press(&["Escape", "s"]);
    wait_until(LIMIT, "it is started", || stage.row("worker").contains(" active ") && stage.pid("worker") != after);

    stage.tmux.press(&["k", "Enter"]);
    stage.tmux.wait_for("it is explained", |screen| screen.contains("why api") && screen.contains("last exit: none"));
    stage.tmux.press(&["Escape", "/", "r", "e", "d", "Enter"]);
    stage.tmux.wait_for("lines are sifted", |screen| screen.contains("with `red`") && !screen.contains("tick"));
    stage.tmux.press(&["Escape"]);
    stage.tmux.wait_for("they are all there again", |screen| screen.contains("tick"));

    stage.tmux.press(&["G", "n"]);
    stage.tmux.wait_for("it asks", |screen| screen.contains("run `tidy`?"));
    stage.tmux.press(&["y"]);
    stage.tmux.wait_for("the job has run", |screen| {
        let last = screen.lines().last().unwrap_or_default();
        last.contains("tidy") && last.contains("done")
    });

    stage.tmux.resize(120, 40);
    stage.tmux.press(&["g", "l"]);
    stage.tmux.wait_for("the lines of all, on the whole screen", |screen| {
        let rule = |line: &str| line.starts_with("── all services ─") && line.chars().count() == 120;
        screen.lines().any(rule) && screen.contains("release 1.4.2") && screen.contains("tidied up")
    });
    stage.tmux.press(&["l"]);
    stage
        .tmux
        .wait_for("a pane for each", |screen| screen.contains("── api active") && screen.contains("── worker active"));
    stage.tmux.resize(39, 9);
    stage.tmux.wait_for("it is too small", |screen| screen.starts_with("too small"));
    stage.tmux.resize(80, 24);
    stage.tmux.press(&["q"]);
    stage.given_back(0);
}

/// S4.7: how long the own health check of a service took is shown; of one that fails, nothing.
#[test]
fn the_checks_of_services_are_shown() {
    let health = "health = { file = \"there\", every = \"200ms\" }\n";
    let config = SHOP.replace("command = \"sleep 1000\"\n", &format!("command = \"sleep 1000\"\n{health}"));
    let stage = Stage::with(&config, UTF8, 120, 24);
    stage.top("");
    let is_shown = |service: &str| stage.row(service).contains(" ms");
    wait_until(LIMIT, "it is shown", || is_shown("worker"));
    assert!(!is_shown("api") && stage.tmux.screen().contains("ANSWER"), "{}", stage.tmux.screen());
    let output = stage.test.again().args(["ps", "--json"]).run();
    assert!(output.raw_stdout.contains("latency_ms"), "{}", output.raw_stdout);
    fs::remove_file(stage.test.path().join("there")).unwrap();
    wait_until(LIMIT, "a check that fails has no figure", || !stage.row("worker").is_empty() && !is_shown("worker"));
    stage.tmux.press(&["q"]);
    stage.given_back(0);
}

/// S4.7: a mainstay that goes away is told, and asked again once it is back.
#[test]
fn a_mainstay_that_goes_away_is_asked_again() {
    let stage = Stage::new(UTF8, 80, 24);
    stage.top("--service worker");
    stage.tmux.wait_for("the service is chosen", |screen| screen.contains("── worker ─"));
    stage.test.again().args(["down"]).run().code(0);
    let lost = |screen: &str| screen.contains("no answer") && screen.contains("`shop` is not running");
    stage.tmux.wait_for("it is told", lost);
    stage.tmux.press(&["r"]);
    stage.tmux.wait_for("nothing can be ordered", |screen| screen.contains("nothing can be ordered"));
    stage.test.again().args(["up", "-d"]).run().code(0);
    stage.tmux.wait_for("it is back", |screen| screen.contains("shop  ok") && !screen.contains("nothing can be"));
    stage.tmux.press(&["C-c"]);
    stage.given_back(0);
}

/// S4.7: whichever way it is ended, the terminal is given back; and without UTF-8 and colours it is as useful.
#[test]
fn signals_give_the_terminal_back() {
    let stage = Stage::new(&[("LC_ALL", "C"), ("NO_COLOR", "1")], 80, 24);
    for signal in ["TERM", "HUP", "INT"] {
        let program = env!("CARGO_BIN_EXE_mainstay");
        stage.tmux.type_line(&format!("clear; sh -c 'echo $$ > top.pid; exec {program} top'; echo ended with $?"));
        let screen = stage.tmux.wait_for("all is shown", |screen| screen.contains("tick"));
        assert!(screen.is_ascii() && screen.contains("-- api --"), "{screen}");
        let pid = stage.test.read("top.pid");
        assert!(Command::new("kill").args(["-s", signal, pid.trim()]).status().unwrap().success());
        stage.given_back(130);
    }
}

/// S4.7: what is no terminal to draw on, and services that are not there, are told before anything is drawn.
#[test]
fn what_cannot_be_shown_is_told() {
    let stage = Stage::new(UTF8, 100, 24);
    stage.tmux.type_line("export TERM=dumb");
    stage.top("");
    stage.tmux.wait_for("it is refused", |screen| {
        screen.contains(
            "error: `top` needs a terminal that can move its cursor\n  seen: TERM is `dumb`\n  hint: `mainstay",
        ) && screen.contains("ended with 2")
    });
    stage.tmux.type_line("export TERM=screen");
    stage.top("--service wroker");
    stage.tmux.wait_for("it is refused", |screen| {
        screen.contains(
            "error: there is no service or job `wroker`\n  seen: there are `api`, `worker` and `tidy`\n  hint: did you mean `worker`?\n",
        ) && screen.contains("ended with 2")
    });
}
