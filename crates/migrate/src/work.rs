//! One direction of one migration, with everything that an engine needs to run and remember it.

use crate::{
    MigrateError, Migration,
    engine::Cells,
    history::{self, Applied, Entry as Recorded, Journaled, Of},
    ledger::previous,
    migration::Kind,
    pieces::Piece,
    script::{Script, Text},
    snapshot::Snapshot,
    sql::{Statement, split},
    style::{Record, Section, plain::sha256},
};
use std::time::Duration;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// It is applied.
    Up,
    /// It is undone.
    Down,
}

impl Direction {
    /// As the journal has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<T> {
    /// It is done, and remembered.
    Done(T),
    /// Somebody else was faster; look again.
    Overtaken,
}

/// One direction of one migration.
pub(crate) struct Work<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) migration: &'a Migration,
    pub(crate) direction: Direction,
    pub(crate) script: &'a Script,
    pub(crate) text: Text,
    /// It may say who the session belongs to (`SET SESSION AUTHORIZATION`).
    pub(crate) authorizes: bool,
    /// What undoes it, to be kept.
    down: Option<String>,
    release: Option<String>,
    by: String,
    /// One statement that looks on at the end of each transaction, before it is committed.
    witness: Option<String>,
    /// Do these rows of the ledger, read anew, still lead to this step?
    pub(crate) still: &'a (dyn Fn(&[Cells]) -> bool + Sync),
}

impl<'a> Work<'a> {
    /// Applies `migration`.
    pub(crate) fn up(
        snapshot: &'a Snapshot,
        migration: &'a Migration,
        who: &crate::Identity,
        still: &'a (dyn Fn(&[Cells]) -> bool + Sync),
    ) -> Result<Self, MigrateError> {
        let whole = migration.down.as_ref().filter(|script| script.is_complete());
        let down = whole.map(|script| script.load().map(|text| script.kept_to_undo(&text)));
        Self::new(snapshot, migration, Direction::Up, &migration.up, down.transpose()?, who, still)
    }

    /// Undoes `migration` by `script`.
    pub(crate) fn down(
        snapshot: &'a Snapshot,
        migration: &'a Migration,
        script: &'a Script,
        who: &crate::Identity,
        still: &'a (dyn Fn(&[Cells]) -> bool + Sync),
    ) -> Result<Self, MigrateError> {
        Self::new(snapshot, migration, Direction::Down, script, None, who, still)
    }

    fn new(
        snapshot: &'a Snapshot,
        migration: &'a Migration,
        direction: Direction,
        script: &'a Script,
        down: Option<String>,
        who: &crate::Identity,
        still: &'a (dyn Fn(&[Cells]) -> bool + Sync),
    ) -> Result<Self, MigrateError> {
        let (text, by, release) = (script.load()?, who.by(), who.release.clone());
        let authorizes = text.whole.to_ascii_lowercase().contains("authorization");
        Ok(Self { snapshot, migration, direction, script, text, authorizes, down, release, by, witness: None, still })
    }

    /// The same, with a statement that looks on.
    pub(crate) fn witnessed(self, witness: Option<String>) -> Self {
        Self { witness, ..self }
    }

    /// Whose statements the journal has.
    pub(crate) fn journal(&self) -> Of<'_> {
        Of { kind: self.migration.kind, name: &self.migration.name, direction: self.direction.word() }
    }

    /// Does our history, read anew, have of it what it had? A repeatable one is remembered nowhere else.
    pub(crate) fn recorded_alike(&self, history: &[Cells]) -> bool {
        let now = history.iter().map(|cells| Recorded::of(cells)).filter(|it| it.is(self.migration));
        now.eq(self.snapshot.recorded.iter().filter(|it| it.is(self.migration)).cloned())
    }

    /// SQL that remembers it, after it took `took`; `only_if` is a condition that must hold for that.
    pub(crate) fn closing(&self, took: Duration, only_if: &str) -> Vec<String> {
        let mut sql = match self.direction {
            Direction::Up => self.remember(took, only_if),
            Direction::Down => self.forget(),
        };
        sql.push(self.journal().clear(&self.snapshot.journal));
        sql.extend(self.witness.clone());
        sql
    }

    /// SQL that remembers the statements of a piece as done.
    pub(crate) fn journal_of(&self, piece: &Piece, only_if: &str) -> Vec<String> {
        let row = |(index, statement): (usize, &Statement)| {
            let text = &self.text.whole[statement.range.clone()];
            self.journal().write(&self.snapshot.journal, piece.number + index, text, true, only_if)
        };
        piece.statements.iter().enumerate().map(row).chain(self.witness.clone()).collect()
    }

    /// Has the journal something of it?
    pub(crate) fn is_open(&self) -> bool {
        self.snapshot.open(self.migration.kind, self.direction).contains(&self.migration.name)
    }

    /// Was this very statement begun?
    pub(crate) fn has_begun(&self, piece: &Piece, journal: &[Journaled]) -> bool {
        let text = piece.statements.first().map_or("", |statement| &self.text.whole[statement.range.clone()]);
        let sum = sha256(text);
        journal.iter().any(|it| it.number == piece.number && it.checksum == sum)
    }

    /// What is done must stand in the file as it was when it was done.
    ///
    /// # Errors
    /// [`MigrateError::JournalDiffers`].
    pub(crate) fn unchanged(&self, pieces: &[Piece], journal: &[Journaled]) -> Result<(), MigrateError> {
        let statements: Vec<_> = pieces.iter().flat_map(|piece| &piece.statements).collect();
        let same = |it: &&Journaled| {
            let statement = it.number.checked_sub(1).and_then(|index| statements.get(index));
            statement.is_some_and(|it_now| sha256(&self.text.whole[it_now.range.clone()]) == it.checksum)
        };
        match journal.iter().find(|it| it.done && !same(it)) {
            None => Ok(()),
            Some(it) => Err(MigrateError::JournalDiffers { file: self.text.shown.to_string(), statement: it.number }),
        }
    }

    /// The texts of its statements.
    fn statements(&self) -> Vec<&str> {
        let of = |section: &Section| {
            let text = self.text.section(section);
            let statements = split(text, self.snapshot.catalog.dialect).unwrap_or_default();
            statements.into_iter().filter_map(|it| text.get(it.range)).collect::<Vec<_>>()
        };
        self.script.sections.iter().flat_map(of).collect()
    }

    fn remember(&self, took: Duration, only_if: &str) -> Vec<String> {
        let Snapshot { style, table, history, .. } = self.snapshot;
        let text = self.script.kept(&self.text);
        let applied = Applied {
            migration: self.migration,
            text: &text,
            down: self.down.as_deref(),
            took,
            release: self.release.as_deref(),
            by: &self.by,
            again: self.snapshot.recorded.iter().any(|it| it.is(self.migration) || it.kind == Kind::Implied),
            only_if,
        };
        let mut sql = history::insert(history, &applied);
        if self.in_ledger() {
            let statements = self.statements();
            sql.extend(style.insert(table, &Record { migration: self.migration, took, statements: &statements }));
        }
        sql
    }

    fn forget(&self) -> Vec<String> {
        let Snapshot { style, table, history, .. } = self.snapshot;
        let Migration { kind, version, name, .. } = self.migration;
        let mut sql = vec![history::forget(history, *kind, version, name)];
        let previous = previous(&self.snapshot.standings(), version);
        sql.extend(style.delete(table, &self.snapshot.as_in_ledger(self.migration), previous));
        sql
    }

    /// SQL that marks it as begun in the tool's own table, and in our journal that it was us: the next run goes on with it
    /// then. Nothing where the tool has no such mark.
    pub(crate) fn opening(&self) -> Vec<String> {
        let record = Record { migration: self.migration, took: Duration::ZERO, statements: &[] };
        let mut sql = match self.direction {
            Direction::Up if self.in_ledger() => self.snapshot.style.mark_begun(&self.snapshot.table, &record),
            Direction::Up | Direction::Down => Vec::new(),
        };
        if !sql.is_empty() {
            sql.push(self.journal().write(&self.snapshot.journal, history::OPENING, "", false, ""));
        }
        sql
    }

    /// Ours remembers repeatable ones in our history alone.
    fn in_ledger(&self) -> bool {
        match self.migration.kind {
            Kind::Versioned => true,
            Kind::Repeatable => self.snapshot.style.keeps_repeatables(),
            Kind::Seed | Kind::ByHand | Kind::Implied => false,
        }
    }
}
