//! There and back with the real `sqlx` (sqlx-cli): it applies some, we apply some, each undoes the other's, and in the end the
//! database is what it would be had sqlx been alone.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use support::{
    Bench,
    base::Base,
    peer::{peer, schema},
    within,
};
use testkit::{Output, Test};

/// A simple one, two with both directions, one of them outside of a transaction, one with the line ends of another system.
const FILES: [&[(&str, &str)]; 4] = [
    &[("0001_one.sql", "create table one (i int);\n")],
    &[
        ("2_two_of_them.up.sql", "create table two (t text default 'a;b');\ncreate view v as select * from two;\n"),
        ("2_two_of_them.down.sql", "drop view v;\ndrop table two;\n"),
    ],
    &[
        ("3_index.up.sql", "-- no-transaction\ncreate index CONCURRENTLY by_i on one (i);\n"),
        ("3_index.down.sql", "-- no-transaction\ndrop index CONCURRENTLY by_i;\n"),
    ],
    &[
        ("20261124183000_four.up.sql", "create table four (i int);\r\n"),
        ("20261124183000_four.down.sql", "drop table four;\r\n"),
    ],
];

/// Times differ, and how long it took.
const ROWS: &str = "SELECT version, description, CASE WHEN success THEN 'yes' ELSE 'no' END, \
     CASE WHEN execution_time > 0 THEN 'took' ELSE 'none' END FROM _sqlx_migrations ORDER BY version";

struct Round {
    base: Base,
    bench: Bench,
    sqlx: Test,
    url: String,
}

impl Round {
    fn new((base, bench): (Base, Bench)) -> Self {
        let url = match &base {
            Base::Postgres(cluster) => cluster.url(),
            Base::Sqlite(path) => {
                std::fs::write(path, "").unwrap();
                format!("sqlite:{}", path.display())
            }
        };
        Self { base, bench, sqlx: Test::new(peer("cargo/bin/sqlx")), url }
    }

    /// The first `count` of the migrations; SQLite knows no `CONCURRENTLY`.
    fn add(&self, count: usize) {
        let word = if matches!(self.base, Base::Postgres(_)) { "concurrently" } else { "" };
        for (name, text) in FILES[..count].iter().flat_map(|files| files.iter()) {
            self.bench.file(name, &text.replace("CONCURRENTLY", word));
        }
    }

    #[track_caller]
    fn sqlx(&self, verb: &str) -> Output {
        let dir = self.bench.dir.path().join("migrations");
        let dir = dir.to_str().unwrap();
        let output = self.sqlx.again().args(["migrate", verb, "--source", dir, "--database-url", &self.url]).run();
        output.code(0);
        output
    }

    /// What sqlx says of each of them.
    #[track_caller]
    fn info(&self) -> Vec<String> {
        let output = self.sqlx("info");
        output.raw_stdout.lines().map(str::to_owned).collect()
    }

    fn checksums(&self) -> Vec<String> {
        let hex = match self.base {
            Base::Postgres(_) => "encode(checksum, 'hex')",
            Base::Sqlite(_) => "lower(hex(checksum))",
        };
        self.base.ask(&format!("SELECT {hex} FROM _sqlx_migrations ORDER BY version"))
    }

    #[track_caller]
    fn is_as(&self, alone: &Self) {
        assert_eq!(self.base.ask(ROWS), alone.base.ask(ROWS));
        assert_eq!(self.checksums(), alone.checksums());
        assert_eq!(schema(&self.base, "_sqlx_migrations"), schema(&alone.base, "_sqlx_migrations"));
    }
}

async fn there_and_back(round: Round, alone: Round) {
    // sqlx begins, we go on; to sqlx nothing is left.
    round.add(1);
    round.sqlx("run").stdout_has("Applied 1/migrate one");
    round.add(3);
    assert_eq!(round.bench.applied().await, ["2_two_of_them.up.sql", "3_index.up.sql"]);
    assert_eq!(round.info(), ["1/installed one", "2/installed two of them", "3/installed index"]);
    // sqlx applies one more and undoes it, and one of ours; we see that they are gone, and that the rest is well.
    round.add(4);
    round.sqlx("run").stdout_has("Applied 20261124183000/migrate four");
    assert!(round.bench.applied().await.is_empty());
    round.sqlx("revert").stdout_has("Applied 20261124183000/revert four");
    round.sqlx("revert").stdout_has("Applied 3/revert index");
    let verified = within(migrate::verify(&round.bench.job())).await.unwrap();
    assert_eq!((verified.passed, verified.failed, verified.unverified), (2, vec![], vec![]));
    assert_eq!(round.bench.applied().await, ["3_index.up.sql", "20261124183000_four.up.sql"]);
    // We undo, and sqlx applies it again.
    assert_eq!(round.bench.undone().await, ["20261124183000_four.up.sql"]);
    assert_eq!(round.bench.undone().await, ["3_index.up.sql"]);
    assert_eq!(round.info()[2..], ["3/pending index", "20261124183000/pending four"]);
    round.sqlx("run");
    assert!(round.bench.applied().await.is_empty());
    alone.add(4);
    alone.sqlx("run");
    round.is_as(&alone);
}

/// A database that we made is the one that sqlx would have made.
async fn from_the_first_file(mut round: Round, alone: Round) {
    for round in [&round, &alone] {
        round.add(4);
    }
    round.bench.migrations.style = Some("sqlx".into());
    assert_eq!(round.bench.applied().await.len(), 4);
    assert!(round.info().iter().all(|line| line.contains("/installed ") && !line.contains("checksum")));
    alone.sqlx("run");
    round.is_as(&alone);
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn there_and_back_on_postgres() {
    there_and_back(Round::new(Base::postgres()), Round::new(Base::postgres())).await;
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn there_and_back_on_sqlite() {
    there_and_back(Round::new(Base::sqlite()), Round::new(Base::sqlite())).await;
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn from_the_first_file_on_postgres() {
    from_the_first_file(Round::new(Base::postgres()), Round::new(Base::postgres())).await;
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn from_the_first_file_on_sqlite() {
    from_the_first_file(Round::new(Base::sqlite()), Round::new(Base::sqlite())).await;
}

/// What is not committed by sqlx's own hand: files that it would call dirty or changed, we refuse too.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn what_stops_sqlx_stops_us() {
    let round = Round::new(Base::sqlite());
    round.add(2);
    round.sqlx("run");
    round.base.run("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 2");
    let dir = round.bench.dir.path().join("migrations");
    let args = ["migrate", "run", "--source", dir.to_str().unwrap(), "--database-url", &round.url];
    round.sqlx.again().args(args).run().code(1).stdout_has("partially applied");
    assert!(round.bench.up().await.unwrap_err().to_string().contains("2_two_of_them.up.sql"));
    round.base.run("UPDATE _sqlx_migrations SET success = TRUE WHERE version = 2");
    round.bench.file("0001_one.sql", "create table one (j int);\n");
    round.sqlx.again().args(args).run().code(1).stdout_has("was previously applied but has been modified");
    assert!(round.bench.up().await.unwrap_err().to_string().contains("0001_one.sql"));
    // Other line ends are another file to sqlx, and none to us.
    round.bench.file("0001_one.sql", "create table one (i int);\r\n");
    round.sqlx.again().args(args).run().code(1);
    assert!(round.bench.applied().await.is_empty());
}
