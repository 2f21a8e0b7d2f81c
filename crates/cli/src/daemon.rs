//! Asks the running mainstay of an application.

use crate::{
    args::Place,
    context::{Context, tell},
    load::running,
};
use control::{Answer, Ask, AskError, Client, Refusal, VERSION};
use report::{Finding, Outcome};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// What is only looked up is answered at once, unless the machine is very busy.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A running mainstay, or one that should run.
pub(crate) struct Daemon {
    pub(crate) client: Client,
    pub(crate) app: String,
}

impl Daemon {
    /// That of the application which `place` means; nobody is asked yet.
    pub(crate) fn of(context: &Context, place: &Place) -> Result<Self, Outcome> {
        match running(context, place) {
            Ok((app, socket)) => Ok(Self { client: Client::new(socket), app }),
            Err(findings) => Err(tell(context, &findings, Outcome::Misused)),
        }
    }

    /// Asks; what goes wrong is told.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        context: &Context,
        ask: &Ask,
        limit: Duration,
    ) -> Result<T, Outcome> {
        match self.client.ask(ask, limit).await {
            Ok(answer) => Ok(self.heard(context, answer)),
            Err(error) => Err(tell(context, &error.findings(&self.app, self.client.path()), outcome(&error))),
        }
    }

    /// The same without a word about which version answers.
    pub(crate) async fn ask_whichever<T: DeserializeOwned>(
        &self,
        context: &Context,
        ask: &Ask,
        limit: Duration,
    ) -> Result<T, Outcome> {
        match self.client.ask(ask, limit).await {
            Ok(answer) => Ok(answer.body),
            Err(error) => Err(tell(context, &error.findings(&self.app, self.client.path()), outcome(&error))),
        }
    }

    /// The same; nothing, without a word, when none runs.
    pub(crate) async fn ask_if_running<T: DeserializeOwned>(
        &self,
        context: &Context,
        ask: &Ask,
        limit: Duration,
    ) -> Result<Option<T>, Outcome> {
        match self.client.ask(ask, limit).await {
            Ok(answer) => Ok(Some(self.heard(context, answer))),
            Err(AskError::NotRunning) => Ok(None),
            Err(error) => Err(tell(context, &error.findings(&self.app, self.client.path()), outcome(&error))),
        }
    }

    /// Tells that none runs.
    pub(crate) fn tell_not_running(&self, context: &Context) -> Outcome {
        let error = AskError::NotRunning;
        tell(context, &error.findings(&self.app, self.client.path()), outcome(&error))
    }

    fn heard<T>(&self, context: &Context, answer: Answer<T>) -> T {
        warn_of_version(context, &answer.version);
        answer.body
    }
}

pub(crate) fn warn_of_version(context: &Context, theirs: &str) {
    if theirs != VERSION {
        let finding =
            Finding::warning("the running mainstay is of another version; what only one of them knows is missing");
        let seen = format!("the running one is {theirs}, this one {VERSION}");
        let hint = "`mainstay reexec` lets the one take over that stands where the running one was started from";
        tell(context, &[finding.seen(seen).hint(hint)], Outcome::Done);
    }
}

/// What a question without an answer means for the exit code.
pub(crate) fn outcome(error: &AskError) -> Outcome {
    match error {
        AskError::Refused(refusal) => of_code(refusal),
        AskError::Late(_) | AskError::Garbled(_) => Outcome::Degraded,
        AskError::NotRunning | AskError::Denied | AskError::Versions { .. } | AskError::Io(_) | AskError::Http(_) => {
            Outcome::Failed
        }
    }
}

fn of_code(refusal: &Refusal) -> Outcome {
    let all = [Outcome::Misused, Outcome::Degraded, Outcome::NotYet];
    all.into_iter().find(|outcome| outcome.code() == refusal.code).unwrap_or(Outcome::Failed)
}
