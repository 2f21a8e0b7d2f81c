//! `mainstay backup key`

use super::{Means, all_copies, failed, world};
use crate::{
    args::{BackupKey, KeyKit, NewKey},
    context::{Context, tell},
    verbs::answer,
};
use backup::{Copy, Kind, Manifest, new_key};
use host::fs;
use jiff::Timestamp;
use report::{Finding, Outcome, Secret, or_list};
use std::{collections::BTreeSet, io, io::Write, path::Path};

/// Does what was typed.
pub(super) async fn key(context: &Context, verb: BackupKey) -> Outcome {
    match verb {
        BackupKey::New(args) => new(context, &args),
        BackupKey::Kit(args) => kit(context, &args).await,
    }
}

fn new(context: &Context, args: &NewKey) -> Outcome {
    let (public, secret) = new_key(now(context));
    match write(&context.cwd.join(&args.file), &secret) {
        Ok(()) => answer(context, &public, Outcome::Done),
        Err(error) => {
            let finding = Finding::error("the key cannot be written").because(&error);
            let hint = "a key that is there may be the only one to some copies: choose another name";
            let there = error.kind() == io::ErrorKind::AlreadyExists;
            tell(context, &[if there { finding.hint(hint) } else { finding }], Outcome::Misused)
        }
    }
}

fn write(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = fs::create(path, 0o600)?;
    file.write_all(secret.reveal().as_bytes())?;
    file.sync_all()
}

fn now(context: &Context) -> Timestamp {
    context.now()
}

/// A page that is enough to restore copies without mainstay.
async fn kit(context: &Context, args: &KeyKit) -> Outcome {
    let world = match world(context, &args.flags, None) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let app = &world.app;
    let Some(file) = &app.backup.identity else {
        let finding = Finding::error("no file with a secret key was named");
        let hint = "say --identity FILE; `mainstay backup key new FILE` makes one";
        return tell(context, &[finding.hint(hint)], Outcome::Misused);
    };
    let means = match Means::to_read(context, app) {
        Ok(means) => means,
        Err(outcome) => return outcome,
    };
    let copies = match all_copies(context, &world).await {
        Ok((copies, _)) => copies,
        Err(error) => return failed(context, &error),
    };
    let newest = newest(&copies);
    let own = means.keys.own_recipients();
    for (copy, manifest) in newest.iter().filter(|(_, manifest)| !opens(&own, manifest)) {
        let whose = match manifest.recipients.is_empty() {
            true => "it is not encrypted".to_owned(),
            false => format!("it is encrypted for {}", or_list(&manifest.recipients)),
        };
        let finding = Finding::warning(format!(
            "the key does not open `{}`, the newest copy of `{}`",
            copy.id, manifest.source.name
        ));
        context.terminal.finding(&finding.seen(whose));
    }
    // It has been read just now, and its keys were understood.
    let secret = fs::read_to_string(file, super::LARGEST_KEYS).unwrap_or_default();
    answer(context, &page(&app.name, now(context), &secret, &newest), Outcome::Done)
}

/// Of each database the newest copy that is VERIFIED.
fn newest(copies: &[Copy]) -> Vec<(&Copy, &Manifest)> {
    let mut seen = BTreeSet::new();
    let verified = copies.iter().filter_map(|copy| Some((copy, copy.known().filter(|it| it.is_verified())?)));
    verified.filter(|(copy, _)| seen.insert(&copy.database)).collect()
}

fn opens(own: &[String], manifest: &Manifest) -> bool {
    manifest.recipients.iter().any(|recipient| own.contains(recipient))
}

fn page(app: &str, now: Timestamp, secret: &str, newest: &[(&Copy, &Manifest)]) -> String {
    let mut page = format!(
        "RECOVERY KIT of `{app}`, {}\n\nWho has this page can read the copies. Keep it where the machine is not.\n\n\
         1. Write the secret key into a file, `backup.key`:\n\n{}\n\n\
         2. Install `age`, `zstd`, and PostgreSQL's client programs or `sqlite3`.\n\n\
         3. Check a copy, and make a database of it:\n",
        now.strftime("%F"),
        secret.trim_end(),
    );
    for (copy, manifest) in newest {
        let (source, taken) = (&manifest.source, manifest.taken.strftime("%F %T UTC"));
        page += &format!(
            "\n`{}`, {} {}: `{}` of {taken} was the newest copy; others lie beside.\n\n{}",
            source.name,
            source.kind,
            source.server,
            copy.id,
            commands(copy, manifest)
        );
    }
    page
}

/// The same as in the manual.
fn commands(copy: &Copy, manifest: &Manifest) -> String {
    let name = &manifest.source.name;
    let encrypted = !manifest.recipients.is_empty();
    let (end, age) = if encrypted { (".age", "age -d -i \"$KEY\" ") } else { ("", "cat ") };
    let first = format!("    KEY=$PWD/backup.key\n    cd \"{}\"\n    sha256sum -c SHA256SUMS\n", copy.path.display());
    first
        + &match manifest.source.kind {
            Kind::Postgresql if manifest.is_directory() => format!(
                "    {age}globals.sql{end} | psql postgres        # on a fresh server only\n    createdb {name}\n{}",
                match encrypted {
                    true => format!(
                        "    mkdir \"$OLDPWD/dump\"\n    \
                         for file in *.age; do {age}\"$file\" > \"$OLDPWD/dump/${{file%.age}}\"; done\n    \
                         pg_restore --exit-on-error --jobs=4 -d {name} \"$OLDPWD/dump\"\n"
                    ),
                    false => format!("    pg_restore --exit-on-error --jobs=4 -d {name} .\n"),
                }
            ),
            Kind::Postgresql => format!(
                "    {age}globals.sql{end} | psql postgres        # on a fresh server only\n    createdb {name}\n    \
                 {age}database.dump.zst{end} | zstd -d > database.dump\n    pg_restore --exit-on-error -d {name} database.dump\n"
            ),
            Kind::Sqlite => format!("    {age}database.sqlite.zst{end} | zstd -d > {name}\n"),
        }
}
