//! There and back with the real `refinery` (refinery_cli): it applies some, we apply some, and in the end the database is what it would
//! be had refinery been alone. It undoes nothing.
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

const FILES: [(&str, &str); 5] = [
    ("V1__one.sql", "create table one (i int);\n"),
    ("V2__two_of_them.sql", "create table two (t text default 'a;b');\ncreate view v as select * from two;\n"),
    ("later/V4__vier_größer.sql", "create table four (t varchar(7));\r\n"),
    ("U3__late.sql", "create table three (i int);\n"),
    ("V5__five.sql", "create index by_i on one (i);\n"),
];

struct Round {
    base: Base,
    bench: Bench,
    refinery: Test,
}

impl Round {
    fn new((base, bench): (Base, Bench)) -> Self {
        let settings = match &base {
            Base::Postgres(cluster) => format!(
                "db_type = \"Postgres\"\ndb_host = \"127.0.0.1\"\ndb_port = \"{}\"\ndb_user = \"postgres\"\ndb_pass = \"\"\n\
                 db_name = \"postgres\"\n",
                cluster.port()
            ),
            Base::Sqlite(path) => {
                std::fs::write(path, "").unwrap();
                format!("db_type = \"Sqlite\"\ndb_path = \"{}\"\n", path.display())
            }
        };
        std::fs::create_dir(bench.dir.path().join("migrations/later")).unwrap();
        bench.dir.write("refinery.toml", &format!("[main]\n{settings}"));
        Self { base, bench, refinery: Test::new(peer("cargo/bin/refinery")) }
    }

    fn add(&self, count: usize) {
        for (name, text) in &FILES[..count] {
            self.bench.file(name, text);
        }
    }

    /// Strict: what it only grumbles about otherwise is an error.
    #[track_caller]
    fn refinery(&self) -> Output {
        let (config, dir) = (self.bench.dir.path().join("refinery.toml"), self.bench.dir.path().join("migrations"));
        let (config, dir) = (config.to_str().unwrap(), dir.to_str().unwrap());
        self.refinery.again().args(["migrate", "-c", config, "-p", dir, "-d", "-m"]).run()
    }

    #[track_caller]
    fn nothing_left(&self) {
        let output = self.refinery();
        output.code(0);
        let said = format!("{}{}", output.raw_stdout, output.raw_stderr);
        assert!(said.contains("no migrations to apply"), "{said}");
    }

    #[track_caller]
    fn is_as(&self, alone: &Self) {
        let rows = "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";
        assert_eq!(self.base.ask(rows), alone.base.ask(rows));
        let [ours, theirs] = [self, alone].map(|it| schema(&it.base, "refinery_schema_history"));
        assert_eq!(ours, theirs);
    }
}

async fn there_and_back(round: Round, alone: Round) {
    // refinery begins, we go on; to refinery nothing is left.
    round.add(1);
    round.refinery().code(0);
    round.add(3);
    assert_eq!(round.bench.applied().await, ["V2__two_of_them.sql", "later/V4__vier_größer.sql"]);
    round.nothing_left();
    // A `U` file may come late, to both.
    round.add(4);
    assert_eq!(round.bench.applied().await, ["U3__late.sql"]);
    round.nothing_left();
    round.add(5);
    round.refinery().code(0);
    assert!(round.bench.applied().await.is_empty());
    let verified = within(migrate::verify(&round.bench.job())).await.unwrap();
    assert_eq!((verified.passed, verified.failed, verified.unverified), (5, vec![], vec![]));
    alone.add(5);
    alone.refinery().code(0);
    round.is_as(&alone);
}

/// A database that we made is the one that refinery would have made.
async fn from_the_first_file(mut round: Round, alone: Round) {
    for round in [&round, &alone] {
        round.add(5);
    }
    round.bench.migrations.style = Some("refinery".into());
    assert_eq!(round.bench.applied().await.len(), 5);
    round.nothing_left();
    alone.refinery().code(0);
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

/// A late `V` file and a changed one stop both.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn what_stops_refinery_stops_us() {
    let round = Round::new(Base::sqlite());
    round.bench.file(FILES[0].0, FILES[0].1).file(FILES[2].0, FILES[2].1);
    assert!(matches!(round.bench.up().await, Err(migrate::MigrateError::Ambiguous { .. })));
    round.refinery().code(0);
    round.bench.file("V2__two_of_them.sql", "create table two (i int);\n");
    assert_ne!(round.refinery().exit_code(), 0);
    assert!(round.bench.up().await.unwrap_err().to_string().contains("V2__two_of_them.sql"));
    std::fs::remove_file(round.bench.dir.path().join("migrations/V2__two_of_them.sql")).unwrap();
    round.bench.file("V1__one.sql", "create table one (j int);\n");
    assert_ne!(round.refinery().exit_code(), 0);
    assert!(round.bench.up().await.unwrap_err().to_string().contains("V1__one.sql"));
    // Other line ends are another file to refinery, and none to us.
    round.bench.file("V1__one.sql", "create table one (i int);\r\n");
    assert_ne!(round.refinery().exit_code(), 0);
    assert!(round.bench.applied().await.is_empty());
}
