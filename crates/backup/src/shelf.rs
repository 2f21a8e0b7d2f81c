//! Where copies lie: `TO/APP/DATABASE/ID/`, a directory for each, with a manifest in it.
//!
//! A copy that is being taken has a hidden name beside, and gets its own only when all of it would outlast the machine; one
//! that is removed gets a hidden one first. So whoever looks sees whole copies. What is hidden and left over is swept by the next
//! who has the lock.

use crate::{BackupError, Id, Manifest, Unreadable, manifest};
use host::{
    fs,
    lock::{InstanceLock, LockError},
};
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

/// Copies hold everything that the database does.
const DIR_MODE: u32 = 0o700;
const LOCK: &str = ".lock";
pub(crate) const SUMS: &str = "SHA256SUMS";
/// How hidden names end.
const LEFT_OVER: [&str; 3] = [".part", ".gone", ".scratch"];

/// Where a copy lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the directory of all copies.
    Here,
    /// In a bucket: `s3://bucket/prefix`.
    Bucket(String),
}

/// A copy, as it lies there. One that lies in several places is several.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Where.
    pub place: Place,
    /// Its directory; in a bucket, what the names of its objects begin with.
    pub path: PathBuf,
    /// Its name, which is that of its directory.
    pub id: Id,
    /// Which database it is of, by the name of the directory above.
    pub database: String,
    /// What is known of it.
    pub manifest: Result<Manifest, Unreadable>,
}

impl Copy {
    /// The copy in this directory.
    pub fn at(path: &Path) -> Option<Self> {
        let id = path.file_name()?.to_str()?.parse().ok()?;
        let database = path.parent()?.file_name()?.to_string_lossy().into_owned();
        let manifest = Manifest::read(path).and_then(|manifest| match manifest.id == id {
            true => Ok(manifest.beside(path)),
            false => Err(Unreadable::Damaged(format!("it is that of `{}`", manifest.id))),
        });
        Some(Self { place: Place::Here, path: path.to_owned(), id, database, manifest })
    }

    /// The manifest, where it is understood.
    pub fn known(&self) -> Option<&Manifest> {
        self.manifest.as_ref().ok()
    }
}

/// `local`, `s3`
impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Here => "local",
            Self::Bucket(_) => "s3",
        })
    }
}

/// All copies of an application below `to`, the newest first.
///
/// # Errors
/// The directory is there and cannot be read.
pub fn copies(to: &Path, app: &str) -> Result<Vec<Copy>, BackupError> {
    let mut copies = Vec::new();
    for database in directories(&to.join(app))? {
        copies.extend(directories(&database)?.iter().filter_map(|path| Copy::at(path)));
    }
    in_order(&mut copies);
    Ok(copies)
}

/// The newest first; of one that lies in several places, what lies here.
pub(crate) fn in_order(copies: &mut [Copy]) {
    let moment = |copy: &Copy| copy.known().map_or_else(|| copy.id.time(), |manifest| manifest.taken);
    copies.sort_by(|one, other| {
        let order = (moment(other), other.id).cmp(&(moment(one), one.id));
        order.then_with(|| one.place.cmp(&other.place))
    });
}

/// The directories in `dir` that are not hidden; none when it is not there.
pub(crate) fn directories(dir: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = match fs::entries(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        entries => entries.map_err(|error| BackupError::files("the copies cannot be listed", error))?,
    };
    let seen = entries.into_iter().filter(|entry| entry.is_dir && !entry.name.starts_with('.'));
    Ok(seen.map(|entry| dir.join(entry.name)).collect())
}

/// Were there ever copies of this database?
pub(crate) fn is_there(to: &Path, app: &str, database: &str) -> bool {
    to.join(app).join(database).is_dir()
}

/// The copies of one database, to change them: nobody else does meanwhile.
pub(crate) struct Shelf {
    dir: PathBuf,
    _lock: InstanceLock,
}

impl Shelf {
    /// Takes the lock, makes what is missing, and sweeps what others have left over.
    ///
    /// # Errors
    /// [`BackupError::Locked`] and [`BackupError::Files`].
    pub(crate) fn open(to: &Path, app: &str, database: &str) -> Result<Self, BackupError> {
        let dir = to.join(app).join(database);
        let made = fs::create_dir_all_private(&dir, DIR_MODE);
        made.map_err(|error| BackupError::files("the directory of the copies cannot be used", error))?;
        Self::take(dir)
    }

    /// The same for a copy that lies here.
    pub(crate) fn of(copy: &Copy) -> Result<Self, BackupError> {
        Self::take(copy.path.parent().unwrap_or(Path::new(".")).to_owned())
    }

    fn take(dir: PathBuf) -> Result<Self, BackupError> {
        let lock = InstanceLock::acquire(&dir.join(LOCK), "mainstay backup").map_err(|error| match error {
            LockError::Held { .. } => BackupError::Locked(error),
            LockError::Io { error, .. } => BackupError::files("the directory of the copies cannot be used", error),
        })?;
        let shelf = Self { dir, _lock: lock };
        shelf.sweep()?;
        Ok(shelf)
    }

    fn sweep(&self) -> Result<(), BackupError> {
        let entries =
            fs::entries(&self.dir).map_err(|error| BackupError::files("the copies cannot be listed", error))?;
        let left = |name: &str| name.starts_with('.') && LEFT_OVER.iter().any(|end| name.ends_with(end));
        for entry in entries.iter().filter(|entry| entry.is_dir && left(&entry.name)) {
            let removed = fs::remove_tree(&self.dir.join(&entry.name));
            removed
                .map_err(|error| BackupError::files("what is left of an unfinished copy cannot be removed", error))?;
        }
        Ok(())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// All that lie here.
    pub(crate) fn copies(&self) -> Result<Vec<Copy>, BackupError> {
        Ok(directories(&self.dir)?.iter().filter_map(|path| Copy::at(path)).collect())
    }

    /// Begins a copy.
    pub(crate) fn begin(&self, id: Id) -> Result<Unfinished<'_>, BackupError> {
        let dir = self.dir.join(format!(".{id}.part"));
        fs::make_dir(&dir, DIR_MODE).map_err(|error| BackupError::files("a copy cannot be begun", error))?;
        Ok(Unfinished { shelf: self, dir, id, stored: false })
    }

    /// Removes a copy.
    pub(crate) fn remove(&self, id: Id) -> Result<(), BackupError> {
        let removed = fs::swept(&self.dir.join(id.to_string()));
        removed.map_err(|error| BackupError::files(format!("the copy `{id}` cannot be removed"), error))
    }
}

/// A copy that is being taken; dropped before it is stored, nothing is left of it.
pub(crate) struct Unfinished<'a> {
    shelf: &'a Shelf,
    dir: PathBuf,
    id: Id,
    stored: bool,
}

impl Unfinished<'_> {
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// Gives it its name. Its files were written down by whoever made them.
    pub(crate) fn store(mut self, manifest: &Manifest) -> Result<PathBuf, BackupError> {
        let named = self.shelf.dir.join(self.id.to_string());
        let store = || {
            fs::write_atomic(&self.dir.join(SUMS), manifest.sums().as_bytes(), manifest::MODE)?;
            manifest.write(&self.dir)?;
            fs::rename(&self.dir, &named)?;
            fs::sync(&self.shelf.dir)
        };
        store().map_err(|error| BackupError::files("the copy cannot be stored", error))?;
        self.stored = true;
        Ok(named)
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.stored {
            // The next who has the lock sweeps what cannot be removed now.
            let _ = fs::remove_tree(&self.dir);
        }
    }
}
