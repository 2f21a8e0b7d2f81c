//! Everything there is to know before anything is decided: the files, whose they are, the ledger's rows, our history.

use crate::{
    MigrateError,
    directory::{self, Directory},
    engine::{Cells, Engine},
    history::{self, Entry as Recorded, HISTORY, JOURNAL},
    job::Run,
    ledger::{Difference, Row, Sides, Standing, Where, compare},
    sight::Sight,
    sql::{self, Dialect, diff, difference},
    style::{
        Style, Table,
        detect::{Choice, Files, Found, detect},
    },
    work::Direction,
};
use std::{collections::BTreeMap, path::Path};

/// Everything there is to know before anything is decided.
pub(crate) struct View {
    pub(crate) sight: Sight,
    pub(crate) style: Box<dyn Style>,
    /// The ledger.
    pub(crate) table: Table,
    pub(crate) history: Table,
    pub(crate) journal: Table,
    pub(crate) directory: Directory,
    /// The rows as they were read.
    pub(crate) cells: Vec<Cells>,
    /// What they mean.
    pub(crate) rows: Vec<Row>,
    pub(crate) recorded: Vec<Recorded>,
    /// Migrations that are done in part, as our journal has it: name and direction. Read when it matters.
    open: Vec<(String, String)>,
    /// The texts of changed migrations as they were applied, by name.
    texts: BTreeMap<String, String>,
}

impl View {
    /// Looks, writes nothing.
    ///
    /// # Errors
    /// What cannot be read or is in doubt. That files and ledger disagree is no error here.
    pub(crate) async fn take(run: &Run<'_>, engine: &mut Engine, dir: &Path) -> Result<Self, MigrateError> {
        let names = directory::list(dir)?;
        let migrations = run.job.migrations;
        let sight = engine.look(migrations.table.as_deref()).await?;
        let first = first_text(dir, &names);
        let files = Files { names: &names, first: &first };
        let choice = Choice { style: migrations.style.as_deref(), table: migrations.table.as_deref() };
        let (style, table) = match detect(&sight, &files, choice)? {
            Found::Style(style, table) => (style, table),
            Found::ByRows { table, .. } => return Err(crate::style::detect::foreign(&table)),
        };
        let mut directory = directory::read(dir, run.job.root, &names, &*style, run.job.env)?;
        if let Some(seeds) = &migrations.seeds {
            directory.repeatables.extend(directory::seeds(seeds, run.job.root)?);
        }
        if migrations.policies.strict {
            directory.without_gaps()?;
        }
        let (history, journal) = (sight.beside(&table, HISTORY), sight.beside(&table, JOURNAL));
        let mut view = Self {
            sight,
            style,
            table,
            history,
            journal,
            directory,
            cells: Vec::new(),
            rows: Vec::new(),
            recorded: Vec::new(),
            open: Vec::new(),
            texts: BTreeMap::new(),
        };
        view.read(engine).await?;
        Ok(view)
    }

    async fn read(&mut self, engine: &mut Engine) -> Result<(), MigrateError> {
        if self.history.exists() {
            let cells = engine.ask("read the history", history::select(&self.history)).await?;
            self.recorded = cells.iter().map(|cells| Recorded::of(cells)).collect();
        }
        if self.table.exists() {
            self.cells = engine.ask("read the ledger", self.style.select(&self.table)).await?;
            self.rows = self.meant(&self.cells);
        }
        let unfinished = |it: &Standing<'_>| matches!(it.place, Where::Pending | Where::Late | Where::Begun);
        if self.standings().iter().any(unfinished) {
            self.read_journal(engine).await?;
        }
        self.read_texts(engine).await
    }

    /// Which migrations are done in part, or undone in part.
    pub(crate) async fn read_journal(&mut self, engine: &mut Engine) -> Result<(), MigrateError> {
        if self.journal.exists() {
            let cells = engine.ask("read the journal", history::open(&self.journal)).await?;
            let text = |cells: &Cells, index: usize| cells.get(index).cloned().flatten().unwrap_or_default();
            self.open = cells.iter().map(|cells| (text(cells, 0), text(cells, 1))).collect();
        }
        Ok(())
    }

    /// The names of the migrations that are done in part in this direction.
    pub(crate) fn open(&self, direction: Direction) -> Vec<String> {
        let open = self.open.iter().filter(|(_, it)| it == direction.word());
        open.map(|(name, _)| name.clone()).collect()
    }

    /// What rows of the ledger mean.
    pub(crate) fn meant(&self, cells: &[Cells]) -> Vec<Row> {
        let rows = cells.iter().map(|cells| Row::of(cells)).collect();
        let recorded: Vec<_> = self.recorded.iter().map(|it| it.version.clone()).collect();
        self.style.expand(rows, &self.directory.migrations, &recorded)
    }

    /// The texts of changed files as they were applied, to see in what they differ.
    async fn read_texts(&mut self, engine: &mut Engine) -> Result<(), MigrateError> {
        let changed: Vec<(String, String)> = self
            .standings()
            .iter()
            .filter(|standing| matches!(standing.place, Where::Changed(_)))
            .filter_map(|standing| Some((standing.file?, standing.recorded?)))
            .map(|(file, recorded)| {
                let select = history::select_texts(&self.history, recorded.kind, &recorded.version, &recorded.name);
                (file.name.clone(), select)
            })
            .collect();
        for (name, select) in changed {
            let cells = engine.ask("read the history", select).await?;
            let packed = cells.first().and_then(|cells| cells.first().cloned().flatten());
            if let Some(text) = packed.and_then(|hex| history::unpack(&hex)) {
                self.texts.insert(name, text);
            }
        }
        Ok(())
    }

    /// Files, ledger and history side by side.
    pub(crate) fn standings(&self) -> Vec<Standing<'_>> {
        self.standings_of(&self.rows)
    }

    /// The same, had the ledger these rows.
    pub(crate) fn standings_of<'a>(&'a self, rows: &'a [Row]) -> Vec<Standing<'a>> {
        let sides = Sides { directory: &self.directory, rows, recorded: &self.recorded, texts: &self.texts };
        let mut standings = compare(sides, |file, old| differ(file, old, self.sight.dialect));
        let open = self.open(Direction::Up);
        standings.iter_mut().for_each(|standing| standing.resume(&open));
        standings
    }

    /// The key of our lock and those of the tool's own.
    pub(crate) fn locks(&self) -> Vec<i64> {
        self.style.co_locks(&self.table, &self.sight.database)
    }
}

/// In what a file differs from what was applied.
fn differ(file: &crate::Migration, old: Option<&str>, dialect: Dialect) -> Difference {
    let (Some(old), Ok(text)) = (old, file.up.load()) else { return Difference::Unknown };
    let new = text.joined(&file.up.sections);
    match difference(old, &new, dialect) {
        sql::Difference::Same | sql::Difference::LineEnds => Difference::LineEnds,
        sql::Difference::Layout => Difference::Layout,
        sql::Difference::Real => Difference::Real { diff: diff(old, &new) },
    }
}

/// The text of the first file that is SQL, as far as it can be read; what is wrong with it is told later.
pub(crate) fn first_text(dir: &Path, names: &[String]) -> String {
    let first = names.iter().find(|name| name.to_ascii_lowercase().ends_with(".sql"));
    let bytes = first.and_then(|name| host::fs::read(&dir.join(name), directory::LARGEST).ok());
    bytes.map(|bytes| crate::script::normal(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}
