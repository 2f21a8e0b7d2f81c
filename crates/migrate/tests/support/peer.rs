//! The real tools beside us, and what a database looks like after them.

use super::base::Base;
use rusqlite::Connection;
use std::path::PathBuf;
use testkit::{Test, find_component};

/// A tool below the directory in `MAINSTAY_PEERS`.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "tests stand outside the program and read what xtask sets")]
pub fn peer(path: &str) -> PathBuf {
    let peers = std::env::var_os("MAINSTAY_PEERS").map(PathBuf::from);
    let path = peers.map(|peers| peers.join(path)).filter(|path| path.exists());
    path.unwrap_or_else(|| panic!("a tool to compare with is not there; get it and run this: cargo xtask test --all"))
}

/// Everything in the database but our own tables and the rows of `ledger`, whose times differ.
pub fn schema(base: &Base, ledger: &str) -> String {
    match base {
        Base::Postgres(cluster) => {
            let data = format!("--exclude-table-data={ledger}");
            let dump = Test::new(find_component("pg_dump"));
            let output = dump.args(["--exclude-table=mainstay_*", &data, "--dbname", &cluster.url()]).run();
            output.code(0);
            let kept = output.raw_stdout.lines().filter(|line| !line.is_empty() && !line.starts_with(['-', '\\']));
            kept.collect::<Vec<_>>().join("\n")
        }
        Base::Sqlite(path) => {
            let connection = Connection::open(path).unwrap();
            let lines = |sql: &str| -> Vec<String> {
                let mut statement = connection.prepare(sql).unwrap();
                let lines = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
                lines.map(Result::unwrap).collect()
            };
            let mut all = lines(&format!(
                "SELECT coalesce(sql, name) FROM sqlite_master WHERE tbl_name NOT LIKE 'mainstay%' \
                 AND name NOT IN ('sqlite_sequence', '{ledger}') ORDER BY type, name"
            ));
            all.extend(lines(&format!(
                "SELECT name || ' ' || type || ' ' || \"notnull\" || ' ' || coalesce(dflt_value, '-') || ' ' || pk \
                 FROM pragma_table_info('{ledger}')"
            )));
            all.join("\n")
        }
    }
}
