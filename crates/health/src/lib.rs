//! The health of the application: noticed by the [monitor](watch), kept on the [`Board`], told over HTTP, TCP and in
//! metrics.
//!
//! # Which page for whom
//!
//! | page | 200 | 503 | for |
//! | --- | --- | --- | --- |
//! | `/healthz`, `/health` | `ok`, `degraded`; and during every phase but `watch` as long as the start can still succeed | `critical` while running | a container's `HEALTHCHECK`, monitors |
//! | `/readyz`, `/ready` | `ok`, `degraded` | `critical`; not started yet; stopping | load balancers, readiness and startup probes |
//! | `/livez` | mainstay answers and can still mend things by itself | something failed for good | Kubernetes' liveness probe |
//!
//! The body is the same on the first two and always the truth: during the gate and the migrations `/healthz` answers 200
//! with `"ok":false` and `"db":false`. Its code says whether the start is worth waiting for, its body how far it is; a
//! probe that only knows codes must not shoot a container that waits for a recovering database, because the next one
//! would wait for the same. Once everything has run, a needed part that is down makes the answer 503.
//!
//! `/livez` exists because `/healthz` must not be a *liveness* probe: restarting a process because its database recovers
//! mends nothing and adds a thundering herd. Only a service or a migration that failed for good makes it 503.
//!
//! The [plain TCP port](tcp::serve) accepts connections exactly while `/healthz` would answer 200.
//!
//! # How a failure becomes known
//!
//! Each dependency is asked every [`config::Monitor::every`]. A failed check is repeated after a second; only
//! [`config::Monitor::failures`] in a row make it down. Then checks come faster, at a [pace](monitor) that suits what the
//! server is doing, and the first that passes makes it up again. Nothing is ever restarted because a database recovers:
//! what needs mending is mended after it is back.

mod board;
mod client;
pub mod http;
mod judge;
mod metrics;
pub mod monitor;
mod page;
mod reading;
mod state;
pub mod tcp;

pub use board::Board;
pub use client::verdict_of;
pub use judge::{Judgement, Status, judge};
pub use metrics::{CONTENT_TYPE, metrics};
pub use monitor::{Answer, Asker, News, Recovery, Told, watch};
pub use page::{BackupLine, CertificateLine, CheckLine, Report};
pub use reading::Reading;
pub use state::{
    BackupHealth, CertificateHealth, Checked, Counts, DependencyHealth, Migrations, NewestBackup, Phase, ServiceHealth,
    Snapshot, Usage,
};
