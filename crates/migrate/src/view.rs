//! Everything there is to know before anything is decided: the files, whose they are, the ledger's rows, our history.

mod home_made;

use crate::{
    MigrateError, Migration, Version,
    directory::{self, Directory},
    engine::{Cells, Engine},
    history::{self, Entry as Recorded, HISTORY, JOURNAL},
    job::Run,
    ledger::{Difference, End, Row, Sides, Standing, Where, compare},
    lock,
    migration::Kind,
    sight::Sight,
    sql::{self, Dialect, diff, difference},
    style::{
        Style, Table,
        detect::{self, Choice, Files, Found},
        diy,
    },
    work::Direction,
};
use futures_util::future::join;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Everything there is to know before anything is decided.
pub(crate) struct View {
    pub(crate) sight: Sight,
    pub(crate) style: Box<dyn Style>,
    /// The ledger.
    pub(crate) table: Table,
    pub(crate) history: Table,
    pub(crate) journal: Table,
    pub(crate) directory: Directory,
    /// Its rows, as they are meant.
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
    pub(crate) async fn take(run: &Run<'_>, engine: &Engine, dir: &Path) -> Result<Self, MigrateError> {
        let names = directory::list(dir)?;
        let migrations = run.job.migrations;
        let sight = engine.look(migrations.table.as_deref()).await?;
        let first = first_text(dir, &names);
        let files = Files { names: &names, first: &first };
        let choice = Choice { style: migrations.style.as_deref(), table: migrations.table.as_deref() };
        let (style, table) = match detect::detect(&sight, &files, choice)? {
            Found::Style(style, table) => (style, table),
            Found::ByRows { table, certain } if certain || diy::is_candidate(&table) => {
                (home_made::style(engine, &sight, &table, dir, &names).await?, table)
            }
            Found::ByRows { .. } => fresh(&sight, &files)?,
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
            rows: Vec::new(),
            recorded: Vec::new(),
            open: Vec::new(),
            texts: BTreeMap::new(),
        };
        view.read(engine).await?;
        Ok(view)
    }

    async fn read(&mut self, engine: &Engine) -> Result<(), MigrateError> {
        let history = self.history.exists().then(|| history::select(&self.history));
        let ledger = self.table.exists().then(|| self.style.select(&self.table));
        // Both questions are on their way before the first answer comes.
        let (recorded, cells) =
            join(asked(engine, "read the history", history), asked(engine, "read the ledger", ledger)).await;
        self.recorded = recorded?.iter().map(|cells| Recorded::of(cells)).collect();
        self.rows = self.meant(&cells?);
        if self.standings().iter().any(Standing::is_unfinished) {
            self.read_journal(engine).await?;
        }
        self.read_texts(engine).await
    }

    /// Which migrations are done in part, or undone in part.
    pub(crate) async fn read_journal(&mut self, engine: &Engine) -> Result<(), MigrateError> {
        if self.journal.exists() {
            let cells = engine.ask("read the journal", history::open(&self.journal)).await?;
            let text = |cells: &Cells, index: usize| cells.get(index).cloned().flatten().unwrap_or_default();
            self.open = cells.iter().map(|cells| (text(cells, 0), text(cells, 1))).collect();
        }
        Ok(())
    }

    /// The names of the migrations of this kind that are done in part in this direction.
    pub(crate) fn open(&self, kind: Kind, direction: Direction) -> Vec<String> {
        let way = history::way(kind, direction.word());
        let open = self.open.iter().filter(|(_, it)| *it == way);
        open.map(|(name, _)| name.clone()).collect()
    }

    /// What rows of the ledger mean.
    pub(crate) fn meant(&self, cells: &[Cells]) -> Vec<Row> {
        let rows = cells.iter().map(|cells| Row::of(cells)).collect();
        let recorded: Vec<_> = self.versions().cloned().collect();
        self.style.expand(rows, &self.directory.migrations, &recorded)
    }

    /// The versions that our history has, by whomever they were applied.
    fn versions(&self) -> impl Iterator<Item = &Version> {
        let known = self.recorded.iter().filter(|it| matches!(it.kind, Kind::Versioned | Kind::Implied));
        known.map(|it| &it.version)
    }

    /// A migration under the number that its row has: `1` where the file has `0001`.
    pub(crate) fn as_in_ledger(&self, migration: &Migration) -> Migration {
        let mut rows = self.rows.iter().filter_map(|row| row.version.as_ref());
        let version = rows.find(|it| **it == migration.version).unwrap_or(&migration.version).clone();
        Migration { version, ..migration.clone() }
    }

    /// Files that the ledger implies to be applied, and our history does not have yet.
    pub(crate) fn unnoted(&self) -> Vec<&Migration> {
        if !self.style.implies() {
            return Vec::new();
        }
        let noted: BTreeSet<&Version> = self.versions().collect();
        let applied: BTreeSet<&Version> =
            self.rows.iter().filter(|row| row.end == End::Applied).filter_map(|row| row.version.as_ref()).collect();
        let files = self.directory.migrations.iter();
        files.filter(|file| applied.contains(&file.version) && !noted.contains(&file.version)).collect()
    }

    /// The texts of changed files as they were applied, to see in what they differ.
    async fn read_texts(&mut self, engine: &Engine) -> Result<(), MigrateError> {
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
        let welcome = |it: &&mut Standing<'_>| {
            it.place == Where::Late && it.file.is_some_and(|file| self.style.may_be_late(file))
        };
        standings.iter_mut().filter(welcome).for_each(|it| it.place = Where::Pending);
        let open = self.open(Kind::Versioned, Direction::Up);
        standings.iter_mut().for_each(|standing| standing.resume(&open));
        standings
    }

    /// The keys that are held beside our own: those of the tool, and ours of the ledger's schema where that is not the current
    /// one, so that whoever comes by another `search_path` meets us.
    pub(crate) fn co_locks(&self) -> Vec<i64> {
        let schema = self.table.schema.as_deref().unwrap_or_default();
        let elsewhere = (schema != self.sight.schema).then(|| lock::key(&self.sight.database, schema));
        elsewhere.into_iter().chain(self.style.co_locks(&self.table, &self.sight.database)).collect()
    }
}

/// The table is something else that happens to have the name of a ledger.
fn fresh(sight: &Sight, files: &Files<'_>) -> Result<(Box<dyn Style>, Table), MigrateError> {
    let style = detect::by_files(files)?;
    let (schema, name) = style.table();
    let table = sight.table(schema, name);
    Ok((style, table))
}

async fn asked(engine: &Engine, doing: &'static str, sql: Option<String>) -> Result<Vec<Cells>, MigrateError> {
    match sql {
        Some(sql) => engine.ask(doing, sql).await,
        None => Ok(Vec::new()),
    }
}

/// In what a file differs from what was applied.
fn differ(file: &crate::Migration, old: Option<&str>, dialect: Dialect) -> Difference {
    let (Some(old), Ok(text)) = (old, file.up.load()) else { return Difference::Unknown };
    let new = file.up.kept(&text);
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
