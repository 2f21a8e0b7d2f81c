//! Copies on disks that are full or that lie.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::{fs, path::PathBuf};
use support::{is_root, mainstay};
use testkit::{Cluster, Test};

/// A disk for the copies in a mount namespace of its own; `$1` is mainstay. After a copy of little, one of 1 MB that cannot be
/// compressed, on ever larger disks until one is large enough.
const SCRIPT: &str = r#"
now() { "$1" backup now --database sqlite:app.db --to backups; echo "exit $?"; find backups -name '.?*' -not -name .lock; }
mount -t tmpfs -o size=400k none backups || exit 90
now "$1"
mv big.db app.db.new; cat app.db.new > app.db; rm app.db.new
size=200
while [ $size -lt 4000 ]; do
  size=$((size + 100))
  mount -o remount,size=${size}k backups || exit 91
  now "$1" > out; cat out
  "$1" backup list --database sqlite:app.db --to backups --json > list.json || exit 92
  cp list.json "list-$size.json"
  if grep -q '^exit 0$' out; then exit 0; fi
done
exit 93
"#;

/// S1.16: a full disk at whatever point of a copy or of its proof: it is told, nothing half done is left, the copy before stays VERIFIED,
/// and once there is room the next one is VERIFIED too. Only root can make such a disk.
#[test]
fn a_full_disk_costs_no_copy() {
    if !is_root() {
        return;
    }
    let test = mainstay().script("disk.sh", &format!("#!/bin/sh{SCRIPT}")).below("backups");
    let dir = test.path().to_owned();
    make(&dir.join("app.db"), 10);
    let line = format!("cd '{}' && exec ./disk.sh '{}'", dir.display(), env!("CARGO_BIN_EXE_mainstay"));
    let path = "/usr/local/bin:/usr/bin:/bin";
    // The database that grows has to be the same one.
    fs::copy(dir.join("app.db"), dir.join("big.db")).unwrap();
    make(&dir.join("big.db"), 1_000_000);
    let unshare = Test::new("/usr/bin/unshare").env("PATH", path).env("MAINSTAY_LOG_FORMAT", "human");
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(0);
    let lines: Vec<_> =
        output.raw_stdout.lines().filter(|line| line.starts_with("exit ") || line.contains("/.")).collect();
    assert!(lines.iter().all(|line| line.starts_with("exit ")), "something is left: {lines:?}");
    assert!(lines.len() > 5, "{lines:?}");
    assert_eq!((lines[0], lines[lines.len() - 1]), ("exit 0", "exit 0"));
    assert!(lines[1..lines.len() - 1].iter().all(|line| *line != "exit 0"), "{lines:?}");
    let mut sizes: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    sizes.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("list-"));
    for path in sizes {
        let list: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let copies = list["copies"].as_array().unwrap();
        assert_eq!(copies.last().unwrap()["state"], "VERIFIED", "the first one, in {}: {list}", path.display());
    }
}

fn make(path: &std::path::Path, bytes: usize) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, x BLOB); INSERT INTO item (x) VALUES (randomblob({bytes}));"
        ))
        .unwrap();
}

/// S1.16: a copy of PostgreSQL that was cut off or changed at any of 64 places is found before anything is made of it.
#[test]
fn damage_of_a_copy_of_postgresql_is_found_wherever_it_is() {
    let cluster = Cluster::start();
    cluster.psql("CREATE TABLE item AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 2000) AS i");
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human");
    let url = cluster.url();
    let taken = test.again().args(["backup", "now", "--unproven", "--database", &url, "--to", "backups"]).run();
    let copy = test.path().join(taken.code(0).raw_stdout.trim());
    let file = copy.join("database.dump.zst");
    let whole = fs::read(&file).unwrap();
    for at in 0..64 {
        let place = whole.len() * at / 64;
        let mut changed = whole.clone();
        match at % 2 {
            0 => changed.truncate(place),
            _ => changed[place] ^= 0x10,
        }
        fs::write(&file, changed).unwrap();
        let path = copy.to_str().unwrap();
        let verified = test.again().args(["backup", "verify", path, "--database", &url, "--to", "backups"]).run();
        assert_eq!(verified.exit_code(), 1, "at {at}/64: {}", verified.raw_stderr);
    }
    let restore = ["restore", copy.to_str().unwrap(), "--database", &url, "--to", "backups", "--yes"];
    test.again().args(restore).run().code(1).stderr_has("is damaged").stderr_has("nothing was changed");
}
