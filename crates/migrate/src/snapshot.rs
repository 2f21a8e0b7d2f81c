//! Everything there is to know before anything is decided: the files, whose they are, the ledger's rows, our history.

mod ahead;
mod home_made;

use crate::{
    MigrateError, Migration, Version,
    catalog::Catalog,
    directory::{self, Directory},
    engine::{Cells, Engine, Passing},
    history::{self, Entry as Recorded, HISTORY, JOURNAL},
    job::{Job, Run},
    ledger::{Difference, End, Row, Sides, Standing, Where, compare},
    lock,
    migration::Kind,
    sql::{self, Dialect, diff, difference},
    style::{
        Named, Style, Table,
        detect::{self, Choice, Files, Found},
        diy,
    },
    work::Direction,
};
use config::Migrations;
use futures_util::future::join4;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use ahead::{Ahead, Listed};

/// Everything there is to know before anything is decided.
pub(crate) struct Snapshot {
    pub(crate) catalog: Catalog,
    pub(crate) style: Box<dyn Style>,
    /// The ledger.
    pub(crate) table: Table,
    pub(crate) history: Table,
    pub(crate) journal: Table,
    pub(crate) directory: Directory,
    /// Its rows, as they are meant.
    pub(crate) rows: Vec<Row>,
    pub(crate) recorded: Vec<Recorded>,
    /// Migrations that are done in part, as our journal has it: name and direction.
    open: Vec<(String, String)>,
    /// The texts of changed migrations as they were applied, by name.
    texts: BTreeMap<String, String>,
}

impl Snapshot {
    /// Looks, writes nothing.
    ///
    /// # Errors
    /// What cannot be read or is in doubt. That files and ledger disagree is no error here.
    pub(crate) async fn take(run: &Run<'_>, engine: &Engine, dir: &Path) -> Result<Self, MigrateError> {
        Self::gather(run, engine, dir, Ahead::begin(run.job, dir)).await
    }

    /// Connects, looks and closes; the files are read while it connects.
    ///
    /// # Errors
    /// As [`Snapshot::take`], and why the database cannot be looked at.
    pub(crate) async fn first(run: &Run<'_>, dir: &Path) -> Result<Self, MigrateError> {
        let ahead = Ahead::begin(run.job, dir);
        Engine::with(run, async |engine| Self::gather(run, engine, dir, ahead).await).await
    }

    #[expect(clippy::redundant_closure, reason = "without them one lifetime is not general enough")]
    async fn gather(run: &Run<'_>, engine: &Engine, dir: &Path, ahead: Ahead) -> Result<Self, MigrateError> {
        let catalog = engine.catalog(run.job.migrations.table.as_deref()).await?;
        let (listed, coming) = ahead.listed().await?;
        let (style, table) = whose(run.job, engine, &catalog, dir, &listed).await?;
        let (history, journal) = (catalog.beside(&table, HISTORY), catalog.beside(&table, JOURNAL));
        // All questions are on their way before the first answer comes, and the files may still be read.
        let select = history.exists().then(|| history::select(&history));
        let recorded = asked(engine, "read the history", select, |row| Recorded::of(row));
        let ledger = asked(engine, "read the ledger", table.exists().then(|| style.select(&table)), |row| Row::of(row));
        let open =
            asked(engine, "read the journal", journal.exists().then(|| history::open(&journal)), |row| named(row));
        let (directory, recorded, rows, open) = join4(coming.read_as(&*style), recorded, ledger, open).await;
        let mut snapshot = Self {
            directory: complete(run.job, directory?)?,
            catalog,
            style,
            table,
            history,
            journal,
            rows: Vec::new(),
            recorded: recorded?,
            open: open?,
            texts: BTreeMap::new(),
        };
        snapshot.rows = snapshot.expanded(rows?);
        let changed = snapshot.to_be_read();
        snapshot.read_texts(engine, changed).await?;
        Ok(snapshot)
    }

    /// The names of the migrations of this kind that are done in part in this direction.
    pub(crate) fn open(&self, kind: Kind, direction: Direction) -> Vec<String> {
        let way = history::way(kind, direction.word());
        let open = self.open.iter().filter(|(_, it)| *it == way);
        open.map(|(name, _)| name.clone()).collect()
    }

    /// What rows of the ledger mean.
    pub(crate) fn meant(&self, cells: &[Cells]) -> Vec<Row> {
        self.expanded(cells.iter().map(|cells| Row::of(cells)).collect())
    }

    fn expanded(&self, rows: Vec<Row>) -> Vec<Row> {
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

    /// What else must be known: which files have changed, by name, with SQL that reads their texts as they were applied.
    fn to_be_read(&self) -> Vec<(String, String)> {
        let standings = self.standings();
        let changed = standings.iter().filter(|standing| matches!(standing.place, Where::Changed(_)));
        let text = |(file, recorded): (&Migration, &Recorded)| {
            let select = history::select_texts(&self.history, recorded.kind, &recorded.version, &recorded.name);
            (file.name.clone(), select)
        };
        changed.filter_map(|standing| standing.file.zip(standing.recorded)).map(text).collect()
    }

    /// The texts of changed files as they were applied, to see in what they differ.
    async fn read_texts(&mut self, engine: &Engine, changed: Vec<(String, String)>) -> Result<(), MigrateError> {
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
        let mut standings = compare(sides, |file, old| differ(file, old, self.catalog.dialect));
        let welcome = |it: &&mut Standing<'_>| {
            it.place == Where::Late && it.file.is_some_and(|file| self.style.may_be_late(file))
        };
        standings.iter_mut().filter(welcome).for_each(|it| it.place = Where::Pending);
        if !self.open.is_empty() {
            self.done_in_part(&mut standings);
        }
        standings
    }

    /// What our journal knows of them.
    fn done_in_part(&self, standings: &mut [Standing<'_>]) {
        let (up, down) = (self.open(Kind::Versioned, Direction::Up), self.open(Kind::Versioned, Direction::Down));
        standings.iter_mut().for_each(|standing| standing.resume(&up));
        standings.iter_mut().for_each(|standing| standing.undone_in_part(&down));
        for name in self.without_file(&up) {
            if let Named::Migration { version, description, .. } = self.style.read_name(name) {
                standings.iter_mut().for_each(|standing| standing.begun_as(name, &version, &description));
            }
        }
    }

    /// Those of the names that no file has.
    fn without_file<'n>(&self, names: &'n [String]) -> Vec<&'n String> {
        let Directory { migrations, repeatables } = &self.directory;
        let has = |name: &&String| migrations.iter().chain(repeatables).any(|file| file.name == **name);
        names.iter().filter(|name| !has(name)).collect()
    }

    /// The keys that are held beside our own: those of the tool, and ours of the ledger's schema where that is not the current
    /// one, so that whoever comes by another `search_path` meets us.
    pub(crate) fn co_locks(&self) -> Vec<i64> {
        let schema = self.table.schema.as_deref().unwrap_or_default();
        let elsewhere = (schema != self.catalog.schema).then(|| lock::key(&self.catalog.database, schema));
        elsewhere.into_iter().chain(self.style.co_locks(&self.table, &self.catalog.database)).collect()
    }
}

/// Whose migrations these are, and the ledger's table.
async fn whose(
    job: &Job<'_>,
    engine: &Engine,
    catalog: &Catalog,
    dir: &Path,
    listed: &Listed,
) -> Result<(Box<dyn Style>, Table), MigrateError> {
    let Migrations { style, table, .. } = job.migrations;
    let files = Files { names: &listed.names, first: &listed.first };
    let choice = Choice { style: style.as_deref(), table: table.as_deref() };
    match detect::detect(catalog, &files, choice)? {
        Found::Style(style, table) => Ok((style, table)),
        Found::ByRows { table, certain } if certain || diy::is_candidate(&table) => {
            Ok((home_made::style(engine, catalog, &table, dir, &listed.names).await?, table))
        }
        Found::ByRows { .. } => fresh(catalog, &files),
    }
}

/// The same files with those that lie elsewhere; numbers without gaps where they are to have none.
fn complete(job: &Job<'_>, mut directory: Directory) -> Result<Directory, MigrateError> {
    if let Some(seeds) = &job.migrations.seeds {
        directory.repeatables.extend(directory::seeds(seeds, job.root)?);
    }
    if job.migrations.policies.strict {
        directory.without_gaps()?;
    }
    Ok(directory)
}

/// The table is something else that happens to have the name of a ledger.
fn fresh(catalog: &Catalog, files: &Files<'_>) -> Result<(Box<dyn Style>, Table), MigrateError> {
    let style = detect::by_files(files)?;
    let (schema, name) = style.table();
    let table = catalog.table(schema, name);
    Ok((style, table))
}

/// Name and direction of a migration in the journal.
fn named(row: &Passing<'_>) -> (String, String) {
    let text = |index: usize| row.get(index).and_then(|cell| cell.as_deref()).unwrap_or_default().to_owned();
    (text(0), text(1))
}

async fn asked<T: Send + 'static>(
    engine: &Engine,
    doing: &'static str,
    sql: Option<String>,
    of: fn(&Passing<'_>) -> T,
) -> Result<Vec<T>, MigrateError> {
    match sql {
        Some(sql) => engine.each(doing, sql, of).await,
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
        sql::Difference::Real if sql::is_empty(old, dialect) => Difference::Filled { version: file.version.clone() },
        sql::Difference::Real => Difference::Real { diff: diff(old, &new) },
    }
}

/// The text of the first file that is SQL, as far as it can be read; what is wrong with it is told later.
pub(crate) fn first_text(dir: &Path, names: &[String]) -> String {
    let first = names.iter().find(|name| name.to_ascii_lowercase().ends_with(".sql"));
    let bytes = first.and_then(|name| host::fs::read(&dir.join(name), directory::LARGEST).ok());
    bytes.map(|bytes| crate::script::normal(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}
