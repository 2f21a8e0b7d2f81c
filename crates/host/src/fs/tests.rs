use super::*;
use std::{
    io::ErrorKind,
    os::unix::fs::{PermissionsExt, symlink},
};

fn names(dir: &Path) -> Vec<String> {
    list(dir).unwrap().iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state");
    write_atomic(&path, b"a long first version", 0o644).unwrap();
    write_atomic(&path, b"second", 0o600).unwrap();
    assert_eq!(read_to_string(&path, 100).unwrap(), "second");
    assert_eq!(metadata(&path).unwrap().mode, 0o600);
    assert_eq!(names(dir.path()), ["state"]);
}

#[test]
fn a_write_that_fails_leaves_nothing_behind_and_names_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("taken");
    fs::create_dir(&path).unwrap();
    let error = write_atomic(&path, b"x", 0o600).unwrap_err();
    assert!(error.to_string().starts_with(&format!("write `{}`: ", path.display())), "{error}");
    assert_eq!(names(dir.path()), ["taken"]);
    let nowhere = dir.path().join("no/where");
    assert_eq!(write_atomic(&nowhere, b"x", 0o600).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    write_atomic(&target, b"precious", 0o600).unwrap();
    symlink(&target, &link).unwrap();
    write_atomic(&link, b"new", 0o600).unwrap();
    assert_eq!(read(&target, 100).unwrap(), b"precious");
}

#[test]
fn what_is_too_large_or_not_text_is_refused_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    write_atomic(&path, b"ok\xff", 0o600).unwrap();
    assert_eq!(read(&path, 3).unwrap(), b"ok\xff");
    assert_eq!(read(&path, 2).unwrap_err().kind(), ErrorKind::FileTooLarge);
    let error = read_to_string(&path, 3).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.to_string(), format!("read `{}`: not UTF-8 at byte 3", path.display()));
    assert_eq!(read(&dir.path().join("gone"), 9).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_scratch_directory_is_private_and_goes_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = Scratch::beside(&dir.path().join("app.db")).unwrap();
    let path = scratch.path().to_owned();
    assert_eq!((path.parent(), metadata(&path).unwrap().mode), (Some(dir.path()), 0o700));
    write_atomic(&path.join("copy"), b"x", 0o600).unwrap();
    drop(scratch);
    assert_eq!(names(dir.path()), [""; 0]);
    assert!(Scratch::beside(&dir.path().join("no/where")).is_err());
}

#[test]
fn lists_are_sorted() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["10", "2", "a", "B"] {
        write_atomic(&dir.path().join(name), b"", 0o600).unwrap();
    }
    assert_eq!(names(dir.path()), ["10", "2", "B", "a"]);
}

#[test]
fn directories_are_private_and_may_be_there_already() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("a/b");
    create_dir_all_private(&deep, 0o700).unwrap();
    create_dir_all_private(&deep, 0o700).unwrap();
    assert_eq!(metadata(&dir.path().join("a")).unwrap().mode, 0o700);
    write_atomic(&deep.join("file"), b"", 0o600).unwrap();
    assert!(create_dir_all_private(&deep.join("file"), 0o700).is_err());
}

/// S2.2: the data directory is there and can be written to.
#[test]
fn a_directory_is_checked_by_writing() {
    let dir = tempfile::tempdir().unwrap();
    let facts = check_dir(dir.path());
    assert!(facts.exists && facts.is_dir && facts.writable.is_ok(), "{facts:?}");
    assert_eq!((facts.owner, facts.read_only_mount.as_ref()), (Some(facts.our_uid), None));
    assert!(facts.free_bytes.is_some());
    assert_eq!(names(dir.path()), [""; 0]);
}

/// S2.2: a directory that is missing, is a file, or is forbidden is told apart.
#[test]
fn what_cannot_hold_data_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let missing = check_dir(&dir.path().join("gone"));
    assert!(!missing.exists);
    assert_eq!(missing.writable.unwrap_err().kind(), ErrorKind::NotFound);
    let file = dir.path().join("file");
    write_atomic(&file, b"", 0o600).unwrap();
    let facts = check_dir(&file);
    assert!(facts.exists && !facts.is_dir && facts.writable.is_err());
    let closed = dir.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).unwrap();
    // Root may write everywhere, which is what the check must say then.
    assert_eq!(check_dir(&closed).writable.is_ok(), rustix::process::geteuid().is_root());
}

/// S2.2: /proc is a file system that takes no files, whoever asks.
#[test]
fn even_root_is_told_when_it_cannot_write() {
    let facts = check_dir(Path::new("/proc"));
    assert!(facts.is_dir && facts.writable.is_err(), "{facts:?}");
}

#[test]
fn a_pipe_that_nobody_writes_to_is_refused_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    assert_eq!(read(&path, 100).unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

/// S2.11: what could be written of a line before the disk was full can be cut off again.
#[test]
fn a_file_grows_at_its_end_and_says_what_was_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.log");
    let mut file = Growing::open(&path, 0o600).unwrap();
    assert!(file.is_empty() && file.last_byte().is_none());
    file.append(b"one\ntw").unwrap();
    assert_eq!((file.len(), file.last_byte()), (6, Some(b'w')));
    file.cut(4).unwrap();
    file.append(b"2\n").unwrap();
    assert_eq!(read(&path, 100).unwrap(), b"one\n2\n");
    assert!(file.is_in_place());
    rename(&path, &dir.path().join("api.log.old")).unwrap();
    assert!(!file.is_in_place());
    let (written, error) = Growing::open(Path::new("/dev/full"), 0o600).unwrap().append(b"one").unwrap_err();
    assert_eq!((written, error.kind()), (0, ErrorKind::StorageFull));
}
