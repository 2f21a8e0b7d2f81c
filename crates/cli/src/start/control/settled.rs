//! When an order has been carried out.

use control::{Settled, Verb};
use supervise::{ServiceStatus, Word};

/// How `verb` has ended for a service that was as in `before` when it was asked for; nothing when it goes on.
pub(super) fn settled(verb: Verb, before: &ServiceStatus, now: &ServiceStatus) -> Option<Settled> {
    // What it was before the order says nothing about the order.
    let news = now.since > before.since || now.fine != before.fine;
    match (verb, now.word) {
        (Verb::Stop, Word::Inactive) => Some(Settled::Done),
        (Verb::Stop, Word::Failed) if news => Some(Settled::Failed),
        (Verb::Stop, Word::Failed) => Some(Settled::Done),
        (Verb::Stop, _) => None,
        (_, Word::Parked) => Some(Settled::Parked),
        (_, Word::Failed) if news => Some(Settled::Failed),
        (_, Word::Inactive) if news && now.fine == "done" => Some(Settled::Done),
        (Verb::Restart, Word::Active) if now.ready && now.pid != before.pid => Some(Settled::Done),
        (Verb::Start, Word::Active) if now.ready => Some(Settled::Done),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::Instant;

    fn status(word: Word, fine: &'static str, pid: Option<u32>, since: Instant) -> ServiceStatus {
        ServiceStatus {
            name: "api".into(),
            word,
            fine,
            pid,
            ready: fine == "running",
            since,
            restarts: 0,
            last_exit: None,
            exit: None,
            exited_at: None,
            out_of_memory: false,
            due: None,
            held: false,
            port: None,
            reason: None,
            status: None,
        }
    }

    /// S3.6: what was true before the order is not its result.
    #[test]
    fn an_order_is_settled_by_what_came_after_it() {
        let then = Instant::now();
        let later = then + Duration::from_secs(1);
        let running = |pid, since| status(Word::Active, "running", Some(pid), since);
        let failed = |since| status(Word::Failed, "failed", None, since);
        let (stopped, done) =
            (status(Word::Inactive, "stopped", None, then), status(Word::Inactive, "done", None, later));
        let parked = status(Word::Parked, "parked", None, then);
        let sick = ServiceStatus { ready: false, ..running(2, later) };
        for (verb, before, now, wanted) in [
            (Verb::Restart, running(1, then), running(1, then), None),
            (Verb::Restart, running(1, then), status(Word::Deactivating, "stopping", Some(1), later), None),
            (Verb::Restart, running(1, then), status(Word::Inactive, "stopped", None, later), None),
            (Verb::Restart, running(1, then), sick.clone(), None),
            (Verb::Restart, running(1, then), running(2, later), Some(Settled::Done)),
            (Verb::Restart, failed(then), failed(then), None),
            (Verb::Restart, failed(then), failed(later), Some(Settled::Failed)),
            (Verb::Restart, running(1, then), done.clone(), Some(Settled::Done)),
            (Verb::Restart, parked.clone(), parked.clone(), Some(Settled::Parked)),
            (Verb::Start, running(1, then), running(1, then), Some(Settled::Done)),
            (Verb::Start, stopped.clone(), stopped.clone(), None),
            (Verb::Start, stopped.clone(), sick, None),
            (Verb::Start, failed(then), failed(then), None),
            (Verb::Stop, running(1, then), running(1, then), None),
            (Verb::Stop, running(1, then), stopped.clone(), Some(Settled::Done)),
            (Verb::Stop, failed(then), failed(then), Some(Settled::Done)),
            (Verb::Stop, running(1, then), failed(later), Some(Settled::Failed)),
            (Verb::Stop, done.clone(), done, Some(Settled::Done)),
        ] {
            assert_eq!(settled(verb, &before, &now), wanted, "{verb:?}: {before:?} {now:?}");
        }
    }
}
