//! Which commit is meant.

use super::{Git, GitError, Source};
use jiff::Timestamp;
use std::path::Path;

/// Some branches and tags are named to whoever has mistyped one.
const NAMED: &str = "--count=6";
/// A longer subject is no line.
const LONGEST: usize = 200;

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// All its digits.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// Who wrote it: `Ada <ada@shop.example>`.
    pub author: String,
    /// When it was committed.
    pub time: Timestamp,
}

impl Git<'_> {
    /// The commit that `reference` means: a branch, a tag, the beginning of a commit's digits.
    ///
    /// # Errors
    /// There is none of that name, or none at all.
    pub async fn resolve(&self, source: &Source, reference: &str) -> Result<Commit, GitError> {
        let bad = |c: char| c.is_control() || c.is_whitespace();
        if reference.is_empty() || reference.starts_with('-') || reference.contains(bad) || reference.contains(':') {
            return Err(GitError::BadReference { reference: reference.to_owned() });
        }
        let wanted = format!("{reference}^{{commit}}");
        let arguments = ["rev-parse", "--verify", "--end-of-options", &wanted];
        let mut found = self.ask("look for the commit", &source.path, &arguments).await;
        if matches!(found, Err(GitError::Failed { .. })) && self.deepen(source, reference).await {
            found = self.ask("look for the commit", &source.path, &arguments).await;
        }
        match found {
            Ok(answer) => self.described(source, answer.trim_start_matches("--end-of-options").trim()).await,
            Err(GitError::Failed { tail, .. }) => Err(self.unknown(source, reference, tail).await),
            Err(error) => Err(error),
        }
    }

    async fn described(&self, source: &Source, id: &str) -> Result<Commit, GitError> {
        let arguments = ["log", "-1", "--no-show-signature", "--format=%H%n%ct%n%an <%ae>%n%s", id];
        let answer = self.ask("read the commit", &source.path, &arguments).await?;
        let mut lines = answer.lines();
        let mut next = || lines.next().unwrap_or_default().to_owned();
        let (id, time) = (next(), next());
        let (author, subject) = (printable(&next()), printable(&next()));
        let time = time.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or_default();
        Ok(Commit { id, subject, author, time })
    }

    /// The text of a file in a commit; nothing where it is not there.
    ///
    /// # Errors
    /// git cannot be run.
    pub async fn file(&self, source: &Source, commit: &Commit, file: &Path) -> Result<Option<String>, GitError> {
        let wanted = format!("{}:{}", commit.id, file.display());
        match self.ask("read a file", &source.path, &["cat-file", "blob", &wanted]).await {
            Ok(text) => Ok(Some(text)),
            Err(GitError::Failed { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What lies in a working copy and is not committed, the first few names; nothing of what git is told to ignore.
    ///
    /// # Errors
    /// It cannot be looked at.
    pub async fn changes(&self, source: &Source) -> Result<Vec<String>, GitError> {
        const NAMES: usize = 5;
        let arguments = ["status", "--porcelain", "--no-renames", "--ignore-submodules=none"];
        let answer = self.ask("look at the working copy", &source.path, &arguments).await?;
        let names = answer.lines().filter_map(|line| line.get(3..)).map(printable);
        Ok(names.take(NAMES).collect())
    }

    async fn unknown(&self, source: &Source, reference: &str, tail: Vec<String>) -> GitError {
        let any = ["rev-list", "--all", "--max-count=1"];
        let asked = self.ask("look for commits", &source.path, &any).await;
        if asked.is_ok_and(|found| found.is_empty()) {
            return GitError::Empty { path: source.path.clone() };
        }
        let names =
            ["for-each-ref", NAMED, "--sort=-creatordate", "--format=%(refname:short)", "refs/heads", "refs/tags"];
        let known = self.ask("look for branches", &source.path, &names).await.unwrap_or_default();
        let known = known.lines().map(str::to_owned).collect();
        // That it is no single revision is what we say ourselves.
        let tail = tail.into_iter().filter(|line| line.contains("ambiguous")).collect();
        GitError::Unknown { reference: reference.to_owned(), known, tail }
    }

    /// Is `old` an ancestor of `new`? Nothing where that cannot be told.
    pub async fn is_ancestor(&self, source: &Source, old: &str, new: &str) -> Option<bool> {
        let base = self.ask("compare commits", &source.path, &["merge-base", "--end-of-options", old, new]).await;
        base.ok().map(|base| base.trim() == old)
    }
}

/// What somebody else has written must not move the cursor.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
