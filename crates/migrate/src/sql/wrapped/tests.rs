use super::*;
use crate::sql::{Dialect, split};

#[test]
fn a_file_in_its_own_transaction_is_unwrapped() {
    let table = [
        ("begin; a; b; commit;", Some(1..3)),
        ("-- c\nBEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE; a; END WORK", Some(1..2)),
        ("start transaction; commit and no chain", Some(1..1)),
        ("begin; savepoint s; rollback to s; commit transaction", Some(1..3)),
        ("begin; a; commit; begin; b; commit", None),
        ("begin; a; commit; b", None),
        ("a; begin; b; commit", None),
        ("begin; a; rollback", None),
        ("begin; a; commit and chain", None),
        ("begin; a; commit prepared 'x'", None),
        ("begin; rollback; commit", None),
        ("begin", None),
        ("commit", None),
        ("a; b", None),
        ("", None),
    ];
    for (sql, expected) in table {
        assert_eq!(unwrapped(&split(sql, Dialect::Postgres).expect("closed")), expected, "{sql}");
    }
}

#[test]
fn sqlite_wraps_too() {
    let sql = "BEGIN IMMEDIATE; create trigger t after insert on a begin select 1; end; COMMIT;";
    assert_eq!(unwrapped(&split(sql, Dialect::Sqlite).expect("closed")), Some(1..2));
}
