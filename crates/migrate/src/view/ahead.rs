//! The files, read by another thread while the database is connected to and looked at: nine starts in ten find nothing to do, and
//! then this is most of the work.

use crate::{
    MigrateError,
    directory::{self, Directory},
    job::Job,
    style::{
        Style,
        detect::{self, Files},
    },
};
use config::MigrationSource;
use host::Env;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinHandle;

/// The names of the files, and the files themselves as far as they are being read already.
pub(crate) struct Ahead {
    /// Relative to the directory, sorted.
    pub(super) names: Arc<Vec<String>>,
    /// See [`super::first_text`].
    pub(super) first: String,
    /// The files as they are in the style that they look like; whether it is theirs, only the database tells.
    guess: Option<JoinHandle<Guess>>,
    asked: Asked,
}

/// What is read, and how.
#[derive(Clone)]
struct Asked {
    dir: PathBuf,
    root: PathBuf,
    vars: Env,
}

struct Guess {
    style: Box<dyn Style>,
    read: Result<Directory, MigrateError>,
}

impl Ahead {
    /// Lists the files and begins to read them.
    ///
    /// # Errors
    /// The directory cannot be read. What is wrong with files is told by [`Ahead::read_as`].
    pub(crate) fn begin(job: &Job<'_>, dir: &Path) -> Result<Self, MigrateError> {
        let names = Arc::new(directory::list(dir)?);
        let first = super::first_text(dir, &names);
        let asked = Asked { dir: dir.to_owned(), root: job.root.to_owned(), vars: job.env.clone() };
        let guess = guessed(job, &Files { names: &names, first: &first }).map(|style| {
            let (asked, names) = (asked.clone(), Arc::clone(&names));
            tokio::task::spawn_blocking(move || Guess { read: asked.read(&names, &*style), style })
        });
        Ok(Self { names, first, guess, asked })
    }

    /// The files as they are in this style.
    ///
    /// # Errors
    /// As [`directory::read`].
    pub(super) async fn read_as(self, style: &dyn Style) -> Result<Directory, MigrateError> {
        let guess = match self.guess {
            Some(guess) => guess.await.ok(),
            None => None,
        };
        match guess {
            Some(guess) if is_same(&*guess.style, style) => guess.read,
            _ => self.asked.read(&self.names, style),
        }
    }
}

impl Asked {
    fn read(&self, names: &[String], style: &dyn Style) -> Result<Directory, MigrateError> {
        directory::read(&self.dir, &self.root, names, style, &self.vars)
    }
}

/// The style that is chosen, else the one that the files look like.
fn guessed(job: &Job<'_>, files: &Files<'_>) -> Option<Box<dyn Style>> {
    match (&job.migrations.source, job.migrations.style.as_deref()) {
        (MigrationSource::Command(_), _) | (_, Some("diy")) => None,
        (_, Some(style)) => detect::style(style).ok(),
        (_, None) => detect::by_files(files).ok(),
    }
}

/// Do they read files alike? What a style has learnt of its table is among what it shows of itself.
fn is_same(one: &dyn Style, other: &dyn Style) -> bool {
    format!("{one:?}") == format!("{other:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::{Plain, dbmate::Dbmate};

    /// S3.1: what was read ahead counts only in the style that the database tells.
    #[test]
    fn files_read_in_another_style_are_read_again() {
        assert!(is_same(&Plain, &Plain) && is_same(&Dbmate, &Dbmate));
        assert!(!is_same(&Plain, &Dbmate));
    }
}
