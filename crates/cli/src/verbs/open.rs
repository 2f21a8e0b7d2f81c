//! `mainstay open`

use super::{
    answer,
    backup::{Means, database, failed, job, watched, world},
    moment::moment,
    restore::chosen,
};
use crate::{
    args::Open,
    context::{Context, tell},
};
use backup::{Opened, Wanted};
use host::{
    process::{Command, Exit, Limits, Output, Running},
    signals::{Signal, Signals},
    terminal::{Stream, is_terminal},
};
use report::{Event, Finding, Journal, Outcome};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The polite signal.
const SIGTERM: i32 = 15;
/// The one that nobody can leave unheard.
const SIGKILL: i32 = 9;
/// From the first to the second.
const GRACE: Duration = Duration::from_secs(10);

/// Makes a database of a copy, has it looked into, and takes it away again. Ends as what looked into it did.
pub(super) async fn open(context: &Context, args: Open) -> u8 {
    match act(context, &args).await {
        Ok(code) => code,
        Err(outcome) => outcome.code(),
    }
}

async fn act(context: &Context, args: &Open) -> Result<u8, Outcome> {
    let mut signals = Signals::listen()
        .map_err(|error| tell(context, &[Finding::error("no signals").because(&error)], Outcome::Failed))?;
    let opened = tokio::select! {
        opened = made(context, args) => opened?,
        _ = signals.next() => return Err(Outcome::Interrupted),
    };
    let code = match args.url {
        true => shown(context, &opened, &mut signals).await,
        false => looked_into(context, args, &opened, &mut signals).await,
    };
    opened.close().await;
    code
}

async fn made(context: &Context, args: &Open) -> Result<Opened, Outcome> {
    let world = world(context, &args.flags, None)?;
    let database = database(&world.app, &args.flags).map_err(|finding| tell(context, &[finding], Outcome::Misused))?;
    let means = Means::to_read(context, &world.app)?;
    let job = job(&world, database, &means);
    let copy = chosen(context, &world, &job, wanted(context, args)).await?;
    let opened = watched(context, &means.progress, backup::open(&job, &copy)).await;
    let opened = opened.map_err(|error| failed(context, &error))?;
    let (manifest, taken) = (&opened.manifest, opened.manifest.taken.strftime("%F %T UTC"));
    let text = format!("open: `{}` as of {taken}, to be read only; it is gone afterwards", manifest.source.name);
    world.journal.note(Event::new("open.ready", text).with("id", manifest.id.to_string()));
    Ok(opened)
}

/// What is no time is a name.
fn wanted(context: &Context, args: &Open) -> Wanted {
    let now = context.now();
    match (&args.as_of, &args.copy) {
        (Some(text), _) => moment(text, now).map_or_else(|| Wanted::parse(text, &context.cwd), Wanted::At),
        (None, Some(copy)) => Wanted::parse(copy, &context.cwd),
        (None, None) => Wanted::Latest,
    }
}

async fn shown(context: &Context, opened: &Opened, signals: &mut Signals) -> Result<u8, Outcome> {
    match answer(context, &opened.url(), Outcome::Done) {
        Outcome::Done => {
            signals.next().await;
            Ok(Outcome::Done.code())
        }
        outcome => Err(outcome),
    }
}

async fn looked_into(context: &Context, args: &Open, opened: &Opened, signals: &mut Signals) -> Result<u8, Outcome> {
    let argv = match args.command.is_empty() {
        true => opened.shell(&context.env, &context.cwd).map_err(|error| failed(context, &error))?,
        false => args.command.clone(),
    };
    let others = context.env.iter().filter(|(key, _)| !key.starts_with("PG"));
    let mut env: host::Env = others.map(|(key, value)| (key.clone(), value.clone())).collect();
    env.extend(opened.variables());
    let command = Command {
        argv,
        cwd: context.cwd.clone(),
        env,
        listeners: Vec::new(),
        output: Output::Shared,
        mark: None,
        limits: Limits::default(),
    };
    let mut running = Running::start(&*context.spawner, &command).map_err(|error| {
        tell(context, &[Finding::error("the copy cannot be looked into").because(&error)], Outcome::Misused)
    })?;
    let mut kill_at = None::<Instant>;
    loop {
        tokio::select! {
            exit = running.wait() => return exit.map(code).map_err(|error| {
                tell(context, &[Finding::error("the end of the command was not seen").because(&error)], Outcome::Failed)
            }),
            // The keys of a terminal reach it without us, and it may go on after them.
            signal = signals.next() => if signal != Signal::Interrupt || !is_terminal(Stream::Input) {
                // It may have ended meanwhile. Who asks twice does not want to wait.
                let _ = running.signal(if kill_at.is_some() { SIGKILL } else { SIGTERM });
                kill_at = kill_at.or_else(|| Some(Instant::now() + GRACE));
            },
            () = async { sleep_until(kill_at.unwrap_or_else(Instant::now)).await }, if kill_at.is_some() => {
                let _ = running.signal(SIGKILL);
                kill_at = None;
            }
        }
    }
}

/// As a shell would pass it on.
fn code(exit: Exit) -> u8 {
    u8::try_from(exit.shell_code()).unwrap_or(u8::MAX)
}
