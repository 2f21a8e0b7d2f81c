//! Files that bring their own transaction.

use super::split::Statement;
use std::ops::Range;

/// The statements between the `BEGIN` that a file begins with and the `COMMIT` that it ends with, when nothing in between begins or
/// ends a transaction. Such a file can be run as one transaction: its own `BEGIN` (the first statement, which may choose an
/// isolation level), these, and whatever else belongs into the transaction before COMMIT.
pub(crate) fn unwrapped(statements: &[Statement]) -> Option<Range<usize>> {
    let [first, inner @ .., last] = statements else { return None };
    let wrapped = begins(first) && commits(last) && inner.iter().all(|statement| transaction_word(statement).is_none());
    wrapped.then_some(1..statements.len() - 1)
}

fn begins(statement: &Statement) -> bool {
    statement.is(0, "BEGIN") || statement.begins(&["START", "TRANSACTION"])
}

/// `COMMIT AND CHAIN` begins the next one, `COMMIT PREPARED` ends another.
fn commits(statement: &Statement) -> bool {
    let [first, rest @ ..] = statement.words.as_slice() else { return false };
    let rest: Vec<_> =
        rest.iter().map(String::as_str).skip_while(|word| matches!(*word, "WORK" | "TRANSACTION")).collect();
    let plain = rest.is_empty() || rest == ["AND", "NO", "CHAIN"];
    plain && matches!(first.as_str(), "COMMIT" | "END")
}

/// The words with which a statement would take the transaction out of our hands. `ROLLBACK TO` a savepoint does not.
pub(super) fn transaction_word(statement: &Statement) -> Option<String> {
    let first = statement.words.first()?;
    let takes_over = match first.as_str() {
        "BEGIN" | "COMMIT" | "END" | "ABORT" => true,
        "START" | "PREPARE" => statement.is(1, "TRANSACTION"),
        "ROLLBACK" => !statement.words.iter().any(|word| word == "TO"),
        _ => false,
    };
    let two = matches!(first.as_str(), "START" | "PREPARE");
    takes_over.then(|| if two { format!("{first} TRANSACTION") } else { first.clone() })
}

#[cfg(test)]
mod tests;
