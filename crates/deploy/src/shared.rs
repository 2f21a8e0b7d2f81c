//! What all releases share: in each of them a link to the one place.

use crate::Site;
use host::fs::{self, There};
use std::{
    io,
    path::{Component, Path, PathBuf},
};

/// Whoever the services run as has to get in; what is above is ours alone.
const MODE: u32 = 0o755;

/// Makes each of `paths` in `root` (the directory of the application's file in the tree) a link to the place that all releases share.
/// What a commit brings there is put into that place once, when nothing is there yet; later ones do not see theirs, and such paths
/// are answered with.
///
/// # Errors
/// Those of the file system, with the path; a way that leads out of the tree over a link.
pub fn share(site: &Site, root: &Path, paths: &[PathBuf]) -> io::Result<Vec<PathBuf>> {
    let mut hidden = Vec::new();
    for path in paths {
        let (link, place) = (root.join(path), site.shared().join(path));
        parent_within(root, path)?;
        let brought = fs::there(&link)?;
        match (fs::there(&place)?, brought) {
            (There::Nothing, There::Nothing | There::Link) => fs::create_dir_all_private(&place, MODE)?,
            (There::Nothing, There::File | There::Directory) => {
                if let Some(parent) = place.parent() {
                    fs::create_dir_all_private(parent, MODE)?;
                }
                fs::rename(&link, &place)?;
            }
            (_, There::File | There::Directory) => hidden.push(path.clone()),
            (_, There::Nothing | There::Link) => {}
        }
        match fs::there(&link)? {
            There::Directory => fs::remove_tree(&link)?,
            There::File | There::Link => fs::remove(&link)?,
            There::Nothing => {}
        }
        fs::point(&link, &place)?;
    }
    Ok(hidden)
}

/// Makes the data directory of the site be found where the release's file says that its own is, relative to `root`: what an application
/// keeps below `data` outlives the release. Answers with false where the commit has something else there.
///
/// # Errors
/// As [`share`].
pub fn share_data(site: &Site, root: &Path, stated: &Path) -> io::Result<bool> {
    let within = stated.components().all(|part| matches!(part, Component::Normal(_)));
    if !within || stated.as_os_str().is_empty() {
        // Elsewhere it is the same for all releases anyway.
        return Ok(true);
    }
    parent_within(root, stated)?;
    let link = root.join(stated);
    match fs::there(&link)? {
        There::Nothing | There::Link => fs::point(&link, site.data()).map(|()| true),
        There::Directory | There::File => Ok(false),
    }
}

/// Makes the directories above a path, none of which may be a link: a commit could lead us anywhere.
fn parent_within(root: &Path, path: &Path) -> io::Result<()> {
    let mut above = root.to_owned();
    for part in path.parent().into_iter().flat_map(Path::components) {
        above.push(part);
        match fs::there(&above)? {
            There::Directory => {}
            There::Nothing => fs::make_dir(&above, MODE)?,
            There::File | There::Link => {
                let why = format!("`{}` is no directory, so `{}` cannot be shared", above.display(), path.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, why));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        data: tempfile::TempDir,
        root: tempfile::TempDir,
    }

    impl Case {
        fn new() -> Self {
            Self { data: tempfile::tempdir().unwrap(), root: tempfile::tempdir().unwrap() }
        }

        fn site(&self) -> Site {
            Site::below(self.data.path())
        }

        fn share(&self, path: &str) -> io::Result<Vec<PathBuf>> {
            share(&self.site(), self.root.path(), &[PathBuf::from(path)])
        }
    }

    /// Issue 6, point 3: what one release writes the next one reads, and what the first commit brings is where it begins.
    #[test]
    fn releases_share_a_directory() {
        let case = Case::new();
        fs::create_dir_all_private(&case.root.path().join("var/uploads"), 0o755).unwrap();
        fs::write_atomic(&case.root.path().join("var/uploads/first.txt"), b"one", 0o644).unwrap();
        assert!(case.share("var/uploads").unwrap().is_empty());
        let next = tempfile::tempdir().unwrap();
        let paths = [PathBuf::from("var/uploads")];
        share(&case.site(), next.path(), &paths).unwrap();
        assert_eq!(fs::read(&next.path().join("var/uploads/first.txt"), 9).unwrap(), b"one");
        // Another commit that brings the same does not replace it.
        let other = tempfile::tempdir().unwrap();
        fs::create_dir_all_private(&other.path().join("var/uploads"), 0o755).unwrap();
        assert_eq!(share(&case.site(), other.path(), &paths).unwrap(), paths);
        assert_eq!(fs::there(&other.path().join("var/uploads")).unwrap(), There::Link);
        // Once more is the same.
        assert!(share(&case.site(), other.path(), &paths).unwrap().is_empty());
        assert!(other.path().join("var/uploads/first.txt").exists());
    }

    /// A commit cannot make us write elsewhere.
    #[test]
    fn a_link_in_the_way_is_refused() {
        let case = Case::new();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::point(&case.root.path().join("var"), elsewhere.path()).unwrap();
        assert_eq!(case.share("var/uploads").unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert!(fs::list(elsewhere.path()).unwrap().is_empty());
    }

    /// What an application keeps in `data` by a path of its own outlives the release.
    #[test]
    fn the_data_directory_is_found_in_the_tree() {
        let case = Case::new();
        assert!(share_data(&case.site(), case.root.path(), Path::new("data")).unwrap());
        fs::write_atomic(&case.root.path().join("data/app.db"), b"rows", 0o600).unwrap();
        assert!(case.data.path().join("app.db").exists());
        assert!(share_data(&case.site(), case.root.path(), Path::new("/var/lib/shop")).unwrap());
        fs::create_dir_all_private(&case.root.path().join("state"), 0o755).unwrap();
        assert!(!share_data(&case.site(), case.root.path(), Path::new("state")).unwrap());
    }
}
