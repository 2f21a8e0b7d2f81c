//! Which releases there are, and which one is current.

mod exchange;
mod note;
mod prune;
mod room;
mod switching;

pub use exchange::Exchange;
pub use prune::{Going, going, prune, remove};
pub use room::{Room, needed, room};
pub use switching::Switching;

use crate::{
    Record, ReleaseId, Site, Unreadable,
    record::{from_text, to_text},
};
use host::fs;
use std::{io, path::Path};

/// More is no record.
const MAX_BYTES: u64 = 4 << 20;
/// Who wrote what, and why it failed, is nobody else's business.
const MODE: u32 = 0o600;
/// Trees may hold secrets that a build has put there.
const DIR_MODE: u32 = 0o700;

/// A release on the disk; one whose record is not understood is known by its name alone.
#[derive(Clone, Debug, PartialEq)]
pub struct Release {
    /// Its name.
    pub id: ReleaseId,
    /// What is known of it.
    pub record: Result<Record, Unreadable>,
}

/// Writes what is known of a release, in a directory that is made when missing. Whoever reads meanwhile sees the old record or the
/// new one.
///
/// # Errors
/// Those of the file system, with the path.
pub fn write(site: &Site, record: &Record) -> io::Result<()> {
    fs::create_dir_all_private(&site.release(record.id), DIR_MODE)?;
    fs::write_atomic(&site.record(record.id), to_text(record).as_bytes(), MODE)
}

/// What is known of a release.
///
/// # Errors
/// Those of the file system, with the path; a record that is not understood is `InvalidData`.
pub fn read(site: &Site, id: ReleaseId) -> io::Result<Record> {
    let text = fs::read_to_string(&site.record(id), MAX_BYTES)?;
    from_text(&text).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, format!("release {id}: {why}")))
}

/// All releases, the oldest first.
///
/// # Errors
/// Those of the file system, with the path. No directory is no release.
pub fn list(site: &Site) -> io::Result<Vec<Release>> {
    let entries = match fs::entries(&site.releases()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut ids: Vec<ReleaseId> =
        entries.iter().filter(|entry| entry.is_dir).filter_map(|entry| entry.name.parse().ok()).collect();
    ids.sort_unstable();
    Ok(ids.into_iter().map(|id| Release { id, record: known(site, id) }).collect())
}

fn known(site: &Site, id: ReleaseId) -> Result<Record, Unreadable> {
    let text = fs::read_to_string(&site.record(id), MAX_BYTES);
    from_text(&text.map_err(|error| Unreadable::Damaged(error.to_string()))?)
}

/// The release that `current` leads to; nothing where there is none.
///
/// # Errors
/// Those of the file system; a link that leads elsewhere is `InvalidData`.
pub fn current(site: &Site) -> io::Result<Option<ReleaseId>> {
    let path = site.current();
    let Some(to) = fs::pointed(&path)? else { return Ok(None) };
    let name = to.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.parse().ok()).map(Some).ok_or_else(|| {
        let why = format!("`{}` leads to `{}`, which is no release", path.display(), to.display());
        io::Error::new(io::ErrorKind::InvalidData, why)
    })
}

/// Makes a release the current one, or takes the link away. Whoever looks meanwhile sees the old one or the new one.
///
/// # Errors
/// Those of the file system, with the path.
pub fn make_current(site: &Site, id: Option<ReleaseId>) -> io::Result<()> {
    match id {
        Some(id) => fs::point(&site.current(), Path::new(&id.to_string())),
        None if fs::pointed(&site.current())?.is_none() => Ok(()),
        None => fs::remove(&site.current()).and_then(|()| fs::sync(&site.releases())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn new(site: &Site, millis: i64) -> ReleaseId {
        let id = ReleaseId::new(Timestamp::from_millisecond(millis).unwrap());
        write(site, &Record::new(id, "main", "ada", "mainstay.toml")).unwrap();
        id
    }

    /// Issue 6, point 3: releases are listed by their age, one that is not understood among them, and `current` is one of them.
    #[test]
    fn releases_are_found_again() {
        let data = tempfile::tempdir().unwrap();
        let site = Site::below(data.path());
        assert_eq!((list(&site).unwrap(), current(&site).unwrap()), (Vec::new(), None));
        let (second, first) = (new(&site, 2), new(&site, 1));
        host::fs::write_atomic(&site.record(first), b"{ \"version\": 7 }", 0o600).unwrap();
        host::fs::create_dir_all_private(&site.cache(), 0o700).unwrap();
        let all = list(&site).unwrap();
        assert_eq!(all.iter().map(|it| it.id).collect::<Vec<_>>(), [first, second]);
        assert_eq!(all[0].record, Err(Unreadable::Version(7)));
        assert_eq!(host::fs::metadata(&site.record(second)).unwrap().mode, 0o600);
        make_current(&site, Some(first)).unwrap();
        make_current(&site, Some(second)).unwrap();
        assert_eq!(current(&site).unwrap(), Some(second));
        assert!(site.current().join("release.json").exists());
        make_current(&site, None).unwrap();
        assert_eq!(current(&site).unwrap(), None);
    }

    /// A link that somebody else has made is told, not followed.
    #[test]
    fn a_current_that_is_no_release_is_told() {
        let data = tempfile::tempdir().unwrap();
        let site = Site::below(data.path());
        host::fs::create_dir_all_private(&site.releases(), 0o700).unwrap();
        host::fs::point(&site.current(), Path::new("/srv/old")).unwrap();
        assert_eq!(current(&site).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
