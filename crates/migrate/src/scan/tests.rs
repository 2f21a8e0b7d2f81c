use super::*;
use proptest::prelude::*;

fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
    statements(sql, dialect).into_iter().map(|statement| &sql[statement.range]).collect()
}

#[test]
fn postgres_statements_end_where_the_server_ends_them() {
    let table: &[(&str, &[&str])] = &[
        ("", &[]),
        (" ; ;\n-- nothing\n/* at /* all */ */", &[]),
        ("select 1", &["select 1"]),
        ("select 1;select 2;", &["select 1", "select 2"]),
        ("select ';', \";\", 'it''s;'; x", &["select ';', \";\", 'it''s;'", "x"]),
        (r"select E'\';', 'a\'; x", &[r"select E'\';', 'a\'", "x"]),
        ("select $$;$$, $a$ ; $$ ; $a$; x", &["select $$;$$, $a$ ; $$ ; $a$", "x"]),
        ("select a$b$c; x", &["select a$b$c", "x"]),
        ("select $1; x", &["select $1", "x"]),
        ("a -- ; no\n; b /* ; /* ; */ ; */ ; c", &["a", "b", "c"]),
        (
            "create rule r as on insert to t do (delete from a; delete from b); x",
            &["create rule r as on insert to t do (delete from a; delete from b)", "x"],
        ),
        (
            "create function f() returns int begin atomic select case when true then 1 end; select 2; end; x",
            &["create function f() returns int begin atomic select case when true then 1 end; select 2; end", "x"],
        ),
        ("insert into т values ('ы;'); y", &["insert into т values ('ы;')", "y"]),
        ("select 'never closed; x", &["select 'never closed; x"]),
        ("select $x$ never closed; x", &["select $x$ never closed; x"]),
    ];
    for (sql, expected) in table {
        assert_eq!(&texts(sql, Dialect::Postgres), expected, "{sql}");
    }
}

#[test]
fn sqlite_statements_end_where_the_library_ends_them() {
    let table: &[(&str, &[&str])] = &[
        ("select [;], `;`; x", &["select [;], `;`", "x"]),
        ("a /* /* */; b", &["a", "b"]),
        (
            "create trigger t after insert on a begin update b set c = case when 1 then 2 end; select 1; end; x",
            &["create trigger t after insert on a begin update b set c = case when 1 then 2 end; select 1; end", "x"],
        ),
        (
            "create temp trigger t after insert on a begin select 1; end; x",
            &["create temp trigger t after insert on a begin select 1; end", "x"],
        ),
        ("select $a, E'x'; y", &["select $a, E'x'", "y"]),
    ];
    for (sql, expected) in table {
        assert_eq!(&texts(sql, Dialect::Sqlite), expected, "{sql}");
    }
}

#[test]
fn what_cannot_run_in_a_transaction_is_seen_before() {
    let table: &[(&str, Option<&str>)] = &[
        ("create table a();", None),
        ("begin; create table a(); commit;", Some("begin")),
        ("create table a();\nCOMMIT;", Some("COMMIT")),
        ("select 1; end", Some("end")),
        ("start transaction; x", Some("start transaction")),
        ("prepare transaction 'x'", Some("prepare transaction 'x'")),
        ("prepare q as select 1", None),
        ("savepoint a; rollback to a; rollback to savepoint a; release a", None),
        ("rollback", Some("rollback")),
        ("do $$ begin null; end $$; select 'commit;'; -- commit;", None),
        ("create function f() returns int language plpgsql as $$ begin return 1; end $$", None),
        ("create function f() returns int begin atomic select 1; end", None),
        ("copy t (a, b) from stdin with (format csv);\n1,2\n\\.\n", Some("copy t (a, b) from stdin with (format csv)")),
        ("copy t from '/x'", None),
        ("\\restrict abc\nselect 1;", Some("\\restrict")),
        ("-- migrate:up\ncreate table a();\n-- migrate:down\ndrop table a;", Some("-- migrate:down")),
        ("-- +goose Up\nx;\n-- +goose Down\ny;", Some("-- +goose Down")),
        ("-- migrate:up\ncreate table a();", None),
    ];
    for (sql, expected) in table {
        let found = first_obstacle(sql, Dialect::Postgres).map(|found| &sql[found.range]);
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

proptest! {
    /// Whatever the bytes are: no panic, statements in order, never overlapping, inside of the text.
    #[test]
    fn any_text_is_scanned(sql in "[a-zé'\"$;()\\[\\]`/*\\- \n\\\\E]{0,80}", postgres: bool) {
        let dialect = if postgres { Dialect::Postgres } else { Dialect::Sqlite };
        let mut end = 0;
        for statement in statements(&sql, dialect) {
            prop_assert!(statement.range.start >= end && statement.range.end <= sql.len());
            prop_assert!(sql.is_char_boundary(statement.range.start) && sql.is_char_boundary(statement.range.end));
            end = statement.range.end;
        }
        let _ = first_obstacle(&sql, dialect);
    }

    /// Statements without quotes, put together with `;`, come apart again.
    #[test]
    fn plain_statements_come_apart(parts in prop::collection::vec("[a-df-z][a-z ]{0,12}[a-z]", 1..6)) {
        let parts: Vec<_> = parts.into_iter().filter(|part| !part.contains("begin") && !part.contains("case")).collect();
        let sql = parts.join(" ;\n");
        prop_assert_eq!(texts(&sql, Dialect::Postgres), parts);
    }
}
