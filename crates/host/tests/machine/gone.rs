//! Noticing the end of a process that is not our child.

use crate::support::{in_time, shell, start};
use host::{proc::wait_gone, process::SystemSpawner};
use std::time::Duration;
use tokio::time::timeout;

#[tokio::test]
async fn the_end_of_a_stranger_is_noticed() {
    let spawner = SystemSpawner::new().unwrap();
    let (child, line) = start(&spawner, &shell("sleep 1000 & echo $!; wait"), |_| true).await;
    let stranger = line.parse().unwrap();
    assert!(timeout(Duration::from_millis(20), wait_gone(stranger)).await.is_err(), "it still runs");
    child.signal(9).unwrap();
    in_time(wait_gone(stranger)).await.unwrap();
    in_time(wait_gone(child.pid())).await.unwrap();
}

#[tokio::test]
async fn nobody_is_gone_already() {
    in_time(wait_gone(0)).await.unwrap();
    in_time(wait_gone(u32::MAX)).await.unwrap();
    in_time(wait_gone(i32::MAX as u32)).await.unwrap();
}
