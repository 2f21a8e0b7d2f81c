//! The own runner on a real SQLite file.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use config::Target;
use futures_util::future::join_all;
use migrate::{MigrateError, lost_ledger, pending, status};
use report::Outcome;
use rusqlite::Connection;
use std::{path::Path, time::Duration};
use support::{Bench, names, until, within};
use testkit::TempDir;

fn bench(file: &Path) -> Bench {
    Bench::new(Target::Sqlite(file.to_owned()))
}

fn count(file: &Path, sql: &str) -> i64 {
    Connection::open(file).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

/// S1.1: in order, recorded, and any number of times; looking creates no file.
#[tokio::test]
async fn what_is_pending_is_applied_once() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file("0001_slots.sql", "create table slots (id integer primary key, name text);");
    bench.file("0002_fill.sql", "insert into slots (name) values ('a'), ('b'); select * from slots;");
    let before = within(status(&bench.job())).await.unwrap();
    assert_eq!((before.current, before.counts.pending), (Some(false), 2));
    assert_eq!(within(pending(&bench.job(), &migrate::Goal::All)).await.unwrap().unwrap().len(), 2);
    assert!(!file.exists(), "looking creates nothing");

    let report = bench.up().await.unwrap();
    assert_eq!((names(&report), report.pending_before), (vec!["0001_slots.sql", "0002_fill.sql"], 2));
    let again = serde_json::to_value(bench.up().await.unwrap()).unwrap();
    assert_eq!(
        again,
        serde_json::json!({"applied": [], "pending_before": 0, "lock_waited": 0.0, "attempts": 1, "external": false})
    );
    assert_eq!(count(&file, "select count(*) from slots"), 2);
    let after = within(status(&bench.job())).await.unwrap();
    assert_eq!(after.current, Some(true));
    let at = after.migrations[0].applied_at.as_deref().unwrap();
    assert!(at.len() == 24 && at.ends_with('Z'), "{at}");
    assert_eq!(bench.course(), ["migrate.applied", "migrate.done"]);
}

/// What helps is said where it is known.
#[tokio::test]
async fn a_full_disk_comes_with_a_hint() {
    let dir = TempDir::new();
    let bench = bench(&dir.path().join("app.db"));
    bench.file("1_a.sql", "pragma max_page_count = 8; create table a (x); insert into a values (randomblob(100000));");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("seen: SQLITE_FULL") && finding.contains("hint: `df -h`"), "{finding}");
}

/// What is called off (Ctrl-C) neither goes on nor is applied after all.
#[tokio::test]
async fn a_dropped_run_is_rolled_back_at_once() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    let long = "select count(*) from (with recursive c(x) as (select 1 union all select x + 1 from c where x < 100000000) select x from c)";
    bench.file("0001_slots.sql", &format!("create table slots (id integer); insert into slots {long};"));
    let writer = || {
        Connection::open(&file).is_ok_and(|it| {
            it.busy_timeout(Duration::ZERO).unwrap();
            it.execute_batch("BEGIN IMMEDIATE; ROLLBACK").is_ok()
        })
    };
    // Before that the writer is whoever makes it.
    let has_ledger = || {
        let ask = |it: Connection| {
            it.query_row("select 1 from sqlite_master where name = 'schema_migrations'", [], |_| Ok(()))
        };
        Connection::open(&file).is_ok_and(|it| ask(it).is_ok())
    };
    let job = bench.job();
    tokio::select! {
        result = migrate::up(&job, &migrate::Goal::All) => panic!("{result:?}"),
        () = until("the file runs", || file.exists() && has_ledger() && !writer()) => {}
    }
    until("the lock is free again", writer).await;
    assert_eq!(count(&file, "select count(*) from sqlite_master where name = 'slots'"), 0);
    assert_eq!(count(&file, "select count(*) from schema_migrations"), 0);
}

/// The futures may be moved to another thread.
#[test]
fn futures_can_be_sent() {
    fn sent<T: Send>(_: T) {}
    let bench = bench(Path::new("unused.db"));
    let job = bench.job();
    sent(migrate::up(&job, &migrate::Goal::All));
    sent(status(&job));
    sent(lost_ledger(&job));
}

/// S1.1: safe with six starters at once.
#[tokio::test]
async fn six_starters_at_once_apply_each_file_once() {
    for _ in 0..5 {
        let dir = TempDir::new();
        let file = dir.path().join("app.db");
        let starters: Vec<_> = (0..6)
            .map(|_| {
                let bench = bench(&file);
                bench.file("1_a.sql", "create table a (n integer); insert into a values (1);");
                bench.file("2_b.sql", "insert into a values (2);").file("10_c.sql", "insert into a values (3);");
                bench
            })
            .collect();
        let reports = join_all(starters.iter().map(Bench::up)).await;
        let mut applied: Vec<_> = reports.iter().flat_map(|report| names(report.as_ref().unwrap())).collect();
        applied.sort_unstable();
        assert_eq!(applied, ["10_c.sql", "1_a.sql", "2_b.sql"]);
        assert_eq!(count(&file, "select count(*) from a"), 3);
        assert_eq!(count(&file, "select count(*) from schema_migrations"), 3);
    }
}

/// A failing file: name, line and column in our file, the line with a caret, what was rolled back, exit 1.
#[tokio::test]
async fn a_failing_file_is_shown_with_its_line() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file("1_a.sql", "create table a (n integer primary key);");
    bench.file("2_b.sql", "insert into a values (7);\n-- ключ\n  insert into b values (1);\n");
    let error = bench.up().await.unwrap_err();
    assert_eq!(
        error.finding().to_string(),
        "error: migration `migrations/2_b.sql` failed: no such table: b\n  \
         --> migrations/2_b.sql:3:3\n   |\n 3 |   insert into b values (1);\n   |   ^^^^^^^^^^^^^^^^^^^^^^^^\n  \
         seen: SQLITE_ERROR\n  \
         seen: nothing of `migrations/2_b.sql` was kept; `1_a.sql` stays applied"
    );
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(count(&file, "select count(*) from a"), 0);

    bench.file("2_b.sql", "insert into a values (1);\n\ncreate tabel b (n);\n");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("2_b.sql:3:8\n   |\n 3 | create tabel b (n);\n   |        ^^^^^\n"), "{finding}");
    bench.file("2_b.sql", "insert into a values (1);\ninsert into a values (1);\n");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("UNIQUE constraint failed: a.n") && finding.contains("2_b.sql:2:1"), "{finding}");
    assert_eq!(count(&file, "select count(*) from a"), 0);
}

/// A quote that is never closed is shown with line and column before any file is run.
#[tokio::test]
async fn an_open_quote_is_shown_where_it_begins() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file("1_a.sql", "create table a (b);").file("2_b.sql", "create table b (c);\ninsert into b values ('its);\n");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert_eq!(
        finding,
        "error: `migrations/2_b.sql` cannot be read: a text in quotes is never closed\n  \
         --> migrations/2_b.sql:2:23\n   |\n 2 | insert into b values ('its);\n   |                       ^\n  \
         hint: close it; everything behind it was read as part of it"
    );
    assert_eq!(count(&file, "select count(*) from sqlite_schema"), 0);
}

/// Bad input: a file changed, renamed or lost is a clear error and nothing is applied.
#[tokio::test]
async fn what_disagrees_with_the_ledger_stops_everything() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file("1_a.sql", "select 1;").file("2_b.sql", "select 2;").up().await.unwrap();
    bench.file("1_a.sql", "select 'edited';").file("3_c.sql", "create table c (n);");
    std::fs::remove_file(bench.dir.path().join("migrations/2_b.sql")).unwrap();
    let error = bench.up().await.unwrap_err();
    let words: Vec<_> = error.findings().into_iter().map(|finding| finding.summary).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(words[0].starts_with("`migrations/1_a.sql` was edited after it was applied"), "{words:?}");
    assert!(words[1].contains("`2_b.sql` was applied") && words[1].ends_with("its file is missing"), "{words:?}");
    assert_eq!(count(&file, "select count(*) from sqlite_master where name = 'c'"), 0);
}

/// Another writer is waited for, with a line, and not for ever.
#[tokio::test]
async fn another_writer_is_waited_for() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let mut bench = bench(&file);
    bench.file("1_a.sql", "create table a (n);");
    let writer = database::sqlite::open(&file).unwrap();
    writer.execute_batch("begin immediate; create table w (n);").unwrap();
    let (report, ()) = tokio::join!(bench.up(), async {
        until("a line about the wait", || bench.recorder.names().contains(&"migrate.lock")).await;
        writer.execute_batch("commit").unwrap();
    });
    assert_eq!(names(&report.unwrap()), ["1_a.sql"]);

    writer.execute_batch("begin immediate").unwrap();
    bench.migrations.lock_timeout = Duration::from_millis(300);
    bench.file("2_b.sql", "create table b (n);");
    let error = bench.up().await.unwrap_err();
    assert!(matches!(error, MigrateError::Locked { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::NotYet);
}

/// Foreign keys are enforced, off for a file that says so, and then checked before COMMIT.
#[tokio::test]
async fn foreign_keys_are_off_where_the_file_says_so() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file(
        "1_a.sql",
        "create table p (id integer primary key); create table c (p integer references p on delete cascade);
         insert into p values (1), (2); insert into c values (1), (2); delete from p where id = 2;",
    );
    bench.up().await.unwrap();
    assert_eq!(count(&file, "select count(*) from c"), 1, "the cascade has run");

    let rebuild = "pragma foreign_keys = off;
        create table p2 (id integer primary key, name text); insert into p2 (id) select id from p;
        drop table p; alter table p2 rename to p; pragma foreign_keys = on;";
    bench.file("2_rebuild.sql", rebuild).up().await.unwrap();
    assert_eq!(count(&file, "select count(*) from c"), 1, "dropping the parent has not touched the children");

    bench.file("3_break.sql", "pragma foreign_keys = off; delete from p;");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(
        finding.contains("rows would be left without the row that they refer to")
            && finding.contains("`c` refers to `p`"),
        "{finding}"
    );
    assert_eq!(count(&file, "select count(*) from p"), 1);
}

/// Rows that referred to nothing before a file ran are not its fault, whatever numbers they have afterwards; new ones are.
#[tokio::test]
async fn orphans_of_before_are_told_apart() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file(
        "1_a.sql",
        "create table p (id text primary key); create table c (p text references p);
         insert into p values ('a'), ('b'); insert into c values ('a'), ('b');",
    );
    bench.up().await.unwrap();
    let other = Connection::open(&file).unwrap();
    other
        .execute_batch("pragma foreign_keys = off; insert into c values ('x'), ('y'); delete from c where p = 'x'")
        .unwrap();
    drop(other);
    let rebuild = "pragma foreign_keys = off;
        create table c2 (p text references p, note text); insert into c2 (p) select p from c order by p desc;
        drop table c; alter table c2 rename to c;";
    bench.file("2_rebuild.sql", rebuild).up().await.unwrap();
    assert_eq!(count(&file, "select count(*) from c"), 3);

    let broken = "pragma foreign_keys = off; delete from c where p = 'y'; delete from p where id = 'b';";
    bench.file("3_break.sql", broken);
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(
        finding.contains("`c` refers to `p`") && finding.contains("1 row like that stood there before"),
        "{finding}"
    );
    assert_eq!(count(&file, "select count(*) from p"), 2);
}

/// Bad input: another tool's table, a transaction of its own, a damaged file, a missing directory.
#[tokio::test]
async fn what_cannot_be_migrated_is_told_and_not_touched() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    Connection::open(&file)
        .unwrap()
        .execute_batch("create table schema_migrations (a varchar(128) primary key, b)")
        .unwrap();
    let adopted = bench(&file);
    adopted.file("1_a.sql", "create table a (n);");
    assert_eq!(
        adopted.up().await.unwrap_err().to_string(),
        "the table `schema_migrations` is nobody's ledger that is known here; columns: a varchar(128), b"
    );

    let transaction = bench(&dir.path().join("other.db"));
    transaction.file("1_a.sql", "create table a (n);").file("2_b.sql", "create table b (n); commit;");
    assert!(matches!(transaction.up().await, Err(MigrateError::BadFiles(bad)) if bad.len() == 1));
    assert!(!dir.path().join("other.db").exists(), "nothing was begun");

    let damaged = bench(&dir.write("damaged.db", &"no database ".repeat(100)));
    let error = damaged.file("1_a.sql", "select 1;").up().await.unwrap_err();
    assert_eq!(error.code(), Some("SQLITE_NOTADB"), "{error}");
    assert_eq!(error.outcome(), Outcome::Misused);

    let nowhere = bench(&dir.path().join("nowhere/app.db"));
    let error = nowhere.file("1_a.sql", "select 1;").up().await.unwrap_err();
    assert!(matches!(error, MigrateError::Refused(_)), "{error}");
}

/// S1.10: the file was lost, and the schema comes back.
#[tokio::test]
async fn a_lost_file_is_brought_back() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(&file);
    bench.file("1_slots.sql", "create table slots (n);").up().await.unwrap();
    for name in ["app.db", "app.db-wal", "app.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(name));
    }
    assert!(within(lost_ledger(&bench.job())).await.unwrap());
    assert_eq!(names(&bench.up().await.unwrap()), ["1_slots.sql"]);
    assert!(!within(lost_ledger(&bench.job())).await.unwrap());
}
