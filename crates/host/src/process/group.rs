//! A process group, told apart from a later one that got the same number.

use super::{Exit, HandedChild, Limit, family::Family, limits::Confinement, meter::Meter, one::send};
use crate::{handover::Handing, proc, reaper::Reaper};
use std::{io, os::fd::OwnedFd, sync::Arc};

/// `PIDFD_SIGNAL_PROCESS_GROUP` of pidfd_send_signal(2), Linux 6.9.
const WHOLE_GROUP: libc::c_uint = 1 << 2;

/// The group that a child of ours leads, and those of its family who have left the group.
///
/// A number may be given to a new process once the leader is reaped and its group is empty. Two ways keep us from
/// signalling strangers: the pidfd stands for this very group, even after its leader is gone; on a kernel that cannot
/// signal groups by pidfd, the number is used only while the leader is not reaped, or while somebody of our own
/// session still is in the group, which keeps the number from being given away.
pub(crate) struct Group {
    pid: u32,
    pidfd: Option<OwnedFd>,
    reaper: Reaper,
    household: Arc<Household>,
    /// It leads no group: it is in ours, which is never signalled.
    pub(crate) alone: bool,
}

/// Who belongs to a child, and what they may use.
pub(crate) struct Household {
    pub(crate) family: Family,
    pub(crate) confinement: Confinement,
}

impl Group {
    pub(crate) fn new(pid: u32, pidfd: Option<OwnedFd>, reaper: Reaper, household: Household) -> Self {
        Self { pid, pidfd, reaper, household: Arc::new(household), alone: false }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn hand_over(&self, exit: Option<Exit>, all: &mut Handing) -> HandedChild {
        let pidfd = self.pidfd.as_ref().map(|pidfd| all.put(pidfd));
        let Household { family, confinement } = &*self.household;
        HandedChild { pid: self.pid, pidfd, exit, family: family.hand_over(), confinement: confinement.hand_over() }
    }

    /// Which limits are in force.
    pub(crate) fn limits(&self) -> &[Limit] {
        self.household.confinement.in_force()
    }

    /// What tells how much they use.
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(self.pid, self.reaper, &self.household)
    }

    /// Nobody left is not an error.
    pub(crate) fn signal(&self, signal: i32) -> io::Result<()> {
        // Who strays is looked for while the group still leads to them.
        let strays = || self.household.family.signal_strays(self.pid, signal, self.reaper);
        let before = strays();
        let group = match self.send(signal) {
            Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            result => result,
        };
        // Nobody is told twice but to end: somebody of the group may have forked meanwhile.
        let after = if signal == libc::SIGKILL { strays() } else { Ok(()) };
        group.and(before).and(after)
    }

    /// Is there a member that is not a zombie, in the group or strayed from it?
    pub(crate) fn alive(&self) -> bool {
        self.group_alive() || self.household.family.has_strays(self.pid, self.reaper)
    }

    fn group_alive(&self) -> bool {
        // Usually nobody is there any more; that is one system call instead of a look at every process.
        let empty = self.send(0).is_err_and(|error| error.raw_os_error() == Some(libc::ESRCH));
        !empty && self.has_members()
    }

    fn send(&self, signal: i32) -> io::Result<()> {
        let whom = if self.alone { 0 } else { WHOLE_GROUP };
        let by_descriptor = self.pidfd.as_ref().map(|pidfd| send(pidfd, signal, whom));
        match by_descriptor {
            None => self.signal_number(signal),
            Some(Err(error)) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS)) => {
                self.signal_number(signal)
            }
            Some(result) => result,
        }
    }

    fn signal_number(&self, signal: i32) -> io::Result<()> {
        self.reaper.while_nothing_is_reaped(|registered| {
            let ours = registered.contains(&self.pid) || self.has_members();
            let whom = if self.alone { self.pid.cast_signed() } else { -self.pid.cast_signed() };
            if ours { kill(whom, signal) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
        })
    }

    fn has_members(&self) -> bool {
        let session = proc::Process::this().stat().map(|stat| stat.session);
        let stats = proc::all().into_iter().filter_map(proc::Process::stat);
        stats.filter(|stat| stat.group == self.pid && Some(stat.session) == session).any(|stat| !stat.has_ended())
    }
}

#[expect(unsafe_code, reason = "rustix takes named signals only, a service may name a real-time one")]
fn kill(whom: i32, signal: i32) -> io::Result<()> {
    // SAFETY: no memory is passed.
    let result = unsafe { libc::kill(whom, signal) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{os::unix::process::CommandExt, process::Child};

    #[expect(clippy::disallowed_methods, reason = "a group that the reaper does not touch is the point")]
    fn sleeper() -> Child {
        std::process::Command::new("sleep").arg("1000").process_group(0).spawn().unwrap()
    }

    /// As on a kernel before 6.9.
    fn without_descriptor(reaper: Reaper, child: &Child) -> Group {
        let household = Household { family: Family::Untold, confinement: Confinement::default() };
        Group::new(child.id(), None, reaper, household)
    }

    #[tokio::test]
    async fn by_number_the_group_is_reached_as_well() {
        let mut child = sleeper();
        let group = without_descriptor(Reaper::start().unwrap(), &child);
        assert!(group.alive());
        assert_eq!(group.signal(999).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        group.signal(libc::SIGKILL).unwrap();
        child.wait().unwrap();
        assert!(!group.alive());
        group.signal(libc::SIGKILL).expect("nobody left is not an error");
    }

    #[tokio::test]
    async fn a_zombie_is_not_alive() {
        let mut child = sleeper();
        let group = without_descriptor(Reaper::start().unwrap(), &child);
        group.signal(libc::SIGKILL).unwrap();
        crate::proc::wait_gone(child.id()).await.unwrap();
        assert!(!group.alive());
        child.wait().unwrap();
    }

    /// So is a stranger that was given the number of a group of ours.
    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "a group that the reaper does not touch is the point")]
    async fn a_group_of_another_session_is_left_alone() {
        let mut child = std::process::Command::new("setsid").args(["sleep", "1000"]).spawn().unwrap();
        let session = || proc::Process::new(child.id()).stat().map(|stat| stat.session);
        let moved = async {
            while session() != Some(child.id()) {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(30), moved).await.unwrap();
        let group = without_descriptor(Reaper::start().unwrap(), &child);
        group.signal(libc::SIGKILL).unwrap();
        assert!(!group.alive());
        assert!(proc::Process::new(child.id()).is_running(), "the signal did not reach it");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
