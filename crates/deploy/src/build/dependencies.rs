//! Dependencies, fetched only when their lock files say something new (S4.6).

use super::{BuildError, Builder, log::Log};
use crate::{ReleaseId, store};
use config::{BuildStep, Dependencies};
use host::fs;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

/// A larger lock file is none.
const MAX_BYTES: u64 = 256 << 20;
const COPY_TIMEOUT: Duration = Duration::from_secs(15 * 60);

impl Builder<'_> {
    /// What the lock files say now, and whether nothing had to be done for it.
    pub(super) async fn dependencies(
        &self,
        wanted: &Dependencies,
        rebuild: bool,
        log: &Log<'_>,
    ) -> Result<(Option<String>, bool), BuildError> {
        let said = match wanted.lock.is_empty() {
            true => None,
            false => Some(digest(self.root, wanted)?),
        };
        let before = said.as_deref().filter(|_| !rebuild).and_then(|said| self.same(said, wanted));
        match before {
            Some(before) => {
                log.note(&format!("dependencies are those of release {before}: not fetched again"));
                self.carry_over(before, wanted, log).await?;
                Ok((said, true))
            }
            None => self.step(&wanted.step, log).await.map(|()| (said, false)),
        }
    }

    /// The newest other release that was built of the same, and still has all of it.
    fn same(&self, said: &str, wanted: &Dependencies) -> Option<ReleaseId> {
        let releases = store::list(self.site).unwrap_or_default();
        let fits = |release: &store::Release| {
            let record = release.record.as_ref().ok();
            record.is_some_and(|it| it.id != self.record.id && it.dependencies.as_deref() == Some(said))
                && wanted.paths.iter().all(|path| self.root_of(release.id).join(path).exists())
        };
        releases.into_iter().rev().find(fits).map(|release| release.id)
    }

    /// The same directory in the tree of another release.
    fn root_of(&self, other: ReleaseId) -> PathBuf {
        let below = self.root.strip_prefix(self.site.tree(self.record.id)).unwrap_or(Path::new(""));
        self.site.tree(other).join(below)
    }

    /// A copy, for a build may change what it finds; where the file system can, the copy shares its blocks (cp(1)).
    async fn carry_over(&self, from: ReleaseId, wanted: &Dependencies, log: &Log<'_>) -> Result<(), BuildError> {
        for path in &wanted.paths {
            let to = self.root.join(path);
            if let Some(parent) = to.parent() {
                fs::create_dir_all_private(parent, 0o755)?;
            }
            fs::remove_tree(&to)?;
            let copied = self.root_of(from).join(path).display().to_string();
            let words = ["cp", "-a", "--reflink=auto", "--", &copied, &to.display().to_string()];
            let argv = words.map(str::to_owned).to_vec();
            let copy = BuildStep { argv, dir: PathBuf::new(), env: BTreeMap::new(), timeout: COPY_TIMEOUT };
            self.step(&copy, log).await?;
        }
        Ok(())
    }
}

/// Of the command and of all lock files, with their names.
fn digest(root: &Path, wanted: &Dependencies) -> Result<String, BuildError> {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    wanted.step.argv.iter().for_each(|word| put(word.as_bytes()));
    for path in &wanted.lock {
        let content = fs::read(&root.join(path), MAX_BYTES).map_err(|error| BuildError::Lock { error })?;
        put(path.as_os_str().as_encoded_bytes());
        put(&content);
    }
    let digest = hash.finalize();
    Ok(digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}
