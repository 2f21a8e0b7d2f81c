//! The linter on a real PostgreSQL: sizes, what is pending, and a server that does not answer.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use migrate::{
    MigrateError,
    lint::{Linted, Question, Which, lint},
};
use report::{Outcome, Severity};
use std::time::Duration;
use support::{Bench, postgres, within};
use testkit::{Answer, Cluster, FakePostgres, TempDir};
use tokio::time::Instant;

const PENDING: Question = Question { which: Which::Pending, version: None };

async fn told(bench: &Bench, question: &Question) -> Linted {
    within(lint(&bench.job(), question)).await.unwrap()
}

/// `severity rule: what was seen` of each.
fn short(linted: &Linted) -> Vec<String> {
    let findings = linted.findings.iter().filter(|told| told.rule.as_deref() != Some("missing-down"));
    let short = findings.map(|told| {
        let rule = told.rule.as_deref().unwrap_or("-");
        format!("{} {rule}: {}", told.finding.severity, told.finding.seen.join("; "))
    });
    short.collect()
}

fn tables() -> Cluster {
    let cluster = Cluster::start();
    cluster.psql(
        "create table many (id int primary key, name text); insert into many select n from generate_series(1, 20000) n;
         create index many_name on many (name);
         create table few (id int primary key, name text); insert into few values (1);
         create table none (id int primary key, name text);
         create schema app; create table app.\"Parts\" (id int) partition by range (id);
         create table part1 partition of app.\"Parts\" for values from (0) to (30000);
         insert into app.\"Parts\" select n from generate_series(1, 20000) n;
         create view seen as select * from many;",
    );
    // A statement of its own, since it cannot run among others.
    cluster.psql("vacuum analyze");
    cluster
}

/// A finding weighs as much as its table; a partitioned table is all its partitions, an index is its table.
#[tokio::test]
async fn sizes_are_those_of_the_server() {
    let cluster = tables();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file(
        "1_x.sql",
        "create index on many (id);\ncreate index on few (id);\ncreate index on none (id);\ndrop index many_name;\n\
         create index on app.\"Parts\" (id);\ncreate index on new (id);\ncreate index on nowhere (id);\n",
    );
    bench.file("2_x.sql", "create table new (id int);\n");
    let linted = told(&bench, &PENDING).await;
    let sizes: Vec<_> = short(&linted).into_iter().map(|text| without_bytes(&text)).collect();
    assert_eq!(
        sizes,
        [
            "warning require-concurrent-index-creation: `many` has about 20,000 rows",
            "note require-concurrent-index-creation: `few` has about 1 row",
            "note require-concurrent-index-creation: `none` is empty",
            "warning require-concurrent-index-deletion: `many_name` has about 20,000 rows",
            "warning require-concurrent-index-creation: `app.Parts` has about 20,000 rows",
            "note require-concurrent-index-creation: `new` is made by `migrations/2_x.sql`",
            "warning require-concurrent-index-creation: could not verify the size of `nowhere`: the database has no such table",
        ]
    );
    let server = cluster.psql("select current_setting('server_version_num')::int / 10000");
    assert_eq!((linted.postgres.unwrap().to_string(), linted.outcome()), (server, Outcome::Failed));
    assert!(linted.findings[0].tables[0].bytes > 1 << 20, "{linted:?}");
    assert_eq!(cluster.psql("select count(*) from pg_class where relname like '%schema_migrations%'"), "0");
}

fn without_bytes(text: &str) -> String {
    text.split(", ")
        .filter(|part| !part.ends_with("iB") && *part != "which is not applied yet")
        .collect::<Vec<_>>()
        .join(", ")
}

/// What is applied already is looked at only when asked for, alone or with all others; a file need not be a migration.
#[tokio::test]
async fn which_files() {
    let cluster = Cluster::start();
    cluster.psql("create table a (x int)");
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "create index on a (x);\n");
    bench.up().await.unwrap();
    bench.file("2_b.sql", "alter table a drop x;\n").file("2_b.down.sql", "drop table a;");
    bench.dir.write("draft.sql", "drop table a;\n");
    let pending = told(&bench, &PENDING).await;
    assert_eq!((pending.files, short(&pending).len(), pending.findings.len()), (1, 1, 1));
    let all = told(&bench, &Question { which: Which::All, version: None }).await;
    let rules: Vec<_> = all.findings.iter().filter_map(|told| told.rule.as_deref()).collect();
    assert_eq!(rules, ["require-concurrent-index-creation", "missing-down", "ban-drop-column"]);
    let named = ["draft.sql", "migrations/1_a.sql"].map(|name| bench.dir.path().join(name)).to_vec();
    let named = told(&bench, &Question { which: Which::Files(named), version: None }).await;
    let files: Vec<_> =
        named.findings.iter().filter_map(|told| Some(told.finding.place.as_ref()?.file.as_str())).collect();
    assert_eq!(files, ["draft.sql", "migrations/1_a.sql"]);
    let absent = Question { which: Which::Files(vec![bench.dir.path().join("no.sql")]), version: None };
    assert!(matches!(within(lint(&bench.job(), &absent)).await, Err(MigrateError::Directory { .. })));
}

/// A server that refuses, says nothing at all, or has the tables locked holds nothing up.
#[tokio::test]
async fn a_server_that_does_not_answer_is_done_without() {
    let cluster = tables();
    let silent = FakePostgres::start([Answer::Silent]);
    let started = Instant::now();
    let mut session = cluster.session("postgres", "postgres").unwrap();
    session.query("begin").unwrap();
    session.query("lock table many").unwrap();
    let seen = [(1, "refused"), (silent.port(), "said nothing for 2."), (cluster.port(), "55P03")];
    for (port, why) in seen {
        let bench = Bench::new(postgres(port, "postgres"));
        bench.file("1_x.sql", "create index on many (id);\n");
        let linted = told(&bench, &PENDING).await;
        assert_eq!(linted.findings[0].finding.severity, Severity::Note);
        assert!(linted.findings[0].finding.summary.starts_with("could not verify table sizes"), "{linted:?}");
        assert!(linted.findings[0].finding.seen[0].contains(why), "{linted:?}");
        assert_eq!(linted.findings[1].finding.severity, Severity::Warning);
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

/// `up` tells warnings, and goes on.
#[tokio::test]
async fn up_tells_warnings_before_it_applies() {
    let cluster = tables();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_x.sql", "create index on many (id);\ncreate index on few (id);\n");
    bench.up().await.unwrap();
    let texts = bench.texts();
    assert!(
        texts[0].starts_with("migrations/1_x.sql:1: `require-concurrent-index-creation`: ")
            && texts[0].contains("20,000 rows"),
        "{texts:?}"
    );
    assert_eq!(bench.course()[..2], ["migrate.lint", "migrate.applied"]);
    assert_eq!(bench.recorder.names().iter().filter(|name| **name == "migrate.lint").count(), 1);
}

/// A rule in the configuration that there is not: an error of whoever asks for the linter, a warning for `up`.
#[tokio::test]
async fn an_unknown_rule_is_told() {
    let cluster = Cluster::start();
    let mut bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.migrations.lint_exclude = vec!["ban-drop-tables".to_owned()];
    bench.file("1_x.sql", "select 1;");
    let error = within(lint(&bench.job(), &PENDING)).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.outcome()),
        ("the linter has no rule `ban-drop-tables`", Outcome::Misused)
    );
    bench.up().await.unwrap();
    assert_eq!(bench.texts()[0], "the linter has no rule `ban-drop-tables`");
}

#[tokio::test]
async fn an_sqlite_cannot_be_verified() {
    let dir = TempDir::new();
    let bench = Bench::new(config::Target::Sqlite(dir.path().join("app.db")));
    bench.file("1_x.sql", "create table a (x int);");
    let linted = told(&bench, &PENDING).await;
    assert_eq!((linted.outcome(), linted.files), (Outcome::Degraded, 0));
    let version = Question { version: Some(17), ..PENDING };
    assert_eq!(told(&bench, &version).await.outcome(), Outcome::Done);
    assert!(!dir.path().join("app.db").exists());
}
