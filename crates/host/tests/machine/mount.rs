//! Directories on mounts of their own.

use crate::support::{playing, role, run};
use host::process::Exit;
use std::path::{Path, PathBuf};

const PATH: &str = "HOST_TEST_DIRECTORY";

/// S2.2: a data directory on a read-only mount is told, with the mount. Only root can make one, in a mount namespace
/// of its own; for others, `/proc/self/mountinfo` read as a text is the test.
#[tokio::test]
async fn a_read_only_mount_is_named() {
    if playing("reader") {
        let dir = PathBuf::from(&host::env::read()[PATH]);
        let facts = host::fs::check_dir(&dir.join("data"));
        assert_eq!(facts.read_only_mount.as_deref(), Some(Path::new(&dir)));
        assert_eq!(facts.writable.unwrap_err().kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        return;
    }
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let mut reader = role("mount::a_read_only_mount_is_named", "reader");
    let script = "mount -t tmpfs none \"$0\" && mkdir \"$0/data\" && mount -o remount,ro \"$0\" && exec \"$@\"";
    let path = dir.path().to_str().unwrap().to_owned();
    let mount = ["unshare", "-m", "sh", "-c", script, &path].map(str::to_owned);
    reader.argv.splice(..0, mount);
    reader.env.insert(PATH.to_owned(), path);
    let (exit, out, err) = run(&reader).await;
    assert_eq!(exit, Exit::Code(0), "{out}\n{err}");
}
