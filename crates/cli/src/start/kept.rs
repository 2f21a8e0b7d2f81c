//! What keeps others from running a service or a job, on this machine and on others; it goes over to the next version of mainstay.

use super::{backups::LookAfterwards, single::Single};
use database::postgres::Session;
use host::{
    Pending,
    handover::{Descriptors, Handing, Line},
    lock::InstanceLock,
};
use std::{future::pending, io, os::fd::RawFd, sync::Arc};
use supervise::{Fence, Guard, HandedGuard};

/// A session with a PostgreSQL that holds a lock there.
pub(super) enum Holder {
    /// Ours.
    Session(Box<Session>),
    /// That of an earlier version of this process: nothing is said on it any more, and the lock is had as long as it is open.
    Line(Arc<Line>),
}

impl Holder {
    pub(super) fn take_over(descriptor: RawFd, all: &mut Descriptors) -> io::Result<Self> {
        Ok(Self::Line(Arc::new(Line::take_over(all.take(descriptor)?)?)))
    }

    pub(super) fn hand_over(&self, all: &mut Handing) -> io::Result<RawFd> {
        match self {
            Self::Session(session) => {
                let line = session
                    .line()
                    .ok_or_else(|| io::Error::other("the session of its lock has no descriptor to spare"))?;
                Ok(all.put(line))
            }
            Self::Line(line) => Ok(line.hand_over(all)),
        }
    }

    /// Resolves once the session has ended, and with it the lock.
    pub(super) fn ended(&self) -> Pending<'static, ()> {
        match self {
            Self::Session(session) => Box::pin(session.ended()),
            Self::Line(line) => {
                let line = line.clone();
                Box::pin(async move { line.ended().await })
            }
        }
    }
}

/// What keeps others from running a service.
pub(super) struct OfService {
    pub(super) here: Option<InstanceLock>,
    pub(super) session: Option<Holder>,
}

impl OfService {
    pub(super) fn take_over(guard: HandedGuard, all: &mut Descriptors) -> io::Result<Self> {
        let here = guard.here.map(|here| all.take(here)).transpose()?.map(InstanceLock::take_over);
        let session = guard.session.map(|session| Holder::take_over(session, all)).transpose()?;
        Ok(Self { here, session })
    }

    pub(super) fn fence(self) -> Fence {
        let lost = self.session.as_ref().map_or_else(|| Box::pin(pending()) as Pending<'static, ()>, Holder::ended);
        Fence { guard: Box::new(self), lost }
    }
}

impl Guard for OfService {
    fn hand_over(&self, all: &mut Handing) -> io::Result<HandedGuard> {
        let here = self.here.as_ref().map(|here| here.hand_over(all));
        let session = self.session.as_ref().map(|session| session.hand_over(all)).transpose()?;
        Ok(HandedGuard { here, session })
    }
}

/// What keeps others from running a job.
pub(super) struct OfJob {
    pub(super) here: InstanceLock,
    pub(super) shared: Option<Single>,
    /// Of a job that takes copies.
    pub(super) _copies: Option<LookAfterwards>,
}

impl Guard for OfJob {
    fn hand_over(&self, all: &mut Handing) -> io::Result<HandedGuard> {
        let here = Some(self.here.hand_over(all));
        let session = self.shared.as_ref().map(|shared| shared.hand_over(all)).transpose()?.flatten();
        Ok(HandedGuard { here, session })
    }
}
