//! The one retry loop.

use crate::{Classify, Policy, Transience};
use std::{future::Future, time::Duration};
use tokio::time::sleep;

/// A failed attempt after which another one follows.
#[derive(Debug)]
pub struct Trial<'a, E> {
    /// Counted from 1.
    pub attempt: u32,
    /// Time since the first attempt began.
    pub elapsed: Duration,
    /// Why it failed.
    pub error: &'a E,
    /// Time until the next attempt.
    pub wait: Duration,
}

/// Why [`retry`] stopped without a value. Always keeps the last cause.
#[derive(Debug, thiserror::Error)]
pub enum GaveUp<E> {
    /// The error cannot heal by waiting.
    #[error("{error}")]
    Permanent {
        /// The cause.
        error: E,
        /// Attempts made, this one included.
        attempts: u32,
    },
    /// The outcome of the last attempt is not known; trying again could do it twice.
    #[error("{error}")]
    UnknownOutcome {
        /// The cause.
        error: E,
        /// Attempts made, this one included.
        attempts: u32,
    },
    /// No attempts or no time left.
    #[error("gave up after {attempts} attempts in {:.1} s: {error}", elapsed.as_secs_f64())]
    Exhausted {
        /// The last cause.
        error: E,
        /// Attempts made.
        attempts: u32,
        /// Time since the first attempt began.
        elapsed: Duration,
    },
}

/// Tries until it works, cannot work, or `policy` is used up; tells `waiting` before each wait.
pub async fn retry<T, E, F>(
    policy: &Policy,
    mut attempt: impl FnMut(u32) -> F,
    mut waiting: impl FnMut(Trial<'_, E>),
) -> Result<T, GaveUp<E>>
where
    E: Classify,
    F: Future<Output = Result<T, E>>,
{
    let deadline = policy.deadline();
    let mut waits = policy.backoff.waits();
    let mut attempts = 0;
    loop {
        attempts += 1;
        let error = match attempt(attempts).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        match error.transience() {
            Transience::Permanent => return Err(GaveUp::Permanent { error, attempts }),
            Transience::UnknownOutcome => return Err(GaveUp::UnknownOutcome { error, attempts }),
            Transience::Transient => {}
        }
        let (elapsed, wait) = (deadline.elapsed(), waits.next_wait());
        if policy.is_last(attempts) || deadline.remaining().is_some_and(|left| wait > left) {
            return Err(GaveUp::Exhausted { error, attempts, elapsed });
        }
        waiting(Trial { attempt: attempts, elapsed, error: &error, wait });
        sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Backoff;
    use std::cell::Cell;

    #[derive(Debug, thiserror::Error, PartialEq)]
    #[error("{0:?}")]
    struct Failure(Transience);

    impl Classify for Failure {
        fn transience(&self) -> Transience {
            self.0
        }
    }

    fn every_three_seconds(attempts: u32) -> Policy {
        Policy { backoff: Backoff::fixed(Duration::from_secs(3)), attempts: Some(attempts), limit: None }
    }

    /// S0.3: 20 attempts, 3 seconds apart.
    #[tokio::test(start_paused = true)]
    async fn tries_as_often_as_told_and_keeps_the_cause() {
        let waited = Cell::new(0);
        let result: Result<(), _> = retry(
            &every_three_seconds(20),
            |_| async { Err(Failure(Transience::Transient)) },
            |_| waited.set(waited.get() + 1),
        )
        .await;
        let Err(GaveUp::Exhausted { error, attempts, elapsed }) = result else { panic!("{result:?}") };
        assert_eq!((error, attempts, elapsed.as_secs(), waited.get()), (Failure(Transience::Transient), 20, 57, 19));
    }

    /// S1.2: errors of data are never tried again.
    #[tokio::test(start_paused = true)]
    async fn what_cannot_heal_is_not_tried_again() {
        let fail = |transience| async move {
            retry(&every_three_seconds(20), |_| async move { Err::<(), _>(Failure(transience)) }, |_| {}).await
        };
        assert!(matches!(fail(Transience::Permanent).await, Err(GaveUp::Permanent { attempts: 1, .. })));
        assert!(matches!(fail(Transience::UnknownOutcome).await, Err(GaveUp::UnknownOutcome { attempts: 1, .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_blocks_counts_against_the_limit() {
        let policy = Policy { limit: Some(Duration::from_secs(60)), attempts: None, ..every_three_seconds(0) };
        let slow = |_| async {
            sleep(Duration::from_secs(25)).await;
            Err::<(), _>(Failure(Transience::Transient))
        };
        let result = retry(&policy, slow, |_| {}).await;
        let Err(GaveUp::Exhausted { attempts, elapsed, .. }) = result else { panic!("{result:?}") };
        assert_eq!((attempts, elapsed.as_secs()), (3, 81));
    }

    #[tokio::test(start_paused = true)]
    async fn success_ends_it() {
        let answer =
            |attempt| async move { if attempt < 3 { Err(Failure(Transience::Transient)) } else { Ok(attempt) } };
        assert_eq!(retry(&every_three_seconds(5), answer, |_| {}).await.unwrap(), 3);
    }
}
