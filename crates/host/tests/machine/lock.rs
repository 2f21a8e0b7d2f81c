//! The instance lock across processes.

use crate::support::{in_time, playing, role, shell, start};
use host::{
    lock::{InstanceLock, LockError},
    process::{Spawner, SystemSpawner},
};
use std::{future::pending, path::PathBuf};

const PATH: &str = "HOST_TEST_LOCK";

/// S2.8: the lock ends with its holder, even one that was killed, and even while a child of the holder lives on.
#[tokio::test]
async fn a_killed_holder_blocks_nobody() {
    if playing("holder") {
        return hold_for_ever().await;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let spawner = SystemSpawner::new().unwrap();
    let mut holder = role("lock::a_killed_holder_blocks_nobody", "holder");
    holder.env.insert(PATH.to_owned(), path.to_str().unwrap().to_owned());
    let (mut holder, line) = start(&spawner, &holder, |line| line.contains("child ")).await;
    let child: i32 = line.rsplit(' ').next().unwrap().parse().unwrap();

    let Err(LockError::Held { holder: named, .. }) = InstanceLock::acquire(&path, "us") else { panic!("not held") };
    assert_eq!((named.pid, named.command.as_str()), (holder.pid(), "holding"));

    holder.signal(9).unwrap();
    in_time(holder.wait()).await.unwrap();
    let child = rustix::process::Pid::from_raw(child).unwrap();
    assert!(host::proc::Process::new(child.as_raw_pid().cast_unsigned()).is_running(), "it was to outlive the holder");
    InstanceLock::acquire(&path, "us").unwrap();
    rustix::process::kill_process(child, rustix::process::Signal::KILL).unwrap();
}

async fn hold_for_ever() {
    let path = PathBuf::from(&host::env::read()[PATH]);
    let _lock = InstanceLock::acquire(&path, "holding").unwrap();
    // A grandchild in a session of its own is not killed with us.
    let spawner = SystemSpawner::new().unwrap();
    let (_child, line) = start(&spawner, &shell("setsid sleep 1000 >/dev/null 2>&1 & echo $!; wait"), |_| true).await;
    let _other = spawner.spawn(&shell("sleep 1000")).unwrap();
    println!("child {line}");
    pending().await
}
