//! Copies in a bucket: `PREFIX/APP/DATABASE/ID/`, with the names that they have on a disk.
//!
//! The manifest comes last and goes first, so what has none is no copy. A copy counts there only once every object was read again and
//! had the checksums that were taken while writing.

mod keep;
mod sweep;

use crate::{
    BackupError, Copy, Id, Job, Manifest, Place, Unreadable, manifest,
    passing::Passing,
    shelf::{self, in_order},
};
use config::S3;
use host::Clock;
use objects::{Bucket, Object, ObjectError};
use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// A bucket that copies go to.
pub struct Remote {
    bucket: Bucket,
    /// Manifests by their names, with the tags that they had: they seldom change, and are asked for often.
    known: Mutex<BTreeMap<String, Known>>,
}

/// The tag of a manifest, and what it says.
type Known = (String, Result<Manifest, Unreadable>);

/// All copies of an application.
pub struct Everywhere {
    /// The newest first; of one that lies in several places, what lies here.
    pub copies: Vec<Copy>,
    /// Why some places could not be looked at.
    pub unseen: Vec<BackupError>,
}

/// All copies of an application below `to` and in all of `remotes`.
///
/// # Errors
/// What lies here cannot be looked at; or nothing does, and no bucket can be.
pub async fn everywhere(to: &Path, app: &str, remotes: &[Remote]) -> Result<Everywhere, BackupError> {
    let (mut copies, mut unseen) = (shelf::copies(to, app)?, Vec::new());
    for remote in remotes {
        match remote.copies(app).await {
            Ok(found) => copies.extend(found),
            Err(error) => unseen.push(error),
        }
    }
    if copies.is_empty() && unseen.len() == remotes.len() {
        unseen.reverse();
        unseen.pop().map_or(Ok(()), Err)?;
    }
    in_order(&mut copies);
    Ok(Everywhere { copies, unseen })
}

impl Remote {
    /// The bucket that is configured; nothing is asked yet.
    pub fn new(s3: &S3, clock: Arc<dyn Clock>) -> Self {
        Self { bucket: Bucket::new(s3.clone(), clock), known: Mutex::default() }
    }

    /// What its copies are said to lie in.
    pub fn place(&self) -> Place {
        Place::Bucket(self.bucket.settings().to_string())
    }

    fn error(&self, doing: impl Into<String>) -> impl FnOnce(ObjectError) -> BackupError {
        let (doing, s3) = (doing.into(), Box::new(self.bucket.settings().clone()));
        move |error| BackupError::Objects { doing, s3, error: Box::new(error) }
    }

    /// All copies of an application that lie there.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn copies(&self, app: &str) -> Result<Vec<Copy>, BackupError> {
        let doing = format!("the copies in `{}` cannot be listed", self.bucket.settings());
        let listed = self.bucket.list(&format!("{app}/")).await.map_err(self.error(doing.clone()))?;
        let mut copies = Vec::new();
        for (object, database, id) in listed.iter().filter_map(of_manifest) {
            let manifest = self.manifest(object).await.map_err(self.error(doing.clone()))?;
            copies.push(Copy {
                place: self.place(),
                path: PathBuf::from(format!("{}/{app}/{database}/{id}", self.bucket.settings())),
                id,
                database: database.to_owned(),
                manifest: manifest.and_then(|manifest| manifest.checked(id)),
            });
        }
        Ok(copies)
    }

    async fn manifest(&self, object: &Object) -> Result<Result<Manifest, Unreadable>, ObjectError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let seen = known().get(&object.key).filter(|(tag, _)| *tag == object.tag && !tag.is_empty()).cloned();
        if let Some((_, manifest)) = seen {
            return Ok(manifest);
        }
        let limit = usize::try_from(manifest::MAX_BYTES).unwrap_or(usize::MAX);
        let manifest = match self.bucket.get(&object.key, limit).await? {
            Some(text) => Manifest::parse(&text),
            None => Err(Unreadable::Io("its manifest is gone".to_owned())),
        };
        known().insert(object.key.clone(), (object.tag.clone(), manifest.clone()));
        Ok(manifest)
    }
}

/// `APP/DATABASE/ID/manifest.json`
fn of_manifest(object: &Object) -> Option<(&Object, &str, Id)> {
    let mut parts = object.key.rsplit('/');
    let is_manifest = parts.next() == Some(manifest::NAME);
    let id = parts.next()?.parse().ok().filter(|_| is_manifest)?;
    Some((object, parts.next()?, id))
}

/// What the names of the objects of a copy begin with.
fn beginning(app: &str, database: &str, id: Id) -> String {
    format!("{app}/{database}/{id}/")
}

/// A copy whose files are here, perhaps for as long as this is held.
pub(crate) struct AtHand {
    pub(crate) copy: Copy,
    _fetched: Option<Passing>,
}

/// Brings the files of a copy here, unless they are. What they are is for the caller to check.
pub(crate) async fn at_hand(job: &Job<'_>, copy: &Copy) -> Result<AtHand, BackupError> {
    let (Some(remote), Ok(manifest)) = (job.remote(&copy.place), &copy.manifest) else {
        return Ok(AtHand { copy: copy.clone(), _fetched: None });
    };
    let passing = Passing::for_fetched(job.to)?;
    let dir = passing.path().join(&copy.database).join(copy.id.to_string());
    let made = host::fs::create_dir_all_private(&dir, 0o700).and_then(|()| manifest.write(&dir));
    made.map_err(|error| BackupError::files("there is no room for a copy from elsewhere", error))?;
    if let Some(free) = host::fs::free_bytes(&dir).filter(|free| *free < manifest.bytes()) {
        return Err(BackupError::NoRoom { path: job.to.to_owned(), free, needed: manifest.bytes() });
    }
    for part in &manifest.files {
        remote.bring(job, copy, &part.name, &dir.join(&part.name)).await?;
    }
    Ok(AtHand { copy: Copy { path: dir, ..copy.clone() }, _fetched: Some(passing) })
}

impl Remote {
    /// An object that is gone leaves no file.
    async fn bring(&self, job: &Job<'_>, copy: &Copy, name: &str, to: &Path) -> Result<(), BackupError> {
        let key = beginning(job.app, &copy.database, copy.id) + name;
        let doing = format!("the copy `{}` cannot be brought from `{}`", copy.id, self.bucket.settings());
        let mut file: Option<File> = None;
        let fetched = self.bucket.fetch(&key, async |piece| {
            let file = match &mut file {
                Some(file) => file,
                none => none.insert(host::fs::create(to, manifest::MODE)?),
            };
            file.write_all(&piece)
        });
        match fetched.await {
            Ok(_) => Ok(()),
            Err(ObjectError::Said { status: 404, code, .. }) if code == "NoSuchKey" => Ok(()),
            Err(ObjectError::File(error)) => Err(BackupError::files(doing, error)),
            Err(error) => Err(self.error(doing)(error)),
        }
    }

    /// Does the copy lie there?
    pub(crate) async fn has(&self, app: &str, manifest: &Manifest) -> Result<bool, BackupError> {
        let key = beginning(app, &manifest.source.id, manifest.id) + manifest::NAME;
        let doing = format!("`{}` cannot be looked at", self.bucket.settings());
        Ok(!self.bucket.list(&key).await.map_err(self.error(doing))?.is_empty())
    }

    /// What the names of its objects begin with, for people.
    pub(crate) fn path_of(&self, app: &str, manifest: &Manifest) -> PathBuf {
        let beginning = beginning(app, &manifest.source.id, manifest.id);
        PathBuf::from(format!("{}/{}", self.bucket.settings(), beginning.trim_end_matches('/')))
    }

    /// Remembers what was found of a copy.
    pub(crate) async fn note(&self, app: &str, manifest: &Manifest) -> Result<(), BackupError> {
        let doing = format!("what was found cannot be written to `{}`", self.bucket.settings());
        let text = manifest.text().map_err(|error| BackupError::files(doing.clone(), error))?;
        let key = beginning(app, &manifest.source.id, manifest.id) + manifest::NAME;
        self.bucket.put(&key, text.into()).await.map_err(self.error(doing))
    }

    /// Removes a copy.
    pub(crate) async fn remove(&self, app: &str, database: &str, id: Id) -> Result<(), BackupError> {
        let place = self.bucket.settings();
        let beginning = beginning(app, database, id);
        let removed = async {
            // From now on it is no copy.
            self.bucket.delete(&format!("{beginning}{}", manifest::NAME)).await?;
            for object in self.bucket.list(&beginning).await? {
                self.bucket.delete(&object.key).await?;
            }
            Ok(())
        };
        removed.await.map_err(self.error(format!("the copy `{id}` cannot be removed from `{place}`")))
    }
}

impl Manifest {
    fn checked(self, id: Id) -> Result<Self, Unreadable> {
        match self.id == id {
            true => Ok(self),
            false => Err(Unreadable::Damaged(format!("it is that of `{}`", self.id))),
        }
    }
}

/// That it is wrong is told like that of a file.
pub(super) fn wrong(id: Id, why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("of `{id}`, {why}"))
}
