//! What every test here needs around it.
#![allow(dead_code, reason = "each test file uses a part")]

use config::{Access, Dependency, Monitor, Target, Wait};
use host::process::{Child, Command, Spawner};
use probe::Context;
use retry::{Backoff, Policy};
use std::{future::Future, io, path::Path, sync::Arc, time::Duration};

/// No test here takes longer, whatever goes wrong.
pub(crate) const HARD_LIMIT: Duration = Duration::from_secs(60);

/// `work`, or a failure after [`HARD_LIMIT`].
pub(crate) async fn limited<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(HARD_LIMIT, work).await.expect("done within the hard limit")
}

/// A dependency `main` at `url` with the waits that the configuration has by default, and `limit`.
pub(crate) fn dependency(url: &str, limit: Duration) -> Dependency {
    let backoff = Backoff::doubling(Duration::from_millis(200), Duration::from_secs(5)).with_jitter(0.25);
    Dependency {
        name: "main".into(),
        target: Target::parse(url).expect("a good URL"),
        access: Access::ReadWrite,
        required: true,
        wait: Wait {
            policy: Policy { backoff, attempts: None, limit: Some(limit) },
            attempt_timeout: Duration::from_secs(10),
            extend: true,
        },
        monitor: Monitor { every: Duration::from_secs(60), failures: 2 },
        queues: Vec::new(),
    }
}

/// A context whose commands cannot be started.
pub(crate) fn context(root: &Path) -> Context {
    with_spawner(root, Arc::new(Nobody))
}

pub(crate) fn with_spawner(root: &Path, spawner: Arc<dyn Spawner>) -> Context {
    Context {
        spawner,
        root: root.to_owned(),
        env: [("PATH".to_owned(), "/usr/bin:/bin".to_owned())].into(),
        from: None,
    }
}

struct Nobody;

impl Spawner for Nobody {
    fn spawn(&self, _: &Command) -> io::Result<Box<dyn Child>> {
        Err(io::Error::other("no commands in this test"))
    }
}
