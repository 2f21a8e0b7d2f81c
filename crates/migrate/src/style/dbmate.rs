//! dbmate: one file with sections `-- migrate:up` and `-- migrate:down`, and a table that keeps nothing but versions.
//!
//! Facts from amacneil/dbmate: `pkg/dbmate/{db,migration}.go`, `pkg/driver/{postgres,sqlite}/*.go`, and from trying 2.36.0, which
//! the round trips in `tests/round_trip_dbmate.rs` repeat.

use super::{
    Flaw, Named, Part, Record, Section, Sections, Style, Table,
    lines::{Line, lines},
    schema,
    spelling::spelled,
};
use crate::{Migration, Version, ledger::Row, sql::Dialect};
use std::{cmp::Ordering, collections::BTreeMap, ops::Range};

/// dbmate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dbmate;

/// Is this its table? Rails keeps the same one; the files tell them apart.
pub(crate) fn adopt(table: &Table) -> Option<Box<dyn Style>> {
    let text =
        table.kind("version").is_some_and(|kind| kind.starts_with("varchar") || kind.starts_with("character varying"));
    (table.names() == ["version"] && text).then(|| Box::new(Dbmate) as Box<dyn Style>)
}

impl Style for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }

    fn read_name(&self, name: &str) -> Named {
        match (Version::of(name), name.strip_suffix(".sql")) {
            (Some(version), Some(stem)) if stem.len() >= version.text().len() => {
                let description =
                    stem[version.text().len()..].trim_start_matches(['_', '-', '.', ' ']).replace('_', " ");
                Named::Migration { version, description, part: Part::Both }
            }
            _ => Named::Other,
        }
    }

    fn read_text<'t>(&self, _: Part, text: &'t str, _: &BTreeMap<String, String>) -> Result<Sections<'t>, Flaw> {
        let blocks = blocks(text)?;
        let section = |block: &Block| Section { range: block.body.clone(), transaction: block.transaction };
        let of = |way: Way| blocks.iter().filter(move |block| block.way == way).map(section);
        // What was done last is undone first. dbmate goes through them from the top, see `doubts`.
        let down = of(Way::Down).rev().collect();
        Ok(Sections { text: text.into(), up: of(Way::Up).collect(), down: Some(down) })
    }

    /// As texts: `10_b.sql` comes before `9_a.sql`.
    fn order(&self, a: &Migration, b: &Migration) -> Ordering {
        a.name.cmp(&b.name)
    }

    fn skeleton(&self, version: &Version, name: &str, _: &[String]) -> Vec<(String, String)> {
        vec![(format!("{version}_{name}.sql"), "-- migrate:up\n\n\n-- migrate:down\n\n".to_owned())]
    }

    fn table(&self) -> (Option<&'static str>, &'static str) {
        (None, "schema_migrations")
    }

    fn create(&self, table: &Table) -> Vec<String> {
        let (schema, kind) = match table.dialect {
            Dialect::Postgres => (schema::make(table), "varchar"),
            Dialect::Sqlite => (None, "varchar(128)"),
        };
        let made = format!("create table if not exists {} (version {kind} primary key)", table.quoted());
        schema.into_iter().chain([made]).collect()
    }

    fn select(&self, table: &Table) -> String {
        format!("SELECT version, NULL, NULL, NULL, NULL, NULL FROM {}", table.quoted())
    }

    fn expand(&self, rows: Vec<Row>, files: &[Migration], _: &[Version]) -> Vec<Row> {
        spelled(rows, files)
    }

    fn insert(&self, table: &Table, record: &Record<'_>) -> Vec<String> {
        let version = table.literal(record.migration.version.text());
        vec![format!("INSERT INTO {} (version) VALUES ({version})", table.quoted())]
    }

    fn delete(&self, table: &Table, migration: &Migration, _: Option<&Migration>) -> Vec<String> {
        let version = table.literal(migration.version.text());
        vec![format!("DELETE FROM {} WHERE version = {version}", table.quoted())]
    }

    /// dbmate 2.29 and later write the row once for each section: the second one fails, and is not tried again.
    fn doubts(&self, migration: &Migration) -> Vec<String> {
        let sections = migration.up.sections.len();
        let doubt = format!(
            "`{}` has {sections} sections `-- migrate:up`; dbmate applies the first one, fails at the row of the second one, and \
             takes the file as applied from then on: look whether the rest of it is in the database",
            migration.name
        );
        if sections > 1 { vec![doubt] } else { Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// A directive and what follows it.
struct Block {
    way: Way,
    /// The line of the directive.
    line: Range<usize>,
    body: Range<usize>,
    transaction: Option<bool>,
}

/// Up and down by turns.
fn blocks(text: &str) -> Result<Vec<Block>, Flaw> {
    let mut blocks: Vec<Block> = Vec::new();
    for line in lines(text) {
        if let Some((way, options)) = directive(line.text) {
            in_turn(blocks.last(), way, line)?;
            if let Some(last) = blocks.last_mut() {
                last.body.end = line.start;
            }
            let transaction = transaction(line, options)?;
            blocks.push(Block { way, line: line.range(), body: line.next..text.len(), transaction });
        } else if looks_like_one(line.text) {
            return Err(misspelt(line));
        } else if blocks.is_empty() && !line.is_idle() {
            let some = lines(text).any(|line| directive(line.text).is_some());
            return Err(if some { outside(line) } else { none(line.range()) });
        }
    }
    complete(text, &blocks)?;
    Ok(blocks)
}

/// `-- migrate:up` or `-- migrate:down` at the beginning of a line, with what follows it.
fn directive(line: &str) -> Option<(Way, &str)> {
    let word = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?;
    let (way, rest) = match word.strip_prefix("up") {
        Some(rest) => (Way::Up, rest),
        None => (Way::Down, word.strip_prefix("down")?),
    };
    (rest.is_empty() || rest.starts_with(char::is_whitespace)).then_some((way, rest))
}

/// A comment that was meant as a directive.
fn looks_like_one(line: &str) -> bool {
    let Some(comment) = line.trim_start().strip_prefix("--") else { return false };
    let comment = comment.trim_start_matches(['-', ' ', '\t']).to_ascii_lowercase();
    let Some(rest) = comment.strip_prefix("migrate") else { return false };
    let word =
        rest.trim_start().strip_prefix(':').map(|rest| rest.trim_start().split(|c: char| !c.is_alphanumeric()).next());
    match word {
        Some(word) => {
            word.is_some_and(|word| strsim::osa_distance(word, "up") < 2 || strsim::osa_distance(word, "down") < 3)
        }
        None => matches!(rest.trim_end_matches([' ', '\t', ';']), " up" | " down" | "-up" | "-down" | "_up" | "_down"),
    }
}

fn in_turn(last: Option<&Block>, way: Way, line: Line<'_>) -> Result<(), Flaw> {
    let (message, hint) = match (last.map(|last| last.way), way) {
        (None | Some(Way::Down), Way::Up) | (Some(Way::Up), Way::Down) => return Ok(()),
        (None, Way::Down) => ("`-- migrate:down` comes before `-- migrate:up`", "put the section that migrates first"),
        (Some(Way::Up), Way::Up) => {
            ("`-- migrate:up` follows on another one", "end the first section with its own `-- migrate:down`")
        }
        (Some(Way::Down), Way::Down) => {
            ("`-- migrate:down` follows on another one", "begin a further section with its own `-- migrate:up`")
        }
    };
    Err(Flaw { message: message.to_owned(), hint: hint.to_owned(), range: line.range() })
}

/// dbmate looks for `transaction:false` and passes over everything else; what may have been meant as an option is refused here.
fn transaction(line: Line<'_>, options: &str) -> Result<Option<bool>, Flaw> {
    let mut found = None;
    for word in options.split_whitespace() {
        match word {
            "transaction:false" => found = Some(false),
            "transaction:true" => found = Some(true),
            word if may_be_option(word) => {
                return Err(Flaw {
                    message: format!("`{word}` is no option of dbmate"),
                    hint: "the only one is `transaction:false`".to_owned(),
                    range: line.range_of(word),
                });
            }
            _ => {}
        }
    }
    Ok(found)
}

fn may_be_option(word: &str) -> bool {
    let pair = word.split_once([':', '=']).is_some_and(|(key, value)| {
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphabetic() || "_-".contains(c)) && !value.starts_with("//")
    });
    pair || word.to_ascii_lowercase().contains("transaction")
}

fn misspelt(line: Line<'_>) -> Flaw {
    Flaw {
        message: format!("`{}` is not read as a directive", line.text.trim()),
        hint: "write `-- migrate:up` or `-- migrate:down` at the beginning of the line, in lower case and with nothing but options \
               behind it"
            .to_owned(),
        range: line.range(),
    }
}

fn outside(line: Line<'_>) -> Flaw {
    Flaw {
        message: "SQL stands before the line `-- migrate:up`".to_owned(),
        hint: "put it into a section; only lines that begin with `--` may stand before the first one".to_owned(),
        range: line.range(),
    }
}

fn complete(text: &str, blocks: &[Block]) -> Result<(), Flaw> {
    match blocks.last() {
        Some(Block { way: Way::Down, .. }) => Ok(()),
        Some(Block { line, .. }) => Err(Flaw {
            message: "there is no line `-- migrate:down` for it".to_owned(),
            hint: "add one, with nothing below it when this cannot be undone: dbmate wants both".to_owned(),
            range: line.clone(),
        }),
        None => Err(none(lines(text).next().map_or(0..0, |line| line.range()))),
    }
}

fn none(range: Range<usize>) -> Flaw {
    Flaw { message: "there is no line `-- migrate:up`".to_owned(), hint: "begin the file with it".to_owned(), range }
}

#[cfg(test)]
mod tests;
