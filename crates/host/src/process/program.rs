//! Finding the file that a command names.

use crate::Env;
use rustix::fs::{Access, access};
use std::{
    io,
    path::{Path, PathBuf},
};

/// What execvp(3) searches when there is no `PATH`.
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// The absolute path of the program `name`: as it stands when it has a slash, else the first executable file in the
/// `PATH` of `env`. Relative paths begin at `cwd`, where the program will run.
///
/// # Errors
/// `NotFound` names the program and the path searched; `PermissionDenied` names the file that may not be executed.
pub fn find_program(name: &str, env: &Env, cwd: &Path) -> io::Result<PathBuf> {
    if name.contains('/') { as_it_stands(name, cwd) } else { in_path(name, env, cwd) }
}

fn as_it_stands(name: &str, cwd: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(cwd.join(name))?;
    match path.metadata() {
        Ok(_) if is_program(&path) => Ok(path),
        Ok(_) => Err(forbidden(&path)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(io::Error::new(error.kind(), format!("command `{name}` not found: there is no `{}`", path.display())))
        }
        Err(error) => Err(io::Error::new(error.kind(), format!("command `{name}`: {error}"))),
    }
}

fn in_path(name: &str, env: &Env, cwd: &Path) -> io::Result<PathBuf> {
    let path = env.get("PATH").map_or(DEFAULT_PATH, String::as_str);
    let mut seen = None;
    // An empty entry means the current directory (POSIX, XBD 8.3).
    for candidate in path.split(':').map(|dir| cwd.join(dir).join(name)).filter(|_| !name.is_empty()) {
        if is_program(&candidate) {
            return std::path::absolute(candidate);
        }
        if candidate.is_file() {
            seen.get_or_insert(candidate);
        }
    }
    Err(match seen {
        Some(file) => forbidden(&file),
        None => io::Error::new(io::ErrorKind::NotFound, format!("command `{name}` not found in PATH `{path}`")),
    })
}

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn forbidden(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("`{}` is not an executable file", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn directory() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (name, mode) in [("tool", 0o755), ("notes", 0o644)] {
            fs::File::create(dir.path().join(name)).unwrap();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        dir
    }

    #[test]
    fn a_slash_means_from_the_working_directory() {
        let dir = directory();
        assert_eq!(find_program("./tool", &Env::new(), dir.path()).unwrap(), dir.path().join("tool"));
        assert_eq!(
            find_program("./notes", &Env::new(), dir.path()).unwrap_err().kind(),
            io::ErrorKind::PermissionDenied
        );
        assert_eq!(find_program("./gone", &Env::new(), dir.path()).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_path_of_the_child_counts() {
        let dir = directory();
        let env = Env::from([("PATH".into(), format!("/nowhere:{}", dir.path().display()))]);
        assert_eq!(find_program("tool", &env, Path::new("/")).unwrap(), dir.path().join("tool"));
        assert_eq!(
            find_program("notes", &env, Path::new("/")).unwrap_err().to_string(),
            format!("`{}/notes` is not an executable file", dir.path().display())
        );
        assert_eq!(find_program("", &env, Path::new("/")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(find_program("sh", &Env::new(), Path::new("/")).is_ok(), "the default path is searched");
    }
}
