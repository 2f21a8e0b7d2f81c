use super::*;

#[test]
fn what_cannot_run_in_a_transaction_is_seen_before() {
    let table: &[(&str, Option<&str>)] = &[
        ("create table a();", None),
        ("begin; create table a(); commit;", None),
        ("begin; create table a(); commit; x", Some("begin")),
        ("create table a();\nCOMMIT;", Some("COMMIT")),
        ("select 1; end", Some("end")),
        ("start transaction; x", Some("start transaction")),
        ("prepare transaction 'x'", Some("prepare transaction 'x'")),
        ("prepare q as select 1", None),
        ("savepoint a; rollback to a; rollback to savepoint a; release a", None),
        ("rollback", Some("rollback")),
        ("reset search_path; select 'reset all'; discard all", None),
        ("select 1;\nreset all;", Some("reset all")),
        ("do $$ begin null; end $$; select 'commit;'; -- commit;", None),
        ("create function f() returns int language plpgsql as $$ begin return 1; end $$", None),
        ("create function f() returns int begin atomic select 1; end", None),
        ("copy t (a, b) from stdin with (format csv);\n1,2\n\\i x\n\\.\n", None),
        ("copy t from '/x'", None),
        ("select 1;\nselect 'a", Some("'")),
        ("select 1 \\gexec\ncommit;", Some("\\gexec")),
        ("\\restrict abc\nselect 1;", Some("\\restrict")),
        ("-- migrate:up\ncreate table a();\n-- migrate:down\ndrop table a;", Some("-- migrate:down")),
        ("-- +goose Up\nx;\n-- +goose Down\ny;", Some("-- +goose Down")),
        ("-- migrate:up\ncreate table a();", None),
    ];
    for (sql, expected) in table {
        let found = first_obstacle(sql, Dialect::Postgres, None)
            .into_iter()
            .chain(down_section(sql))
            .min_by_key(|found| found.range.start)
            .map(|found| &sql[found.range]);
        assert_eq!(&found, expected, "{sql}");
    }
}

#[test]
fn a_file_says_that_it_wants_foreign_keys_off() {
    assert!(wants_foreign_keys_off("pragma foreign_keys = off; create table a(b);"));
    assert!(wants_foreign_keys_off("PRAGMA main.foreign_keys(0);"));
    assert!(!wants_foreign_keys_off("PRAGMA foreign_keys = ON; -- pragma foreign_keys = off"));
    assert!(!wants_foreign_keys_off("PRAGMA foreign_keys; PRAGMA foreign_key_check;"));
}

#[test]
fn a_file_that_wants_one_transaction_cannot_have_everything() {
    let table = [
        ("create table a(); create index concurrently i\n on a(b)", Some(true), Some("`CREATE INDEX CONCURRENTLY`")),
        ("create index concurrently i on a(b)", Some(false), None),
        ("create index concurrently i on a(b)", None, None),
        ("vacuum full t", Some(true), Some("`VACUUM`")),
        ("alter system set a = 1", Some(true), Some("`ALTER SYSTEM`")),
        ("call p()", Some(true), None),
        ("alter type t add value 'x'", Some(true), None),
    ];
    for (sql, whole, expected) in table {
        let found = first_obstacle(sql, Dialect::Postgres, whole);
        let seen = found.map(|found| found.obstacle.to_string());
        assert_eq!(seen, expected.map(|words| format!("PostgreSQL refuses {words} inside a transaction")), "{sql}");
    }
}
