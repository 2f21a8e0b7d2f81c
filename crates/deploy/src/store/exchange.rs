//! A rollback that puts a copy in the place of the database: `exchange.json`, from right before the exchange until it is settled.
//!
//! Release and database have to fit each other, and nothing replaces both in one step. So this file says which pair is meant: while
//! it is there and undecided the database goes back and the release before is run, from the decision on it is the release that the
//! copy was taken for. It wins over `current`.

use super::note;
use crate::{Emptied, ReleaseId, Site};
use serde::{Deserialize, Serialize};
use std::io;

const VERSION: u32 = 1;

/// What is exchanged, and how far that has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    version: u32,
    /// The release that the database is exchanged for.
    pub to: ReleaseId,
    /// The one that ran before; nothing for the site's own file.
    pub from: Option<ReleaseId>,
    /// The database, and what could have been put back before.
    pub database: Emptied,
    /// The database is exchanged, and stays so.
    pub decided: bool,
}

impl Exchange {
    /// One that is about to begin.
    pub fn new(to: ReleaseId, from: Option<ReleaseId>, database: Emptied) -> Self {
        Self { version: VERSION, to, from, database, decided: false }
    }

    /// The release that belongs to the database.
    pub fn release(&self) -> Option<ReleaseId> {
        if self.decided { Some(self.to) } else { self.from }
    }

    /// The one that nobody has settled yet, if there is one.
    ///
    /// # Errors
    /// Those of the file system, with the path; one that is not understood is `InvalidData`.
    pub fn read(site: &Site) -> io::Result<Option<Self>> {
        note::read(&site.exchange(), VERSION)
    }

    /// Writes it down; it would outlast the machine.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn write(&self, site: &Site) -> io::Result<()> {
        note::write(&site.exchange(), self)
    }

    /// It is settled.
    ///
    /// # Errors
    /// Those of the file system, with the path.
    pub fn remove(site: &Site) -> io::Result<()> {
        note::remove(&site.exchange())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    /// S2.17, issue 6, point 5: the pair that is meant is the old one until it is decided.
    #[test]
    fn an_exchange_says_which_release_belongs_to_the_database() {
        let data = tempfile::tempdir().unwrap();
        let site = Site::below(data.path());
        host::fs::create_dir_all_private(&site.releases(), 0o700).unwrap();
        assert_eq!(Exchange::read(&site).unwrap(), None);
        let [to, from] = [1, 2].map(|millis| ReleaseId::new(Timestamp::from_millisecond(millis).unwrap()));
        let mut exchange = Exchange::new(to, Some(from), Emptied::new("main", None));
        exchange.write(&site).unwrap();
        assert_eq!(Exchange::read(&site).unwrap().unwrap().release(), Some(from));
        exchange.decided = true;
        exchange.write(&site).unwrap();
        assert_eq!(Exchange::read(&site).unwrap().unwrap().release(), Some(to));
        Exchange::remove(&site).unwrap();
        Exchange::remove(&site).unwrap();
        assert_eq!(Exchange::read(&site).unwrap(), None);
        host::fs::write_atomic(&site.exchange(), b"{", 0o600).unwrap();
        assert_eq!(Exchange::read(&site).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
