//! Children that do what they should not, under `mainstay up`: nobody escapes, nobody is left behind, nobody runs twice.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use support::{LIMIT, alive, mainstay};
use testkit::{Running, Test, wait_until};

/// `mainstay up` of services that run these scripts; `$$` is a `$` in the file.
fn up(services: &[(&str, &str)]) -> Test {
    let one = |(name, script): &(&str, &str)| {
        format!(
            "[services.{name}]\ncommand = [\"sh\", \"-c\", '''{script}''']\nstop = {{ grace = \"300ms\" }}\nrestart = \"never\"\n"
        )
    };
    let file: String = services.iter().map(one).collect();
    mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", &file).args(["up"])
}

/// The process id that `name` has told in a line `name | NAME PID`.
fn told(running: &mut Running, name: &str) -> u32 {
    let line = running.wait_for_line(&format!("{name} lives as "), LIMIT);
    line.rsplit(' ').next().unwrap().trim().parse().unwrap()
}

/// Ignores every polite request, in a session of its own, with no parent: tells `NAME lives as PID`.
fn daemon(name: &str) -> String {
    format!("setsid sh -c \"trap : TERM HUP INT; echo {name} lives as \\$\\$; while :; do sleep 0.05; done\" & ")
}

/// S2.7: whoever it is, when mainstay has ended nobody is left.
#[test]
fn nobody_outlives_the_end() {
    let stubborn = "trap : TERM HUP INT; echo stubborn lives as $$$$; while :; do sleep 0.05; done";
    let twice = format!("{} exec sleep 1000", daemon("twice"));
    let mute = "echo mute lives as $$$$; exec >&- 2>&-; exec sleep 1000";
    let mut running = up(&[("stubborn", stubborn), ("twice", &twice), ("mute", mute)]).spawn();
    let pids = ["stubborn", "twice", "mute"].map(|name| told(&mut running, name));
    assert!(pids.iter().all(|pid| alive(*pid)));
    running.terminate();
    running.wait(LIMIT).code(0);
    for pid in pids {
        assert!(!alive(pid), "process {pid} is left");
    }
}

/// S2.7: a service that ends and leaves a daemon behind is not over before the daemon is.
#[test]
fn a_daemon_is_no_way_out() {
    let script = format!("{} sleep 0.2; exit 4", daemon("away"));
    let mut running = up(&[("away", &script)]).spawn();
    let daemon = told(&mut running, "away");
    running.wait(LIMIT).code(4);
    assert!(!alive(daemon));
}

/// 10,000 orphans that come and go leave no zombie, and the service is served all the while.
#[test]
fn many_short_orphans_are_reaped() {
    let script = "i=0; while [ $i -lt 2000 ]; do (:& :& :& :& :&); i=$((i+1)); done; echo orphans lives as $$$$; exec sleep 1000";
    let mut running = up(&[("orphans", script)]).spawn();
    told(&mut running, "orphans");
    let zombies = || children_of(running.pid()).into_iter().filter(|state| *state == 'Z').count();
    wait_until(LIMIT, "no zombie is left", || zombies() == 0);
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// The states of its children.
fn children_of(parent: u32) -> Vec<char> {
    let stats = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = stats.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    let fields = stats.filter_map(|stat| {
        let (_, after) = stat.rsplit_once(')')?;
        let mut words = after.split_ascii_whitespace();
        Some((words.next()?.chars().next()?, words.next()?.parse::<u32>().ok()?))
    });
    fields.filter(|(_, its_parent)| *its_parent == parent).map(|(state, _)| state).collect()
}

/// S2.8: mainstay is killed; what its services had started lives on. The next start ends that before it starts one copy.
#[test]
fn the_next_start_ends_what_a_killed_one_has_left() {
    let script = "sh -c \"trap : TERM; echo worker lives as \\$\\$; while :; do sleep 0.05; done\" & wait";
    let test = up(&[("worker", script)]);
    let mut first = test.spawn();
    let old = told(&mut first, "worker");
    first.kill9();
    first.wait(LIMIT);
    assert!(alive(old), "nothing to end: the test is not about anything");
    let mut second = test.spawn();
    second.wait_for_line("of an earlier start", LIMIT);
    let new = told(&mut second, "worker");
    assert!(!alive(old) && alive(new), "never two copies");
    second.terminate();
    second.wait(LIMIT).code(0);
    assert!(!alive(new));
}
