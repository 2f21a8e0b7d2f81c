//! Which SQLite database it is.
//!
//! A file has no identity that outlives a move, and its path is that of another machine's too. So a small file beside it bears a
//! name that is given once: `app.db.mainstay-id`. Where none can be written the path has to do.

use crate::{
    BackupError, Id,
    manifest::{Kind, Source},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, io, path::Path, path::PathBuf};

const MODE: u32 = 0o644;
const MAX_BYTES: u64 = 256;

/// Where the identity is kept.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".mainstay-id");
    name.into()
}

/// What is to be copied.
pub(crate) fn look(path: &Path, now: Timestamp) -> Result<Source, BackupError> {
    let facts = match host::fs::metadata(path) {
        Ok(facts) if !facts.is_dir => facts,
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(BackupError::files("the database cannot be looked at", error));
        }
        _ => return Err(BackupError::NoDatabase { path: path.to_owned() }),
    };
    Ok(Source {
        kind: Kind::Sqlite,
        id: identity_of(path, now),
        name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        place: format!("sqlite:{}", path.display()),
        server: rusqlite::version().to_owned(),
        bytes: facts.len,
        traits: BTreeMap::new(),
        roles: Vec::new(),
    })
}

/// The identity that the file has got, if it has.
pub(crate) fn identity(path: &Path) -> Option<String> {
    let text = host::fs::read_to_string(&beside(path), MAX_BYTES).ok()?;
    let id: Id = text.trim().parse().ok()?;
    Some(format!("sqlite-{id}"))
}

/// The identity of the file, given to it if it has none.
pub(crate) fn identity_of(path: &Path, now: Timestamp) -> String {
    if let Some(id) = identity(path) {
        return id;
    }
    let written = host::fs::write_atomic(&beside(path), format!("{}\n", Id::new(now)).as_bytes(), MODE);
    // Somebody else may have written another one meanwhile: what is there counts.
    written.ok().and_then(|()| identity(path)).unwrap_or_else(|| of_path(path))
}

fn of_path(path: &Path) -> String {
    let real = host::fs::real_path(path);
    format!("sqlite-path-{}", &blake3::hash(real.as_os_str().as_encoded_bytes()).to_hex()[..24])
}
