//! The environment that services get: the process's, completed by files, old names and defaults.

use crate::{
    EnvContract, TextFile, Variable,
    contract::check_variable,
    dotenv,
    file::{Context, Origin, Table, Written},
    interpolate::is_variable_name,
    redact::names_a_secret,
};
use report::{Finding, Place, Severity};
use std::{collections::BTreeMap, ops::Range};
use toml::de::DeTable;

/// The file that is read when nobody names one.
const DEFAULT_FILE: &str = ".env";

/// Reads the `.env` files and the contract, and completes the environment of the context.
pub(super) fn complete<'a>(context: &mut Context<'a>, document: Option<&DeTable<'a>>) -> EnvContract {
    context.secrets = declared_secrets(document);
    let from_files = of_files(context, document, Missing::Told);
    for (name, (value, place)) in from_files {
        if !context.env.contains_key(&name) {
            context.env.insert(name.clone(), value);
            context.places.insert(name, place);
        }
    }
    let declared = read_contract(context, document);
    keep_contract(context, &declared);
    EnvContract { variables: declared.into_iter().map(|(variable, _)| variable).collect() }
}

/// A file of variables that is named and not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// A problem.
    Told,
    /// Left out.
    Fine,
}

/// What all files of variables say together.
pub(super) fn of_files(context: &Context<'_>, document: Option<&DeTable<'_>>, missing: Missing) -> Values {
    let mut all = Values::new();
    read_files(context, document, missing).into_iter().for_each(|(_, values)| all.extend(values));
    all
}

pub(super) type Values = BTreeMap<String, (String, Place)>;

fn read_files(context: &Context<'_>, document: Option<&DeTable<'_>>, missing: Missing) -> Vec<(TextFile, Values)> {
    let mut read = Vec::new();
    for written in names_of_files(context, document) {
        let Some(file) = open(context, &written, missing) else { continue };
        let found = dotenv::parse(&file);
        found.problems.into_iter().for_each(|problem| context.problem(problem));
        context.warn_all(found.warnings);
        warn_of_open_file(context, &file, &found.values);
        read.push((file, found.values));
    }
    read
}

fn names_of_files(context: &Context<'_>, document: Option<&DeTable<'_>>) -> Vec<Written> {
    let flags = &context.sources.flags.env_files;
    if !flags.is_empty() {
        let written = |text: &String| Written { text: text.clone(), origin: Origin::Flag("--env-file") };
        return flags.iter().map(written).collect();
    }
    let root = Table::root(context, document);
    let setting = root.setting("env_files");
    let named = setting.texts();
    if !named.is_empty() || root.span("env_files").is_some() || setting.given().is_some() {
        return named;
    }
    vec![Written { text: DEFAULT_FILE.to_owned(), origin: Origin::Default }]
}

fn open(context: &Context<'_>, written: &Written, missing: Missing) -> Option<TextFile> {
    let path = context.sources.root.join(&written.text);
    let problem = match context.sources.files.read(&path) {
        Ok(Some(file)) => return Some(file),
        Ok(None) if written.origin == Origin::Default || missing == Missing::Fine => return None,
        Ok(None) => context
            .error(&written.origin, &format!("there is no file `{}`", written.text))
            .hint("create it, or take it out of the list"),
        Err(error) => {
            context.error(&written.origin, &format!("cannot read the file `{}`", written.text)).because(&error)
        }
    };
    context.problem(problem);
    None
}

/// S4.11: a file with secrets is for its owner, at most for its group.
fn warn_of_open_file(context: &Context<'_>, file: &TextFile, values: &Values) {
    if file.mode & 0o027 == 0 {
        return;
    }
    let secret = |name: &&String| names_a_secret(name) || context.secrets.contains(name);
    let secrets: Vec<_> = values.keys().filter(secret).map(|name| format!("`{name}`")).collect();
    if secrets.is_empty() {
        return;
    }
    context.warn(
        Finding::warning(format!("`{}` holds secrets and is open to others", file.name))
            .seen(format!("mode {:04o}, {}", file.mode & 0o7777, secrets.join(", ")))
            .hint(format!("chmod 600 {}", file.name)),
    );
}

fn declared_secrets(document: Option<&DeTable<'_>>) -> Vec<String> {
    let Some(declared) = document.and_then(|document| document.get("env")?.get_ref().as_table()) else {
        return Vec::new();
    };
    let secret = declared
        .iter()
        .filter(|(_, value)| value.get_ref().get("secret").and_then(|it| it.get_ref().as_bool()).unwrap_or_default());
    secret.map(|(name, _)| name.get_ref().to_string()).collect()
}

fn read_contract(context: &Context<'_>, document: Option<&DeTable<'_>>) -> Vec<(Variable, Range<usize>)> {
    let root = Table::root(context, document);
    let variable = |entry: crate::file::Entry<'_>| {
        let (table, span) = (&entry.table, entry.span.clone());
        let text = |name| table.setting(name).in_file_only();
        let short = entry.text.as_ref().and_then(|(text, span)| {
            let origin = Origin::File(span.clone(), format!("`{}` in `[env]`", entry.name));
            crate::file::interpolated(context, text, &origin)
        });
        let variable = Variable {
            about: text("about"),
            default: text("default").or(short),
            example: text("example"),
            secret: table.setting("secret").bool().unwrap_or_default(),
            required: table.setting("required").bool().unwrap_or_default(),
            generate: table.setting("generate").bool().unwrap_or_default(),
            aliases: aliases(context, table),
            name: entry.name,
        };
        (variable, span)
    };
    root.entries("env").into_iter().map(variable).collect()
}

fn aliases(context: &Context<'_>, table: &Table<'_>) -> Vec<String> {
    let (good, bad): (Vec<_>, Vec<_>) =
        table.setting("aliases").texts().into_iter().partition(|alias| is_variable_name(&alias.text));
    for alias in bad {
        let summary = format!("`{}` cannot be the name of a variable", alias.text);
        context.problem(context.error(&alias.origin, &summary).hint("use letters, digits and `_`"));
    }
    good.into_iter().map(|alias| alias.text).collect()
}

/// Says what breaks the contract; then old names and defaults give their values.
fn keep_contract(context: &mut Context<'_>, declared: &[(Variable, Range<usize>)]) {
    for (variable, span) in declared {
        for finding in check_variable(variable, &context.env) {
            let finding = context.at(finding, span);
            match finding.severity {
                Severity::Error if !context.sources.lenient => context.problem(finding),
                _ => context.warn(Finding { severity: Severity::Warning, ..finding }),
            }
        }
        if context.var(&variable.name).is_none() {
            let alias = variable.aliases.iter().find_map(|alias| context.var(alias));
            if let Some(value) = alias.or(variable.default.as_deref()).map(str::to_owned) {
                context.env.insert(variable.name.clone(), value);
            }
        }
    }
}
