//! How far an external tool says that the database is, as its own table tells. Known by table and columns.

mod known;

use crate::{
    MigrateError,
    engine::{Cells, Engine},
    job::{Moved, Run},
    quote::literal,
    sql::Dialect,
    style::Table,
};
use known::{KNOWN, Known};
use report::{Event, Level};

/// How far one tool is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) tool: &'static str,
    /// The newest revision, or all of them where there are several heads; nothing when none is applied.
    pub(crate) at: Option<String>,
    /// How many are applied, where the tool keeps each.
    pub(crate) count: Option<u64>,
    /// Begun and not ended, as the tool says.
    pub(crate) failed: Vec<String>,
}

/// How far each tool is that has a table here. What cannot be read is warned of and taken as not there: it decides nothing.
pub(super) async fn look(run: &Run<'_>) -> Vec<Head> {
    match ask(run).await {
        Ok(heads) => heads,
        Err(error) => {
            run.job.warn("migrate.warning", format!("how far the database is could not be verified: {error}"));
            Vec::new()
        }
    }
}

async fn ask(run: &Run<'_>) -> Result<Vec<Head>, MigrateError> {
    Engine::with(run, async |engine| read(engine).await).await
}

async fn read(engine: &mut Engine) -> Result<Vec<Head>, MigrateError> {
    let mut heads = Vec::new();
    for (known, table) in found(engine).await? {
        heads.push(head(engine, known, &table).await?);
    }
    Ok(heads)
}

async fn head(engine: &mut Engine, known: &'static Known, table: &Table) -> Result<Head, MigrateError> {
    let doing = "read how far the migrations are";
    let fill = |sql: &str| sql.replace("{t}", &table.quoted());
    let newest = texts(engine.ask(doing, fill(known.newest)).await?);
    let count = match known.count {
        Some(sql) => texts(engine.ask(doing, fill(sql)).await?).first().and_then(|count| count.parse().ok()),
        None => None,
    };
    let failed = match known.failed {
        Some(sql) => texts(engine.ask(doing, fill(sql)).await?),
        None => Vec::new(),
    };
    let at = (!newest.is_empty()).then(|| newest.join(", "));
    Ok(Head { tool: known.tool, at, count, failed })
}

fn texts(rows: Vec<Cells>) -> Vec<String> {
    rows.into_iter().filter_map(|cells| cells.into_iter().next().flatten()).collect()
}

/// The tables of the tools that are here.
pub(crate) async fn tables(engine: &mut Engine) -> Result<Vec<Table>, MigrateError> {
    Ok(found(engine).await?.into_iter().map(|(_, table)| table).collect())
}

async fn found(engine: &mut Engine) -> Result<Vec<(&'static Known, Table)>, MigrateError> {
    let dialect = match engine {
        Engine::Postgres(_) => Dialect::Postgres,
        Engine::Sqlite(_) => Dialect::Sqlite,
    };
    let rows = engine.ask("look for the tables of migration tools", question(dialect)).await?;
    Ok(rows.iter().filter_map(|cells| recognised(cells, dialect)).collect())
}

/// Schema, name and columns (separated by commas, sorted) of the tables that bear the names.
fn question(dialect: Dialect) -> String {
    let names: Vec<_> = KNOWN.iter().map(|known| literal(known.table, dialect)).collect();
    let names = names.join(", ");
    match dialect {
        Dialect::Postgres => format!(
            "SELECT n.nspname, c.relname, (SELECT pg_catalog.string_agg(a.attname, ',' ORDER BY a.attname COLLATE \"C\") \
             FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) \
             FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.relname IN ({names}) AND c.relkind IN ('r', 'p') AND pg_catalog.pg_table_is_visible(c.oid) \
             ORDER BY c.relname"
        ),
        Dialect::Sqlite => format!(
            "SELECT NULL, m.name, (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_table_info(m.name) ORDER BY name)) \
             FROM sqlite_master m WHERE m.type = 'table' AND m.name IN ({names}) ORDER BY m.name"
        ),
    }
}

fn recognised(cells: &Cells, dialect: Dialect) -> Option<(&'static Known, Table)> {
    let [schema, Some(name), Some(columns)] = cells.as_slice() else { return None };
    let columns: Vec<&str> = columns.split(',').collect();
    let known = KNOWN.iter().find(|known| known.is(name, &columns))?;
    let table = Table { schema: schema.clone(), name: name.clone(), columns: Vec::new(), dialect };
    Some((known, table))
}

/// Tells which way the command went, and what its tool says has failed; answers with the way.
pub(super) fn tell(run: &Run<'_>, argv: &[String], before: &[Head], after: &[Head]) -> Option<Moved> {
    for head in after.iter().filter(|head| !head.failed.is_empty()) {
        run.job.warn("migrate.heads", failure(head));
    }
    let moved = moved(argv, before, after)?;
    run.job.journal.note(
        Event::new("migrate.heads", moved.to_string())
            .level(Level::Debug)
            .with("tool", moved.tool)
            .with("before", moved.before.clone().unwrap_or_default())
            .with("after", moved.after.clone().unwrap_or_default()),
    );
    Some(moved)
}

fn failure(head: &Head) -> String {
    let names: Vec<_> = head.failed.iter().map(|name| format!("`{name}`")).collect();
    format!("{} has {} as failed: it was begun and did not end", head.tool, names.join(", "))
}

/// The tool whose head moved, else the one that the command names, else the only one.
fn moved(argv: &[String], before: &[Head], after: &[Head]) -> Option<Moved> {
    let old = |tool: &str| before.iter().find(|head| head.tool == tool);
    let ways: Vec<Moved> = after.iter().map(|head| way(old(head.tool), head)).collect();
    let named = |way: &&Moved| argv.iter().any(|arg| arg.to_ascii_lowercase().contains(&way.tool.to_ascii_lowercase()));
    let mut went = ways.iter().filter(|way| way.went());
    let way = match (went.next(), went.next()) {
        (Some(one), None) => Some(one),
        (Some(first), Some(_)) => Some(ways.iter().filter(|way| way.went()).find(named).unwrap_or(first)),
        (None, _) => ways.iter().find(named).or(if ways.len() == 1 { ways.first() } else { None }),
    };
    way.cloned()
}

fn way(before: Option<&Head>, after: &Head) -> Moved {
    let new = match (before.and_then(|head| head.count).unwrap_or_default(), after.count) {
        (old, Some(count)) => count.checked_sub(old),
        (_, None) => None,
    };
    Moved { tool: after.tool, before: before.and_then(|head| head.at.clone()), after: after.at.clone(), new }
}

#[cfg(test)]
mod tests;
