//! A restore: a new database beside the old one, compared, and then the names change in one transaction.
//!
//! The first rename holds the lock that every new session of the old database has to wait for, and waits itself until nobody is
//! left in it (PostgreSQL's `CountOtherDBBackends`, five seconds); meanwhile its sessions are ended from another one. So nobody is
//! ever refused, nobody writes into the old one unseen, and whoever is killed in the middle has changed nothing.

use super::{
    identity::{beside, exists, hash},
    load,
    prove::{major, restored},
    settings,
    talk::{Talk, identifier, is_code, literal},
};
use crate::{
    BackupError, Copy, Id, Job, Manifest,
    restore::{Ledger, equal},
};
use config::dsn::PostgresDsn;
use report::or_list;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// object_in_use: somebody is left in the database.
const IN_USE: &str = "55006";
/// insufficient_privilege: a superuser's session is ended by superusers only.
const NOT_ALLOWED: &str = "42501";
/// So often the rename is tried; each waits for five seconds.
const TRIES: usize = 3;
/// Between two looks for sessions to end.
const PAUSE: Duration = Duration::from_millis(50);

/// What the new database holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// What the copy shows.
    OfCopy,
    /// Nothing.
    Empty,
}

/// A new database, made and compared, that has not taken its name yet.
pub(crate) struct Beside {
    talk: Talk,
    new: String,
    there: bool,
}

/// Makes a database beside the one that is there, if one is.
pub(crate) async fn make(
    job: &Job<'_>,
    copy: &Copy,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    content: Content,
) -> Result<Beside, BackupError> {
    let there = exists(job, dsn).await?;
    let talk = beside(job, dsn).await?;
    fits(&talk, manifest).await?;
    // The same at each try, so that what somebody who was killed has left is found.
    let new = format!("mainstay_restore_{}", hash(&dsn.database));
    drop_database(&talk, &new).await?;
    let made = match content {
        Content::OfCopy => fill(job, copy, manifest, dsn, &talk, &new, there).await,
        Content::Empty => make_empty(job, manifest, dsn, &talk, &new, there).await,
    };
    let beside = Beside { talk, new, there };
    match made {
        Ok(()) => Ok(beside),
        Err(error) => {
            beside.give_up().await;
            Err(error)
        }
    }
}

impl Beside {
    /// It gets the name; the old one is kept under another one, which is written into the book before, and answered if there was one.
    pub(crate) async fn take_place(
        self,
        job: &Job<'_>,
        dsn: &PostgresDsn,
        id: Id,
        ledger: &mut Ledger,
    ) -> Result<Option<String>, BackupError> {
        let swapped = rename(job, dsn, &self, id, ledger).await;
        match swapped {
            Ok(before) => {
                self.talk.close().await;
                Ok(before)
            }
            Err(error) => {
                self.give_up().await;
                Err(error)
            }
        }
    }

    /// It goes.
    pub(crate) async fn give_up(self) {
        // The first error is the one to tell.
        let _ = drop_database(&self.talk, &self.new).await;
        self.talk.close().await;
    }
}

/// Is there a database of this name on the server?
pub(crate) async fn is_there(job: &Job<'_>, dsn: &PostgresDsn, name: &str) -> Result<bool, BackupError> {
    let talk = beside(job, dsn).await?;
    let there = has(&talk, name).await;
    talk.close().await;
    there
}

async fn has(talk: &Talk, name: &str) -> Result<bool, BackupError> {
    let sql = format!("SELECT FROM pg_catalog.pg_database WHERE datname = {}", literal(name));
    Ok(!talk.ask("look for a database", &sql).await?.is_empty())
}

/// Is the server one for this copy?
async fn fits(talk: &Talk, manifest: &Manifest) -> Result<(), BackupError> {
    let from = major(&manifest.source.server);
    if talk.major() < from {
        return Err(BackupError::Unfit(format!(
            "the copy is of PostgreSQL {from}, and the server is the older {}",
            talk.version()
        )));
    }
    if manifest.source.roles.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = manifest.source.roles.iter().map(|role| format!("({})", literal(role))).collect();
    let sql = format!(
        "SELECT wanted FROM (VALUES {}) AS w (wanted) WHERE wanted NOT IN (SELECT rolname FROM pg_catalog.pg_roles)",
        names.join(", ")
    );
    let missing: Vec<_> = talk.ask("look for the roles", &sql).await?.into_iter().flatten().flatten().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(BackupError::Unfit(format!(
            "the copy needs the role {}, which the server does not have; `globals.sql` beside the copy makes it",
            or_list(missing)
        ))),
    }
}

async fn fill(
    job: &Job<'_>,
    copy: &Copy,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    talk: &Talk,
    new: &str,
    there: bool,
) -> Result<(), BackupError> {
    let owner = manifest.source.traits.get("owner");
    load::create(talk, new, &manifest.source, owner.map(String::as_str)).await?;
    job.reach("restore.created");
    let filled = PostgresDsn { database: new.to_owned(), ..dsn.clone() };
    equal(copy, restored(job, &copy.path, manifest, &filled, String::new(), Instant::now()).await?)?;
    job.reach("restore.compared");
    if there { settings::carry(talk, &dsn.database, new).await } else { Ok(()) }
}

/// Of the same owner, encoding and settings as the one that it replaces.
async fn make_empty(
    job: &Job<'_>,
    manifest: &Manifest,
    dsn: &PostgresDsn,
    talk: &Talk,
    new: &str,
    there: bool,
) -> Result<(), BackupError> {
    let owner = manifest.source.traits.get("owner");
    load::create(talk, new, &manifest.source, owner.map(String::as_str)).await?;
    job.reach("empty.created");
    if there { settings::carry(talk, &dsn.database, new).await } else { Ok(()) }
}

/// The new one gets the name; the old one is kept under another one.
async fn rename(
    job: &Job<'_>,
    dsn: &PostgresDsn,
    Beside { talk, new, there }: &Beside,
    id: Id,
    ledger: &mut Ledger,
) -> Result<Option<String>, BackupError> {
    if !there {
        talk.run("give the database its name", &renamed(new, &dsn.database)).await?;
        return Ok(None);
    }
    let before = free_name(talk, &dsn.database, "before", id).await?;
    ledger.about_to_swap(job.now(), id, &before)?;
    job.reach("restore.begun");
    match swap(job, dsn, talk, new, &before).await {
        Ok(()) => {
            job.reach("restore.renamed");
            ledger.done();
            Ok(Some(before))
        }
        Err(error) => {
            ledger.failed(job).await;
            Err(error)
        }
    }
}

/// The database that was kept as `before` gets its name back; answers with how the other one is called now.
pub(crate) async fn put_back(job: &Job<'_>, dsn: &PostgresDsn, before: &str, id: Id) -> Result<String, BackupError> {
    let talk = beside(job, dsn).await?;
    if !has(&talk, before).await? {
        return Err(BackupError::Unfit(format!("the database `{before}` is not there any more")));
    }
    let undone = free_name(&talk, &dsn.database, "undone", id).await?;
    let swapped = match exists(job, dsn).await? {
        true => swap(job, dsn, &talk, before, &undone).await,
        false => talk.run("give the database its name", &renamed(before, &dsn.database)).await,
    };
    if swapped.is_ok() {
        job.reach("restore.undone");
    }
    talk.close().await;
    swapped.map(|()| undone)
}

fn renamed(from: &str, to: &str) -> String {
    format!("ALTER DATABASE {} RENAME TO {}", identifier(from), identifier(to))
}

/// `new` gets the name of the database, which is called `old` from now on; both or none.
async fn swap(job: &Job<'_>, dsn: &PostgresDsn, talk: &Talk, new: &str, old: &str) -> Result<(), BackupError> {
    let sql = format!("BEGIN; {}; {}; COMMIT", renamed(&dsn.database, old), renamed(new, &dsn.database));
    let other = beside(job, dsn).await?;
    let number = format!("SELECT oid FROM pg_catalog.pg_database WHERE datname = {}", literal(&dsn.database));
    let number = other.text("look for the old database", &number).await?;
    let mut tried = 1;
    let result = loop {
        let swapped = tokio::select! {
            swapped = talk.run("exchange the databases", &sql) => swapped,
            never = clear(&other, &number) => never,
        };
        let Err(error) = swapped else { break Ok(()) };
        let left = talk.run("leave the databases as they are", "ROLLBACK").await;
        // An error of the one who clears does not stop what the server was asked for before.
        if has(&other, old).await? {
            break Ok(());
        }
        left?;
        match is_code(&error, &[IN_USE]) {
            true if tried < TRIES => tried += 1,
            true => break Err(in_use(&other, dsn).await?),
            false => break Err(error),
        }
    };
    other.close().await;
    result
}

/// Ends the sessions of a database, again and again; by its number, for the name is another one's in a moment. The workers of autovacuum,
/// who are nobody's, are asked to go by the rename itself.
async fn clear(talk: &Talk, number: &str) -> Result<(), BackupError> {
    loop {
        end_sessions(talk, &format!("datid = {number}")).await?;
        sleep(PAUSE).await;
    }
}

/// Ends those of `pg_stat_activity` of whom this is true.
async fn end_sessions(talk: &Talk, who: &str) -> Result<(), BackupError> {
    let sessions = format!(
        "SELECT pid FROM pg_catalog.pg_stat_activity \
         WHERE {who} AND usesysid IS NOT NULL AND pid <> pg_catalog.pg_backend_pid()"
    );
    for pid in talk.ask("look for sessions of the database", &sessions).await?.into_iter().flatten().flatten() {
        let sql = format!("SELECT pg_catalog.pg_terminate_backend({pid})");
        match talk.ask("end the sessions of the database", &sql).await {
            // It may leave by itself; if not, what comes next says that the database is in use.
            Err(error) if is_code(&error, &[NOT_ALLOWED]) => {}
            ended => drop(ended?),
        }
    }
    Ok(())
}

async fn in_use(talk: &Talk, dsn: &PostgresDsn) -> Result<BackupError, BackupError> {
    let sql = format!(
        "SELECT 'session ' || pid || ' of ' || usename || ' (' || application_name || ')' FROM pg_catalog.pg_stat_activity \
         WHERE datname = {0} UNION ALL SELECT 'prepared transaction ' || gid FROM pg_catalog.pg_prepared_xacts WHERE database = {0}",
        literal(&dsn.database)
    );
    let by = talk.ask("look who uses the database", &sql).await?.into_iter().flatten().flatten().collect();
    Ok(BackupError::InUse { what: dsn.database.clone(), by })
}

/// `bot_before_ffq69g5fav`, which nobody has; names are cut off at 63 bytes.
async fn free_name(talk: &Talk, name: &str, what: &str, id: Id) -> Result<String, BackupError> {
    const LONGEST: usize = 63;
    let end = format!("_{what}_{}", id.short());
    for number in 1.. {
        let end = if number == 1 { end.clone() } else { format!("{end}_{number}") };
        let room = LONGEST - end.len();
        let cut = (0..=name.len().min(room)).rev().find(|at| name.is_char_boundary(*at)).unwrap_or_default();
        let candidate = format!("{}{end}", &name[..cut]);
        if !has(talk, &candidate).await? {
            return Ok(candidate);
        }
    }
    Ok(format!("{what}_{id}"))
}

/// With all who use it: processes of `pg_restore` live on for a while when whoever started them was killed.
async fn drop_database(talk: &Talk, name: &str) -> Result<(), BackupError> {
    end_sessions(talk, &format!("datname = {}", literal(name))).await?;
    talk.run("drop an unfinished database", &format!("DROP DATABASE IF EXISTS {}", identifier(name))).await
}
