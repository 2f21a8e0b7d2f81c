//! A child as it is handed over from one version of mainstay to the next, which stays the same process.

use super::{
    Exit, Mark, Pipe, SystemSpawner,
    cgroup::Cgroup,
    child::SystemChild,
    family::Family,
    group::{Group, Household},
    limits::{Confinement, HandedConfinement},
};
use crate::{handover::Descriptors, process::Child};
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd},
    path::PathBuf,
};
use tokio::net::unix::pipe::Receiver;

/// A child, without its outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedChild {
    /// Its process id.
    pub pid: u32,
    pub(crate) pidfd: Option<RawFd>,
    /// How it ended, when somebody has waited for it already.
    pub(crate) exit: Option<Exit>,
    pub(crate) family: HandedFamily,
    pub(crate) confinement: HandedConfinement,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HandedFamily {
    Untold,
    Marked(Mark),
    Cgroup(PathBuf),
}

impl Family {
    pub(super) fn hand_over(&self) -> HandedFamily {
        match self {
            Self::Untold => HandedFamily::Untold,
            Self::Marked(mark) => HandedFamily::Marked(mark.clone()),
            Self::Cgroup(cgroup) => HandedFamily::Cgroup(cgroup.path().to_owned()),
        }
    }

    fn take_over(handed: HandedFamily) -> io::Result<Self> {
        Ok(match handed {
            HandedFamily::Untold => Self::Untold,
            HandedFamily::Marked(mark) => Self::Marked(mark),
            HandedFamily::Cgroup(path) => Self::Cgroup(Cgroup::again(path)?),
        })
    }
}

impl SystemSpawner {
    /// From now on nobody waits for children, so that none of their ends is lost between two versions.
    pub fn hold_ends(&self) {
        self.reaper().hold();
    }

    /// Children are waited for again: call it when all that were handed over are [adopted](super::Spawner::adopt).
    pub fn let_ends_go(&self) {
        self.reaper().let_go();
    }

    pub(super) fn take_over(&self, handed: HandedChild, all: &mut Descriptors) -> io::Result<Box<dyn Child>> {
        let HandedChild { pid, pidfd, exit, family, confinement } = handed;
        let pidfd = pidfd.map(|number| all.take(number)).transpose()?;
        let group = {
            let (family, confinement) = (Family::take_over(family)?, Confinement::take_over(confinement)?);
            Group::new(pid, pidfd, self.reaper(), Household { family, confinement })
        };
        Ok(Box::new(SystemChild::new(group, None, self.reaper().adopt(pid, exit))))
    }
}

impl Pipe for Receiver {
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        Some(self.as_fd())
    }
}

/// The reading end of a pipe that was handed over.
pub fn pipe_of(descriptor: OwnedFd) -> io::Result<Box<dyn Pipe>> {
    Ok(Box::new(Receiver::from_owned_fd(descriptor)?))
}
