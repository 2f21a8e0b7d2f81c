//! Signals go to the whole group, and only to it.

use crate::support::{in_time, shell, start, until};
use host::{
    proc::{Process, wait_gone},
    process::{Exit, SystemSpawner},
};

/// S2.7: nobody of the group survives a kill.
#[tokio::test]
async fn the_whole_group_is_killed() {
    let spawner = SystemSpawner::new().unwrap();
    let script = "sleep 1000 & a=$!; sh -c 'trap \"\" TERM; sleep 1000' & echo $a $!; wait";
    let (mut child, line) = start(&spawner, &shell(script), |_| true).await;
    let members: Vec<u32> = line.split(' ').map(|pid| pid.parse().unwrap()).collect();
    assert!(child.group_alive());
    child.signal(9).unwrap();
    assert_eq!(in_time(child.wait()).await.unwrap(), Exit::Signal(9));
    for pid in members {
        in_time(wait_gone(pid)).await.unwrap();
    }
    until(|| !child.group_alive()).await;
}

/// S2.7: what a leader leaves behind is seen and can be told to go.
#[tokio::test]
async fn those_left_behind_are_reached_after_the_leader_is_gone() {
    let spawner = SystemSpawner::new().unwrap();
    let (mut child, line) = start(&spawner, &shell("sleep 1000 & echo $!"), |_| true).await;
    let left = line.parse().unwrap();
    assert_eq!(in_time(child.wait()).await.unwrap(), Exit::Code(0));
    assert!(child.group_alive() && Process::new(left).is_running());
    child.signal(15).unwrap();
    in_time(wait_gone(left)).await.unwrap();
    assert!(!child.group_alive());
    child.signal(15).expect("nobody left is not an error");
}

#[tokio::test]
async fn a_wrong_signal_is_an_error() {
    let spawner = SystemSpawner::new().unwrap();
    let (mut child, _) = start(&spawner, &shell("echo; sleep 1000"), |_| true).await;
    assert!(child.signal(999).is_err());
    child.signal(9).unwrap();
    in_time(child.wait()).await.unwrap();
}
