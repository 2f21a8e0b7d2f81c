//! Does a statement take locks that stop others?

use super::{Dialect, nature::Nature, reader::Reader, split::Statement};

/// The first words of statements that change what there is, or lock it. By the page "Explicit Locking" of PostgreSQL's manual most of
/// them take SHARE ROW EXCLUSIVE or stronger, and all queue for locks in front of readers and writers.
const STRONG: &[&str] = &[
    "ALTER", "CLUSTER", "COMMENT", "CREATE", "DROP", "GRANT", "IMPORT", "LOCK", "REASSIGN", "REFRESH", "REINDEX",
    "REVOKE", "SECURITY", "TRUNCATE",
];

impl Statement {
    /// Does it change the schema or lock tables, and so have to wait briefly for its locks, or everybody else waits behind it?
    ///
    /// Not so `CONCURRENTLY`, which stops nobody and, when its wait is cut short, leaves an invalid index behind. Of a `DO` block
    /// the words in it decide.
    pub(crate) fn is_ddl(&self, sql: &str, dialect: Dialect) -> bool {
        let Some(first) = self.words.first().map(String::as_str) else { return false };
        let mut reader = Reader::new(self, sql, dialect);
        match first {
            "DO" => reader.words_in_texts().any(|word| STRONG.contains(&word.as_str())),
            "VACUUM" => {
                reader.skip("VACUUM");
                reader.sees("FULL") || reader.parentheses().iter().any(|word| word == "FULL")
            }
            "REINDEX" => !matches!(self.nature(sql, dialect), Nature::ReindexConcurrently),
            _ => STRONG.contains(&first) && !self.words.iter().any(|word| word == "CONCURRENTLY"),
        }
    }
}

#[cfg(test)]
mod tests;
