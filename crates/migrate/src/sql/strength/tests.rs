use super::*;
use crate::sql::split;

#[test]
fn changes_of_the_schema_are_told_from_changes_of_rows() {
    let table = [
        ("alter table t add a int", true),
        ("create index i on t(a)", true),
        ("create index concurrently i on t(a)", false),
        ("drop index concurrently i", false),
        ("alter table t detach partition p concurrently", false),
        ("truncate t", true),
        ("lock t", true),
        ("reindex table t", true),
        ("reindex (concurrently) table t", false),
        ("reindex table concurrently t", false),
        ("vacuum t", false),
        ("vacuum full t", true),
        ("vacuum (verbose, full) t", true),
        ("refresh materialized view v", true),
        ("refresh materialized view concurrently v", false),
        ("comment on table t is ''", true),
        ("insert into t select 1", false),
        ("update t set a = 1", false),
        ("with x as (select 1) delete from t", false),
        ("copy t from stdin", false),
        ("select 'alter table'", false),
        ("do $$ begin alter table t add a int; end $$", true),
        ("do $$ begin update t set a = 'alter'; end $$", false),
        ("set lock_timeout = '1s'", false),
        ("\\d t", false),
    ];
    for (sql, expected) in table {
        let statement = &split(sql, Dialect::Postgres).expect("closed")[0];
        assert_eq!(statement.is_ddl(sql, Dialect::Postgres), expected, "{sql}");
    }
}
