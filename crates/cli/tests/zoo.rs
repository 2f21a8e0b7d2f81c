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

/// What is in the cage, and what becomes of it.
struct Kept {
    name: &'static str,
    script: &'static str,
    restart: &'static str,
    /// Told in the end, in any order; `[ ]` stands for what is not the same each time.
    told: &'static [&'static str],
    /// What it has written, in its log file: first and last bytes of each line, and its length.
    lines: &'static [(&'static str, &'static str, usize)],
}

/// Issue 4: each of them is served as it should be, and nobody else is disturbed.
const ZOO: [Kept; 8] = [
    Kept {
        name: "one-big-line",
        script: "head -c 1000000 /dev/zero | tr \"\\0\" a; echo Z; echo next",
        restart: "never",
        told: &["one-big-line ended with exit code 0"],
        lines: &[("aaa", "aaZ", 1_000_001), ("nex", "ext", 4)],
    },
    Kept {
        name: "no-newline",
        script: "printf half; sleep 0.1; printf -- -whole; exit 3",
        restart: "never",
        told: &["no-newline ended with exit code 3", "no-newline has failed: it ended with exit code 3"],
        lines: &[("hal", "ole", 10)],
    },
    Kept {
        name: "one-output-closed",
        script: "exec >&-; echo by the other one >&2; sleep 0.1; exit 4",
        restart: "never",
        told: &["one-output-closed ended with exit code 4"],
        lines: &[("by ", "one", 16)],
    },
    Kept {
        name: "killed-by-itself",
        script: "kill -SEGV $$$$",
        restart: "never",
        told: &["killed-by-itself ended with signal 11 (SIGSEGV)"],
        lines: &[],
    },
    Kept {
        name: "binary",
        script: "printf \"\\377\\376\\000\\001\\n\"; exit 0",
        restart: "never",
        told: &["binary ended with exit code 0"],
        lines: &[],
    },
    Kept {
        name: "ends-at-once",
        script: "exit 1",
        restart: "{ initial = \"1h\", max = \"1h\" }",
        told: &["ends-at-once starts again at once, restart 1", "ends-at-once starts again in 1 h, restart 2"],
        lines: &[],
    },
    Kept {
        name: "stopped-by-hand",
        script: "kill -STOP $$$$",
        restart: "always",
        // TERM waits for one that is stopped; KILL does not.
        told: &["stopped-by-hand did not stop within 300 ms: its whole group is killed"],
        lines: &[],
    },
    Kept {
        name: "deaf",
        script: "trap : TERM INT HUP; while :; do sleep 0.05; done",
        restart: "always",
        told: &["deaf did not stop within 300 ms: its whole group is killed"],
        lines: &[],
    },
];

/// Issue 4: the table above, all at once, beside one that works, which is not disturbed.
#[test]
fn the_zoo() {
    let one = |it: &Kept| {
        let Kept { name, script, restart, .. } = it;
        let restart = if restart.starts_with('{') { (*restart).to_owned() } else { format!("\"{restart}\"") };
        format!(
            "[services.{name}]\ncommand = [\"sh\", \"-c\", '''{script}''']\nrestart = {restart}\nstop = {{ grace = \"300ms\" }}\n"
        )
    };
    let file: String = ZOO.iter().map(one).collect();
    let works = "[services.works]\ncommand = [\"sh\", \"-c\", \"echo works lives as $$$$; exec sleep 1000\"]\n";
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").env("MAINSTAY_LOGS_FORMAT", "raw");
    let test = test.file("mainstay.toml", &(works.to_owned() + &file)).args(["up"]);
    let mut running = test.spawn();
    let works = told(&mut running, "works");
    for sentence in ZOO.iter().flat_map(|it| it.told).filter(|it| !it.contains("did not stop")) {
        running.wait_for_line(sentence, LIMIT);
    }
    assert!(alive(works));
    running.terminate();
    let output = running.wait(LIMIT);
    // Somebody has asked for the end.
    output.code(0);
    for sentence in ZOO.iter().flat_map(|it| it.told) {
        assert!(output.raw_stderr.contains(sentence), "{sentence}: {}", output.raw_stderr);
    }
    assert!(!alive(works));
    for kept in ZOO.iter().filter(|it| !it.lines.is_empty()) {
        let bytes = std::fs::read(test.path().join(format!("data/logs/{}.log", kept.name))).unwrap();
        let lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
        assert_eq!(lines.len(), kept.lines.len(), "{}", kept.name);
        for (line, (first, last, long)) in lines.iter().zip(kept.lines) {
            assert_eq!(line.len(), *long, "{}", kept.name);
            assert!(line.starts_with(first.as_bytes()) && line.ends_with(last.as_bytes()), "{}", kept.name);
        }
    }
}

/// A process that nothing wakes, as one that hangs in the kernel at a disk (state `D`): here by the freezer of control groups version 1.
/// It survives SIGKILL, which is told, and no copy is started beside it; once it is gone, the next is. Only root can do this, and only where
/// there is such a freezer.
#[test]
fn one_that_hangs_in_the_kernel_gets_no_second_copy() {
    let ice = std::path::PathBuf::from(format!("/sys/fs/cgroup/freezer/mainstay-zoo-{}", std::process::id()));
    if std::fs::create_dir(&ice).is_err() {
        return;
    }
    let ice = Ice(ice);
    let test = up(&[("stuck", "echo stuck lives as $$$$; exec sleep 1000")]);
    let mut running = test.spawn();
    let pid = told(&mut running, "stuck");
    running.wait_for_line("is up after", LIMIT);
    ice.holds(pid);
    let restart = test.again().env("MAINSTAY_LOG_FORMAT", "human");
    restart.args(["restart", "stuck", "--timeout", "1s"]).run().code(75);
    running.wait_for_line("survives SIGKILL; it is not started again beside it", LIMIT);
    assert!(alive(pid) && running.stdout().matches("lives as").count() == 1);
    ice.thaws();
    wait_until(LIMIT, "the next copy", || running.stdout().matches("lives as").count() == 2);
    assert!(!alive(pid));
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// A control group that freezes, and thaws when it is dropped.
struct Ice(std::path::PathBuf);

impl Ice {
    fn holds(&self, pid: u32) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
        std::fs::write(self.0.join("freezer.state"), "FROZEN").unwrap();
        let frozen = || std::fs::read_to_string(self.0.join("freezer.state")).unwrap().trim() == "FROZEN";
        wait_until(LIMIT, "it is frozen", frozen);
    }

    fn thaws(&self) {
        std::fs::write(self.0.join("freezer.state"), "THAWED").unwrap();
    }
}

impl Drop for Ice {
    fn drop(&mut self) {
        let _ = std::fs::write(self.0.join("freezer.state"), "THAWED");
        // Whoever is in there goes first.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
