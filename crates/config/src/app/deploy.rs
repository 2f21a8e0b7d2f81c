//! What is meant by `[deploy]`.

use super::secrets::secrets_by_name;
use crate::{
    Target,
    redact::{self, redact},
};
use report::Secret;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// How releases are made and brought live. The first six are those of the site, the file that people name; all others are
/// those of the release, the file in its commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Deploy {
    /// Where commits come from; nothing for the site's bare repository, or else the one in which its file lies.
    pub repository: Option<Repository>,
    /// The branch that is released.
    pub branch: String,
    /// So many releases are kept on the disk, at least 1.
    pub keep: u32,
    /// Where pushes are told.
    pub webhook: Option<Webhook>,
    /// A URL that is asked for after a release that is live. It may hold a token.
    pub ping_success: Option<String>,
    /// A URL that is asked for after one that failed or was taken back. It may hold a token.
    pub ping_failure: Option<String>,
    /// The application's file within the repository. Relative; nothing for where the site's file lies in its own repository, else
    /// `mainstay.toml`.
    pub file: Option<PathBuf>,
    /// What has to be run before a release can be started, in this order.
    pub build: Vec<BuildStep>,
    /// What fetches dependencies, left out while their lock files stay as they are.
    pub dependencies: Option<Dependencies>,
    /// Paths that all releases share, from the directory of the application's file. Relative, without `..`.
    pub shared: Vec<PathBuf>,
    /// What is asked of a new release before it gets any traffic.
    pub smoke: Vec<Smoke>,
    /// So long a new release is watched before it counts as confirmed; zero for not at all.
    pub watch: Duration,
    /// So long the old one may take to finish what it was asked.
    pub drain: Duration,
    /// Who runs the services.
    pub driver: Driver,
    /// When a copy of the databases is taken first.
    pub backup: BackupWhen,
    /// More lines of errors while it is watched are too many; nothing for not counted.
    pub errors: Option<u32>,
}

impl Default for Deploy {
    fn default() -> Self {
        Self {
            repository: None,
            branch: "main".to_owned(),
            keep: 5,
            webhook: None,
            ping_success: None,
            ping_failure: None,
            file: None,
            build: Vec::new(),
            dependencies: None,
            shared: Vec::new(),
            smoke: Vec::new(),
            watch: Duration::from_secs(300),
            drain: Duration::from_secs(30),
            driver: Driver::Mainstay,
            backup: BackupWhen::Pending,
            errors: None,
        }
    }
}

impl Deploy {
    /// What must never be printed.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = Secret> {
        let steps = self.build.iter().chain(self.dependencies.iter().map(|it| &it.step));
        let repository = match &self.repository {
            Some(Repository::Url(url)) => Some(url),
            _ => None,
        };
        let urls = repository.into_iter().chain(&self.ping_success).chain(&self.ping_failure);
        let of_urls = urls.flat_map(|url| redact::in_urls(url).into_iter().map(|at| Secret::new(&url[at])));
        let of_hook = self.webhook.iter().map(|hook| hook.secret.clone());
        steps.flat_map(|step| secrets_by_name(&step.env)).chain(of_urls).chain(of_hook)
    }
}

/// Where commits come from. Prints without what a URL may hide.
#[derive(Clone, PartialEq, Eq)]
pub enum Repository {
    /// A directory of this machine. Absolute.
    Path(PathBuf),
    /// As git takes it: `https://…`, `ssh://…`, `user@host:path`.
    Url(String),
}

impl Repository {
    /// What git is given. It may hold a password or a token.
    pub fn reveal(&self) -> String {
        match self {
            Repository::Path(path) => path.display().to_string(),
            Repository::Url(url) => url.clone(),
        }
    }

    /// Of a text as it is written; relative paths begin in `root`.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str, root: &Path) -> Result<Self, String> {
        const SCHEMES: [&str; 6] = ["https", "http", "ssh", "git", "git+ssh", "ssh+git"];
        if text.starts_with('-') {
            return Err("git would take it for one of its options".to_owned());
        }
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Repository::Path(PathBuf::from(path)));
        }
        match text.split_once("://") {
            Some((scheme, _)) if SCHEMES.contains(&scheme) => return Ok(Repository::Url(text.to_owned())),
            Some((scheme, _)) => return Err(format!("`{scheme}` is no way to get a repository")),
            None => {}
        }
        if text.contains("::") {
            return Err("helpers of git (`ext::…`) run commands, so they are not used".to_owned());
        }
        match text.split_once(':') {
            Some((host, _)) if !host.contains('/') => Ok(Repository::Url(text.to_owned())),
            _ => Ok(Repository::Path(root.join(text))),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.reveal()))
    }
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where a forge tells of pushes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// An address of its own; nothing to answer beside the health pages.
    pub listen: Option<SocketAddr>,
    /// Begins with `/`.
    pub path: String,
    /// What the forge and we know.
    pub secret: Secret,
    /// Who tells.
    pub provider: Provider,
    /// The branch whose pushes count.
    pub branch: String,
    /// What is waited for.
    pub on: HookOn,
    /// What makes the release; a reference follows. Whoever starts it knows where the program is, and which file it is to read.
    pub command: Vec<String>,
}

/// What makes a release.
pub const DEPLOY_COMMAND: [&str; 2] = ["mainstay", "deploy"];

/// Who tells of pushes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// GitHub, and those who speak like it (Gitea, Forgejo): a signature of the body.
    #[default]
    GitHub,
    /// GitLab: a token.
    GitLab,
}

/// What a release waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HookOn {
    /// The push itself.
    #[default]
    Push,
    /// That its continuous integration has passed.
    Ci,
}

/// A command of the build. Prints its variables by name alone.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildStep {
    /// Program and arguments; never a shell string.
    pub argv: Vec<String>,
    /// Where, from the directory of the application's file. Relative, empty for that itself.
    pub dir: PathBuf,
    /// Variables on top of those of the release.
    pub env: BTreeMap<String, String>,
    /// It takes no longer.
    pub timeout: Duration,
}

impl fmt::Debug for BuildStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildStep")
            .field("argv", &self.argv)
            .field("dir", &self.dir)
            .field("env", &self.env.keys())
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// What fetches dependencies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependencies {
    /// What is run.
    pub step: BuildStep,
    /// While these files are as they were, it is left out. Relative to the tree.
    pub lock: Vec<PathBuf>,
    /// What it makes in the tree: copied from the release before when it is left out. Relative.
    pub paths: Vec<PathBuf>,
}

/// One question to a new release.
#[derive(Clone, Debug, PartialEq)]
pub struct Smoke {
    /// What is asked: HTTP, a TCP port or a command.
    pub target: Target,
    /// Whose door it is, where a path is asked for: the service with its address.
    pub service: Option<String>,
    /// The path that is asked for, where the question is one to a service.
    pub path: Option<String>,
    /// A text that the answer has to hold: the body, or what the command writes.
    pub contains: Option<String>,
    /// One try takes no longer.
    pub timeout: Duration,
}

/// Who runs the services of a release.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// mainstay itself.
    #[default]
    Mainstay,
    /// Docker Compose, by the release's own file.
    Compose,
    /// systemd.
    Systemd {
        /// The units that are restarted, in this order.
        units: Vec<String>,
    },
}

/// When a copy of the databases is taken before a release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackupWhen {
    /// When migrations are pending.
    #[default]
    Pending,
    /// Each time.
    Always,
    /// Never.
    Never,
}

/// May this be the name of a branch? As git-check-ref-format(1), and nothing that looks like an option.
pub fn is_branch(name: &str) -> bool {
    let bad = |c: char| c.is_ascii_control() || " ~^:?*[\\".contains(c);
    let part = |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with(".lock");
    !name.starts_with('-')
        && !name.chars().any(bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.ends_with('.')
        && name != "@"
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S2.16: what git would take for something else than a place is refused.
    #[test]
    fn repositories_are_paths_or_urls() {
        let read = |text: &str| Repository::parse(text, Path::new("/srv/app"));
        assert_eq!(read("repo.git"), Ok(Repository::Path("/srv/app/repo.git".into())));
        assert_eq!(read("file:///srv/repo.git"), Ok(Repository::Path("/srv/repo.git".into())));
        assert_eq!(read("./a:b/repo"), Ok(Repository::Path("/srv/app/./a:b/repo".into())));
        for url in ["https://git.example/a.git", "git@git.example:a.git", "ssh://git@git.example:2222/a.git"] {
            assert_eq!(read(url), Ok(Repository::Url(url.to_owned())));
        }
        for wrong in ["--upload-pack=sh", "ext::sh -c true", "ftp://git.example/a.git"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert_eq!(read("https://bot:hunter2@git.example/a").unwrap().to_string(), "https://bot:***@git.example/a");
    }

    /// S2.16: as git-check-ref-format(1).
    #[test]
    fn branches_have_good_names() {
        for good in ["main", "release/1.2", "feature-x", "ümlaut"] {
            assert!(is_branch(good), "{good}");
        }
        for bad in ["", "-f", "a b", "a..b", "/a", "a/", "a//b", ".a", "a.lock", "a@{1}", "@", "a^", "a:b", "a."] {
            assert!(!is_branch(bad), "{bad}");
        }
    }
}
