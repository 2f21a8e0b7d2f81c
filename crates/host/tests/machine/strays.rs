//! Who leaves the process group of a service is a part of it all the same: by control group, and where there is none by parent
//! and mark.

use crate::support::{in_time, playing, role, run, shell, start, until};
use host::{
    proc::{Process, wait_gone},
    process::{Command, Exit, Mark, Memory, Spawner, SystemSpawner, Together, end_leftovers, leftovers, usage},
};
use std::time::Duration;

/// One for each test: tests run side by side.
fn marked(script: &str, instance: &str) -> Command {
    let mark =
        Mark { instance: format!("{instance}-{}", std::process::id()), service: "zoo".to_owned(), release: None };
    Command { mark: Some(mark), ..shell(script) }
}

/// A session of its own, and no parent any more: the classic daemon. It tells its process id.
const DAEMON: &str = "setsid sh -c 'trap \"\" TERM HUP; sh -c \"echo \\$PPID\"; while :; do sleep 1; done' & ";

async fn a_daemon_is_a_part_of_it(spawner: &SystemSpawner, instance: &str) {
    let script = format!("{DAEMON} sleep 0.2; exit 3");
    let (mut child, line) = start(spawner, &marked(&script, instance), |_| true).await;
    let daemon: u32 = line.parse().unwrap();
    assert_eq!(in_time(child.wait()).await.unwrap(), Exit::Code(3));
    assert!(child.group_alive(), "the daemon is seen");
    child.signal(15).unwrap();
    assert!(Process::new(daemon).is_running(), "it does not care");
    child.signal(9).unwrap();
    in_time(wait_gone(daemon)).await.unwrap();
    until(|| !child.group_alive()).await;
    child.signal(9).expect("nobody left is not an error");
}

async fn a_stray_is_signalled_while_the_leader_lives(spawner: &SystemSpawner, instance: &str) {
    let script = "exec 2>/dev/null; trap : USR1; \
                  setsid sh -c 'trap \"echo told\" USR1; echo ready; while :; do sleep 0.05; done' & \
                  while :; do wait; done";
    let mut child = spawner.spawn(&marked(script, instance)).unwrap();
    let mut lines = crate::support::lines(child.as_mut());
    assert_eq!(in_time(lines.next_line()).await.unwrap().as_deref(), Some("ready"));
    child.signal(10).unwrap();
    assert_eq!(in_time(lines.next_line()).await.unwrap().as_deref(), Some("told"));
    child.signal(9).unwrap();
    in_time(child.wait()).await.unwrap();
    until(|| !child.group_alive()).await;
}

/// A shell that works and a daemon that has left it; what both use is told, and nothing once they are gone.
async fn all_of_it_is_measured(spawner: &SystemSpawner, instance: &str) {
    let work = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec 7</dev/null; echo worked; sleep 1000";
    let (mut child, _) = start(spawner, &marked(&format!("{DAEMON} {work}"), instance), |line| line == "worked").await;
    let meter = child.meter().unwrap();
    let seen = usage([&meter])[0].unwrap();
    // The shell and its sleep; the daemon and its sleep. Between two sleeps the daemon is alone.
    assert!((3..=4).contains(&seen.processes), "{seen:?}");
    assert!(seen.cpu >= Duration::from_millis(20), "{seen:?}");
    assert!(seen.open_files.unwrap() > 3 * 3, "{seen:?}");
    assert!(matches!(seen.memory, Some(Memory::Shares(bytes)) if (100_000..100_000_000).contains(&bytes)), "{seen:?}");
    child.signal(9).unwrap();
    in_time(child.wait()).await.unwrap();
    until(|| !child.group_alive()).await;
    assert_eq!(usage([&meter])[0].unwrap().processes, 0);
    drop(child);
    assert_eq!(usage([&meter]), [None]);
}

/// S2.7: nobody escapes. By control group, where there is one of version 2 that may be written to.
#[tokio::test]
async fn by_control_group() {
    let spawner = SystemSpawner::new().unwrap();
    let instance = format!("by-group-{}", std::process::id());
    let Together::Cgroups(path) = spawner.keep_together(&instance, true) else {
        println!("no control group of version 2 may be written to here: looked at by mark only");
        return;
    };
    a_daemon_is_a_part_of_it(&spawner, "by-group").await;
    a_stray_is_signalled_while_the_leader_lives(&spawner, "by-group").await;
    all_of_it_is_measured(&spawner, "by-group").await;
    drop(spawner);
    assert!(!path.exists(), "nothing is left of it");
}

/// S2.7: the same by parent and mark.
#[tokio::test]
async fn by_mark() {
    if playing("keeper") {
        let spawner = SystemSpawner::new().unwrap();
        spawner.become_subreaper().unwrap();
        a_daemon_is_a_part_of_it(&spawner, "by-mark").await;
        a_stray_is_signalled_while_the_leader_lives(&spawner, "by-mark").await;
        all_of_it_is_measured(&spawner, "by-mark").await;
        return println!("none has escaped");
    }
    let (exit, out, err) = run(&role("strays::by_mark", "keeper")).await;
    assert_eq!(exit, Exit::Code(0), "{out}\n{err}");
    assert!(out.contains("none has escaped"), "{out}");
}

/// S2.8: what an earlier life has left is found by its mark, and ended.
#[tokio::test]
async fn an_earlier_life_is_cleared_away() {
    let instance = format!("earlier-{}", std::process::id());
    if playing("earlier") {
        let spawner = SystemSpawner::new().unwrap();
        let mut leaves = marked(&format!("{DAEMON} sleep 1000"), "earlier");
        leaves.mark =
            Some(Mark { instance: host::env::read()["EARLIER"].clone(), service: "zoo".to_owned(), release: None });
        let (_child, line) = start(&spawner, &leaves, |_| true).await;
        println!("daemon {line}");
        return std::future::pending().await;
    }
    let spawner = SystemSpawner::new().unwrap();
    let mut earlier = role("strays::an_earlier_life_is_cleared_away", "earlier");
    earlier.env.insert("EARLIER".to_owned(), instance.clone());
    let (mut parent, line) = start(&spawner, &earlier, |line| line.contains("daemon ")).await;
    let daemon: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert_eq!(leftovers(&instance), [], "who descends from us is no leftover");
    parent.signal(9).unwrap();
    in_time(parent.wait()).await.unwrap();
    until(|| leftovers(&instance).iter().any(|it| it.pid() == daemon)).await;
    assert!(leftovers(&instance).iter().all(|it| it.service == "zoo"));
    assert_eq!(leftovers("somebody else"), []);
    let left = in_time(end_leftovers(&instance, Duration::from_millis(50))).await.unwrap();
    assert_eq!(left, [], "it ignores TERM, and is killed");
    in_time(wait_gone(daemon)).await.unwrap();
}
