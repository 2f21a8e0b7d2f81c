//! Where everything of a site lies.

use crate::ReleaseId;
use config::App;
use std::path::{Path, PathBuf};

/// The paths below the `data` of a site: the directory whose `mainstay.toml` people name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    data: PathBuf,
}

impl Site {
    /// That of this application, as the site's own file describes it.
    pub fn of(app: &App) -> Self {
        Self::below(&app.data)
    }

    /// The one whose data lie in `data`, an absolute path.
    pub fn below(data: &Path) -> Self {
        Self { data: data.to_owned() }
    }

    /// Every mutable path lies below it.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// All releases, and what belongs to them together.
    pub fn releases(&self) -> PathBuf {
        self.data.join("releases")
    }

    /// The link to the release that runs, or is to be started.
    pub fn current(&self) -> PathBuf {
        self.releases().join("current")
    }

    /// What is known of a switch, part by part, that has not come to its end.
    pub fn switching(&self) -> PathBuf {
        self.releases().join("switching.json")
    }

    /// What is known of an exchange of a database that is not settled.
    pub fn exchange(&self) -> PathBuf {
        self.releases().join("exchange.json")
    }

    /// The lock of whoever makes a release.
    pub fn lock(&self) -> PathBuf {
        self.releases().join("lock")
    }

    /// What builds may keep from one release to the next.
    pub fn cache(&self) -> PathBuf {
        self.releases().join("cache")
    }

    /// The bare repository: the one that is pushed to, or a mirror of the one that is fetched from.
    pub fn repository(&self) -> PathBuf {
        self.releases().join("repository.git")
    }

    /// What the releases share: each of `shared` lies below it under its own path.
    pub fn shared(&self) -> PathBuf {
        self.data.join("shared")
    }

    /// The directory of one release.
    pub fn release(&self, id: ReleaseId) -> PathBuf {
        self.releases().join(id.to_string())
    }

    /// What is known of it.
    pub fn record(&self, id: ReleaseId) -> PathBuf {
        self.release(id).join("release.json")
    }

    /// The files of its commit.
    pub fn tree(&self, id: ReleaseId) -> PathBuf {
        self.release(id).join("tree")
    }

    /// Its variables, as they were when it was made.
    pub fn env(&self, id: ReleaseId) -> PathBuf {
        self.release(id).join("env")
    }

    /// What its build has written.
    pub fn build_log(&self, id: ReleaseId) -> PathBuf {
        self.release(id).join("build.log")
    }
}
