//! The files of a commit in a tree of their own.

use super::{Commit, Git, GitError, LONG, Origin, Source, address::Address, source::is_shallow};
use crate::{ReleaseId, Site};
use host::fs;
use std::path::Path;

/// Nobody else reads the source.
const MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
/// A longer list of commits without parents is none.
const MAX_SHALLOW: u64 = 16 << 20;

impl Git<'_> {
    /// Puts the files of a commit, and those of its submodules, into the tree of a release. Of our own repository objects are shared,
    /// not copied; a reference keeps them for as long as the release is there. Large files (git-lfs) are as the machine's git has them.
    ///
    /// # Errors
    /// The files cannot be had, or there is no room for them.
    pub async fn check_out(
        &self,
        source: &Source,
        site: &Site,
        id: ReleaseId,
        commit: &Commit,
    ) -> Result<(), GitError> {
        let (release, tree) = (site.release(id), site.tree(id));
        fs::create_dir_all_private(&release, MODE)?;
        if source.is_ours() {
            let keep = ["update-ref", &reference(id), &commit.id];
            self.ask("keep the commit", &source.path, &keep).await?;
        }
        let (from, to) = (source.path.display().to_string(), tree.display().to_string());
        if source.is_ours() {
            self.share(source, &release, &tree).await?;
        } else {
            // Git links the objects where both are on one file system, and copies them elsewhere.
            let clone = ["clone", "--quiet", "--no-checkout", "--no-tags", "--template=", "--", &from, &to];
            self.run("make the tree of the release", &release, &clone, &[], LONG).await?;
        }
        fs::set_mode(&tree, MODE)?;
        let check_out = ["checkout", "--quiet", "--force", "--detach", &commit.id];
        self.run("check the commit out", &tree, &check_out, &[], LONG).await?;
        if tree.join(".gitmodules").exists() {
            self.submodules(source, &tree).await?;
        }
        Ok(())
    }

    /// A repository that has the objects of ours, as `clone --shared` makes it; that copies them where a part of the history is missing,
    /// and only those of branches.
    async fn share(&self, source: &Source, release: &Path, tree: &Path) -> Result<(), GitError> {
        let (from, to) = (source.path.display().to_string(), tree.display().to_string());
        let init = ["init", "--quiet", "--template=", "--", &to];
        self.run("make the tree of the release", release, &init, &[], LONG).await?;
        let ours = tree.join(".git");
        let objects = format!("{from}/objects\n");
        fs::write_atomic(&ours.join("objects/info/alternates"), objects.as_bytes(), FILE_MODE)?;
        if is_shallow(&source.path) {
            let known = fs::read(&source.path.join("shallow"), MAX_SHALLOW)?;
            fs::write_atomic(&ours.join("shallow"), &known, FILE_MODE)?;
        }
        self.ask("make the tree of the release", tree, &["config", "remote.origin.url", &from]).await.map(drop)
    }

    async fn submodules(&self, source: &Source, tree: &Path) -> Result<(), GitError> {
        let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
        let address = match &source.origin {
            Origin::Mirror(from) => Some(Address::of(from)),
            Origin::Pushed | Origin::Foreign => None,
        };
        // Relative ones begin where the commits come from (gitmodules(5)).
        let settings = address.as_ref().map(Address::settings).unwrap_or_default();
        let what = "check the submodules out";
        if address.is_some() {
            let shallow: Vec<_> = update.into_iter().chain(["--depth=1"]).collect();
            if self.run(what, tree, &shallow, &settings, LONG).await.is_ok() {
                return Ok(());
            }
            // The commit is no end of a branch, and the server gives away nothing else.
            fs::remove_tree(&tree.join(".git/modules"))?;
            self.ask(what, tree, &["submodule", "--quiet", "deinit", "--all", "--force"]).await?;
        }
        self.run(what, tree, &update, &settings, LONG).await.map(drop)
    }

    /// Lets the commits of releases go that are not there any more.
    ///
    /// # Errors
    /// The repository cannot be written to.
    pub async fn forget(&self, source: &Source, ids: &[ReleaseId]) -> Result<(), GitError> {
        for id in ids.iter().filter(|_| source.is_ours()) {
            self.ask("forget a commit", &source.path, &["update-ref", "-d", &reference(*id)]).await?;
        }
        Ok(())
    }
}

/// What keeps git from removing the commit of a release.
fn reference(id: ReleaseId) -> String {
    format!("refs/mainstay/{id}")
}
