//! Rehearsals on real databases: nothing is applied, and what would happen is told.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use config::Target;
use migrate::{Goal, Ground, Lock, MigrateError, Rehearsal, Stage, Verdict, rehearse, status};
use support::{Bench, postgres, until, within};
use testkit::{Cluster, TempDir};

fn bench(target: Target) -> Bench {
    let mut bench = Bench::new(target);
    bench.spawner = Box::new(host::process::SystemSpawner::new().unwrap());
    bench.env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
    bench
}

async fn rehearsed(bench: &Bench, how: Stage) -> Rehearsal {
    within(rehearse(&bench.job(), &Goal::All, how)).await.unwrap()
}

fn clones(cluster: &Cluster) -> String {
    cluster.psql("select count(*) from pg_database where datname like 'mainstay_rehearsal%'")
}

/// A database with rows, one file applied and three pending.
async fn orders(cluster: &Cluster) -> Bench {
    let bench = bench(postgres(cluster.port(), "postgres"));
    bench.file(
        "0001_orders.sql",
        "create table orders (id int primary key, n int);\ncreate table users (id int primary key);\n",
    );
    bench.up().await.unwrap();
    cluster.psql("insert into orders select n, n from generate_series(1, 5000) n; analyze orders");
    bench.file("0002_wider.sql", "alter table orders alter n type bigint;\n").file(
        "0003_more.sql",
        "create table lines (id int primary key, user_id int references users);\ndrop table orders;\n",
    );
    bench
}

/// What both ways must have seen of [`orders`].
fn assert_seen(shown: &Rehearsal) {
    let [wider, more] = shown.files.as_slice() else { panic!("{shown:?}") };
    let held: Vec<_> = wider.locks.iter().map(|it| (it.table.as_str(), it.lock, it.rewritten)).collect();
    assert_eq!(held, [("orders", Some(Lock::AccessExclusive), true)], "{shown}");
    let size = wider.locks[0].size.unwrap();
    assert!(size.rows == Some(5000) && size.bytes > 100_000, "{size:?}");
    let users = more.locks.iter().find(|it| it.table == "users").unwrap();
    assert_eq!((users.lock, users.rewritten), (Some(Lock::ShareRowExclusive), false), "{shown}");
    assert_eq!(more.created, ["table lines", "index lines_pkey"], "{shown}");
    assert_eq!(more.dropped, ["table orders", "index orders_pkey"], "{shown}");
    assert!(shown.passed() && shown.files.iter().all(|file| file.verdict == Verdict::Pass));
}

/// S1.6: on a clone and rolled back: the same is seen, and nothing is applied.
#[tokio::test]
async fn both_ways_see_the_same_and_apply_nothing() {
    let cluster = Cluster::start();
    let bench = orders(&cluster).await;
    for (how, ground) in
        [(Stage::Auto, Ground::Clone), (Stage::Clone, Ground::Clone), (Stage::RollBack, Ground::RollBack)]
    {
        let shown = rehearsed(&bench, how).await;
        assert_eq!((shown.ground, &shown.instead), (ground, &None), "{shown}");
        assert_seen(&shown);
        assert_eq!(clones(&cluster), "0");
        assert_eq!(within(status(&bench.job())).await.unwrap().counts.pending, 2);
        assert_eq!(cluster.psql("select count(*), pg_typeof(max(n)) from orders"), "5000|integer");
        assert_eq!(cluster.psql("select to_regnamespace('mainstay_rehearsal')"), "");
        assert_eq!(cluster.psql("select count(*) from pg_locks where locktype = 'advisory'"), "0");
    }
    assert!(
        bench.course().iter().all(|name| *name != "migrate.warning" && *name != "migrate.rehearsal"),
        "{:?}",
        bench.texts()
    );
}

/// S1.6: a file that fails is told with its place, those behind it were not reached.
#[tokio::test]
async fn a_file_that_fails_is_the_answer() {
    let cluster = Cluster::start();
    let bench = bench(postgres(cluster.port(), "postgres"));
    bench
        .file("0001_a.sql", "create table a (n int);")
        .file("0002_b.sql", "insert into a values (1);\nselect 1 / 0;\n");
    bench.file("0003_c.sql", "create table c (n int);");
    for how in [Stage::Clone, Stage::RollBack] {
        let shown = rehearsed(&bench, how).await;
        let verdicts: Vec<_> = shown.files.iter().map(|file| file.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Fail, Verdict::Skipped], "{shown}");
        let Some(MigrateError::File(failure)) = &shown.files[1].error else { panic!("{shown:?}") };
        assert_eq!((failure.code.as_deref(), failure.place.as_ref().unwrap().line), (Some("22012"), 2), "{failure:?}");
        let json = serde_json::json!(shown);
        assert!(json["files"][1]["error"].as_str().unwrap().contains("division by zero"), "{json}");
        assert!(!shown.passed());
        assert_eq!(cluster.psql("select to_regclass('a'), to_regclass('schema_migrations')"), "|");
    }
    assert_eq!(clones(&cluster), "0");
}

/// What only COMMIT checks is checked, file by file; a later file may change what an earlier one has filled.
#[tokio::test]
async fn deferred_constraints_are_checked_as_by_commit() {
    let cluster = Cluster::start();
    let bench = bench(postgres(cluster.port(), "postgres"));
    bench.file(
        "0001_a.sql",
        "create table a (id int primary key);\n\
         create table b (a int references a deferrable initially deferred);\n\
         insert into b values (1);\ninsert into a values (1);\n",
    );
    bench.file("0002_b.sql", "alter table b add column n int;\ninsert into b values (2);\ninsert into a values (2);\n");
    bench.file("0003_c.sql", "insert into b values (3);");
    for how in [Stage::Clone, Stage::RollBack] {
        let shown = rehearsed(&bench, how).await;
        let verdicts: Vec<_> = shown.files.iter().map(|file| file.verdict).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Pass, Verdict::Fail], "{shown}");
        assert_eq!(shown.files[2].error.as_ref().and_then(MigrateError::code), Some("23503"), "{shown}");
    }
}

/// A role that may make no database gets the other way, and is told why; where a statement stands alone there is none.
#[tokio::test]
async fn without_createdb_it_is_rolled_back() {
    let cluster = Cluster::builder().password("open sesame").start();
    let mut dsn = support::dsn(cluster.port(), "app");
    (dsn.user, dsn.password) = ("app".into(), Some(report::Secret::new("open sesame")));
    let bench = bench(Target::Postgres(dsn));
    bench.file("0001_a.sql", "create table a (n int);");
    let shown = rehearsed(&bench, Stage::Auto).await;
    assert_eq!(shown.ground, Ground::RollBack);
    assert!(shown.instead.as_ref().unwrap().contains("permission denied to create database"), "{shown}");
    assert!(shown.passed());

    bench.file("0002_index.sql", "create index concurrently a_n on a (n);");
    let error = within(rehearse(&bench.job(), &Goal::All, Stage::Auto)).await.unwrap_err();
    assert!(matches!(error, MigrateError::NoRehearsal { .. }), "{error}");
    assert_eq!(cluster.psql_in("app", "select to_regclass('a')"), "");
}

/// What stands outside of transactions runs on a clone, which has the settings of the database and what the history knows.
#[tokio::test]
async fn a_clone_is_like_its_original() {
    let cluster = Cluster::start();
    cluster.psql("create schema app; alter database postgres set search_path to app, public; alter database postgres set app.x to 'it''s'");
    let bench = bench(postgres(cluster.port(), "postgres"));
    bench
        .file("0001_a.sql", "create table a (n int);")
        .file("R__view.sql", "create or replace view v as select n from a;");
    bench.up().await.unwrap();
    assert_eq!(rehearsed(&bench, Stage::Clone).await.ground, Ground::Nowhere);
    bench.file(
        "0002_index.sql",
        "create index concurrently a_n on app.a (n);\ninsert into a values (length(current_setting('app.x')));",
    );
    let shown = rehearsed(&bench, Stage::Clone).await;
    assert!(shown.passed() && shown.files.len() == 1, "{shown}");
    assert_eq!(
        (shown.files[0].unseen, shown.files[0].created.as_slice()),
        (1, ["index a_n".to_owned()].as_slice()),
        "{shown}"
    );
    assert_eq!(clones(&cluster), "0");
}

/// A rehearsal that is interrupted leaves no database behind, and old ones of a killed one are swept up.
#[tokio::test]
async fn no_clone_is_left_behind() {
    let cluster = Cluster::start();
    let stale = "mainstay_rehearsal_20200101000000_0123abcd";
    cluster.create_database(stale);
    let bench = bench(postgres(cluster.port(), "postgres"));
    bench.file("0001_slow.sql", "select pg_sleep(60);");
    {
        let job = bench.job();
        let running = until("the file runs", || {
            cluster.psql(
                "select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and datname like 'mainstay_%'",
            ) == "1"
        });
        tokio::select! {
            shown = rehearse(&job, &Goal::All, Stage::Clone) => panic!("{shown:?}"),
            () = running => {}
        }
    }
    assert_eq!(clones(&cluster), "0");
    assert!(bench.texts().iter().any(|text| text.contains(stale)), "{:?}", bench.texts());
}

/// A short patience: a rehearsal on the database itself gives up where somebody holds the table.
#[tokio::test]
async fn a_rehearsal_does_not_queue_up_for_long() {
    let cluster = Cluster::start();
    let bench = orders(&cluster).await;
    let mut holder = cluster.session("postgres", "postgres").unwrap();
    holder.query("begin; select * from orders").unwrap();
    let shown = rehearsed(&bench, Stage::RollBack).await;
    let Some(MigrateError::File(failure)) = &shown.files[0].error else { panic!("{shown:?}") };
    assert_eq!(failure.code.as_deref(), Some("55P03"));
    assert!(rehearsed(&bench, Stage::Clone).await.passed());
}

/// S1.7 on SQLite: a copy with its rows; what the files leave broken is found, and the file itself is as before.
#[tokio::test]
async fn sqlite_is_rehearsed_on_a_copy() {
    let dir = TempDir::new();
    let file = dir.path().join("app.db");
    let bench = bench(Target::Sqlite(file.clone()));
    let shown = {
        bench.file("0001_a.sql", "create table a (id integer primary key);\ncreate table b (a integer references a (id));\ninsert into a values (1);\ninsert into b values (1);\n");
        rehearsed(&bench, Stage::Auto).await
    };
    assert!(shown.passed() && shown.ground == Ground::Copy && !file.exists(), "{shown}");
    assert_eq!(shown.files[0].created, ["table a", "table b"]);

    bench.up().await.unwrap();
    let before = std::fs::metadata(&file).unwrap().len();
    bench.file("0002_b.sql", "pragma foreign_keys = off;\ncreate table new_a (id integer primary key, n int);\ninsert into new_a select id, 1 from a;\ndrop table a;\nalter table new_a rename to a;\n");
    let shown = rehearsed(&bench, Stage::Auto).await;
    assert!(shown.passed(), "{shown}");
    assert_eq!(
        shown.files[0].locks.iter().map(|it| (it.table.as_str(), it.rewritten)).collect::<Vec<_>>(),
        [("a", true)],
        "{shown}"
    );

    bench.file("0003_c.sql", "insert into b values (7);");
    let shown = rehearsed(&bench, Stage::Auto).await;
    assert_eq!(shown.files[1].verdict, Verdict::Fail, "{shown}");
    assert_eq!(within(status(&bench.job())).await.unwrap().counts.pending, 2);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), before);
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| name.starts_with("app.db")), "{left:?}");
}
