//! A database of a test, of either kind, and a job for it.

use super::{Bench, postgres};
use rusqlite::Connection;
use testkit::Cluster;

/// A database that a test looks into and writes to beside us.
pub enum Base {
    Postgres(Cluster),
    Sqlite(std::path::PathBuf),
}

impl Base {
    pub fn postgres() -> (Self, Bench) {
        let cluster = Cluster::start();
        let bench = Bench::new(postgres(cluster.port(), "postgres"));
        (Self::Postgres(cluster), bench)
    }

    pub fn sqlite() -> (Self, Bench) {
        let mut bench = Bench::new(config::Target::Sqlite(std::path::PathBuf::new()));
        let path = bench.dir.path().join("app.db");
        bench.target = config::Target::Sqlite(path.clone());
        (Self::Sqlite(path), bench)
    }

    pub fn run(&self, sql: &str) {
        match self {
            Self::Postgres(cluster) => drop(cluster.psql(sql)),
            Self::Sqlite(path) => Connection::open(path).unwrap().execute_batch(sql).unwrap(),
        }
    }

    /// A line for each row, cells separated by `|`; only numbers and texts.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        match self {
            Self::Postgres(cluster) => cluster.psql(sql).lines().map(str::to_owned).collect(),
            Self::Sqlite(path) => {
                let connection = Connection::open(path).unwrap();
                let mut statement = connection.prepare(sql).unwrap();
                let width = statement.column_count();
                let line = |row: &rusqlite::Row<'_>| {
                    let cell = |index| match row.get::<_, rusqlite::types::Value>(index).unwrap() {
                        rusqlite::types::Value::Integer(number) => number.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => panic!("{other:?}"),
                    };
                    Ok((0..width).map(cell).collect::<Vec<_>>().join("|"))
                };
                statement.query_map([], line).unwrap().map(Result::unwrap).collect()
            }
        }
    }
}
