//! One file for each verb.

pub(crate) mod backup;
mod can_take_over;
mod check;
mod deploy;
mod detach;
mod down;
mod env;
mod events;
mod health;
mod history;
mod hook;
mod logs;
mod migrate;
mod moment;
mod open;
mod order;
mod proxy;
mod ps;
mod reexec;
mod releases;
mod reload;
mod remembered;
mod restore;
mod rollback;
mod run;
mod run_now;
mod schedule;
mod schema;
mod server;
mod status;
mod timeline;
#[cfg(feature = "top")]
mod top;
mod up;
mod wait;
mod why;

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
        Verb::Ps(args) => ps::ps(&context, args).await.code(),
        Verb::Status(args) => status::status(&context, args).await.code(),
        Verb::Why(args) => why::why(&context, args).await.code(),
        Verb::Restart(args) => order::order(&context, control::Verb::Restart, args).await.code(),
        Verb::Start(args) => order::order(&context, control::Verb::Start, args).await.code(),
        Verb::Stop(args) => order::order(&context, control::Verb::Stop, args).await.code(),
        Verb::RunNow(args) => run_now::run_now(&context, args).await,
        Verb::Down(args) => down::down(&context, args).await.code(),
        Verb::Reload(args) => reload::reload(&context, args).await.code(),
        Verb::Reexec(args) => reexec::reexec(&context, args).await.code(),
        Verb::CanTakeOver => can_take_over::can_take_over(&context).code(),
        Verb::Deploy(args) => deploy::deploy(&context, args).await.code(),
        Verb::Rollback(args) => rollback::rollback(&context, args).await.code(),
        Verb::Releases(args) => releases::releases(&context, args).await.code(),
        Verb::Events(args) => events::events(&context, args).await.code(),
        Verb::Timeline(args) => timeline::timeline(&context, args).await.code(),
        Verb::History(args) => history::history(&context, args).await.code(),
        #[cfg(feature = "top")]
        Verb::Top(args) => top::top(&context, args).await.code(),
        Verb::Migrate(verb) => migrate::migrate(&context, verb).await.code(),
        Verb::Backup(verb) => backup::backup(&context, verb).await.code(),
        Verb::Restore(args) => restore::restore(&context, args).await.code(),
        Verb::Open(args) => open::open(&context, args).await,
        Verb::Health(args) => health::health(&context, args).await.code(),
        Verb::Schedule(args) => schedule::schedule(&context, args).await,
        Verb::Logs(args) => logs::logs(&context, args).await.code(),
        Verb::Check(args) => check::check(&context, args).await.code(),
        Verb::Server(verb) => server::server(&context, verb).await.code(),
        Verb::Hook(verb) => hook::hook(&context, verb).await.code(),
        Verb::Proxy(args) => proxy::proxy(&context, *args).await.code(),
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

/// An answer as JSON or as people read it.
fn text(json: bool, answer: &impl serde::Serialize, words: String) -> String {
    match json {
        // What has come as JSON can be written as JSON.
        true => serde_json::to_value(answer).map(|answer| format!("{answer:#}")).unwrap_or_default(),
        false => words,
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
