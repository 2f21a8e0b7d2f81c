//! Needed dependencies that the service found missing before anybody else did.

use crate::{check::Checker, input::Input};
use host::Pending;
use report::seconds;
use std::{collections::BTreeSet, future::pending, sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};

/// A dependency that does not answer a question within this time is not there.
const PATIENCE: Duration = Duration::from_secs(3);

/// After an error it is asked again this much later, then at doubling intervals up to [`RARELY`].
const SOON: Duration = Duration::from_millis(250);

/// The longest interval between two questions. A refused question may cost its server a line of log.
const RARELY: Duration = Duration::from_secs(2);

type Answers = Vec<(String, Result<(), String>)>;

/// Asks needed dependencies, and goes on asking those that were missing until they answer or somebody else knows.
pub(crate) struct Doubts {
    checker: Arc<dyn Checker>,
    question: Option<Pending<'static, Answers>>,
    missing: BTreeSet<String>,
    again: Option<Instant>,
    interval: Duration,
}

impl Doubts {
    pub(crate) fn new(checker: Arc<dyn Checker>) -> Self {
        Self { checker, question: None, missing: BTreeSet::new(), again: None, interval: SOON }
    }

    /// What was found missing.
    pub(crate) fn missing(&self) -> Vec<String> {
        self.missing.iter().cloned().collect()
    }

    /// Somebody else has found these missing: they are asked again at once.
    pub(crate) fn go_on_with(&mut self, missing: Vec<String>, now: Instant) {
        self.missing.extend(missing);
        self.again = (!self.missing.is_empty()).then_some(now);
    }

    /// Asks `names`.
    pub(crate) fn ask(&mut self, names: Vec<String>) {
        self.question = Some(Box::pin(ask_all(Arc::clone(&self.checker), names)));
    }

    /// The answers, when they come. Safe to drop and call again.
    pub(crate) async fn answers(&mut self) -> Answers {
        match &mut self.question {
            Some(question) => question.await,
            None => pending().await,
        }
    }

    /// Takes the answers and says what they mean for the life.
    pub(crate) fn answered(&mut self, answers: Answers, now: Instant) -> Vec<Input> {
        self.question = None;
        let inputs = answers.into_iter().filter_map(|(name, answer)| self.believe(name, answer)).collect();
        if self.missing.is_empty() {
            self.interval = SOON;
        } else {
            self.again = Some(now + self.interval);
            self.interval = (self.interval * 2).min(RARELY);
        }
        inputs
    }

    fn believe(&mut self, name: String, answer: Result<(), String>) -> Option<Input> {
        match answer {
            Err(reason) => {
                self.missing.insert(name.clone());
                Some(Input::NeedLost { name, reason })
            }
            Ok(()) => self.missing.remove(&name).then_some(Input::NeedMet { name }),
        }
    }

    /// Somebody who knows better has told how `name` is.
    pub(crate) fn settle(&mut self, name: &str) {
        self.missing.remove(name);
        if self.missing.is_empty() {
            (self.again, self.interval) = (None, SOON);
        }
    }

    /// When to ask again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.again.filter(|_| self.question.is_none())
    }

    /// Asks again what is missing, if it is time.
    pub(crate) fn tick(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now) {
            self.again = None;
            self.ask(self.missing.iter().cloned().collect());
        }
    }
}

async fn ask_all(checker: Arc<dyn Checker>, names: Vec<String>) -> Answers {
    let mut answers = Vec::with_capacity(names.len());
    for name in names {
        let answer = timeout(PATIENCE, checker.need(&name)).await;
        let answer = answer.unwrap_or_else(|_| Err(format!("no answer within {}", seconds(PATIENCE))));
        answers.push((name, answer));
    }
    answers
}
