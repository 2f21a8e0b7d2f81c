//! Where a database of this machine keeps its files, found without a word to it: it may be down.

use crate::local::Server;
use config::Target;
use std::path::PathBuf;

/// The directory that the database at `target` keeps its files in; nothing when it is on another machine, may not be seen, or is none.
pub async fn home(target: &Target) -> Option<PathBuf> {
    match target {
        Target::Postgres(dsn) => Server::find(&dsn.hosts).await?.home(),
        Target::Sqlite(file) => file.parent().map(PathBuf::from),
        _ => None,
    }
}
