//! The schema as SQL, on real databases: what was dumped can be loaded, and is the same again.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests stand outside the program")]

mod support;

use config::{Target, dsn::PostgresDsn};
use migrate::MigrateError;
use report::Outcome;
use support::{Bench, dsn, postgres, within};
use testkit::{Cluster, TempDir};

const FIRST: &str = "create schema app;\n\
    create type app.mood as enum ('well', 'it''s bad');\n\
    create table app.users (id bigint generated always as identity primary key, mood app.mood default 'well');\n\
    comment on table app.users is '-- not a comment';\n";
const SECOND: &str = "create function app.f() returns text language plpgsql as $$\n\
    begin\n-- a remark that stays\n  return ';';\nend $$;\n\
    create function app.g(n int) returns int language sql begin atomic select n; select n + 1; end;\n\
    create view app.moods as select mood, count(*) from app.users group by mood;\n\
    insert into app.users (mood) values ('well');\n";

fn bench(target: Target) -> Bench {
    let mut bench = Bench::new(target);
    bench.spawner = Box::new(host::process::SystemSpawner::new().unwrap());
    bench.env.insert("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into());
    bench
}

async fn dump(bench: &Bench) -> Result<String, MigrateError> {
    within(migrate::dump(&bench.job())).await
}

fn load(cluster: &Cluster, database: &str, text: &str) {
    let (url, dir) = (cluster.create_database(database), TempDir::new());
    let file = dir.write("schema.sql", text);
    let mut psql = std::process::Command::new(testkit::find_component("psql"));
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", &url, "-f"]).arg(file);
    let said = psql.output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}

/// S1.10: a dump makes an equal database in which nothing is pending, with neither rows nor anything of ours in it.
#[tokio::test]
async fn a_dump_of_postgres_comes_back() {
    let cluster = Cluster::start();
    let bench = bench(postgres(cluster.port(), "postgres"));
    bench.file("0001_app.sql", FIRST).file("0002_more.sql", SECOND);
    bench.up().await.unwrap();
    let first = dump(&bench).await.unwrap();
    assert_eq!(first, dump(&bench).await.unwrap());
    for noise in ["\\restrict", "\n--\n", "Dumped", "mainstay", "applied_at\", \"", "OWNER"] {
        assert!(!first.contains(noise), "{noise} in:\n{first}");
    }
    for kept in ["-- a remark that stays", "'-- not a comment'", "BEGIN ATOMIC", "'0001_app.sql'"] {
        assert!(first.contains(kept), "no {kept} in:\n{first}");
    }

    load(&cluster, "copy", &first);
    let mut copy = self::bench(postgres(cluster.port(), "copy"));
    copy.migrations.source = bench.migrations.source.clone();
    let report = copy.up().await.unwrap();
    assert_eq!((report.applied.len(), report.pending_before), (0, 0));
    assert_eq!(cluster.psql_in("copy", "select count(*) from app.users"), "0");
    assert_eq!(dump(&copy).await.unwrap(), first);

    copy.file("0003_later.sql", "create table later (id int);");
    bench.file("0003_later.sql", "create table later (id int);");
    assert_eq!(copy.up().await.unwrap().applied.len(), 1);
    assert_ne!(dump(&copy).await.unwrap(), first);
}

/// The password goes by the environment, and a database that lets nobody in is told as such.
#[tokio::test]
async fn a_password_is_handed_over() {
    let cluster = Cluster::builder().password("open sesame").start();
    let with = |password: &str| {
        let dsn = PostgresDsn { user: "app".into(), ..dsn(cluster.port(), "app") };
        Target::Postgres(PostgresDsn { password: Some(report::Secret::new(password)), ..dsn })
    };
    let right = bench(with("open sesame"));
    right.file("0001_app.sql", FIRST);
    right.up().await.unwrap();
    assert!(dump(&right).await.unwrap().contains("CREATE TABLE app.users"));
    assert!(matches!(dump(&bench(with("wrong"))).await, Err(MigrateError::Refused(_))));
}

/// A table that somebody keeps locked is not waited for without end; the error is pg_dump's own.
#[tokio::test]
async fn a_locked_table_is_not_waited_for_without_end() {
    let cluster = Cluster::start();
    let mut bench = bench(postgres(cluster.port(), "postgres"));
    bench.file("0001_app.sql", FIRST);
    bench.up().await.unwrap();
    let mut holder = cluster.session("postgres", "postgres").unwrap();
    holder.query("begin; lock table app.users").unwrap();
    bench.migrations.lock_timeout = std::time::Duration::from_millis(100);
    let error = dump(&bench).await.unwrap_err();
    assert!(matches!(&error, MigrateError::PgDump { .. }), "{error}");
    assert!(error.finding().to_string().contains("timeout"), "{}", error.finding());
    assert_eq!(error.outcome(), Outcome::Failed);
}

/// S1.10 on SQLite: virtual tables, triggers, views, an AUTOINCREMENT and the version of the user.
#[tokio::test]
async fn a_dump_of_sqlite_comes_back() {
    let dir = TempDir::new();
    let target = |name: &str| Target::Sqlite(dir.path().join(name));
    let bench = bench(target("app.db"));
    bench.file(
        "0001_notes.sql",
        "create table notes (id integer primary key autoincrement, text text not null default 'it''s');\n\
         create virtual table found using fts5(text);\n\
         create index by_text on notes (text);\n\
         create view shouted as select upper(text) as text from notes;\n\
         create trigger keep after insert on notes begin insert into found (text) values (new.text); select 1; end;\n\
         insert into notes (text) values ('hello');\n\
         pragma user_version = 7;\n",
    );
    bench.file("0002_more.sql", "alter table notes add column at text;");
    bench.up().await.unwrap();
    let first = dump(&bench).await.unwrap();
    assert!(!first.contains("mainstay") && !first.contains("found_data") && !first.contains("sqlite_"), "{first}");

    let loaded = rusqlite::Connection::open(dir.path().join("copy.db")).unwrap();
    loaded.execute_batch(&first).unwrap();
    let count = |sql: &str| loaded.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((count("select count(*) from notes"), count("pragma user_version")), (0, 7));
    let mut copy = self::bench(target("copy.db"));
    copy.migrations.source = bench.migrations.source.clone();
    assert_eq!(copy.up().await.unwrap().pending_before, 0);
    assert_eq!(dump(&copy).await.unwrap(), first);
}

/// A path that was mistyped is no empty schema.
#[tokio::test]
async fn no_file_is_no_schema() {
    let dir = TempDir::new();
    let bench = bench(Target::Sqlite(dir.path().join("none.db")));
    let error = dump(&bench).await.unwrap_err();
    assert!(matches!(error, MigrateError::NoDatabase { .. }) && error.outcome() == Outcome::Misused, "{error}");
    assert!(!dir.path().join("none.db").exists());
}

/// S1.10 for every adopted tool: its ledger comes back as well, and its counters go on.
#[tokio::test]
async fn the_ledger_of_each_tool_comes_back() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    let styles = [
        ("dbmate", "1_a.sql", "2_b.sql", "-- migrate:up\n", "\n-- migrate:down\n"),
        ("golang-migrate", "1_a.up.sql", "2_b.up.sql", "", ""),
        ("goose", "00001_a.sql", "00002_b.sql", "-- +goose Up\n", ""),
        ("sqlx", "1_a.sql", "2_b.sql", "", ""),
        ("refinery", "V1__a.sql", "V2__b.sql", "", ""),
        ("flyway", "V1__a.sql", "V2__b.sql", "", ""),
    ];
    for (style, first, second, before, after) in styles {
        cluster.create_database(style);
        let here = postgres(cluster.port(), style);
        let there = postgres(cluster.port(), &format!("{style}-copy"));
        let file = |name: &str| Target::Sqlite(dir.path().join(name));
        for (from, to) in [(here, there), (file(style), file(&format!("{style}-copy")))] {
            let mut bench = bench(from);
            bench.migrations.style = Some(style.into());
            bench.file(first, &format!("{before}create table a (n int);{after}"));
            bench.up().await.unwrap();
            let text = dump(&bench).await.unwrap();
            match &to {
                Target::Sqlite(path) => rusqlite::Connection::open(path).unwrap().execute_batch(&text).unwrap(),
                _ => load(&cluster, &format!("{style}-copy"), &text),
            }
            bench.target = to;
            assert_eq!(bench.up().await.unwrap().pending_before, 0, "{style}:\n{text}");
            assert_eq!(dump(&bench).await.unwrap(), text, "{style}");
            bench.file(second, &format!("{before}create table b (n int);{after}"));
            assert_eq!(bench.up().await.unwrap().applied.len(), 1, "{style}:\n{text}");
        }
    }
}
