//! mainstay as process 1 of a fresh process namespace, as in a container: signals, orphans, exit codes, and nobody left.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{fs, process::Command, time::Duration};
use support::{LIMIT, alive, is_root};
use testkit::{Running, Signal, Test, find_component, signal, wait_for, wait_until};

/// mainstay with these arguments, as process 1; who is not root is root in a user namespace.
fn as_one(arguments: &[&str]) -> Test {
    let flags = if is_root() { "-fp" } else { "-rfp" };
    let test = Test::new(find_component("unshare")).args([flags, "--mount-proc", env!("CARGO_BIN_EXE_mainstay")]);
    test.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MAINSTAY_LOG_FORMAT", "human").args(arguments.iter().copied())
}

/// `mainstay up` of one service that is this script.
fn up(script: &str) -> Test {
    let service =
        format!("[services.one]\ncommand = [\"sh\", \"-c\", '''{script}''']\nstop = {{ grace = \"400ms\" }}\n");
    as_one(&["up"]).file("mainstay.toml", &service)
}

/// Its process id, seen from outside.
fn one(running: &Running) -> u32 {
    children(running.pid()).first().copied().unwrap_or_else(|| panic!("nobody: {}", running.stderr()))
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// All below `pid`, seen from outside.
fn below(pid: u32) -> Vec<u32> {
    let direct = children(pid);
    direct.iter().flat_map(|pid| [vec![*pid], below(*pid)].concat()).collect()
}

fn is_zombie(pid: &u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

/// What `run` ends with is what its command ended with, and who runs it sees just that.
#[test]
fn the_exit_code_is_that_of_the_command() {
    for (script, code) in [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill -SEGV $$", 139)] {
        as_one(&["run", "--", "sh", "-c", script]).run().code(code);
    }
    as_one(&["run", "--", "no-such-program"]).run().code(2).stderr_has("no-such-program");
}

/// S2.7: a signal from outside (`docker stop` sends TERM) ends everything politely, whichever it is; Ctrl-C is told as 130. (HUP asks for a
/// reload where there is no terminal.)
#[test]
fn signals_from_outside_end_it() {
    let polite = "trap \"echo asked; exit 0\" TERM; echo begun; while :; do sleep 0.02; done";
    for (by, code) in [(Signal::TERM, 0), (Signal::QUIT, 0), (Signal::INT, 130)] {
        let mut running = up(polite).spawn();
        running.wait_for_line("is up after", LIMIT);
        running.wait_for_line("| begun", LIMIT);
        let all = below(running.pid());
        signal(one(&running), by);
        let output = running.wait(LIMIT);
        output.code(code).stdout_has("| asked");
        assert!(!all.iter().any(|pid| alive(*pid)), "{all:?}");
    }
}

/// Issue 4, item 2: another mainstay takes over as process 1: nobody is touched, orphans are reaped as before, and a signal ends it all.
#[test]
fn process_one_becomes_another_mainstay() {
    let mut running = up("while :; do (:& :&); echo tick; sleep 0.05; done").spawn();
    running.wait_for_line("is up after", LIMIT);
    let (pid, leader) = (one(&running), children(one(&running))[0]);
    let dir = fs::read_link(format!("/proc/{pid}/cwd")).unwrap();
    for _ in 0..2 {
        let mut reexec = Command::new(env!("CARGO_BIN_EXE_mainstay"));
        let output = reexec.arg("reexec").current_dir(&dir).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(one(&running), pid);
        assert!(children(pid).contains(&leader));
    }
    wait_until(LIMIT, "no zombie is left", || !below(pid).iter().any(is_zombie));
    signal(pid, Signal::TERM);
    running.wait(LIMIT).code(0);
}

/// A second request kills at once; nobody waits for the grace.
#[test]
fn a_second_signal_kills() {
    let stubborn =
        "[services.one]\ncommand = [\"sh\", \"-c\", \"trap : TERM; echo begun; while :; do sleep 0.02; done\"]\n";
    let mut running =
        as_one(&["up"]).file("mainstay.toml", &format!("{stubborn}stop = {{ grace = \"1h\" }}\n")).spawn();
    running.wait_for_line("is up after", LIMIT);
    running.wait_for_line("| begun", LIMIT);
    let pid = one(&running);
    signal(pid, Signal::TERM);
    running.wait_for_line("one is asked to stop", LIMIT);
    signal(pid, Signal::TERM);
    running.wait(Duration::from_secs(10)).code(0);
}

/// Orphans of all kinds become ours: hundreds that end leave no zombie, and one that stays, in a session of its own, is ended with its
/// service before the next copy starts, and with everything at the end.
#[test]
fn orphans_are_reaped_and_ended() {
    let script = "setsid sh -c \"trap : TERM HUP; while :; do sleep 0.05; done\" & \
         i=0; while [ $i -lt 100 ]; do (:& :& :&); i=$((i+1)); done; echo begun; exec sleep 1000";
    let mut running = up(script).spawn();
    running.wait_for_line("| begun", LIMIT);
    let pid = one(&running);
    wait_until(LIMIT, "no zombie is left", || !below(pid).iter().any(is_zombie));
    let first = wait_for(LIMIT, "the leader and who ran away, with its sleep", || {
        Some(below(pid)).filter(|all| all.len() >= 2)
    });
    let leader = wait_for(LIMIT, "the leader sleeps", || {
        children(pid).into_iter().find(|pid| command(*pid).starts_with("sleep 1000"))
    });
    signal(leader, Signal::KILL);
    wait_until(LIMIT, "the next copy", || running.stdout().matches("| begun").count() == 2);
    assert!(!first.iter().any(|pid| alive(*pid)), "of the first copy somebody is left: {}", running.stderr());
    let second = below(pid);
    assert!(second.len() >= 2, "{second:?}");
    running.signal(Signal::CONT);
    signal(pid, Signal::TERM);
    running.wait(LIMIT).code(0);
    assert!(!second.iter().any(|pid| alive(*pid)), "{second:?}");
}

fn command(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
}

/// Killed, it takes everybody along: the kernel ends a namespace with its process 1. The next start finds nothing, and is not held up by
/// what the lock says.
#[test]
fn killed_it_takes_all_along_and_starts_again() {
    let test = up("setsid sleep 1001 & echo begun; exec sleep 1000");
    let mut first = test.spawn();
    first.wait_for_line("is up after", LIMIT);
    first.wait_for_line("| begun", LIMIT);
    let all = below(first.pid());
    assert!(all.len() >= 3, "{all:?}");
    signal(one(&first), Signal::KILL);
    // What `unshare` makes of that is its own affair.
    first.wait(LIMIT);
    assert!(!all.iter().any(|pid| alive(*pid)), "{all:?}");
    let mut second = test.spawn();
    second.wait_for_line("is up after", LIMIT);
    // The other one was process 1, too: that number does not make it this one.
    test.run().code(2).stderr_has("is already running");
    signal(one(&second), Signal::TERM);
    second.wait(LIMIT).code(0);
}
