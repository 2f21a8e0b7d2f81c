//! One file for each verb.

mod env;
mod health;
mod logs;
mod migrate;
mod run;
mod schedule;
mod schema;
mod up;
mod wait;

use crate::{
    args::{Patience, Verb},
    context::{Context, tell},
};
use config::Overrides;
use report::{Finding, Outcome};

/// Does what was typed; answers with the exit code.
pub(crate) async fn perform(verb: Verb, context: Context) -> u8 {
    match verb {
        Verb::Up(args) => up::up(&context, args).await,
        Verb::Run(args) => run::run(&context, *args).await,
        Verb::Wait(args) => wait::wait(&context, args).await,
        Verb::Migrate(verb) => migrate::migrate(&context, verb).await.code(),
        Verb::Health(args) => health::health(&context, args).await.code(),
        Verb::Schedule(args) => schedule::schedule(&context, args).await,
        Verb::Logs(args) => logs::logs(&context, args).await.code(),
        Verb::Env(verb) => env::env(&context, verb).code(),
        Verb::Schema => schema::schema(&context).code(),
    }
}

/// Answers with `text`, and with `outcome` if it could be written.
pub(crate) fn answer(context: &Context, text: &str, outcome: Outcome) -> Outcome {
    match context.terminal.data(text) {
        Ok(()) => outcome,
        Err(error) => {
            let finding = Finding::error("the answer cannot be written to standard output").because(&error);
            tell(context, &[finding], outcome.and(Outcome::Failed))
        }
    }
}

/// The flags that all waiting shares.
fn patience(args: Patience) -> Overrides {
    Overrides {
        access: args.access,
        timeout: args.timeout,
        attempts: args.attempts,
        interval: args.interval,
        ..Overrides::default()
    }
}
