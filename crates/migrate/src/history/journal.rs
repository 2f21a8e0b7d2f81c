//! The journal of statements: how far a file got that is not one transaction, so that the next run resumes just there.

use crate::{
    migration::Kind,
    style::{Table, plain::sha256},
};

/// The journal's table, beside the ledger.
pub(crate) const JOURNAL: &str = "mainstay_journal";

/// Stands where a statement's number would: the migration was begun by us.
pub(crate) const OPENING: usize = 0;

/// A statement in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Journaled {
    /// Its place in the file, counted from 1.
    pub(crate) number: usize,
    /// SHA-256 of its text.
    pub(crate) checksum: String,
    /// It is done; else it was begun, and its end was not seen.
    pub(crate) done: bool,
}

/// Whose statements they are: the kind and the name of the migration, and the direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Of<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: &'a str,
    pub(crate) direction: &'a str,
}

/// The direction as the journal has it. The files of the directory cannot have one name twice; those from elsewhere may have the
/// name of one of them, so they say what they are: `seed up`.
pub(crate) fn way(kind: Kind, direction: &str) -> String {
    match kind {
        Kind::Versioned | Kind::Repeatable | Kind::Implied => direction.to_owned(),
        Kind::Seed | Kind::ByHand => format!("{} {direction}", kind.word()),
    }
}

pub(super) fn create(journal: &Table) -> String {
    let at = super::moment(journal.dialect);
    format!(
        "CREATE TABLE IF NOT EXISTS {} (name text NOT NULL, direction text NOT NULL, statement integer NOT NULL, \
         sha256 text NOT NULL, state text NOT NULL, at {at}, PRIMARY KEY (name, direction, statement))",
        journal.quoted()
    )
}

impl Journaled {
    /// From a row that [`Of::select`] or [`unfinished`] reads.
    pub(crate) fn of(cells: &[Option<String>]) -> Self {
        let text = |index: usize| cells.get(index).cloned().flatten().unwrap_or_default();
        Self { number: text(0).parse().unwrap_or_default(), checksum: text(1), done: text(2) == "done" }
    }
}

/// SQL that reads which migrations are done in part: name and direction.
pub(crate) fn open(journal: &Table) -> String {
    format!("SELECT DISTINCT name, direction FROM {}", journal.quoted())
}

/// SQL that reads every statement in the journal, as [`Journaled`] has it, and behind that its file's name and direction.
pub(crate) fn unfinished(journal: &Table) -> String {
    format!(
        "SELECT statement, sha256, state, name, direction FROM {} ORDER BY name, direction, statement",
        journal.quoted()
    )
}

/// SQL that brings all that was committed before to the disk, as any COMMIT does that has written something. It leaves nothing.
pub(crate) fn flush(journal: &Table) -> String {
    let table = journal.quoted();
    format!(
        "INSERT INTO {table} (name, direction, statement, sha256, state) VALUES ('', 'flush', 0, '', 'done'); \
         DELETE FROM {table} WHERE direction = 'flush'"
    )
}

impl Of<'_> {
    /// SQL that reads the journal of one file.
    pub(crate) fn select(&self, journal: &Table) -> String {
        format!(
            "SELECT statement, sha256, state FROM {} WHERE {} ORDER BY statement",
            journal.quoted(),
            self.this(journal)
        )
    }

    /// SQL that remembers a statement as begun or done; `only_if` is a condition that must hold for that, unless it is empty.
    pub(crate) fn write(&self, journal: &Table, number: usize, text: &str, done: bool, only_if: &str) -> String {
        let state = if done { "done" } else { "begun" };
        let checksum = journal.literal(&sha256(text));
        let checksum = match only_if {
            "" => checksum,
            condition => format!("CASE WHEN {condition} THEN {checksum} END"),
        };
        format!(
            "INSERT INTO {table} (name, direction, statement, sha256, state) VALUES ({}, {}, {number}, {}, '{state}') \
             ON CONFLICT (name, direction, statement) DO UPDATE SET sha256 = excluded.sha256, state = excluded.state",
            journal.literal(self.name),
            journal.literal(&way(self.kind, self.direction)),
            checksum,
            table = journal.quoted(),
        )
    }

    /// SQL that forgets one statement: it was begun, and not done.
    pub(crate) fn forget(&self, journal: &Table, number: usize) -> String {
        format!("DELETE FROM {} WHERE {} AND statement = {number}", journal.quoted(), self.this(journal))
    }

    /// SQL that forgets the whole file: it is done, or taken back.
    pub(crate) fn clear(&self, journal: &Table) -> String {
        format!("DELETE FROM {} WHERE {}", journal.quoted(), self.this(journal))
    }

    fn this(&self, journal: &Table) -> String {
        let way = way(self.kind, self.direction);
        format!("name = {} AND direction = {}", journal.literal(self.name), journal.literal(&way))
    }
}
