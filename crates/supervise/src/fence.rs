//! What keeps an exclusive service from running twice, on this machine and on others.
//!
//! The lock is held from before the first start until the driver ends, over all restarts. While nobody can tell who has it, as
//! while its database is away, a service that runs goes on, for nobody else can take it then either, and one that does not run is
//! not started. Once somebody else has it, ours is stopped.

use crate::{
    check::Checker,
    guard::{Guard, HandedGuard},
    schedule::NoLock,
};
use config::{Handover, Service};
use host::{Pending, handover::Handing};
use std::{future::pending, io, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};

/// The name under which the lock is among what a service lacks. No dependency can have it.
pub(crate) const FENCE: &str = "its lock";

/// The first pause between two tries to get the lock, doubling up to [`RARELY`].
const SOON: Duration = Duration::from_millis(50);

/// The longest pause.
const RARELY: Duration = Duration::from_secs(2);

/// A lock that is held.
pub struct Fence {
    /// Keeps others away for as long as it lives.
    pub guard: Box<dyn Guard>,
    /// Resolves once the guard does not keep anybody away any more.
    pub lost: Pending<'static, ()>,
}

/// The lock of one service, as far as it is had.
pub(crate) struct Barrier {
    checker: Arc<dyn Checker>,
    service: Arc<Service>,
    hold: Hold,
    pause: Duration,
}

enum Hold {
    /// None is needed.
    Open,
    Asking(Pending<'static, Result<Fence, NoLock>>),
    Held(Fence),
    Waiting {
        until: Instant,
    },
}

/// What has become of the lock.
pub(crate) enum News {
    /// It is ours.
    Got,
    /// It is not.
    Refused(NoLock),
}

impl Barrier {
    /// Only an exclusive service has one.
    pub(crate) fn new(service: Arc<Service>, checker: Arc<dyn Checker>) -> Self {
        let hold = match service.handover {
            Handover::Exclusive => Hold::Waiting { until: Instant::now() },
            Handover::Overlap | Handover::InTurn => Hold::Open,
        };
        Self { checker, service, hold, pause: SOON }
    }

    /// What is handed over of a lock that is held.
    pub(crate) fn hand_over(&self, all: &mut Handing) -> io::Result<Option<HandedGuard>> {
        match &self.hold {
            Hold::Held(fence) => fence.guard.hand_over(all).map(Some),
            // It is asked for anew.
            Hold::Open | Hold::Asking(_) | Hold::Waiting { .. } => Ok(None),
        }
    }

    /// The lock that an earlier version of mainstay had is ours.
    pub(crate) fn go_on_with(&mut self, fence: Fence) {
        self.hold = Hold::Held(fence);
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.hold, Hold::Open)
    }

    /// What kept the lock away may be gone: it is tried at once.
    pub(crate) fn hurry(&mut self) {
        if let Hold::Waiting { until } = &mut self.hold {
            (*until, self.pause) = (Instant::now(), SOON);
        }
    }

    /// The next that becomes of it. Safe to drop and call again.
    pub(crate) async fn news(&mut self) -> News {
        loop {
            match &mut self.hold {
                Hold::Open => return pending().await,
                Hold::Waiting { until } => {
                    sleep_until(*until).await;
                    self.hold = Hold::Asking(ask(Arc::clone(&self.checker), Arc::clone(&self.service)));
                }
                Hold::Held(fence) => {
                    (&mut fence.lost).await;
                    self.hold = Hold::Waiting { until: Instant::now() };
                }
                Hold::Asking(question) => match question.await {
                    Ok(fence) => {
                        (self.hold, self.pause) = (Hold::Held(fence), SOON);
                        return News::Got;
                    }
                    Err(no) => {
                        self.hold = Hold::Waiting { until: Instant::now() + self.pause };
                        self.pause = (self.pause * 2).min(RARELY);
                        return News::Refused(no);
                    }
                },
            }
        }
    }
}

fn ask(checker: Arc<dyn Checker>, service: Arc<Service>) -> Pending<'static, Result<Fence, NoLock>> {
    Box::pin(async move { checker.fence(&service).await })
}
