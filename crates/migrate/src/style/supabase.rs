//! Supabase's CLI: one file for each migration, and a table in a schema of its own that keeps the SQL as well.
//!
//! Facts from supabase/cli: `apps/cli-go/pkg/migration/{list,file,history}.go`.
//!
//! It keeps each statement with the comments before it, we without; nothing but `supabase migration fetch` reads them.

use super::{Flaw, Named, Part, Record, Section, Sections, Style, Table, schema, spelling::spelled};
use crate::{Migration, Version, ledger::Row};
use std::{cmp::Ordering, collections::BTreeMap};

/// Supabase's CLI.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Supabase;

/// Is this its table? The platform has added columns that may be left empty.
pub(crate) fn adopt(table: &Table) -> Option<Box<dyn Style>> {
    let is = |column: &str, kind: &str| table.kind(column).is_some_and(|it| it == kind);
    let known = is("version", "text") && is("name", "text") && is("statements", "text[]");
    let others_may_be_empty = table.columns.iter().all(|column| column.name == "version" || !column.needed);
    (known && others_may_be_empty).then(|| Box::new(Supabase) as Box<dyn Style>)
}

/// Files `…_init.sql` from before this day were written by another tool and are passed over.
const FIRST_DAY: u64 = 20_211_209_000_000;

impl Style for Supabase {
    fn name(&self) -> &'static str {
        "supabase"
    }

    fn read_name(&self, name: &str) -> Named {
        let parts = Version::of(name).and_then(|version| {
            let rest = name[version.text().len()..].strip_prefix('_')?.strip_suffix(".sql")?;
            (!is_old_init(&version, rest)).then_some((version, rest))
        });
        parts.map_or(Named::Other, |(version, rest)| Named::Migration {
            version,
            description: rest.to_owned(),
            part: Part::Up,
        })
    }

    fn read_text<'t>(&self, _: Part, text: &'t str, _: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        Ok(Sections::one_way(Part::Up, text, Section::whole(text)))
    }

    /// As texts.
    fn order(&self, a: &Migration, b: &Migration) -> Ordering {
        a.name.cmp(&b.name)
    }

    fn skeleton(&self, version: &Version, name: &str, _: &[String]) -> Vec<(String, String)> {
        vec![(format!("{version}_{name}.sql"), String::new())]
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (Some(crate::catalog::SUPABASE), "schema_migrations")
    }

    fn create(&self, table: &Table) -> Vec<String> {
        let name = table.quoted();
        let made = [
            format!("CREATE TABLE IF NOT EXISTS {name} (version text NOT NULL PRIMARY KEY)"),
            format!("ALTER TABLE {name} ADD COLUMN IF NOT EXISTS statements text[]"),
            format!("ALTER TABLE {name} ADD COLUMN IF NOT EXISTS name text"),
        ];
        schema::make(table).into_iter().chain(made).collect()
    }

    /// The name as the file has it, which is what the CLI would call it.
    fn select(&self, table: &Table) -> String {
        let name = "version || '_' || NULLIF(name, '') || '.sql'";
        format!("SELECT version, {name}, NULL, NULL, NULL, NULL FROM {}", table.quoted())
    }

    fn expand(&self, rows: Vec<Row>, files: &[Migration], _: &[Version]) -> Vec<Row> {
        spelled(rows, files)
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        let Migration { version, description, .. } = record.migration;
        let statements: Vec<String> = record.statements.iter().map(|text| table.literal(text)).collect();
        let statements = match statements.is_empty() {
            true => "NULL".to_owned(),
            false => format!("ARRAY[{}]::text[]", statements.join(", ")),
        };
        vec![format!(
            "INSERT INTO {} (version, name, statements) VALUES ({}, {}, {statements})",
            table.quoted(),
            table.literal(version.text()),
            table.literal(description),
        )]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        let version = table.literal(migration.version.text());
        vec![format!("DELETE FROM {} WHERE version = {version}", table.quoted())]
    }
}

fn is_old_init(version: &Version, rest: &str) -> bool {
    let text = version.text();
    rest == "init" && text.len() == 14 && text.parse::<u64>().is_ok_and(|day| day < FIRST_DAY)
}

#[cfg(test)]
mod tests;
