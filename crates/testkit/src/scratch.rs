//! A directory of one test.
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The longest path that still leaves room for `/.s.PGSQL.12345` in a socket address (108 bytes).
const LONGEST: usize = 60;

/// A directory that nobody else writes to, readable by every user and removed on drop. Its path is short enough for Unix sockets.
#[derive(Debug)]
pub struct TempDir(tempfile::TempDir);

impl TempDir {
    /// Makes the directory below the system's temporary directory, or below /tmp when that path is long.
    #[expect(clippy::new_without_default, reason = "a default that makes a directory would surprise")]
    pub fn new() -> Self {
        let made =
            tempfile::Builder::new().prefix("ms-").tempdir_in(parent()).expect("cannot make a temporary directory");
        std::fs::set_permissions(made.path(), Permissions::from_mode(0o755))
            .expect("cannot open the temporary directory to others");
        Self(made)
    }

    /// The absolute path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file below the directory, making its parents, and returns its path.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("cannot make a directory of a test");
        }
        std::fs::write(&path, text).expect("cannot write a file of a test");
        path
    }

    /// The text of a file below the directory.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        let path = self.path().join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
    }
}

fn parent() -> PathBuf {
    let usual = std::env::temp_dir();
    if usual.as_os_str().len() <= LONGEST { usual } else { PathBuf::from("/tmp") }
}
