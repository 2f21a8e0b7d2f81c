//! Migrations of every nature, in several styles, and what a database looks like once each was applied exactly once.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use crate::support::{self, mainstay};
use std::path::Path;
use testkit::{Cluster, Running, Test, wait_until};

/// Each file with what undoes it. `log` and `undone` count: a statement that ran twice leaves two rows.
const ON_POSTGRES: [(&str, &str, &str); 4] = [
    (
        "0001_users",
        "create table users (id int primary key, name text);\ncreate table log (n int);\ncreate table undone (n int);\n\
         create type mood as enum ('sad');\ncreate table feelings (m mood);\ninsert into log values (1);\n",
        "drop table feelings, undone, log, users cascade;\ndrop type mood;\n",
    ),
    (
        "0002_mixed",
        "alter table users add column mail text;\ncreate index concurrently users_mail on users (mail);\n\
         insert into log values (2);\nvacuum users;\n",
        "insert into undone values (2);\ndrop index concurrently users_mail;\nalter table users drop column mail;\n",
    ),
    (
        "0003_alone",
        "-- mainstay: no-transaction\ninsert into log values (3);\ncreate index concurrently log_n on log (n);\n\
         insert into log values (33);\n",
        "-- mainstay: no-transaction\ndrop index concurrently log_n;\ninsert into undone values (3);\n",
    ),
    (
        "0004_mood",
        "alter type mood add value 'glad';\ninsert into feelings values ('glad');\n",
        "delete from feelings where m = 'glad';\ninsert into undone values (4);\n",
    ),
];

const ON_SQLITE: [(&str, &str, &str); 3] = [
    (
        "0001_users",
        "create table users (id integer primary key, name text);\ncreate table log (n int);\ncreate table undone (n int);\n\
         insert into log values (1);\n",
        "drop table undone;\ndrop table log;\ndrop table users;\n",
    ),
    (
        "0002_mixed",
        "alter table users add column mail text;\ninsert into log values (2);\nvacuum;\ninsert into log values (22);\n",
        "insert into undone values (2);\nvacuum;\nalter table users drop column mail;\n",
    ),
    ("0003_more", "insert into log values (3);\n", "insert into undone values (3);\n"),
];

/// Whose files they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Plain,
    /// Its table has a mark for what was begun.
    GolangMigrate,
    /// So has this one's, with a row for each.
    Sqlx,
}

impl Style {
    fn name(self) -> &'static str {
        match self {
            Style::Plain => "plain",
            Style::GolangMigrate => "golang-migrate",
            Style::Sqlx => "sqlx",
        }
    }
}

/// The directory of a shop; each call of mainstay is `again()` of this.
pub fn shop(style: Style, postgres: bool) -> Test {
    let files: &[_] = if postgres { &ON_POSTGRES } else { &ON_SQLITE };
    let mut test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("style", style.name());
    for (name, up, down) in files {
        let ending = if style == Style::Plain { ".sql" } else { ".up.sql" };
        test = test.file(&format!("migrations/{name}{ending}"), up);
        test = test.file(&format!("migrations/{name}.down.sql"), down);
    }
    if style == Style::Plain {
        let view = if postgres { "create or replace view" } else { "create view if not exists" };
        let text = format!("{view} names as select name from users;\ninsert into log values (99);\n");
        test = test.file("migrations/R__names.sql", &text);
    }
    test
}

/// `mainstay migrate VERB`, patient enough for a server that starts again.
pub fn migrate(test: &Test, verb: &str, url: &str, more: &[&str]) -> Test {
    // Files of these names may be anybody's.
    let style = test.read("style");
    let flags = ["migrate", verb, "--database", url, "--dir", "migrations", "--style", &style];
    test.again().args(flags).args(["--attempts", "40", "--interval", "100ms"]).args(more.iter().copied())
}

/// All that tells whether each migration was applied exactly once.
#[track_caller]
pub fn on_postgres(cluster: &Cluster, database: &str) -> String {
    let ledger =
        cluster.psql_in(database, "select coalesce(to_regclass('_sqlx_migrations')::text, 'schema_migrations')");
    let sql = "select 'log ' || (select string_agg(n::text, ',' order by n) from log) \
         union all select 'undone ' || coalesce((select string_agg(n::text, ',' order by n) from undone), '') \
         union all select 'feelings ' || coalesce((select string_agg(m::text, ',') from feelings), '') \
         union all select 'columns ' || string_agg(attname, ',' order by attnum) from pg_attribute where attrelid = 'users'::regclass \
             and attnum > 0 and not attisdropped \
         union all select 'indexes ' || string_agg(c.relname || ':' || x.indisvalid, ',' order by c.relname) from pg_index x \
             join pg_class c on c.oid = x.indexrelid where x.indrelid in ('users'::regclass, 'log'::regclass) \
         union all select 'mood ' || string_agg(enumlabel, ',' order by enumsortorder) from pg_enum \
         union all select 'ledger ' || string_agg((to_jsonb(l) - 'applied_at' - 'duration_ms' - 'installed_on' - 'execution_time')::text, ',' order by version) \
             from {ledger} l \
         union all select 'history ' || string_agg(kind || ':' || version || ':' || name, ',' order by kind, version, name) \
             from mainstay_history \
         union all select 'journal ' || count(*) from mainstay_journal";
    cluster.psql_in(database, &sql.replace("{ledger}", &ledger))
}

/// The same on SQLite.
#[track_caller]
pub fn on_sqlite(file: &Path) -> String {
    let connection = rusqlite::Connection::open(file).unwrap();
    let has_name = connection.prepare("select name from schema_migrations").is_ok();
    let ledger = if has_name { "version || ':' || name || ':' || checksum" } else { "version || ':' || dirty" };
    let ask = |sql: &str| {
        let text: Option<String> =
            connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{error}: {sql}"));
        text.unwrap_or_default()
    };
    [
        "select 'log ' || group_concat(n) from (select n from log order by n)",
        "select 'undone ' || coalesce(group_concat(n), '') from (select n from undone order by n)",
        "select 'columns ' || group_concat(name) from pragma_table_info('users')",
        &format!("select 'ledger ' || group_concat({ledger}) from (select * from schema_migrations order by version)"),
        "select 'history ' || group_concat(kind || ':' || version || ':' || name) from (select * from mainstay_history order by kind, version, name)",
        "select 'journal ' || count(*) from mainstay_journal",
        "select integrity_check from pragma_integrity_check",
    ]
    .map(ask)
    .join("\n")
}

/// Waits until a process has stopped itself.
#[track_caller]
pub fn wait_stopped(running: &Running) {
    let file = format!("/proc/{}/stat", running.pid());
    wait_until(support::LIMIT, &format!("it stops; so far:\n{}", running.stderr()), || {
        let stat = std::fs::read_to_string(&file).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    });
}

/// Plain files of our own.
pub fn plain(files: &[(&str, &str)]) -> Test {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("style", Style::Plain.name());
    files.iter().fold(test, |test, (name, text)| test.file(&format!("migrations/{name}.sql"), text))
}
