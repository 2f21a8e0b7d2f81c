use super::*;

/// S2.8: the second start is told who has it.
#[test]
fn the_second_start_reads_the_holder() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let lock = InstanceLock::acquire(&path, "mainstay up\nin /srv/app").unwrap();
    let Err(LockError::Held { holder, .. }) = InstanceLock::acquire(&path, "second") else { panic!("two holders") };
    assert_eq!((holder.pid, holder.command.as_str()), (std::process::id(), "mainstay up in /srv/app"));
    assert!(holder.since.elapsed().unwrap() < Duration::from_secs(60));
    drop(lock);
    InstanceLock::acquire(&path, "third").unwrap();
}

/// S2.8: what a dead holder left behind neither blocks nor shows through.
#[test]
fn a_stale_file_never_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    std::fs::File::create(&path).unwrap().write_all("pid=1\nsince=0\ncommand=".repeat(99).as_bytes()).unwrap();
    let _lock = InstanceLock::acquire(&path, "new").unwrap();
    let Err(LockError::Held { holder, .. }) = InstanceLock::acquire(&path, "second") else { panic!("two holders") };
    assert_eq!((holder.pid, holder.command.as_str()), (std::process::id(), "new"));
}

/// S2.8: a holder that has not written its name yet is found by asking the kernel.
#[test]
fn a_nameless_holder_is_found_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let _held = try_acquire(&path).unwrap().unwrap();
    let Err(error) = InstanceLock::acquire(&path, "second") else { panic!("two holders") };
    let LockError::Held { holder, .. } = &error else { panic!("{error}") };
    assert_eq!(holder.pid, std::process::id());
    assert!(
        error.to_string().starts_with(&format!("`{}` is held by process {}", path.display(), holder.pid)),
        "{error}"
    );
}

/// S2.8: removing the file does not let a second holder in by way of the first one's descriptor.
#[test]
fn a_removed_file_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("lock");
    let _old = InstanceLock::acquire(&path, "old").unwrap();
    std::fs::remove_file(&path).unwrap();
    let _new = InstanceLock::acquire(&path, "new").unwrap();
    assert!(matches!(InstanceLock::acquire(&path, "third"), Err(LockError::Held { .. })));
}

#[test]
fn a_lock_that_cannot_be_opened_is_named() {
    let error = InstanceLock::acquire(Path::new("/nowhere/lock"), "x").unwrap_err();
    assert_eq!(error.to_string(), "lock `/nowhere/lock`: No such file or directory (os error 2)");
}
