//! Commands as dependencies, with real processes. Apart from the other tests: whoever reaps children reaps them all.

mod around;

use around::{limited, with_spawner};
use config::{Access, Target};
use database::{Patience, Refusal};
use host::process::SystemSpawner;
use probe::{Ready, ask};
use std::{sync::Arc, time::Duration};
use testkit::TempDir;

async fn run(argv: &[&str], timeout: Duration) -> Result<Ready, Refusal> {
    let root = TempDir::new();
    let ctx = with_spawner(root.path(), Arc::new(SystemSpawner::new().expect("signals can be heard")));
    let target = Target::Command(argv.iter().map(|word| (*word).to_owned()).collect());
    limited(ask(&target, Access::ReadWrite, timeout, &ctx)).await
}

const LONG: Duration = Duration::from_secs(20);

/// A command is ready when it ends with 0; its last words are told when not.
#[tokio::test]
async fn a_command_is_ready_when_it_ends_well() {
    assert_eq!(run(&["sh", "-c", "exit 0"], LONG).await.unwrap().what, "command");
    let refusal = run(&["sh", "-c", "echo first; echo '  not yet '; exit 3"], LONG).await.unwrap_err();
    assert_eq!(refusal.to_string(), "`sh` ended with 3: not yet");
    let refusal = run(&["sh", "-c", "echo fine; echo broken >&2; kill -9 $$"], LONG).await.unwrap_err();
    assert_eq!(refusal.to_string(), "`sh` was ended by signal 9: broken");
    let refusal = run(&["no-such-program-here"], LONG).await.unwrap_err();
    assert_eq!(refusal.patience, Patience::None);
    assert!(refusal.to_string().contains("no-such-program-here"), "{refusal}");
    let refusal = run(&["sh", "-c", "sleep 300"], Duration::from_millis(200)).await.unwrap_err();
    assert!(refusal.to_string().starts_with("`sh` was not done within "), "{refusal}");
}
