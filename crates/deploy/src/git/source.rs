//! Which repository commits come from.

use super::{Git, GitError, LONG, address::Address};
use crate::Site;
use config::{Deploy, Repository};
use host::fs;
use std::path::{Path, PathBuf};

/// The file that is meant where nobody has said another.
const FILE_NAME: &str = "mainstay.toml";
/// Nobody else reads the source.
const MODE: u32 = 0o700;

/// Branches and tags, under their own names.
const ALL: [&str; 2] = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"];

/// The repository that commits come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Where it is on this machine.
    pub path: PathBuf,
    /// Whose it is.
    pub origin: Origin,
    /// The application's file within it. Relative.
    pub file: PathBuf,
}

/// Whose a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The site's own, which is pushed to.
    Pushed,
    /// The site's own, a mirror of this one.
    Mirror(Repository),
    /// Somebody's of this machine.
    Foreign,
}

impl Source {
    /// May we write into it?
    pub(super) fn is_ours(&self) -> bool {
        self.origin != Origin::Foreign
    }
}

impl Git<'_> {
    /// The repository of a site: the one that `[deploy]` names, or the one that is pushed to, or the one in which the site's file lies
    /// (in `root`).
    ///
    /// # Errors
    /// There is none.
    pub async fn source(&self, site: &Site, deploy: &Deploy, root: &Path) -> Result<Source, GitError> {
        let file = || deploy.file.clone().unwrap_or_else(|| PathBuf::from(FILE_NAME));
        let ours = site.repository();
        match &deploy.repository {
            Some(url @ Repository::Url(_)) => {
                Ok(Source { path: ours, origin: Origin::Mirror(url.clone()), file: file() })
            }
            Some(Repository::Path(path)) => {
                let path = fs::real_path(path);
                self.must_be_repository(&path).await?;
                let origin = if path == fs::real_path(&ours) { Origin::Pushed } else { Origin::Foreign };
                Ok(Source { path, origin, file: file() })
            }
            None if ours.exists() => Ok(Source { path: ours, origin: Origin::Pushed, file: file() }),
            None => self.around(deploy, root).await,
        }
    }

    /// The repository in which a directory lies.
    async fn around(&self, deploy: &Deploy, root: &Path) -> Result<Source, GitError> {
        let asked = ["rev-parse", "--show-toplevel"];
        let top = self.ask("look for the repository", root, &asked).await;
        let top = top.map_err(|error| no_repository(error, root, false))?;
        let prefix = self.ask("look for the repository", root, &["rev-parse", "--show-prefix"]).await?;
        let file = deploy.file.clone().unwrap_or_else(|| Path::new(prefix.trim()).join(FILE_NAME));
        Ok(Source { path: PathBuf::from(top), origin: Origin::Foreign, file })
    }

    async fn must_be_repository(&self, path: &Path) -> Result<(), GitError> {
        if !path.is_dir() {
            return Err(GitError::NoRepository { path: path.to_owned(), named: true });
        }
        let asked = self.ask("look into the repository", path, &["rev-parse", "--git-dir"]).await;
        asked.map(drop).map_err(|error| no_repository(error, path, true))
    }

    /// Brings what the source has up to date; of a mirror alone there is something to do. Of a history only the newest commits come:
    /// older ones are fetched by [`Git::resolve`], when somebody means them.
    ///
    /// # Errors
    /// The other repository cannot be reached, or it does not let us in.
    pub async fn fetch(&self, source: &Source) -> Result<(), GitError> {
        let Origin::Mirror(_) = &source.origin else { return Ok(()) };
        let is_new = !source.path.exists();
        if is_new {
            self.init_bare(&source.path, "main").await?;
        }
        // What is whole already stays so.
        if !is_new && !is_shallow(&source.path) && self.has_commits(source).await {
            return self.fetch_with(source, &[], &ALL).await;
        }
        match self.fetch_with(source, &["--depth=1"], &ALL).await {
            Err(GitError::Failed { tail, .. }) if tail.iter().any(|line| line.contains("shallow")) => {
                // A web server without git knows of no depth (gitprotocol-http(5), "dumb").
                self.fetch_with(source, &[], &ALL).await
            }
            fetched => fetched,
        }
    }

    /// Brings what `reference` may mean and did not come yet: the commit itself, or all of the history. False where there is nothing
    /// more to be had.
    pub(super) async fn deepen(&self, source: &Source, reference: &str) -> bool {
        if !matches!(source.origin, Origin::Mirror(_)) {
            return false;
        }
        let whole = matches!(reference.len(), 40 | 64) && reference.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Not every server gives away a commit that is no end of a branch, and one may be gone.
        if whole && self.fetch_with(source, &["--depth=1"], &[reference]).await.is_ok() {
            return true;
        }
        is_shallow(&source.path) && self.fetch_with(source, &["--unshallow"], &ALL).await.is_ok()
    }

    async fn fetch_with(&self, source: &Source, flags: &[&str], what: &[&str]) -> Result<(), GitError> {
        let Origin::Mirror(from) = &source.origin else { return Ok(()) };
        let prune: &[&str] = if what == ALL { &["--prune"] } else { &[] };
        let fetch = ["fetch", "--quiet", "--force", "--no-tags"].iter().chain(prune).chain(flags);
        let arguments: Vec<_> = fetch.chain(&["origin"]).chain(what).copied().collect();
        let address = Address::of(from);
        self.run("fetch the commits", &source.path, &arguments, &address.settings(), LONG).await.map(drop)
    }

    async fn has_commits(&self, source: &Source) -> bool {
        let any = self.ask("look for commits", &source.path, &["for-each-ref", "--count=1", "refs/heads"]).await;
        any.is_ok_and(|any| !any.is_empty())
    }

    /// Makes an empty repository to push to, with this first branch.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn init_bare(&self, path: &Path, branch: &str) -> Result<(), GitError> {
        fs::create_dir_all_private(path, MODE)?;
        let first = format!("--initial-branch={branch}");
        let arguments = ["init", "--quiet", "--bare", "--template=", &first];
        self.run("make the repository", path, &arguments, &[], LONG).await?;
        // What keeps the commits of releases is nobody else's business (git-config(1)).
        let hide = ["config", "--replace-all", "transfer.hideRefs", "refs/mainstay"];
        self.ask("set up the repository", path, &hide).await.map(drop)
    }
}

/// Is a part of its history missing?
pub(super) fn is_shallow(repository: &Path) -> bool {
    repository.join("shallow").exists()
}

/// Other causes are told as they are: that it belongs to somebody else is none of a missing repository.
fn no_repository(error: GitError, path: &Path, named: bool) -> GitError {
    match error {
        GitError::Failed { tail, .. } if !tail.iter().any(|line| line.contains("safe.directory")) => {
            GitError::NoRepository { path: path.to_owned(), named }
        }
        other => other,
    }
}
