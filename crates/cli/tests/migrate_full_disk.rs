//! A disk without room: a clear error, nothing half done, and the next run goes on once there is room.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use support::{is_root, mainstay};
use testkit::Test;

/// A disk of 400 kB in a mount namespace of its own; `$1` is mainstay. The database is copied out after each run.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=400k none data || exit 90
run() { "$1" migrate up --database sqlite:data/app.db --dir migrations; echo "exit $?"; cp data/app.db* . 2>/dev/null; }
run "$1"; mkdir first; mv app.db* first/
mount -o remount,size=20m data || exit 91
run "$1"
"#;

/// Issue 3, bad input: only root can make such a disk, in a mount namespace of its own; for others the unit test of the engine, where
/// SQLite's own limit of pages stands for the disk, is all.
#[test]
fn a_full_disk_leaves_nothing_half_done_on_sqlite() {
    if !is_root() {
        return;
    }
    let test = mainstay()
        .file("migrations/0001_log.sql", "create table log (n int);\ninsert into log values (1);\n")
        .file(
            "migrations/0002_big.sql",
            "insert into log values (2);\ncreate table big (x);\ninsert into big values (randomblob(1000000));\n",
        )
        .file("migrations/0003_more.sql", "insert into log values (3);\n")
        .script("disk.sh", &format!("#!/bin/sh{SCRIPT}"))
        .below("data");
    let dir = test.path().to_owned();
    let unshare =
        Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MAINSTAY_LOG_FORMAT", "human");
    let line = format!("cd '{}' && exec ./disk.sh '{}'", dir.display(), env!("CARGO_BIN_EXE_mainstay"));
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(0);
    let exits: Vec<_> = output.stdout.lines().filter(|line| line.starts_with("exit ")).collect();
    assert_eq!(exits, ["exit 1", "exit 0"], "{}\n{}", output.stdout, output.stderr);
    output.stderr_has("SQLITE_FULL").stderr_has("0002_big.sql").stderr_has("hint: `df -h`");
    let asked = |file: &str, sql: &str| {
        let connection = rusqlite::Connection::open(dir.join(file)).unwrap();
        connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap()
    };
    let applied = "select group_concat(version) from (select version from schema_migrations order by version)";
    let log = "select group_concat(n) from (select n from log order by n)";
    assert_eq!((asked("first/app.db", applied), asked("first/app.db", log)), ("0001".into(), "1".into()));
    assert_eq!(asked("first/app.db", "select integrity_check from pragma_integrity_check"), "ok");
    assert_eq!((asked("app.db", applied), asked("app.db", log)), ("0001,0002,0003".into(), "1,2,3".into()));
}
