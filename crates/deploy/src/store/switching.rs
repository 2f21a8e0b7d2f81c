//! A switch that is done part by part: `switching.json`, from right before the first part until the last one is in its place.
//!
//! Whoever is killed in the middle has left parts of both releases, and which part is of which cannot always be seen. While the file is
//! there the release before is the one that should run.

use super::note;
use crate::{ReleaseId, Site};
use serde::{Deserialize, Serialize};
use std::io;

const VERSION: u32 = 1;

/// From which release to which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switching {
    version: u32,
    /// The one whose parts are started.
    pub to: ReleaseId,
    /// The one that ran before; nothing where none did.
    pub from: Option<ReleaseId>,
}

impl Switching {
    /// One that is about to begin.
    pub fn new(to: ReleaseId, from: Option<ReleaseId>) -> Self {
        Self { version: VERSION, to, from }
    }

    /// The one that did not come to its end, if there is one.
    ///
    /// # Errors
    /// Those of the file system, with the path; one that is not understood is `InvalidData`.
    pub fn read(site: &Site) -> io::Result<Option<Self>> {
        note::read(&site.switching(), VERSION)
    }

    /// Writes it down; it would outlast the machine.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn write(&self, site: &Site) -> io::Result<()> {
        note::write(&site.switching(), self)
    }

    /// All parts are of one release again.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn remove(site: &Site) -> io::Result<()> {
        note::remove(&site.switching())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// Issue 6, point 6: what was about to be done is known again; a file of another version is not guessed at.
    #[test]
    fn a_switch_that_was_begun_is_known_again() {
        let data = tempfile::tempdir().unwrap();
        let site = Site::below(data.path());
        host::fs::create_dir_all_private(&site.releases(), 0o700).unwrap();
        assert_eq!(Switching::read(&site).unwrap(), None);
        let [to, from] = [2, 1].map(|millis| ReleaseId::new(Timestamp::from_millisecond(millis).unwrap()));
        let switching = Switching::new(to, Some(from));
        switching.write(&site).unwrap();
        assert_eq!(Switching::read(&site).unwrap(), Some(switching));
        Switching::remove(&site).unwrap();
        assert_eq!(Switching::read(&site).unwrap(), None);
        for text in ["{\"version\": 7}", "{}", "{"] {
            host::fs::write_atomic(&site.switching(), text.as_bytes(), 0o600).unwrap();
            assert_eq!(Switching::read(&site).unwrap_err().kind(), io::ErrorKind::InvalidData, "{text}");
        }
    }
}
