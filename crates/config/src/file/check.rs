//! Looks at every key of the file once: is it known, and has it the right shape?

use super::{Context, Kind, Section, keys};
use crate::{interpolate::is_variable_name, suggest::key_for};
use report::Finding;
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Reports every unknown key and every value of the wrong shape, and learns the names of the variables that stand for
/// the keys.
pub(crate) fn check(context: &Context<'_>, document: &DeTable<'_>) {
    Walk { context }.table(document, &keys::ROOT, "");
}

struct Walk<'a> {
    context: &'a Context<'a>,
}

impl Walk<'_> {
    fn table(&self, table: &DeTable<'_>, section: &'static Section, path: &str) {
        for (name, value) in super::table::in_order(table) {
            match section.key(name.get_ref()) {
                Some(key) => self.value(value, key.kind, &join(path, key.name)),
                None => self.unknown(name, section, path),
            }
        }
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, kind: Kind, path: &str) {
        match (kind, value.get_ref()) {
            (Kind::Table(section) | Kind::Either(section, _), DeValue::Table(table)) => {
                self.table(table, section, path)
            }
            (Kind::Map(section), DeValue::Table(entries)) => self.map(entries, section, path, is_name, NAME),
            (Kind::Contract(section), DeValue::Table(entries)) => {
                self.map(entries, section, path, is_variable_name, VARIABLE_NAME);
            }
            (Kind::Variables, DeValue::Table(entries)) => {
                for (name, value) in super::table::in_order(entries) {
                    self.name(name, path, is_variable_name, VARIABLE_NAME);
                    self.value(value, Kind::Text, &join(path, name.get_ref()));
                }
            }
            (Kind::Command | Kind::Texts | Kind::Places, DeValue::Array(items)) => {
                items.iter().for_each(|item| self.value(item, Kind::Text, path));
            }
            (Kind::List(section, short), DeValue::Array(items)) => {
                let each = if short.is_empty() { Kind::Table(section) } else { Kind::Either(section, short) };
                items.iter().zip(1..).for_each(|(item, at)| self.value(item, each, &join(path, &at.to_string())));
            }
            (kind, written) if fits(kind, written) => {}
            (kind, written) => self.wrong_shape(kind, written, value.span(), path),
        }
    }

    fn map(&self, entries: &DeTable<'_>, section: &'static Section, path: &str, is_good: fn(&str) -> bool, rule: &str) {
        let contract = path == "env";
        for (name, value) in super::table::in_order(entries) {
            self.name(name, path, is_good, rule);
            let path = join(path, name.get_ref());
            match value.get_ref() {
                DeValue::Table(table) => self.table(table, section, &path),
                DeValue::String(_) if contract => {}
                written => self.wrong_shape(Kind::Table(section), written, value.span(), &path),
            }
        }
    }

    fn name(&self, name: &Spanned<toml::de::DeString<'_>>, path: &str, is_good: fn(&str) -> bool, rule: &str) {
        if !is_good(name.get_ref()) {
            let finding = Finding::error(format!("`{}` in `[{path}]` is no good name", name.get_ref())).hint(rule);
            self.context.problem(self.context.at(finding, &name.span()));
        }
    }

    fn unknown(&self, name: &Spanned<toml::de::DeString<'_>>, section: &Section, path: &str) {
        let place = if path.is_empty() { String::new() } else { format!(" in `[{path}]`") };
        let known: Vec<_> = section.names().map(|name| format!("`{name}`")).collect();
        let mut finding = Finding::error(format!("unknown key `{}`{place}", name.get_ref()))
            .seen(format!("keys here are {}", known.join(", ")));
        finding.hint = key_for(name.get_ref(), section.names());
        self.context.problem(self.context.at(finding, &name.span()));
    }

    fn wrong_shape(&self, kind: Kind, written: &DeValue<'_>, span: Range<usize>, path: &str) {
        let summary = format!("{}: expected {}, found {}", called(path), kind.expected(), shape(written));
        let finding = Finding::error(summary);
        let finding = match kind {
            Kind::Table(_) if path.rsplit('.').next().is_some_and(is_number) => finding,
            Kind::Table(_) => finding.hint(format!("write `[{path}]` and its keys below it")),
            Kind::Map(_) => finding.hint(format!("write `[{path}.NAME]` and its keys below it")),
            _ => finding,
        };
        self.context.problem(self.context.at(finding, &span));
    }
}

const NAME: &str = "a name has lower-case letters, digits, `-` and `_`, and begins with a letter";
const VARIABLE_NAME: &str = "the name of a variable has letters, digits and `_`, and begins with none of the digits";

/// Lower-case letters, digits, `-` and `_`, a letter first, at most 64.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_'))
}

/// Numbers and truth values may also be texts, so that they can come from a variable: `attempts = "${ATTEMPTS:-20}"`.
pub(super) fn fits(kind: Kind, written: &DeValue<'_>) -> bool {
    match written {
        DeValue::String(_) => kind.is_scalar() && !matches!(kind, Kind::Texts),
        DeValue::Integer(_) => {
            matches!(
                kind,
                Kind::Count
                    | Kind::Whole
                    | Kind::Factor
                    | Kind::Duration
                    | Kind::Size
                    | Kind::Share
                    | Kind::Window
                    | Kind::Address
                    | Kind::Metrics
                    | Kind::Signal
            )
        }
        DeValue::Float(_) => matches!(kind, Kind::Factor | Kind::Duration | Kind::Share),
        DeValue::Boolean(_) => matches!(kind, Kind::Bool | Kind::Metrics),
        _ => false,
    }
}

/// Names begin with a letter.
fn is_number(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit())
}

fn shape(written: &DeValue<'_>) -> &'static str {
    match written {
        DeValue::String(_) => "text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// ``` `wait` in `[databases.main]` ```; of a list ``` `build` in `[deploy]`, number 1 ```
pub(crate) fn called(path: &str) -> String {
    match path.rsplit_once('.') {
        Some((list, number)) if is_number(number) => format!("{}, number {number}", called(list)),
        Some((table, key)) => format!("`{key}` in `[{table}]`"),
        None => format!("`{path}`"),
    }
}
