//! Our own rules, over the statements of a file as `up` would run them.

use super::{
    hit::{Hit, Statement, may_be},
    rules::{ENUM_VALUE_USED, LOCKS_TWO_TABLES, MIXED_TRANSACTION, WRITE_WITHOUT_WHERE},
};
use crate::sql::Name;
use std::ops::Range;

/// Statements that are run together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// They share a transaction; else it is one statement that cannot have any.
    pub(super) transactional: bool,
    /// How it begins: `CREATE INDEX CONCURRENTLY`.
    pub(super) words: String,
    /// From the first to the last.
    pub(super) range: Range<usize>,
}

/// A file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whole<'a> {
    /// As `up` cuts it.
    pub(super) pieces: &'a [Piece],
    /// All of its statements, in their order.
    pub(super) statements: &'a [&'a Statement],
    /// It was cut because of what stands in it, and not because it says so.
    pub(super) is_cut_by_need: bool,
}

impl<'a> Whole<'a> {
    fn statements_of(self, piece: &Piece) -> &'a [&'a Statement] {
        let before = |at: usize| self.statements.iter().take_while(|it| it.range.start < at).count();
        &self.statements[before(piece.range.start)..before(piece.range.end)]
    }
}

/// All that they find; `is_fresh` tells of tables that nobody can be using yet.
pub(super) fn hits(whole: Whole<'_>, is_fresh: impl Fn(&Name) -> bool) -> Vec<Hit> {
    let mut hits: Vec<_> = whole.statements.iter().filter_map(|it| write_without_where(it)).collect();
    hits.extend(mixed_transaction(whole));
    for piece in whole.pieces.iter().filter(|piece| piece.transactional) {
        let statements = whole.statements_of(piece);
        hits.extend(enum_value_used(statements));
        hits.extend(locks_two_tables(statements, &is_fresh));
    }
    hits
}

fn write_without_where(statement: &Statement) -> Option<Hit> {
    let command = statement.unfiltered?;
    let table = statement.tables.first()?;
    let message = match command {
        "DELETE" => {
            format!("every row of `{table}` is deleted in one transaction, and each stays locked until it ends")
        }
        _ => format!("every row of `{table}` is written in one transaction, and each stays locked until it ends"),
    };
    let hint = match command {
        "DELETE" => "delete them in batches outside of a migration, or use TRUNCATE if all of them may go",
        _ => "write them in batches outside of a migration, or narrow it down with WHERE",
    };
    Some(hit(WRITE_WITHOUT_WHERE, message, hint, statement, vec![table.clone()]))
}

/// Only a transaction makes a file all or nothing, and one statement alone can end it for all of them.
fn mixed_transaction(whole: Whole<'_>) -> Option<Hit> {
    let [first, ..] = whole.pieces else { return None };
    if whole.pieces.len() < 2 || !whole.is_cut_by_need {
        return None;
    }
    let alone = whole.pieces.iter().find(|piece| !piece.transactional);
    let (message, range) = match alone {
        Some(alone) => (
            format!("`{}` cannot run in a transaction, so this file is not all or nothing", alone.words),
            alone.range.clone(),
        ),
        None => {
            let value = whole.statements_of(first).iter().rfind(|it| it.adds_value.is_some())?;
            let message = "the transaction has to end after this value is added, so this file is not all or nothing";
            (message.to_owned(), value.range.clone())
        }
    };
    let statement = whole.statements.iter().find(|it| it.range.start == range.start);
    let tables = statement.map(|it| it.tables.clone()).unwrap_or_default();
    let (rule, hint) = (MIXED_TRANSACTION.to_owned(), Some("give it a file of its own".to_owned()));
    Some(Hit { rule, message, hint, range, tables })
}

/// PostgreSQL refuses a value of an enum until it is committed, unless the enum is as new.
fn enum_value_used(statements: &[&Statement]) -> Vec<Hit> {
    let used = |(at, statement): (usize, &&Statement)| {
        let value = statement.adds_value.as_ref()?;
        let new = statements[..at].iter().filter_map(|it| it.creates_type.as_ref()).any(|it| may_be(it, &value.of));
        let quoted = format!("'{}'", value.label.replace('\'', "''"));
        let uses = |text: &str| text == value.label || text.starts_with('$') && text.contains(&quoted);
        let later = statements[at + 1..].iter().filter(|it| it.adds_value.is_none()).flat_map(|it| &it.texts);
        let (_, range) = later.filter(|_| !new).find(|(text, _)| uses(text))?;
        let of = &value.of;
        Some(Hit {
            rule: ENUM_VALUE_USED.to_owned(),
            message: format!(
                "`{quoted}` stands in the transaction that adds it to `{of}`; as a value of `{of}` PostgreSQL refuses it until that \
                 is committed"
            ),
            hint: Some(format!("use it in the next file, after the one that adds it to `{of}`")),
            range: range.clone(),
            tables: Vec::new(),
        })
    };
    statements.iter().enumerate().filter_map(used).collect()
}

fn locks_two_tables(statements: &[&Statement], is_fresh: impl Fn(&Name) -> bool) -> Option<Hit> {
    let mut first: Option<&Name> = None;
    for statement in statements.iter().filter(|it| it.exclusive) {
        for table in statement.tables.iter().filter(|table| !is_fresh(table)) {
            match first {
                None => first = Some(table),
                Some(first) if may_be(first, table) => {}
                Some(first) => return Some(two_tables(first, table, statement)),
            }
        }
    }
    None
}

fn two_tables(first: &Name, second: &Name, statement: &Statement) -> Hit {
    let message = format!(
        "`{first}` is still locked against everybody (ACCESS EXCLUSIVE) while this waits for the same lock on `{second}`"
    );
    let hint =
        format!("give each table a file of its own: who holds `{second}` and wants `{first}` ends in a deadlock");
    hit(LOCKS_TWO_TABLES, message, &hint, statement, vec![first.clone(), second.clone()])
}

fn hit(rule: &str, message: String, hint: &str, statement: &Statement, tables: Vec<Name>) -> Hit {
    let (rule, hint, range) = (rule.to_owned(), Some(hint.to_owned()), statement.range.clone());
    Hit { rule, message, hint, range, tables }
}
