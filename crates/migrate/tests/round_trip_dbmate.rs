//! There and back with the real dbmate: it applies some, we apply some, each undoes the other's, and in the end the database is what
//! it would be had dbmate been alone. dbmate is looked for in `npm/node_modules/.bin` below the directory in `MAINSTAY_PEERS`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use migrate::Verified;
use rusqlite::Connection;
use std::path::PathBuf;
use support::{Bench, postgres, within};
use testkit::{Cluster, Output, Test, find_component};

/// Three tables, a function with `;` in it, an index outside of a transaction.
const FILES: [(&str, &str); 4] = [
    ("20261124000001_one.sql", "-- migrate:up\ncreate table one (i int);\n\n-- migrate:down\ndrop table one;\n"),
    (
        "20261124000002_two.sql",
        "-- migrate:up\ncreate table two (t text default 'a;b');\ncreate view v as select * from two;\n-- migrate:down\ndrop view v;\ndrop table two;\n",
    ),
    (
        "20261124000003_index.sql",
        "-- migrate:up transaction:false\ncreate index by_i on one (i);\n-- migrate:down transaction:false\ndrop index by_i;\n",
    ),
    (
        "20261124000004_four.sql",
        "-- migrate:up\r\ncreate table four (i int);\r\n-- migrate:down\r\ndrop table four;\r\n",
    ),
];

#[track_caller]
fn peer(name: &str) -> PathBuf {
    let peers = std::env::var_os("MAINSTAY_PEERS").map(PathBuf::from);
    let path = peers.map(|peers| peers.join("npm/node_modules/.bin").join(name)).filter(|path| path.exists());
    path.unwrap_or_else(|| panic!("`{name}` is not there; get it and run this: cargo xtask test --all"))
}

/// A database, the files for it, and dbmate beside us.
struct Round {
    bench: Bench,
    url: String,
    dbmate: Test,
    _cluster: Option<Cluster>,
}

impl Round {
    fn postgres() -> Self {
        let cluster = Cluster::start();
        let url = format!("{}?sslmode=disable", cluster.url());
        Self::new(Bench::new(postgres(cluster.port(), "postgres")), url, Some(cluster))
    }

    fn sqlite() -> Self {
        let mut bench = Bench::new(config::Target::Sqlite(PathBuf::new()));
        let path = bench.dir.path().join("app.db");
        let url = format!("sqlite:{}", path.display());
        bench.target = config::Target::Sqlite(path);
        Self::new(bench, url, None)
    }

    fn new(bench: Bench, url: String, cluster: Option<Cluster>) -> Self {
        Self { bench, url, dbmate: Test::new(peer("dbmate")), _cluster: cluster }
    }

    fn add(&self, count: usize) {
        for (name, text) in &FILES[..count] {
            self.bench.file(name, text);
        }
    }

    #[track_caller]
    fn dbmate(&self, verb: &str) -> Output {
        let migrations = self.bench.dir.path().join("migrations");
        let dir = migrations.to_str().unwrap();
        let output = self.dbmate.again().args(["--url", &self.url, "-d", dir, "--no-dump-schema", verb]).run();
        output.code(0);
        output
    }

    async fn verify(&self) -> Verified {
        within(migrate::verify(&self.bench.job())).await.unwrap()
    }

    /// Everything in the database but our own tables.
    fn dump(&self) -> String {
        match &self.bench.target {
            config::Target::Sqlite(path) => {
                let connection = Connection::open(path).unwrap();
                let sql = "SELECT coalesce(sql, name) FROM sqlite_master WHERE tbl_name NOT LIKE 'mainstay%' \
                           AND name <> 'sqlite_sequence' ORDER BY type, name";
                let mut statement = connection.prepare(sql).unwrap();
                let texts = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                let mut lines: Vec<String> = texts.map(Result::unwrap).collect();
                let mut statement = connection.prepare("SELECT version FROM schema_migrations ORDER BY rowid").unwrap();
                lines.extend(statement.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap));
                lines.join("\n")
            }
            _ => {
                let dump = Test::new(find_component("pg_dump"));
                let output = dump.args(["--exclude-table=mainstay_*", "--dbname", &self.url]).run();
                output.code(0);
                let kept = output.raw_stdout.lines().filter(|line| !line.starts_with(['-', '\\']));
                kept.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

async fn there_and_back(round: Round, alone: Round) {
    // dbmate begins, we go on; to dbmate nothing is left.
    round.add(1);
    round.dbmate("up").stdout_has("Applied: 20261124000001_one.sql");
    round.add(3);
    assert_eq!(round.bench.applied().await, ["20261124000002_two.sql", "20261124000003_index.sql"]);
    round.dbmate("status").stdout_has("Applied: 3\nPending: 0\n");
    // dbmate applies one more and undoes it, and one of ours; we see that it is gone, and that the rest is well.
    round.add(4);
    round.dbmate("up").stdout_has("Applied: 20261124000004_four.sql");
    assert!(round.bench.applied().await.is_empty());
    round.dbmate("rollback").stdout_has("Rolled back: 20261124000004_four.sql");
    round.dbmate("rollback").stdout_has("Rolled back: 20261124000003_index.sql");
    let verified = round.verify().await;
    assert_eq!((verified.passed, verified.failed, verified.unverified.len()), (1, vec![], 1));
    assert_eq!(round.bench.applied().await, ["20261124000003_index.sql", "20261124000004_four.sql"]);
    // We undo one of dbmate's, and dbmate applies it again.
    for file in
        ["20261124000004_four.sql", "20261124000003_index.sql", "20261124000002_two.sql", "20261124000001_one.sql"]
    {
        assert_eq!(round.bench.undone().await, [file]);
    }
    round.dbmate("status").stdout_has("Applied: 0\nPending: 4\n");
    round.dbmate("up");
    assert!(round.bench.applied().await.is_empty());
    alone.add(4);
    alone.dbmate("up");
    assert_eq!(round.dump(), alone.dump());
}

/// A database that we made is the one that dbmate would have made.
async fn from_the_first_file(round: Round, alone: Round) {
    for round in [&round, &alone] {
        round.add(4);
    }
    assert_eq!(round.bench.applied().await.len(), 4);
    round.dbmate("status").stdout_has("Applied: 4\nPending: 0\n");
    alone.dbmate("up");
    assert_eq!(round.dump(), alone.dump());
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn there_and_back_on_postgres() {
    there_and_back(Round::postgres(), Round::postgres()).await;
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn there_and_back_on_sqlite() {
    there_and_back(Round::sqlite(), Round::sqlite()).await;
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn from_the_first_file_on_postgres() {
    from_the_first_file(Round::postgres(), Round::postgres()).await;
}

#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn from_the_first_file_on_sqlite() {
    from_the_first_file(Round::sqlite(), Round::sqlite()).await;
}

/// What dbmate does with a file of several sections, and what we say of it. Should this fail with a newer dbmate, the fault is mended
/// there, and `Dbmate::doubts` has to name the versions.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn several_sections() {
    let text = "-- migrate:up\ncreate table one (i int);\n-- migrate:down\ndrop table one;\n\
                -- migrate:up\ncreate table two (i int);\n-- migrate:down\ndrop table two;\n";
    let broken = Round::sqlite();
    broken.bench.file("1_both.sql", text);
    let migrations = broken.bench.dir.path().join("migrations");
    let output = broken
        .dbmate
        .again()
        .args(["--url", &broken.url, "-d", migrations.to_str().unwrap(), "--no-dump-schema", "up"])
        .run();
    output.code(2).stderr_has("UNIQUE constraint failed: schema_migrations.version");
    broken.dbmate("status").stdout_has("Applied: 1\nPending: 0\n");
    assert!(!broken.dump().contains("CREATE TABLE two"));
    let unverified = broken.verify().await.unverified;
    assert!(
        unverified.iter().any(|it| it.starts_with("`1_both.sql` has 2 sections `-- migrate:up`")),
        "{unverified:?}"
    );
    // We apply all of it, and undo all of it.
    let whole = Round::sqlite();
    whole.bench.file("1_both.sql", text);
    assert_eq!(whole.bench.applied().await, ["1_both.sql"]);
    assert!(whole.dump().contains("CREATE TABLE two") && whole.verify().await.unverified.is_empty());
    assert_eq!(whole.bench.undone().await, ["1_both.sql"]);
    assert!(!whole.dump().contains("CREATE TABLE one"));
}
