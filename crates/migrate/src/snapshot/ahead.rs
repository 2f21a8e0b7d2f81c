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
use host::Env;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, spawn_blocking},
};

/// The files as far as they are being read already.
pub(crate) struct Ahead {
    asked: Arc<Asked>,
    listed: oneshot::Receiver<Result<Listed, MigrateError>>,
    guess: JoinHandle<Option<Guess>>,
}

/// What is read, and how.
struct Asked {
    dir: PathBuf,
    root: PathBuf,
    vars: Env,
    /// The name of the style that is chosen.
    style: Option<String>,
}

/// What is known of the files before they are read.
#[derive(Clone)]
pub(super) struct Listed {
    /// Their names, relative to the directory, sorted.
    pub(super) names: Arc<Vec<String>>,
    /// See [`super::first_text`].
    pub(super) first: Arc<str>,
}

/// The files in the style that is chosen, else in the one that they look like; whether it is theirs, only the database tells.
struct Guess {
    style: Box<dyn Style>,
    read: Result<Directory, MigrateError>,
}

/// Files that may still be read.
pub(super) struct Coming {
    asked: Arc<Asked>,
    listed: Listed,
    guess: JoinHandle<Option<Guess>>,
}

impl Ahead {
    /// Begins to read them.
    pub(crate) fn begin(job: &Job<'_>, dir: &Path) -> Self {
        let style = job.migrations.style.clone();
        let asked = Arc::new(Asked { dir: dir.to_owned(), root: job.root.to_owned(), vars: job.env.clone(), style });
        let (tell, listed) = oneshot::channel();
        let reads = Arc::clone(&asked);
        let guess = spawn_blocking(move || {
            let listed = reads.list();
            let known = listed.as_ref().ok().cloned();
            // Nobody listens any more when the database refuses us.
            tell.send(listed).ok()?;
            let listed = known?;
            let style = reads.guess(&listed)?;
            Some(Guess { read: reads.read(&listed, &*style), style })
        });
        Self { asked, listed, guess }
    }

    /// Waits for the names.
    ///
    /// # Errors
    /// The directory cannot be read. What is wrong with files is told by [`Coming::read_as`].
    pub(super) async fn listed(self) -> Result<(Listed, Coming), MigrateError> {
        let listed = match self.listed.await {
            Ok(listed) => listed,
            Err(_) => self.asked.list(),
        }?;
        Ok((listed.clone(), Coming { asked: self.asked, listed, guess: self.guess }))
    }
}

impl Coming {
    /// The files as they are in this style.
    ///
    /// # Errors
    /// As [`directory::read`].
    pub(super) async fn read_as(self, style: &dyn Style) -> Result<Directory, MigrateError> {
        match self.guess.await.ok().flatten() {
            Some(guess) if is_same(&*guess.style, style) => guess.read,
            _ => self.asked.read(&self.listed, style),
        }
    }
}

impl Asked {
    fn list(&self) -> Result<Listed, MigrateError> {
        let names = directory::list(&self.dir)?;
        Ok(Listed { first: super::first_text(&self.dir, &names).into(), names: Arc::new(names) })
    }

    fn guess(&self, listed: &Listed) -> Option<Box<dyn Style>> {
        match self.style.as_deref() {
            Some("diy") => None,
            Some(style) => detect::style(style).ok(),
            None => detect::by_files(&Files { names: &listed.names, first: &listed.first }).ok(),
        }
    }

    fn read(&self, listed: &Listed, style: &dyn Style) -> Result<Directory, MigrateError> {
        directory::read(&self.dir, &self.root, &listed.names, style, &self.vars)
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
