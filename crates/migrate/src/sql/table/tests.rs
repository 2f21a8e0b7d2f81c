use super::*;
use crate::sql::split;

fn table(sql: &str, dialect: Dialect) -> Option<String> {
    split(sql, dialect).expect("closed")[0].table(sql, dialect).map(|name| name.to_string())
}

#[test]
fn the_table_is_found() {
    let rows = [
        ("alter table if exists only S.\"T\" add a int", Some("s.T")),
        ("alter table all in tablespace a set tablespace b", None),
        ("create unique index concurrently if not exists i on only s.t (a)", Some("s.t")),
        ("create index on t using gin ((a->'on'))", Some("t")),
        ("update only t set a = 1", Some("t")),
        ("with x as (update y set a = 1 returning *) delete from only t using x", Some("t")),
        ("with x as (select 1) select * from x", None),
        ("delete from t", Some("t")),
        ("insert into s.t (a) select 1", Some("s.t")),
        ("merge into only t using x on true when matched then delete", Some("t")),
        ("truncate only t, u cascade", Some("t")),
        ("truncate table t", Some("t")),
        ("drop table if exists a.b, c", Some("a.b")),
        ("lock table only t in share mode", Some("t")),
        ("copy t (a) from stdin", Some("t")),
        ("copy (select 1) to stdout", None),
        ("vacuum (full, analyze) t", Some("t")),
        ("vacuum full verbose t", Some("t")),
        ("vacuum", None),
        ("reindex table concurrently t", Some("t")),
        ("reindex index t", None),
        ("cluster t using i", Some("t")),
        ("create table t()", None),
        ("drop index t", None),
        ("select 1", None),
    ];
    for (sql, expected) in rows {
        assert_eq!(table(sql, Dialect::Postgres).as_deref(), expected, "{sql}");
    }
}

#[test]
fn the_table_of_sqlite_is_found() {
    let rows = [
        ("insert or replace into [a b] values (1)", Some("a b")),
        ("replace into t values (1)", Some("t")),
        ("update or ignore main.`t` set a = 1", Some("main.t")),
        ("alter table t rename to u", Some("t")),
    ];
    for (sql, expected) in rows {
        assert_eq!(table(sql, Dialect::Sqlite).as_deref(), expected, "{sql}");
    }
}
