//! Taking a copy.

use crate::{
    BackupError, Copy, Doing, Id, Job, Manifest, Place, Remote, Why,
    following::Growth,
    manifest::{Begin, Kind, Source},
    postgres,
    proof::{prove, step},
    remote::everywhere,
    shelf::{self, Shelf, Unfinished},
    sqlite,
    standing::{Stage, Step},
};
use config::Target;
use report::{Event, Verdict, bytes, count, seconds};
use std::{path::PathBuf, pin::pin, time::Duration};
use tokio::time::Instant;

/// How a copy is taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Why.
    pub why: Why,
    /// Who wants it kept, and for what.
    pub pin: Option<String>,
    /// Leave the proof out: then it is not VERIFIED, and protects nothing.
    pub unproven: bool,
}

/// A copy that was taken.
#[derive(Debug)]
pub struct Taken {
    /// What is known of it.
    pub manifest: Manifest,
    /// Where it lies: its directory, and what the names of its objects begin with.
    pub paths: Vec<(Place, PathBuf)>,
    /// Why it does not lie in all places where it should.
    pub missing: Vec<BackupError>,
}

impl Taken {
    /// The places that it lies in.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.paths.iter().map(|(place, _)| place.clone())
    }

    /// What lies in each of them.
    pub fn copies(&self) -> Vec<Copy> {
        let copy = |(place, path): &(Place, PathBuf)| Copy {
            place: place.clone(),
            path: path.clone(),
            id: self.manifest.id,
            database: self.manifest.source.id.clone(),
            manifest: Ok(self.manifest.clone()),
        };
        self.paths.iter().map(copy).collect()
    }
}

/// Takes a copy of the database, proves it, and brings it to all places. Nothing of it is left when it cannot be taken.
///
/// # Errors
/// What keeps it from being taken or stored. A copy that is stored and not VERIFIED is no error: its manifest says why.
pub async fn take(job: &Job<'_>, request: &Request) -> Result<Taken, BackupError> {
    let begun = Instant::now();
    let keys = job.keys.for_one_copy();
    let job = &Job { keys: &keys, ..*job };
    let source = look(job).await?;
    let shelf = Shelf::open(job.to, job.app, &source.id)?;
    let remotes = ready(job, &source.id).await?;
    room(job, &shelf, &source)?;
    let id = Id::new(job.now());
    let mut manifest = Manifest::begin(Begin {
        id,
        app: job.app.to_owned(),
        source,
        why: request.why,
        pin: request.pin.clone(),
        release: job.release.map(str::to_owned),
    });
    let unfinished = shelf.begin(id)?;
    job.reach("backup.running");
    job.progress.begin_anew(Doing::Copying, expected(job, &manifest.source)?);
    let growth = Growth::default();
    let _intent = growth.intent();
    let source = manifest.source.clone();
    let mut ahead = pin!(restore_ahead(job, &source, request, &growth));
    let mut restored = None;
    let path = {
        let mut storing = pin!(async {
            write(job, &unfinished, &mut manifest, &growth).await?;
            manifest.took = begun.elapsed().as_secs_f64();
            step(&mut manifest, Step::Passed(Stage::Stored));
            unfinished.store(&manifest)
        });
        loop {
            tokio::select! {
                stored = &mut storing => break stored?,
                done = &mut ahead, if restored.is_none() => restored = Some(done),
            }
        }
    };
    job.reach("backup.stored");
    tell(job, &manifest);
    let ahead = async {
        match restored {
            Some(restored) => restored,
            None => ahead.await,
        }
    };
    let manifest = match request.unproven {
        true => manifest,
        false => prove(job, shelf.dir(), &path, manifest, ahead).await?,
    };
    bring(job, &shelf, path, manifest, remotes).await
}

/// Makes a database of the copy while it is still being written, where that can be done; else that is done later.
async fn restore_ahead(job: &Job<'_>, source: &Source, request: &Request, growth: &Growth) -> Option<postgres::Ahead> {
    match job.target {
        // What several write at once cannot be read in its order.
        Target::Postgres(_) if !request.unproven && postgres::jobs(job, source.bytes).is_none() => {
            postgres::restore_ahead(job, source, request.why, growth).await
        }
        _ => None,
    }
}

/// The buckets, as far as they can be used. Where copies would stay nowhere, none is begun.
async fn ready<'a>(job: &Job<'a>, database: &str) -> Result<Vec<Result<&'a Remote, BackupError>>, BackupError> {
    let mut all = Vec::new();
    for remote in job.remotes {
        all.push(remote.make_ready(job, database).await.map(|()| remote));
    }
    if !job.stays && all.iter().all(Result::is_err) {
        all.reverse();
        all.pop().map_or(Ok(()), |first| first.map(drop))?;
    }
    Ok(all)
}

/// To all places. One that is known to be wrong is kept to be looked at, and sent nowhere.
async fn bring(
    job: &Job<'_>,
    shelf: &Shelf,
    path: PathBuf,
    manifest: Manifest,
    remotes: Vec<Result<&Remote, BackupError>>,
) -> Result<Taken, BackupError> {
    if manifest.standing.verdict == Verdict::Fail {
        return Ok(Taken { manifest, paths: vec![(Place::Here, path)], missing: Vec::new() });
    }
    let (mut paths, mut missing) = (Vec::new(), Vec::new());
    for remote in remotes {
        match remote {
            Err(error) => missing.push(error),
            Ok(remote) => match remote.keep(job, &path, &manifest).await {
                Ok(()) => paths.push((remote.place(), remote.path_of(job.app, &manifest))),
                Err(error) => missing.push(error),
            },
        }
    }
    match job.stays || !missing.is_empty() {
        true => paths.insert(0, (Place::Here, path)),
        false => clear(job, shelf).await?,
    }
    Ok(Taken { manifest, paths, missing })
}

/// All that lies here was only on its way: what did not come through at its time is sent now, then all of it goes.
async fn clear(job: &Job<'_>, shelf: &Shelf) -> Result<(), BackupError> {
    for copy in shelf.copies()? {
        if let Ok(manifest) = copy.manifest.as_ref().map_err(drop)
            && manifest.standing.verdict != Verdict::Fail
        {
            for remote in job.remotes {
                if !remote.has(job.app, manifest).await? {
                    remote.keep(job, &copy.path, manifest).await?;
                }
            }
        }
        shelf.remove(copy.id)?;
    }
    Ok(())
}

/// Which database it is.
pub(crate) async fn look(job: &Job<'_>) -> Result<Source, BackupError> {
    match job.target {
        Target::Sqlite(path) => sqlite::look(path, job.now()),
        Target::Postgres(dsn) => postgres::look(job, dsn).await,
        other => Err(BackupError::WrongTarget { kind: other.kind() }),
    }
}

async fn write(
    job: &Job<'_>,
    unfinished: &Unfinished<'_>,
    manifest: &mut Manifest,
    growth: &Growth,
) -> Result<(), BackupError> {
    match job.target {
        Target::Sqlite(path) => {
            let (content, part) = sqlite::take(job, path, unfinished.path()).await?;
            manifest.content = content;
            manifest.files = vec![part];
            manifest.tools.insert("sqlite".to_owned(), rusqlite::version().to_owned());
        }
        Target::Postgres(dsn) => postgres::take(job, dsn, unfinished.path(), manifest, growth).await?,
        other => return Err(BackupError::WrongTarget { kind: other.kind() }),
    }
    manifest.recipients = job.keys.recipients();
    step(manifest, Step::Passed(Stage::Written));
    job.reach("backup.written");
    // They were taken of the very bytes that were written.
    step(manifest, Step::Passed(Stage::Checksummed));
    job.reach("backup.checksummed");
    Ok(())
}

/// The last copy of the database.
fn last(job: &Job<'_>, source: &Source) -> Result<Option<Manifest>, BackupError> {
    let copies = shelf::copies(job.to, job.app)?.into_iter().filter(|copy| copy.database == source.id);
    Ok(copies.filter_map(|copy| copy.manifest.ok()).next())
}

/// How many bytes will be read, where a copy before tells.
fn expected(job: &Job<'_>, source: &Source) -> Result<Option<u64>, BackupError> {
    if source.kind == Kind::Sqlite {
        return Ok(Some(source.bytes));
    }
    let guess = |last: Manifest| {
        let grown = source.bytes as f64 / last.source.bytes.max(1) as f64;
        (last.raw_bytes() as f64 * grown) as u64
    };
    Ok(last(job, source)?.map(guess))
}

/// The last copy and its proof took so much room; the first one is guessed at.
fn room(job: &Job<'_>, shelf: &Shelf, source: &Source) -> Result<(), BackupError> {
    let copy = last(job, source)?.map_or(source.bytes / 3, |manifest| manifest.bytes());
    // An SQLite copy lies there unpacked for a while, to be compressed or compared.
    let raw = if source.kind == Kind::Sqlite { source.bytes } else { 0 };
    let needed = (copy + raw) / 10 * 13;
    match host::fs::free_bytes(shelf.dir()) {
        Some(free) if free < needed => Err(BackupError::NoRoom { path: shelf.dir().to_owned(), free, needed }),
        _ => Ok(()),
    }
}

fn tell(job: &Job<'_>, manifest: &Manifest) {
    let took = Duration::try_from_secs_f64(manifest.took).unwrap_or_default();
    let rows = count(usize::try_from(manifest.content.rows()).unwrap_or(usize::MAX), "row");
    let (id, name, size) = (manifest.id, &manifest.source.name, bytes(manifest.bytes()));
    let text = format!("backup: stored `{id}` of `{name}`: {size}, {rows}, in {}", seconds(took));
    job.journal.note(
        Event::new("backup.stored", text)
            .with("id", id.to_string())
            .with("database", name.clone())
            .with("bytes", manifest.bytes())
            .with("rows", manifest.content.rows())
            .with("took", took),
    );
}

/// The copies of the very database that the job is about.
///
/// # Errors
/// It, or the directory of the copies, cannot be looked at.
pub async fn own_copies(job: &Job<'_>) -> Result<Vec<Copy>, BackupError> {
    let database = match job.target {
        Target::Postgres(dsn) => postgres::identity(job, dsn).await?,
        _ => look(job).await?.id,
    };
    let all = everywhere(job.to, job.app, job.remotes).await?;
    Ok(all.copies.into_iter().filter(|copy| copy.database == database).collect())
}
