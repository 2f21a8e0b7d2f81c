//! The lock of an exclusive service, as its driver sees it.

use super::Driver;
use crate::{
    fence::{FENCE, News},
    input::Input,
    say,
    schedule::NoLock,
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Patience with the lock of an exclusive service before it is parked: the one before it may just be going.
const LOCK: Duration = Duration::from_secs(1);

impl Driver {
    /// Of an exclusive service, before its first start. Who does not get it soon is parked until it does.
    pub(super) async fn get_the_lock(&mut self) {
        if self.barrier.is_open() {
            return;
        }
        let deadline = Instant::now() + LOCK;
        let mut reason = "nobody has answered yet".to_owned();
        while let Ok(news) = timeout_at(deadline, self.barrier.news()).await {
            match news {
                News::Got => return,
                News::Refused(NoLock::Held(why) | NoLock::Unknown(why)) => reason = why,
            }
        }
        self.feed(Input::NeedLost { name: FENCE.to_owned(), reason });
    }

    pub(super) fn fenced(&mut self, news: News) {
        let input = match news {
            News::Got => {
                self.outfit.journal.note(say::locked(&self.service.name));
                Input::NeedMet { name: FENCE.to_owned() }
            }
            News::Refused(NoLock::Held(reason)) => Input::Fenced { reason },
            News::Refused(NoLock::Unknown(reason)) => Input::NeedLost { name: FENCE.to_owned(), reason },
        };
        self.feed(input);
    }
}
