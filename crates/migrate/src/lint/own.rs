//! Our own rules, over the statements of one section of a file.

use super::{
    hit::{Hit, Name, Statement},
    rules::{ENUM_VALUE_USED, LOCKS_TWO_TABLES, MIXED_TRANSACTION, WRITE_WITHOUT_WHERE},
};

/// All that they find. `transaction` is what the file itself says about it; `is_fresh` tells of tables that nobody can be using
/// yet.
pub(super) fn hits(statements: &[Statement], transaction: Option<bool>, is_fresh: impl Fn(&Name) -> bool) -> Vec<Hit> {
    let mut hits: Vec<_> = statements.iter().filter_map(write_without_where).collect();
    if transaction != Some(false) {
        hits.extend(mixed_transaction(statements, transaction));
        hits.extend(enum_value_used(statements));
        hits.extend(locks_two_tables(statements, is_fresh));
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

/// A transaction cannot be kept around such a statement, so that the file is not all or nothing any more.
fn mixed_transaction(statements: &[Statement], transaction: Option<bool>) -> Option<Hit> {
    let (statement, alone) = statements.iter().find_map(|it| Some((it, it.alone?)))?;
    let message = match (transaction, statements.len()) {
        (_, 2..) => format!(
            "`{alone}` cannot run in a transaction, so what stands beside it in this file is not all or nothing"
        ),
        (Some(true), _) => format!("`{alone}` cannot run in a transaction, and the file says that it has one"),
        _ => return None,
    };
    let hint = match transaction {
        Some(true) => "take out the line that asks for a transaction, and leave the statement alone in its file",
        _ => "give it a file of its own",
    };
    Some(hit(MIXED_TRANSACTION, message, hint, statement, statement.tables.clone()))
}

/// PostgreSQL refuses a value of an enum until it is committed, unless the enum is as new.
fn enum_value_used(statements: &[Statement]) -> Vec<Hit> {
    let used = |(at, statement): (usize, &Statement)| {
        let value = statement.adds_value.as_ref()?;
        let new = statements[..at].iter().filter_map(|it| it.creates_type.as_ref()).any(|it| it.may_be(&value.of));
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

fn locks_two_tables(statements: &[Statement], is_fresh: impl Fn(&Name) -> bool) -> Option<Hit> {
    let mut first: Option<&Name> = None;
    for statement in statements.iter().filter(|it| it.exclusive) {
        for table in statement.tables.iter().filter(|table| !is_fresh(table)) {
            match first {
                None => first = Some(table),
                Some(first) if first.may_be(table) => {}
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
