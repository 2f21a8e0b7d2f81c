//! What is meant by `[backup]`.

use crate::Rhythm;
use jiff::tz::TimeZone;
use std::{path::PathBuf, time::Duration};

/// Where copies of the databases go, when they are taken, and how long they are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Backup {
    /// The directory of all copies. Absolute.
    pub to: PathBuf,
    /// The databases that are copied, of [`crate::App::dependencies`].
    pub databases: Vec<String>,
    /// When; [`Rhythm::Off`] when there is no `[backup]`.
    pub rhythm: Rhythm,
    /// The last so many are kept.
    pub keep: u32,
    /// The last of each of so many days.
    pub daily: u32,
    /// The last of each of so many weeks.
    pub weekly: u32,
    /// The last of each of so many months.
    pub monthly: u32,
    /// The last of each of so many years.
    pub yearly: u32,
    /// Never fewer than these.
    pub min_keep: u32,
    /// In which days begin.
    pub zone: TimeZone,
    /// Are old copies removed? Only where somebody has said how many are kept: in a file, or by a flag.
    pub prunes: bool,
    /// Public keys of age that copies are encrypted for; none when they are not.
    pub recipients: Vec<String>,
    /// The file with secret keys to them. Absolute.
    pub identity: Option<PathBuf>,
    /// Where databases are made for a proof. Absolute; nothing for the machine's directory of temporary files.
    pub ground: Option<PathBuf>,
    /// The only directory in which PostgreSQL's programs are looked for. Absolute; nothing for the usual places.
    pub programs: Option<PathBuf>,
    /// A program that writes nothing for so long has hung.
    pub stall: Duration,
}
