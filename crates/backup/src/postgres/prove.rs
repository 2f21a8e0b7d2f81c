//! Proving a copy: on a server of its own, or, where there are no programs of a server, beside the real database.

use super::{
    ahead::Ahead,
    content,
    ground::{Ground, Hurry, NoGround},
    load,
    rows::Form,
    scratch,
    talk::{Talk, identifier, is_code, literal},
};
use crate::{
    BackupError, Doing, Job, Manifest, Why,
    content::{compare, sentence},
    proof::{Found, Proven},
};
use config::{Target, dsn::PostgresDsn};
use report::or_list;
use std::path::Path;
use tokio::time::Instant;

/// The database on a server of its own.
pub(super) const NAME: &str = "proof";

/// Makes a database of the copy and compares it with what was in the source; one that is there already will do, if it was made of
/// the very bytes that are stored.
pub(crate) async fn prove(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    ahead: Option<Ahead>,
) -> Result<Proven, BackupError> {
    if let Some(ahead) = ahead {
        let proven = ahead.proven(job, manifest).await;
        ahead.end().await;
        if let Some(proven) = proven? {
            return Ok(proven);
        }
    }
    let major = major(&manifest.source.server);
    let encoding = manifest.source.traits.get("encoding").map_or("UTF8", String::as_str);
    match Ground::make(job, major, encoding, hurry(manifest.why)).await {
        Ok(ground) => {
            let proven = tokio::select! {
                proven = on_ground(job, copy, manifest, &ground, NAME) => Ok(proven),
                why = ground.crowded() => Err(why),
            };
            ground.end().await;
            match proven {
                Ok(proven) => proven,
                Err(why) => elsewhere(job, copy, manifest, why).await,
            }
        }
        Err(NoGround::Error(error)) => Err(error),
        Err(NoGround::Impossible(why)) => elsewhere(job, copy, manifest, why).await,
    }
}

/// Where there can be no server of its own.
async fn elsewhere(job: &Job<'_>, copy: &Path, manifest: &Manifest, why: String) -> Result<Proven, BackupError> {
    match job.target {
        Target::Postgres(dsn) => scratch::prove(job, copy, manifest, dsn, why).await,
        _ => Ok(Proven::impossible(why)),
    }
}

/// Who waits for a copy that was taken for this?
pub(super) fn hurry(why: Why) -> Hurry {
    if why == Why::Scheduled { Hurry::Alone } else { Hurry::Waited }
}

/// `15.18` -> 15
pub(super) fn major(version: &str) -> u32 {
    version.split(|c: char| !c.is_ascii_digit()).next().and_then(|major| major.parse().ok()).unwrap_or_default()
}

/// Makes a database of the copy on this server, and compares it.
pub(super) async fn on_ground(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    ground: &Ground,
    name: &str,
) -> Result<Proven, BackupError> {
    let begun = Instant::now();
    let first = Talk::open(job, &ground.dsn).await?;
    if let Some(lacks) = lacking(&first, manifest).await? {
        return Ok(Proven::impossible(lacks));
    }
    make_roles(&first, &manifest.source.roles).await?;
    if let Err(error) = load::create(&first, name, &manifest.source, None).await {
        return Ok(Proven::impossible(format!(
            "a database like the source cannot be made here: {}",
            error.finding().in_a_line()
        )));
    }
    first.close().await;
    restored(job, copy, manifest, &ground.database(name), ground.words(), begun).await
}

pub(super) async fn make_roles(talk: &Talk, roles: &[String]) -> Result<(), BackupError> {
    for role in roles.iter().filter(|role| *role != "postgres") {
        talk.run("make the roles", &format!("CREATE ROLE {}", identifier(role))).await?;
    }
    Ok(())
}

/// What this server lacks, that the copy needs.
async fn lacking(talk: &Talk, manifest: &Manifest) -> Result<Option<String>, BackupError> {
    let Some(extensions) = manifest.content.things.get("extension") else { return Ok(None) };
    let names: Vec<_> = extensions.keys().map(|name| format!("({})", literal(name))).collect();
    let sql = format!(
        "SELECT wanted FROM (VALUES {}) AS w (wanted) WHERE wanted NOT IN (SELECT name FROM pg_catalog.pg_available_extensions)",
        names.join(", ")
    );
    let missing: Vec<_> = talk.ask("look for extensions", &sql).await?.into_iter().flatten().flatten().collect();
    Ok((!missing.is_empty()).then(|| format!("the extension {} is not installed here", or_list(missing))))
}

/// Fills the empty database and compares it.
pub(super) async fn restored(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    ground: String,
    begun: Instant,
) -> Result<Proven, BackupError> {
    let talk = Talk::open(job, dsn).await?;
    let filled = load::fill(job, copy, manifest, dsn, &talk).await;
    let took = begun.elapsed();
    let proven = match filled {
        Err(error) => match of_surroundings(&error) {
            Some(why) => Proven::impossible(why),
            None => Proven::failed_to_restore(error.finding().in_a_line()),
        },
        Ok(()) => Proven {
            restored: Found::Pass(took),
            compared: compared(job, &talk, manifest).await?,
            ground,
            ahead: false,
        },
    };
    talk.close().await;
    Ok(proven)
}

/// Reasons that say nothing about the copy: no room, no program, a server that is full, an extension that needs more than is here. Its
/// files were read before and found whole, so it is not them.
fn of_surroundings(error: &BackupError) -> Option<String> {
    match error {
        BackupError::NoProgram { .. } | BackupError::Files { .. } | BackupError::NoRoom { .. } => {
            Some(error.finding().in_a_line())
        }
        BackupError::Program { tail, .. } => {
            let said = |what: &str| tail.iter().any(|line| line.contains(what));
            let of_server =
                ["CREATE EXTENSION", "No space left on device", "too many clients", "remaining connection slots"];
            of_server.into_iter().any(said).then(|| error.finding().in_a_line())
        }
        _ => None,
    }
}

pub(super) async fn compared(job: &Job<'_>, talk: &Talk, manifest: &Manifest) -> Result<Found<()>, BackupError> {
    let tables = content::tables(talk).await?;
    job.progress.begin_anew(Doing::Comparing, Some(manifest.content.rows()));
    let seen = |rows| job.progress.add(Doing::Comparing, rows);
    let form = Form::of(&manifest.content);
    let look = async { content::content(talk, &tables, form, content::sequences(talk).await?, seen).await };
    let restored = match look.await {
        // A table that cannot be read any more is damaged.
        Err(error) if is_code(&error, &["XX001", "XX002"]) => return Ok(Found::Fail(error.finding().in_a_line())),
        restored => restored?,
    };
    let differences = compare(&manifest.content, &restored);
    Ok(if differences.is_empty() { Found::Pass(()) } else { Found::Fail(sentence(&differences)) })
}
