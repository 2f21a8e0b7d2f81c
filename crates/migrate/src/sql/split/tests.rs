use super::*;
use crate::sql::token::Quote;
use proptest::prelude::*;

fn texts(sql: &str, dialect: Dialect) -> Vec<&str> {
    split(sql, dialect).expect("closed").into_iter().map(|statement| &sql[statement.range]).collect()
}

/// A table's row: a text, and its statements.
type Row = (&'static str, &'static [&'static str]);

#[test]
fn postgres_statements_end_where_the_server_ends_them() {
    let table: &[Row] = &[
        ("", &[]),
        (" ; ;\n-- nothing\n/* at /* all */ */", &[]),
        ("select 1", &["select 1"]),
        ("select 1;select 2;", &["select 1", "select 2"]),
        ("select ';', \";\", 'it''s;'; x", &["select ';', \";\", 'it''s;'", "x"]),
        (r"select E'\';', 'a\'; x", &[r"select E'\';', 'a\'", "x"]),
        ("select $$;$$, $a$ ; $$ ; $a$; x", &["select $$;$$, $a$ ; $$ ; $a$", "x"]),
        ("select $ж$;$ж$, $a$ $b$ ; $b$ $a$; x", &["select $ж$;$ж$, $a$ $b$ ; $b$ $a$", "x"]),
        ("select a$b$c; x", &["select a$b$c", "x"]),
        ("select $1; x", &["select $1", "x"]),
        ("a -- ; no\n; b /* ; /* ; */ ; */ ; c", &["a", "b", "c"]),
        ("select 1 -- end\r; x", &["select 1", "x"]),
        ("insert into т values ('ы;'); y", &["insert into т values ('ы;')", "y"]),
        ("\u{feff}select 1; select 2", &["select 1", "select 2"]),
        (
            r"select U&'\0441;', U&';' uescape '!', N';', B'1', X'F'; x",
            &[r"select U&'\0441;', U&';' uescape '!', N';', B'1', X'F'", "x"],
        ),
        // A text with escapes goes on in the next line, any other does not.
        ("select E'a' -- ;\n '\\';' ; x", &["select E'a' -- ;\n '\\';'", "x"]),
        ("select E'a', '\\'; x", &["select E'a', '\\'", "x"]),
        ("select 'a'\n'\\'; x", &["select 'a'\n'\\'", "x"]),
    ];
    for (sql, expected) in table {
        assert_eq!(&texts(sql, Dialect::Postgres), expected, "{sql}");
    }
}

#[test]
fn a_semicolon_inside_of_a_block_ends_nothing() {
    let table: &[Row] = &[
        (
            "create rule r as on insert to t do (delete from a; delete from b); x",
            &["create rule r as on insert to t do (delete from a; delete from b)", "x"],
        ),
        (
            "create function f() returns int begin atomic select case when true then 1 end; select 2; end; x",
            &["create function f() returns int begin atomic select case when true then 1 end; select 2; end", "x"],
        ),
        (
            "create or replace procedure p() begin atomic; select (select 1) as begin; /* end; */ end; x",
            &["create or replace procedure p() begin atomic; select (select 1) as begin; /* end; */ end", "x"],
        ),
        ("create procedure p() begin atomic end; x", &["create procedure p() begin atomic end", "x"]),
        // Words that stand elsewhere make no block.
        ("create table t(); begin; select atomic; end; x", &["create table t()", "begin", "select atomic", "end", "x"]),
        ("select begin from atomic; end; x", &["select begin from atomic", "end", "x"]),
    ];
    for (sql, expected) in table {
        assert_eq!(&texts(sql, Dialect::Postgres), expected, "{sql}");
    }
}

#[test]
fn commands_of_psql_end_with_their_line() {
    let sql = "\\set x 1\nselect :x \\gset\r\nselect 2;\\i f.sql ; y\ncreate rule r do (a;\\q\n)";
    let expected =
        ["\\set x 1", "select :x", "\\gset", "select 2", "\\i f.sql ; y", "create rule r do (a;", "\\q", ")"];
    assert_eq!(texts(sql, Dialect::Postgres), expected);
    let statements = split(sql, Dialect::Postgres).expect("closed");
    let commands: Vec<_> = statements.iter().filter_map(Statement::psql_command).collect();
    assert_eq!(commands, ["\\set", "\\gset", "\\i", "\\q"]);
}

#[test]
fn sqlite_statements_end_where_the_library_ends_them() {
    let table: &[Row] = &[
        ("select [;], `;`; x", &["select [;], `;`", "x"]),
        ("a /* /* */; b", &["a", "b"]),
        ("select 'it''s; ', \"a\"\";\", x';'; y", &["select 'it''s; ', \"a\"\";\", x';'", "y"]),
        (
            "create trigger t after insert on a begin update b set c = case when 1 then 2 end; select 1; end; x",
            &["create trigger t after insert on a begin update b set c = case when 1 then 2 end; select 1; end", "x"],
        ),
        (
            "create temp trigger t after insert on a begin select 1; end; x",
            &["create temp trigger t after insert on a begin select 1; end", "x"],
        ),
        (
            "begin; update a set b = case c when 1 then 2 end; end; x",
            &["begin", "update a set b = case c when 1 then 2 end", "end", "x"],
        ),
        ("select $a, E'x'; y", &["select $a, E'x'", "y"]),
        ("copy t from stdin;\n1\n\\.\n; x", &["copy t from stdin", "1\n\\.", "x"]),
    ];
    for (sql, expected) in table {
        assert_eq!(&texts(sql, Dialect::Sqlite), expected, "{sql}");
    }
}

#[test]
fn rows_belong_to_the_statement_that_copies_them() {
    let table: &[(&str, &[&str], Option<&str>)] = &[
        ("copy t (a, b) from stdin;\n1\t;'\n\\.\nx;", &["copy t (a, b) from stdin", "x"], Some("1\t;'\n")),
        ("COPY \"t\" FROM stdin CSV; -- rows\r\na,b\r\n\\.\r\nx", &["COPY \"t\" FROM stdin CSV", "x"], Some("a,b\r\n")),
        ("copy t from stdin;\n\\.\nx", &["copy t from stdin", "x"], Some("")),
        ("copy t from stdin;\nnever \\.\nended;", &["copy t from stdin"], Some("never \\.\nended;")),
        ("copy t from stdin;", &["copy t from stdin"], Some("")),
        ("copy t from stdin", &["copy t from stdin"], None),
        ("copy t from '/stdin'; x", &["copy t from '/stdin'", "x"], None),
        ("copy (select 1 from stdin) to stdout; x", &["copy (select 1 from stdin) to stdout", "x"], None),
        ("copy t from stdin; select 1;\n", &["copy t from stdin", "select 1"], None),
    ];
    for (sql, expected, rows) in table {
        let statements = split(sql, Dialect::Postgres).expect("closed");
        assert_eq!(&texts(sql, Dialect::Postgres), expected, "{sql}");
        assert_eq!(&statements[0].data.clone().map(|data| &sql[data]), rows, "{sql}");
    }
}

/// The mark that opens what is never closed is what the message points to.
#[test]
fn what_is_never_closed_is_no_statement() {
    let table = [
        (Dialect::Postgres, "select 1; select 'never; x", "'", 17, Quote::Text),
        (Dialect::Postgres, "select E'a\\'; x", "E'", 7, Quote::Text),
        (Dialect::Postgres, "select E'a'\n'\\'; x", "'", 12, Quote::Text),
        (Dialect::Postgres, "select U&'a", "U&'", 7, Quote::Text),
        (Dialect::Postgres, "do $body$ $$ $bod$; x", "$body$", 3, Quote::Dollar),
        (Dialect::Postgres, "do $$ x; $a$", "$$", 3, Quote::Dollar),
        (Dialect::Postgres, "select \"a; x", "\"", 7, Quote::Name),
        (Dialect::Postgres, "select /* /* */ ; x", "/*", 7, Quote::Comment),
        (Dialect::Sqlite, "select 'a''; x", "'", 7, Quote::Text),
        (Dialect::Sqlite, "select x'a; x", "x'", 7, Quote::Text),
        (Dialect::Sqlite, "select [a; x", "[", 7, Quote::Name),
        (Dialect::Sqlite, "select `a; x", "`", 7, Quote::Name),
        (Dialect::Sqlite, "select /* ; x", "/*", 7, Quote::Comment),
    ];
    for (dialect, sql, mark, start, quote) in table {
        assert_eq!(split(sql, dialect), Err(Unterminated { quote, range: start..start + mark.len() }), "{sql}");
        assert_eq!(&sql[start..start + mark.len()], mark);
    }
}

#[test]
fn words_are_those_outside_of_parentheses() {
    let words = |sql, dialect| split(sql, dialect).expect("closed").remove(0).words;
    let sql = "Create \"x\" table a(b int) -- c\n with 'd' 1";
    assert_eq!(words(sql, Dialect::Postgres), ["CREATE", "TABLE", "A", "WITH", "1"]);
    assert_eq!(words("\\restrict abc", Dialect::Postgres), ["\\restrict"]);
    assert_eq!(words("pragma foreign_keys(0)", Dialect::Sqlite), ["PRAGMA", "FOREIGN_KEYS", "0"]);
}

/// Pieces of SQL in any order, with all that opens and closes something.
fn pieces() -> impl Strategy<Value = String> {
    let marks = [
        "'", "\"", "$$", "$a$", "$", ";", "(", ")", "[", "]", "`", "/*", "*/", "--", "-", " ", "\n", "\r\n", "\\",
        "\\.\n", "E'", "U&'", "x'", "é", "\u{feff}", "\u{a0}", "\0", "1", "1e-5", "a", "begin", "atomic", "end",
        "case", "pragma ",
    ];
    let blocks = [
        "copy t from stdin;\n",
        "create function f() returns int begin atomic ",
        "create trigger t after insert on a begin ",
    ];
    let piece = prop::sample::select([marks.as_slice(), blocks.as_slice()].concat());
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Blanks, comments and `;`.
fn is_nothing(text: &str, dialect: Dialect) -> bool {
    Tokens::new(text, dialect).all(|token| token.is_ok_and(|token| matches!(token.kind, Kind::Blank | Kind::Semicolon)))
}

/// Where the SQL goes on after a statement and its rows.
fn end(statement: &Statement, sql: &str) -> usize {
    let Some(data) = &statement.data else { return statement.range.end };
    let ended = sql[data.end..].lines().next() == Some("\\.");
    assert!(ended || data.end == sql.len(), "rows end with a mark or with the text");
    data.end + if ended { 2 } else { 0 }
}

proptest! {
    /// Whatever the text is: no panic, and the statements in order, inside of it, with nothing but blanks and `;` left over.
    #[test]
    fn any_text_is_split(sql in prop_oneof![pieces(), ".{0,60}"], postgres: bool) {
        let dialect = if postgres { Dialect::Postgres } else { Dialect::Sqlite };
        let _ = crate::sql::first_obstacle(&sql, dialect, None);
        let Ok(statements) = split(&sql, dialect) else { return Ok(()) };
        let mut at = 0;
        for statement in &statements {
            let gap = sql.get(at..statement.range.start);
            prop_assert!(gap.is_some_and(|gap| is_nothing(gap, dialect)), "{gap:?}");
            prop_assert!(!statement.range.is_empty() && sql.get(statement.range.clone()).is_some());
            if let Some(data) = &statement.data {
                let gap = sql.get(statement.range.end..data.start);
                prop_assert!(gap.is_some_and(|gap| is_nothing(gap, dialect)), "{gap:?}");
            }
            at = end(statement, &sql);
        }
        prop_assert!(is_nothing(&sql[at..], dialect), "{:?}", &sql[at..]);
    }

    /// Tokens put together are the text.
    #[test]
    fn tokens_are_the_text(sql in prop_oneof![pieces(), ".{0,60}"], postgres: bool) {
        let dialect = if postgres { Dialect::Postgres } else { Dialect::Sqlite };
        let mut at = 0;
        for token in Tokens::new(&sql, dialect) {
            let Ok(token) = token else { return Ok(()) };
            prop_assert_eq!(token.range.start, at);
            prop_assert!(!token.range.is_empty() && sql.is_char_boundary(token.range.end));
            at = token.range.end;
        }
        prop_assert_eq!(at, sql.len());
    }

    /// Statements put together with `;` come apart again, whatever they hold in quotes, parentheses and blocks.
    #[test]
    fn statements_come_apart(
        parts in prop::collection::vec(prop::sample::select(WHOLE.to_vec()), 1..8),
        joint in prop::sample::select(vec![";", " ;\n", ";;", "; -- c ;\n", ";/* ; */"]),
    ) {
        let sql = parts.join(joint);
        prop_assert_eq!(texts(&sql, Dialect::Postgres), parts);
    }
}

const WHOLE: &[&str] = &[
    "select 1",
    "select ';', \";\"",
    "do $$ begin; end $$",
    "do $a$ ; $$ ; $a$",
    "select E'\\';'",
    "insert into t values (';', '''')",
    "create rule r as on insert to t do (delete from a; delete from b)",
    "select /* ; /* ; */ */ 2",
    "create function f() returns int begin atomic select case when true then 1 end; select 2; end",
    "create procedure p() begin atomic; end",
    "begin",
    "end",
    "select $1",
    "select a$b$c",
    "select -- ;\n 3",
];
