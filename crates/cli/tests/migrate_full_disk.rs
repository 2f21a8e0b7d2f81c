//! A disk without room: a clear error, nothing half done, and the next run goes on once there is room.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::path::Path;
use support::{is_root, mainstay};
use testkit::{Cluster, Output, Test, find_component};

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
    let output = in_a_namespace(&dir, &[env!("CARGO_BIN_EXE_mainstay")]);
    assert_eq!(of(&output, "exit "), ["1", "0"], "{}\n{}", output.stdout, output.stderr);
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

/// Runs `disk.sh` of a directory there, where mounts are its own.
fn in_a_namespace(dir: &Path, arguments: &[&str]) -> Output {
    let unshare =
        Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MAINSTAY_LOG_FORMAT", "human");
    let line = format!("cd '{}' && exec ./disk.sh '{}'", dir.display(), arguments.join("' '"));
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(0);
    output
}

/// What follows this word on lines that begin with it.
fn of<'o>(output: &'o Output, word: &str) -> Vec<&'o str> {
    output.stdout.lines().filter_map(|line| line.strip_prefix(word)).collect()
}

/// PostgreSQL whose directory `$1` has its `full` (a tablespace) or its log (`$2` is `wal`) on a small disk; `$3` is the disk's size,
/// `$4` the port, and then come mainstay, `postgres` and `psql`.
const POSTGRES: &str = r#"
dir=$1 kind=$2 port=$4 mainstay=$5 postgres=$6 psql=$7
uid=$(stat -c %u "$dir/data") gid=$(stat -c %g "$dir/data")
mkdir "$dir/full" && mount -t tmpfs -o "size=$3,mode=700,uid=$uid,gid=$gid" none "$dir/full" || exit 90
mkdir "$dir/full/space" && chown "$uid:$gid" "$dir/full/space"
if test "$kind" = wal; then
    cp -a "$dir/data/pg_wal" "$dir/full/" && rm -r "$dir/data/pg_wal" && ln -s "$dir/full/pg_wal" "$dir/data/pg_wal" || exit 91
fi
start() { setpriv "--reuid=$uid" "--regid=$gid" --clear-groups "$postgres" -D "$dir/data" >>"$dir/data/out" 2>&1 & server=$!; }
ask() { "$psql" -h "$dir" -p "$port" -U postgres -d postgres -Atc "$1" 2>/dev/null; }
await() { n=0; until ask 'select 1' >/dev/null; do n=$((n + 1)); test $n -lt 300 || exit 92; sleep 0.1; done; }
run() {
    "$mainstay" migrate up --database "postgres://postgres@127.0.0.1:$port/postgres?sslmode=disable" --dir migrations \
        --attempts 3 --interval 300ms
    echo "exit $?"
}
seen() {
    echo "seen $(ask "select (select string_agg(version, ',' order by version) from schema_migrations), \
        (select string_agg(n::text, ',' order by n) from log), to_regclass('big'), (select count(*) from mainstay_journal)")"
}
start; await; run
if test "$kind" = wal; then wait "$server"; fi
mount -o remount,size=400m "$dir/full" || exit 93
if test "$kind" = wal; then start; fi
await; seen; run; seen
kill -INT "$server"; wait "$server"
"#;

/// A migration of 60 MB in the middle of three, on a server with that little room.
fn on_a_full_disk(kind: &str, size: &str) -> Output {
    let cluster = Cluster::builder().prepare();
    let dir = cluster.socket_dir();
    let test = mainstay()
        .file("migrations/0001_log.sql", "create table log (n int);\ninsert into log values (1);\n")
        .file(
            "migrations/0002_space.sql",
            &format!("create tablespace little location '{}';\n", dir.join("full/space").display()),
        )
        .file(
            "migrations/0003_big.sql",
            "insert into log values (2);\ncreate table big (x text) tablespace little;\n\
             insert into big select repeat('x', 1000) from generate_series(1, 60000);\n",
        )
        .file("migrations/0004_more.sql", "insert into log values (3);\n")
        .script("disk.sh", &format!("#!/bin/sh{POSTGRES}"));
    let (place, port) = (dir.display().to_string(), cluster.port().to_string());
    let tools = ["postgres", "psql"].map(|name| find_component(name).display().to_string());
    let [postgres, psql] = &tools;
    let mainstay = env!("CARGO_BIN_EXE_mainstay");
    in_a_namespace(test.path(), &[&place, kind, size, &port, mainstay, postgres, psql])
}

/// Issue 3, bad input: where a table does not fit, the server says so and goes on; root alone can make such a disk.
#[test]
fn a_full_disk_leaves_nothing_half_done_on_postgresql() {
    if !is_root() {
        return;
    }
    let output = on_a_full_disk("table", "2m");
    assert_eq!(of(&output, "exit "), ["1", "0"], "{}\n{}", output.stdout, output.stderr);
    assert_eq!(of(&output, "seen "), ["0001,0002|1||0", "0001,0002,0003,0004|1,2,3|big|0"]);
    output.stderr_has("0003_big.sql").stderr_has("SQLSTATE 53100").stderr_has("No space left on device");
    output
        .stderr_has("nothing of `migrations/0003_big.sql` was kept; `0001_log.sql` and `0002_space.sql` stay applied");
}

/// Issue 3, bad input: where its log does not fit, the server stops itself: not yet (75), and the file is lost with its row.
#[test]
fn a_server_that_stops_for_a_full_disk_is_gone_on_with() {
    if !is_root() {
        return;
    }
    let output = on_a_full_disk("wal", "40m");
    assert_eq!(of(&output, "exit "), ["75", "0"], "{}\n{}", output.stdout, output.stderr);
    assert_eq!(of(&output, "seen "), ["0001,0002|1||0", "0001,0002,0003,0004|1,2,3|big|0"]);
    output.stderr_has("0003_big.sql").stderr_has("No space left on device");
}
