//! One question to one dependency.

use crate::{
    Context, Ready, command, http,
    refusals::{never, not_yet},
    tcp,
};
use config::{Access, Target, dsn::PostgresDsn};
use database::{Refusal, ServerState, postgres, redis, sqlite};
use retry::Deadline;
use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Asks `target` once whether it is ready for `access`, and takes no longer than `timeout`.
///
/// # Errors
/// Why it cannot be used now, and how long waiting is worth while.
pub async fn ask(target: &Target, access: Access, timeout: Duration, ctx: &Context) -> Result<Ready, Refusal> {
    let deadline = Deadline::after(timeout);
    let ready = match target {
        Target::Postgres(dsn) => postgres(dsn, access, timeout).await,
        Target::Sqlite(path) => sqlite(ctx.root.join(path), access, timeout).await,
        Target::Redis(dsn) => redis::ask(dsn, access, timeout).await.map(Ready::redis),
        Target::Tcp { host, port } => {
            tcp::port(ctx.from, host, *port, &deadline).await.map(|()| Ready::new("TCP port"))
        }
        Target::Http { url, status } => {
            http::ready(ctx.from, url, *status, &deadline).await.map(|status| Ready::new(format!("HTTP {status}")))
        }
        Target::Unix(path) => tcp::unix(&ctx.root.join(path), &deadline).await.map(|()| Ready::new("unix socket")),
        Target::File(path) => file(&ctx.root.join(path)).map(|()| Ready::new("file")),
        Target::Command(argv) => command::run(argv, &deadline, ctx).await.map(|()| Ready::new("command")),
    }?;
    Ok(Ready { latency: deadline.elapsed(), ..ready })
}

async fn postgres(dsn: &PostgresDsn, access: Access, timeout: Duration) -> Result<Ready, Refusal> {
    postgres::ask(dsn, access, timeout).await.map(Ready::postgres)
}

/// SQLite blocks, so it gets a thread of its own; when it takes too long, the thread is left behind.
async fn sqlite(path: PathBuf, access: Access, timeout: Duration) -> Result<Ready, Refusal> {
    let place = path.display().to_string();
    let work = tokio::task::spawn_blocking(move || sqlite::ask(&path, access));
    match tokio::time::timeout(timeout, work).await {
        Ok(Ok(answer)) => answer.map(Ready::sqlite),
        Ok(Err(error)) => Err(not_yet(ServerState::Unknown, format!("could not look at {place}: {error}"))),
        Err(_) => Err(not_yet(ServerState::Unreachable, format!("no answer from {place}"))),
    }
}

fn file(path: &Path) -> Result<(), Refusal> {
    match host::fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(not_yet(ServerState::Down, format!("there is no {}", path.display())))
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(never(ServerState::Denied, error.to_string(), "let this user search the directories above it"))
        }
        Err(error) => Err(not_yet(ServerState::Unknown, error.to_string())),
    }
}
