//! Databases as Flyway and home-made runners leave them, made by the documented DDL and rows (see the sources named in `src/style`):
//! we go on where they stopped, and write what they would have written.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use migrate::{Back, MigrateError, Status};
use support::{Bench, base::Base, names, within};

const FLYWAY_POSTGRES: &str = "CREATE TABLE \"public\".\"flyway_schema_history\" (\"installed_rank\" INT NOT NULL, \
     \"version\" VARCHAR(50), \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, \
     \"script\" VARCHAR(1000) NOT NULL, \"checksum\" INTEGER, \"installed_by\" VARCHAR(100) NOT NULL, \
     \"installed_on\" TIMESTAMP NOT NULL DEFAULT now(), \"execution_time\" INTEGER NOT NULL, \"success\" BOOLEAN NOT NULL); \
     ALTER TABLE \"public\".\"flyway_schema_history\" ADD CONSTRAINT \"flyway_schema_history_pk\" PRIMARY KEY (\"installed_rank\"); \
     CREATE INDEX \"flyway_schema_history_s_idx\" ON \"public\".\"flyway_schema_history\" (\"success\")";
const FLYWAY_SQLITE: &str = "CREATE TABLE \"main\".\"flyway_schema_history\" (\"installed_rank\" INT NOT NULL PRIMARY KEY, \
     \"version\" VARCHAR(50), \"description\" VARCHAR(200) NOT NULL, \"type\" VARCHAR(20) NOT NULL, \
     \"script\" VARCHAR(1000) NOT NULL, \"checksum\" INT, \"installed_by\" VARCHAR(100) NOT NULL, \
     \"installed_on\" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')), \"execution_time\" INT NOT NULL, \
     \"success\" BOOLEAN NOT NULL); \
     CREATE INDEX \"main\".\"flyway_schema_history_s_idx\" ON \"flyway_schema_history\" (\"success\")";

const FLYWAY_ROWS: &str = "SELECT installed_rank, coalesce(version, '-'), description, type, script, coalesce(checksum, 0), \
     CASE WHEN success THEN 'yes' ELSE 'no' END FROM flyway_schema_history ORDER BY installed_rank";

async fn status(bench: &Bench) -> Status {
    within(migrate::status(&bench.job())).await.unwrap()
}

/// Style, applied, pending, in conflict.
async fn counts(bench: &Bench) -> (Option<&'static str>, usize, usize, usize) {
    let Status { style, counts, .. } = status(bench).await;
    (style, counts.applied, counts.pending, counts.conflicts)
}

async fn down(bench: &Bench) -> Vec<String> {
    let report = within(migrate::down(&bench.job(), &Back::Steps(1))).await.unwrap();
    report.applied.iter().map(|undone| undone.name.clone()).collect()
}

fn flyway_row(rank: u32, version: &str, kind: &str, script: &str, checksum: &str) -> String {
    let description = script.split("__").nth(1).unwrap_or(script).trim_end_matches(".sql").replace('_', " ");
    format!(
        "; INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, checksum, installed_by, \
         execution_time, success) VALUES ({rank}, {version}, '{description}', '{kind}', '{script}', {checksum}, 'app', 3, TRUE)"
    )
}

/// Versioned files in parts and directories, a repeatable one that is applied again when it has changed, an undo file.
#[tokio::test]
async fn flyway() {
    for (base, mut bench) in [Base::postgres(), Base::sqlite()] {
        bench.env.insert("FLYWAY_PLACEHOLDERS_WIDTH".into(), "7".into());
        bench.file("V1__one.sql", "create table a(i int);\r\n");
        std::fs::create_dir(bench.dir.path().join("migrations/later")).unwrap();
        bench.file("later/V1_10__ten.sql", "create table ten (t varchar(${width}));\n");
        bench.file("V1.9__nine.sql", "create table nine (i int);\n");
        bench.file("U1.10__ten.sql", "drop table ten;\n");
        bench.file("R__all_of_it.sql", "drop view if exists v;\ncreate view v as select * from a;\n");
        let ddl = if matches!(base, Base::Postgres(_)) { FLYWAY_POSTGRES } else { FLYWAY_SQLITE };
        let one = flyway_row(1, "'1'", "SQL", "V1__one.sql", "-731837914");
        base.run(&format!("{ddl}; create table a(i int){one}"));
        assert_eq!(counts(&bench).await, (Some("flyway"), 1, 3, 0));
        assert_eq!(names(&bench.up().await.unwrap()), ["V1.9__nine.sql", "later/V1_10__ten.sql", "R__all_of_it.sql"]);
        let rows = [
            "1|1|one|SQL|V1__one.sql|-731837914|yes",
            "2|1.9|nine|SQL|V1.9__nine.sql|177629670|yes",
            "3|1.10|ten|SQL|later/V1_10__ten.sql|-1125680215|yes",
            "4|-|all of it|SQL|R__all_of_it.sql|1529008571|yes",
        ];
        assert_eq!(base.ask(FLYWAY_ROWS), rows);
        assert!(bench.up().await.unwrap().applied.is_empty());
        bench.file("R__all_of_it.sql", "drop view if exists v;\ncreate view v as select 1 as i;\n");
        assert_eq!(names(&bench.up().await.unwrap()), ["R__all_of_it.sql"]);
        assert_eq!(base.ask(FLYWAY_ROWS)[4], "5|-|all of it|SQL|R__all_of_it.sql|1497837313|yes");
        assert_eq!(down(&bench).await, ["later/V1_10__ten.sql"]);
        assert_eq!(counts(&bench).await, (Some("flyway"), 3, 1, 0));
    }
}

/// A baseline stands for all files up to it; a row of another content is a change.
#[tokio::test]
async fn flyway_baseline_and_changes() {
    let (base, bench) = Base::sqlite();
    bench.file("V1__one.sql", "create table one (i int);\n").file("V2__two.sql", "create table two (i int);\n");
    bench.file("V3__three.sql", "create table three (i int);\n");
    let baseline = flyway_row(1, "'2'", "BASELINE", "<< Flyway Baseline >>", "NULL");
    base.run(&format!("{FLYWAY_SQLITE}{baseline}"));
    assert_eq!(counts(&bench).await, (Some("flyway"), 2, 1, 0));
    assert_eq!(names(&bench.up().await.unwrap()), ["V3__three.sql"]);
    bench.file("V3__three.sql", "create table three (j int);\n");
    assert!(matches!(bench.up().await, Err(MigrateError::Conflicts(conflicts)) if conflicts.len() == 1));
}

/// S1.1: what Flyway would do and we do not is told before anything is done.
#[tokio::test]
async fn flyway_that_goes_too_far() {
    for (name, text, message) in [
        ("beforeMigrate.sql", "", "it is Flyway's callback `beforeMigrate`, which mainstay does not run"),
        ("V1__a.sql.conf", "executeInTransaction=false", "Flyway's settings for `V1__a.sql` are not read here"),
        ("V2__b.sql", "grant select on a to ${reader};", "the placeholder `reader` has no value"),
    ] {
        let (base, bench) = Base::sqlite();
        base.run(FLYWAY_SQLITE);
        bench.file("V1__a.sql", "create table a (i int);\n").file(name, text);
        let MigrateError::BadFiles(files) = bench.up().await.unwrap_err() else { panic!("{name}") };
        assert_eq!(files.len(), 1);
        assert!(files[0].to_string().ends_with(message), "{}", files[0]);
        assert!(base.ask("SELECT name FROM sqlite_master WHERE name = 'a'").is_empty());
    }
}

/// Three shapes of home-made tables: the mapping is told, and what we write is what the runner wrote.
#[tokio::test]
async fn home_made() {
    for (ddl, first, mapping, shown, expected) in [
        (
            "create table schema_migrations (filename text primary key, applied_at text not null)",
            "'0001_one.sql', '2026-11-24 18:30:00'",
            "`filename` holds the file's name, 1 of 1 rows explained",
            "select filename, length(applied_at) from schema_migrations order by 1",
            ["0001_one.sql|19", "0002_two.sql|19"],
        ),
        (
            "create table _migrations (version int primary key, name text not null, at text)",
            "1, 'one', null",
            "`version` holds the file's number, 1 of 1 rows explained; `name` what follows the number in the file's name",
            "select version, name from _migrations order by 1",
            ["1|one", "2|two"],
        ),
        (
            "create table migrations (id varchar(50) not null unique, checksum varchar(64) not null)",
            "'0001_one', '1ef5c2c0ab2507eec48abb7d66b47f92797fe1a70568cdbf1f94f195f136149d'",
            "`id` holds the file's name without its ending, 1 of 1 rows explained; `checksum` its SHA-256",
            "select id, length(checksum) from migrations order by 1",
            ["0001_one|64", "0002_two|64"],
        ),
    ] {
        for (base, bench) in [Base::postgres(), Base::sqlite()] {
            bench.file("0001_one.sql", "create table one (i int);\n");
            bench.file("0002_two.sql", "create table two (i int);\n");
            let table = ddl.split(' ').nth(2).unwrap();
            base.run(&format!("{ddl}; insert into {table} values ({first}); create table one (i int)"));
            let status = status(&bench).await;
            assert_eq!((status.style, status.mapping.as_deref()), (Some("diy"), Some(mapping)));
            assert_eq!((status.counts.applied, status.counts.pending, status.counts.conflicts), (1, 1, 0), "{ddl}");
            assert_eq!(names(&bench.up().await.unwrap()), ["0002_two.sql"]);
            assert_eq!(base.ask(shown), expected);
            assert!(bench.up().await.unwrap().applied.is_empty());
        }
    }
}

/// In doubt nothing is touched.
#[tokio::test]
async fn home_made_and_unexplained() {
    let (base, bench) = Base::sqlite();
    bench.file("0001_one.sql", "create table one (i int);\n");
    base.run("create table schema_migrations (filename text, run int); insert into schema_migrations values ('0001_won.sql', 1)");
    let error = bench.up().await.unwrap_err();
    let MigrateError::ForeignTable { why, .. } = &error else { panic!("{error:?}") };
    assert_eq!(why.as_deref(), Some("no file explains 1 row in `filename`: `0001_won.sql`"));
    assert_eq!(base.ask("SELECT name FROM sqlite_master ORDER BY 1"), ["schema_migrations"]);
}

/// A table `migrations` may be about something else.
#[tokio::test]
async fn a_table_of_another_kind() {
    let (base, bench) = Base::sqlite();
    bench.file("0001_one.sql", "create table one (i int);\n");
    base.run("create table migrations (bird text, from_place text)");
    assert_eq!(names(&bench.up().await.unwrap()), ["0001_one.sql"]);
    assert_eq!(counts(&bench).await, (Some("plain"), 1, 0, 0));
}

/// A release that is older than the database knows its newest rows by our history.
#[tokio::test]
async fn home_made_and_newer_than_the_files() {
    let (base, bench) = Base::sqlite();
    bench.file("0001_one.sql", "create table one (i int);\n").file("0002_two.sql", "create table two (i int);\n");
    bench.file("0002_two.down.sql", "drop table two;\n");
    base.run("create table migrations (name text not null); insert into migrations values ('0001_one.sql'); create table one (i int)");
    assert_eq!(names(&bench.up().await.unwrap()), ["0002_two.sql"]);
    for name in ["0002_two.sql", "0002_two.down.sql"] {
        std::fs::remove_file(bench.dir.path().join("migrations").join(name)).unwrap();
    }
    assert_eq!(counts(&bench).await, (Some("diy"), 1, 0, 1));
    assert_eq!(down(&bench).await, ["0002_two.sql"]);
    assert_eq!(base.ask("select name from migrations"), ["0001_one.sql"]);
}
