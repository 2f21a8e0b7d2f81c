//! Waiting for a time of the calendar: one timer of the kernel that also wakes up when the calendar itself is changed, and
//! when the machine has slept past it.

use rustix::{
    io::Errno,
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime},
};
use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::io::unix::AsyncFd;

/// Why [`Alarm::ring`] has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ring {
    /// The time has come.
    Due,
    /// The clock of the machine was set: look at it again.
    ClockSet,
}

/// A timer by the calendar of the machine (`CLOCK_REALTIME`, timerfd_create(2)).
#[derive(Debug)]
pub struct Alarm {
    timer: AsyncFd<OwnedFd>,
}

impl Alarm {
    /// A timer that rings never, on the current tokio runtime; panics outside of one.
    pub fn new() -> io::Result<Self> {
        let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { timer: crate::descriptor::readable(timer)? })
    }

    /// From now on it rings at `time`, at once if that is past, and when the clock is set.
    pub fn set(&self, time: SystemTime) -> io::Result<()> {
        // Nothing at all would disarm it.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().max(Duration::from_nanos(1));
        let at = Timespec {
            tv_sec: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: since.subsec_nanos().into(),
        };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: at };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &once)?;
        Ok(())
    }

    /// Waits until it rings. Safe to drop and call again.
    pub async fn ring(&self) -> io::Result<Ring> {
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0; 8];
            match rustix::io::read(&self.timer, &mut expirations) {
                Ok(_) => return Ok(Ring::Due),
                Err(Errno::CANCELED) => return Ok(Ring::ClockSet),
                Err(Errno::AGAIN) => ready.clear_ready(),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Clock, SystemClock};

    #[tokio::test]
    async fn it_rings_when_the_time_has_come_and_not_before() {
        let alarm = Alarm::new().unwrap();
        let time = SystemClock.now() + Duration::from_millis(50);
        alarm.set(time).unwrap();
        assert_eq!(alarm.ring().await.unwrap(), Ring::Due);
        assert!(SystemClock.now() >= time);
        alarm.set(UNIX_EPOCH).unwrap();
        assert_eq!(alarm.ring().await.unwrap(), Ring::Due);
        alarm.set(time + Duration::from_secs(3600)).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(50), alarm.ring()).await.is_err());
    }
}
