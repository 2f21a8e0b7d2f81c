//! Orphans that come to us, and our own end. Both need a process of their own: this test program, started again.

use crate::support::{in_time, playing, role, run, shell, start, until};
use host::{
    proc::{Process, wait_gone},
    process::{Exit, Output, Spawner, SystemSpawner},
};
use std::future::pending;

/// The "PID 1 / subreaper reaping": 20 orphans leave no zombie, and a child's own exit code is not lost.
#[tokio::test]
async fn orphans_are_reaped() {
    if playing("subreaper") {
        return adopt_twenty().await;
    }
    let (exit, out, err) = run(&role("family::orphans_are_reaped", "subreaper")).await;
    assert_eq!(exit, Exit::Code(0), "{out}\n{err}");
    assert!(out.contains("twenty reaped"), "{out}");
}

async fn adopt_twenty() {
    let spawner = SystemSpawner::new().unwrap();
    spawner.become_subreaper().unwrap();
    let mut leaves =
        shell("for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sh -c 'sleep 0.1 &'; done; exit 3");
    leaves.output = Output::Inherit;
    let mut child = spawner.spawn(&leaves).unwrap();
    assert_eq!(in_time(child.wait()).await.unwrap(), Exit::Code(3));
    until(|| spawner.orphans_reaped() == 20).await;
    assert!(Process::this().children().is_empty());
    println!("twenty reaped");
}

/// S2.7: children die when mainstay is killed.
#[tokio::test]
async fn a_child_dies_with_its_parent() {
    if playing("parent") {
        return have_a_child_for_ever().await;
    }
    let spawner = SystemSpawner::new().unwrap();
    let parent = role("family::a_child_dies_with_its_parent", "parent");
    let (mut parent, line) = start(&spawner, &parent, |line| line.contains("child ")).await;
    let child: u32 = line.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(Process::new(child).is_running());
    // The leader alone: its child leads a group of its own anyway.
    parent.signal(9).unwrap();
    assert_eq!(in_time(parent.wait()).await.unwrap(), Exit::Signal(9));
    in_time(wait_gone(child)).await.unwrap();
}

async fn have_a_child_for_ever() {
    let spawner = SystemSpawner::new().unwrap();
    let mut stays = shell("exec sleep 1000");
    stays.output = Output::Inherit;
    let child = spawner.spawn(&stays).unwrap();
    println!("child {}", child.pid());
    pending().await
}
