use super::*;
use crate::sql::split;

fn name(text: &str) -> Name {
    Name::of(text.split('.').map(str::to_owned).collect()).expect("a name")
}

fn nature(sql: &str) -> Nature {
    let statements = split(sql, Dialect::Postgres).expect("closed");
    assert_eq!(statements.len(), 1, "{sql}");
    statements[0].nature(sql, Dialect::Postgres)
}

fn index(index: Option<&str>, table: &str) -> Nature {
    Nature::CreateIndexConcurrently { name: index.map(name), table: name(table) }
}

#[test]
fn an_index_that_is_built_beside_others_tells_its_name_and_its_table() {
    let drop = |names: &[&str]| Nature::DropIndexConcurrently { names: names.iter().map(|it| name(it)).collect() };
    let table = [
        ("create index concurrently i on t (a)", index(Some("i"), "t")),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I x\" ON ONLY App.Orders USING gin (a)",
            index(Some("app.I x"), "app.orders"),
        ),
        ("create /* c */ index -- d\n concurrently on \"T\"(a)", index(None, "T")),
        ("create index concurrently i on db.s.t (a) where b = ';'", index(Some("s.i"), "s.t")),
        ("create index i on t (a)", Nature::InTransaction),
        ("create index i on concurrently (a)", Nature::InTransaction),
        ("drop index concurrently a", drop(&["a"])),
        ("drop index concurrently if exists s.a, \"B\" cascade", drop(&["s.a", "B"])),
        ("drop index a", Nature::InTransaction),
    ];
    for (sql, expected) in table {
        assert_eq!(nature(sql), expected, "{sql}");
    }
}

#[test]
fn what_is_built_anew_is_told() {
    let table = [
        ("reindex table t", Nature::InTransaction),
        ("reindex (verbose) index s.i", Nature::InTransaction),
        ("reindex (concurrently false) index s.i", Nature::InTransaction),
        ("reindex index concurrently s.i", Nature::ReindexConcurrently),
        ("reindex (verbose, concurrently) table t", Nature::ReindexConcurrently),
        ("reindex schema concurrently s", Nature::ReindexConcurrently),
        ("reindex schema s", Nature::Reindex),
        ("reindex database", Nature::Reindex),
        ("reindex (tablespace x) system d", Nature::Reindex),
        ("cluster", Nature::ClusterAll),
        ("cluster (verbose)", Nature::ClusterAll),
        ("cluster verbose", Nature::ClusterAll),
        ("cluster verbose t using i", Nature::InTransaction),
        ("vacuum (analyze) t", Nature::Vacuum),
        ("analyze t", Nature::InTransaction),
    ];
    for (sql, expected) in table {
        assert_eq!(nature(sql), expected, "{sql}");
    }
}

#[test]
fn changes_of_types_and_partitions_are_told() {
    let value =
        |type_name, value: &str| Nature::AlterTypeAddValue { type_name: name(type_name), value: value.to_owned() };
    let table = [
        ("alter type mood add value 'so so' before 'sad'", value("mood", "so so")),
        ("ALTER TYPE a.\"Mood\" ADD VALUE IF NOT EXISTS 'it''s'", value("a.Mood", "it's")),
        ("alter type mood rename value 'a' to 'b'", Nature::InTransaction),
        ("alter type c add attribute value int", Nature::InTransaction),
        ("alter table if exists only s.t detach partition s.p concurrently", Nature::DetachConcurrently),
        ("alter table t detach partition p", Nature::InTransaction),
        ("alter table t detach partition p finalize", Nature::InTransaction),
        ("alter table t add column concurrently int", Nature::InTransaction),
    ];
    for (sql, expected) in table {
        assert_eq!(nature(sql), expected, "{sql}");
    }
}

#[test]
fn what_reaches_beyond_the_database_stands_alone() {
    let table = [
        ("create database \"D\" owner x", Nature::CreateDatabase { name: name("D") }),
        ("drop database if exists d with (force)", Nature::DropDatabase { name: name("d") }),
        ("alter database d set tablespace x", Nature::MoveDatabase),
        ("alter database d set work_mem = '1MB'", Nature::InTransaction),
        ("alter system set a = 1", Nature::AlterSystem),
        ("create tablespace x location '/x'", Nature::Tablespace),
        ("drop tablespace if exists x", Nature::Tablespace),
        ("create subscription s connection '' publication p", Nature::Subscription),
        ("create subscription s connection '' publication p with (connect = false)", Nature::InTransaction),
        ("create subscription s connection '' publication p with (create_slot='off', a)", Nature::InTransaction),
        ("drop subscription if exists s", Nature::Subscription),
        ("alter subscription s refresh publication", Nature::Subscription),
        ("alter subscription s add publication p", Nature::Subscription),
        ("alter subscription s set publication p with (refresh = false)", Nature::InTransaction),
        ("alter subscription s set (failover = true)", Nature::Subscription),
        ("alter subscription s disable", Nature::InTransaction),
        ("discard all", Nature::DiscardAll),
        ("discard plans", Nature::InTransaction),
    ];
    for (sql, expected) in table {
        assert_eq!(nature(sql), expected, "{sql}");
    }
}

#[test]
fn what_may_commit_is_told() {
    let table = [
        ("call p(1)", Nature::Call),
        ("do $$ begin loop delete from t; commit; end loop; end $$", Nature::Call),
        ("do language plpgsql $x$begin if a then rollback; end if; end$x$", Nature::Call),
        ("do 'begin commit; end'", Nature::Call),
        ("do $$ begin raise 'commit'; -- commit\n end $$", Nature::InTransaction),
        ("create function f() returns int as $$ begin commit; end $$ language plpgsql", Nature::InTransaction),
    ];
    for (sql, expected) in table {
        assert_eq!(nature(sql), expected, "{sql}");
    }
}

#[test]
fn of_sqlite_only_vacuum_stands_alone() {
    let nature = |sql: &str| split(sql, Dialect::Sqlite).expect("closed")[0].nature(sql, Dialect::Sqlite);
    assert_eq!(nature("vacuum into 'x'"), Nature::Vacuum);
    assert_eq!(nature("create index i on t(a)"), Nature::InTransaction);
}
