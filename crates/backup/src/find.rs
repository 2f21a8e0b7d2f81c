//! Which copy is meant.

use crate::{BackupError, Copy, Id, shelf};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

/// Which copy is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The newest VERIFIED one.
    Latest,
    /// The newest VERIFIED one that shows this moment or an earlier one.
    At(Timestamp),
    /// This one, by its name or the beginning or end of it.
    Named(String),
    /// The one that lies there.
    There(PathBuf),
}

/// The fewest characters of a name.
const FEWEST: usize = 4;

impl Wanted {
    /// What somebody has written: `latest`, a name, or a path. Paths begin at `cwd`.
    pub fn parse(text: &str, cwd: &Path) -> Self {
        if text == "latest" {
            return Self::Latest;
        }
        match text.contains('/') || cwd.join(text).is_dir() {
            true => Self::There(cwd.join(text)),
            false => Self::Named(text.to_owned()),
        }
    }
}

/// The copy that is meant, among `copies`, the newest first; `named` is how the database is called in what is told.
///
/// # Errors
/// [`BackupError::NoCopy`] says what there is.
pub fn find(copies: &[Copy], wanted: &Wanted, named: &str) -> Result<Copy, BackupError> {
    let verified = |copy: &&Copy| copy.known().is_some_and(crate::Manifest::is_verified);
    let found = match wanted {
        Wanted::Latest => copies.iter().find(verified).cloned(),
        Wanted::At(time) => {
            let until = |copy: &&Copy| copy.known().is_some_and(|manifest| manifest.taken <= *time);
            copies.iter().filter(verified).find(until).cloned()
        }
        Wanted::Named(name) => by_name(copies, name)?,
        Wanted::There(path) => there(path)?,
    };
    found.ok_or_else(|| BackupError::NoCopy {
        what: match wanted {
            Wanted::Latest => format!("there is no VERIFIED copy of `{named}`"),
            Wanted::At(time) => format!("there is no VERIFIED copy of `{named}` from {time} or before"),
            Wanted::Named(name) => format!("there is no copy `{name}`"),
            Wanted::There(path) => format!("there is no copy in `{}`", path.display()),
        },
        hint: match copies.is_empty() {
            true => {
                "`mainstay backup now` takes one; or name the directory of one: `mainstay restore backups/…`".into()
            }
            false => "`mainstay backup list` shows them all; name one to use it though it is not VERIFIED".into(),
        },
    })
}

fn by_name(copies: &[Copy], name: &str) -> Result<Option<Copy>, BackupError> {
    let name = name.to_ascii_uppercase();
    let fits = |copy: &&Copy| {
        let id = copy.id.to_string();
        name.len() >= FEWEST && (id.starts_with(&name) || id.ends_with(&name))
    };
    let found = each_once(copies.iter().filter(fits));
    match found[..] {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err(BackupError::NoCopy {
            what: format!("{} copies are named like `{name}`", found.len()),
            hint: found.iter().map(|copy| copy.id.to_string()).collect::<Vec<_>>().join("\n"),
        }),
    }
}

/// Of a copy that lies in several places, the one that is VERIFIED, else the nearest.
fn each_once<'a>(copies: impl Iterator<Item = &'a Copy>) -> Vec<&'a Copy> {
    let mut found: Vec<&Copy> = Vec::new();
    let verified = |copy: &Copy| copy.known().is_some_and(crate::Manifest::is_verified);
    for copy in copies {
        match found.iter_mut().find(|known| known.id == copy.id) {
            Some(known) if verified(copy) && !verified(known) => *known = copy,
            Some(_) => {}
            None => found.push(copy),
        }
    }
    found
}

/// The directory of a copy; or, below the directory of all copies, its name alone.
fn there(path: &Path) -> Result<Option<Copy>, BackupError> {
    let path = host::fs::real_path(path);
    if path.is_dir() {
        return Ok(Copy::at(&path));
    }
    let (Some(to), Some(name)) = (path.parent(), path.file_name()) else { return Ok(None) };
    let Ok(id) = name.to_string_lossy().parse::<Id>() else { return Ok(None) };
    for app in shelf::directories(to)? {
        for database in shelf::directories(&app)? {
            if let Some(copy) = Copy::at(&database.join(id.to_string())).filter(|copy| copy.path.is_dir()) {
                return Ok(Some(copy));
            }
        }
    }
    Ok(None)
}
