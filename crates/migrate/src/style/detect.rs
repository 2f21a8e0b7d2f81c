//! Whose migrations these are: by the columns of the tables that are there, by the names of the files and by their first words.

use super::{
    Named, Plain, Style, Table,
    dbmate::{self, Dbmate},
    flyway::{self, Flyway},
    golang_migrate::{self, GolangMigrate},
    goose::{self, Goose},
    plain,
    refinery::{self, Refinery},
    sqlx::{self, Sqlx},
    supabase::{self, Supabase},
};
use crate::{MigrateError, catalog::Catalog};

/// What the configuration says about it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Choice<'a> {
    /// The name of a style.
    pub(crate) style: Option<&'a str>,
    /// The ledger's table, with or without a schema.
    pub(crate) table: Option<&'a str>,
}

/// What the files look like.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files<'a> {
    /// Their names, relative to the directory.
    pub(crate) names: &'a [String],
    /// The text of the first one.
    pub(crate) first: &'a str,
}

/// Whose migrations these are.
#[derive(Debug)]
pub(crate) enum Found {
    /// A tool's, or ours, with the ledger's table, which may not be there yet.
    Style(Box<dyn Style>, Table),
    /// This table explains itself only together with its rows.
    ByRows {
        /// Which.
        table: Table,
        /// It must be a ledger; else it may be something else of that name.
        certain: bool,
    },
}

/// A tool: what it is called, how it is made, whether a table is its own.
struct Tool {
    name: &'static str,
    new: fn() -> Box<dyn Style>,
    adopt: fn(&Table) -> Option<Box<dyn Style>>,
}

const TOOLS: &[Tool] = &[
    Tool { name: "plain", new: || Box::new(Plain), adopt: adopt_plain },
    Tool { name: "dbmate", new: || Box::new(Dbmate), adopt: dbmate::adopt },
    Tool { name: "golang-migrate", new: || Box::new(GolangMigrate), adopt: golang_migrate::adopt },
    Tool { name: "goose", new: || Box::new(Goose), adopt: goose::adopt },
    Tool { name: "sqlx", new: || Box::new(Sqlx), adopt: sqlx::adopt },
    Tool { name: "refinery", new: || Box::new(Refinery::default()), adopt: refinery::adopt },
    Tool { name: "flyway", new: || Box::new(Flyway), adopt: flyway::adopt },
    Tool { name: "supabase", new: || Box::new(Supabase), adopt: supabase::adopt },
];

fn adopt_plain(table: &Table) -> Option<Box<dyn Style>> {
    Plain::owns(table).then(|| Box::new(Plain) as Box<dyn Style>)
}

/// Whose migrations these are.
///
/// # Errors
/// [`MigrateError::ForeignTable`] and [`MigrateError::Ambiguous`]: in doubt, nothing is touched.
pub(crate) fn detect(catalog: &Catalog, files: &Files<'_>, choice: Choice<'_>) -> Result<Found, MigrateError> {
    match (choice.style, choice.table) {
        (Some("diy"), table) => {
            Ok(Found::ByRows { table: named(catalog, table.unwrap_or(plain::TABLE)), certain: true })
        }
        (Some(style), table) => chosen(catalog, style, table),
        (None, Some(table)) => by_table(files, named(catalog, table)),
        (None, None) => by_all(catalog, files),
    }
}

fn named(catalog: &Catalog, table: &str) -> Table {
    let (schema, name) = table.rsplit_once('.').map_or((None, table), |(schema, name)| (Some(schema), name));
    catalog.table(schema, name)
}

fn chosen(catalog: &Catalog, style: &str, table: Option<&str>) -> Result<Found, MigrateError> {
    let fresh = self::style(style)?;
    let (schema, name) = fresh.table();
    let table = table.map_or_else(|| catalog.table(schema, name), |table| named(catalog, table));
    if !table.exists() {
        return Ok(Found::Style(fresh, table));
    }
    let adopt = TOOLS.iter().find(|tool| tool.name == style).and_then(|tool| (tool.adopt)(&table));
    adopt.map(|style| Found::Style(style, table.clone())).ok_or_else(|| foreign(&table))
}

/// The table is given, and tells whose it is, unless it is still to be made.
fn by_table(files: &Files<'_>, table: Table) -> Result<Found, MigrateError> {
    match owner(&table) {
        Some(style) => Ok(Found::Style(style, table)),
        None if table.exists() => Ok(Found::ByRows { table, certain: true }),
        None => by_files(files).map(|style| Found::Style(style, table)),
    }
}

/// Nothing is given: the tables that are there, as far as they fit the files, then the files alone.
fn by_all(catalog: &Catalog, files: &Files<'_>) -> Result<Found, MigrateError> {
    let owned: Vec<_> = catalog.tables.iter().filter_map(|table| Some((owner(table)?, table))).collect();
    let (mut suiting, mut others): (Vec<_>, Vec<_>) = owned.into_iter().partition(|(style, _)| suits(&**style, files));
    // What is wrong with the files is told better by the one tool that reads any of them.
    if suiting.is_empty() && home_made(catalog).is_none_or(|table| owner(table).is_some()) {
        others.retain(|(style, _)| reads_any(&**style, files));
        suiting = others;
    }
    if suiting.len() > 1 {
        return Err(several(&suiting));
    }
    if let Some((style, table)) = suiting.pop() {
        return Ok(Found::Style(style, table.clone()));
    }
    if let Some(table) = home_made(catalog) {
        return Ok(Found::ByRows { certain: table.name == plain::TABLE, table: table.clone() });
    }
    let style = by_files(files)?;
    let (schema, name) = style.table();
    let table = catalog.table(schema, name);
    if table.exists() { Err(foreign(&table)) } else { Ok(Found::Style(style, table)) }
}

fn owner(table: &Table) -> Option<Box<dyn Style>> {
    TOOLS.iter().find_map(|tool| (tool.adopt)(table))
}

/// Can the style read what is there?
fn suits(style: &dyn Style, files: &Files<'_>) -> bool {
    let names = || files.names.iter().filter(|name| style.recursive() || !name.contains('/'));
    let parts = names().map(|name| style.read_name(name));
    let (mut first, mut any) = (None, false);
    for named in parts {
        match named {
            Named::Bad(_) => return false,
            Named::Migration { part, .. } => {
                first.get_or_insert(part);
                any = true;
            }
            Named::Repeatable { .. } => any = true,
            Named::Other => {}
        }
    }
    let none = !files.names.iter().any(|name| name.ends_with(".sql"));
    let readable = first.is_none_or(|part| style.read_text(part, files.first, &Default::default()).is_ok());
    (any || none) && readable
}

fn reads_any(style: &dyn Style, files: &Files<'_>) -> bool {
    files.names.iter().any(|name| matches!(style.read_name(name), Named::Migration { .. }))
}

/// A table under one of the names that people use who wrote their own runner.
fn home_made(catalog: &Catalog) -> Option<&Table> {
    [plain::TABLE, "_migrations", "migrations"]
        .iter()
        .find_map(|name| catalog.tables.iter().find(|it| it.name == *name))
}

/// By the first words of the first file, else by its name.
pub(crate) fn by_files(files: &Files<'_>) -> Result<Box<dyn Style>, MigrateError> {
    let says = |directive: &str| {
        let comments = files.first.lines().filter_map(|line| line.trim_start().strip_prefix("--"));
        comments.map(|line| line.trim().to_ascii_lowercase()).any(|line| line.starts_with(directive))
    };
    let numbered = |name: &String| {
        let rest = name.rsplit('/').next().unwrap_or(name).strip_prefix(['V', 'U']).unwrap_or_default();
        rest.starts_with(|c: char| c.is_ascii_digit()) && rest.contains("__")
    };
    match () {
        () if says("migrate:") => style("dbmate"),
        () if says("+goose") => style("goose"),
        () if files.names.iter().any(numbered) => Err(MigrateError::Ambiguous {
            seen: vec![
                "names like `V1__what.sql` are read by refinery and by Flyway, and no table tells whose they are"
                    .to_owned(),
            ],
            styles: vec!["refinery".to_owned(), "flyway".to_owned()],
        }),
        () => Ok(Box::new(Plain)),
    }
}

/// The style of this name, as it is for a new table.
pub(crate) fn style(name: &str) -> Result<Box<dyn Style>, MigrateError> {
    let tool = TOOLS.iter().find(|tool| tool.name == name);
    tool.map(|tool| (tool.new)()).ok_or_else(|| MigrateError::Ambiguous {
        seen: vec![format!("there is no style `{name}`")],
        styles: TOOLS.iter().map(|tool| tool.name.to_owned()).collect(),
    })
}

fn several(found: &[(Box<dyn Style>, &Table)]) -> MigrateError {
    MigrateError::Ambiguous {
        seen: found
            .iter()
            .map(|(style, table)| format!("`{}` is the table of {}", table.shown(), style.name()))
            .collect(),
        styles: found.iter().map(|(style, _)| style.name().to_owned()).collect(),
    }
}

/// A table that nobody explains.
pub(crate) fn foreign(table: &Table) -> MigrateError {
    MigrateError::ForeignTable {
        table: table.shown(),
        columns: table.columns.iter().map(|it| format!("{} {}", it.name, it.kind).trim_end().to_owned()).collect(),
        why: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What may be configured is what is known here; `diy` is made from the rows of its table.
    #[test]
    fn every_style_that_can_be_named_is_a_tool() {
        let known: Vec<_> = TOOLS.iter().map(|tool| tool.name).chain(["diy"]).collect();
        assert_eq!(known, config::MIGRATION_STYLES);
        for tool in TOOLS {
            assert_eq!((tool.new)().name(), tool.name);
        }
    }
}
