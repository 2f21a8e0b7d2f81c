//! Making a database of a copy, on whatever server: first the empty one, then `pg_restore`.

use super::{
    FILE, parallel,
    program::{argv, command, find, run_fed},
    talk::{Talk, identifier, literal},
};
use crate::{BackupError, Doing, Job, Manifest, Source, seal};
use config::dsn::PostgresDsn;
use host::process::Command;
use std::{
    io::{self, Write},
    path::Path,
};

/// Descriptor 3, where [`run_fed`] puts its input.
const INPUT: &str = "/dev/fd/3";

/// An empty database that is like the source was. `owner`: whose it is, where that can be said.
pub(super) async fn create(talk: &Talk, name: &str, source: &Source, owner: Option<&str>) -> Result<(), BackupError> {
    let traits = &source.traits;
    let value = |key: &str| traits.get(key).map(|value| literal(value));
    let mut sql = format!("CREATE DATABASE {} TEMPLATE template0", identifier(name));
    let settings =
        [("ENCODING", value("encoding")), ("LC_COLLATE", value("datcollate")), ("LC_CTYPE", value("datctype"))];
    let provider = match traits.get("datlocprovider").map(String::as_str) {
        Some("i") => Some("icu".to_owned()),
        Some("b") => Some("builtin".to_owned()),
        _ => None,
    };
    let locale = value("datlocale").or_else(|| value("daticulocale"));
    let of_provider = match provider.as_deref() {
        Some("icu") => ("ICU_LOCALE", locale),
        Some(_) => ("BUILTIN_LOCALE", locale),
        None => ("ICU_LOCALE", None),
    };
    let owner = ("OWNER", owner.map(identifier));
    for (key, value) in settings.into_iter().chain([("LOCALE_PROVIDER", provider), of_provider, owner]) {
        sql += &value.map(|value| format!(" {key} = {value}")).unwrap_or_default();
    }
    talk.run("make an empty database", &sql).await
}

/// Fills the empty database of `talk` with the copy.
pub(super) async fn fill(
    job: &Job<'_>,
    copy: &Path,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    talk: &Talk,
) -> Result<(), BackupError> {
    if manifest.is_directory() {
        return parallel::fill(job, copy, manifest, dsn, talk).await;
    }
    let part = manifest.part(FILE)?.clone();
    let (dir, keys, progress) = (copy.to_owned(), job.keys.clone(), job.progress.clone());
    progress.begin_anew(Doing::Restoring, Some(part.raw_bytes));
    pour(job, wrote(manifest), dsn, talk, &[], move |input| {
        let mut content = seal::open(&dir, &part, &keys)?;
        let copied = io::copy(&mut content, &mut progress.counting(Doing::Restoring, input))?;
        match copied == part.raw_bytes {
            true => Ok(()),
            false => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{copied} bytes were unpacked, not {}", part.raw_bytes),
            )),
        }
    })
    .await
}

/// Runs `pg_restore` on what `feed` writes. `wrote`: the major version of the program that made the archive.
pub(super) async fn pour<T: Send + 'static>(
    job: &Job<'_>,
    wrote: u32,
    dsn: &PostgresDsn,
    talk: &Talk,
    more: &[&str],
    feed: impl FnOnce(&mut dyn Write) -> io::Result<T> + Send + 'static,
) -> Result<T, BackupError> {
    // Said, or it would open its input twice to find out.
    let more = [&["--format=custom"], more].concat();
    run_fed(job, pg_restore(job, wrote, dsn, talk, &more, INPUT).await?, feed).await
}

/// The major version of the program that made the archive.
pub(super) fn wrote(manifest: &Manifest) -> u32 {
    manifest.tools.get("pg_dump").and_then(|major| major.parse().ok()).unwrap_or_default()
}

/// `pg_restore` of an archive at `from`: what wrote it, or a newer one, can read it.
pub(super) async fn pg_restore(
    job: &Job<'_>,
    wrote: u32,
    dsn: &PostgresDsn,
    talk: &Talk,
    more: &[&str],
    from: &str,
) -> Result<Command, BackupError> {
    let program = find(job, "pg_restore", talk.major().max(wrote)).await?;
    let database = format!("--dbname={}", dsn.database);
    let fixed = ["--exit-on-error", "--no-password", "--no-tablespaces", &database];
    let flags = fixed.into_iter().chain(more.iter().copied()).chain([from]);
    Ok(command(job, argv(&program.path, flags), Some((dsn, &talk.0.host))))
}
