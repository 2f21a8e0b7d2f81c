//! Does the environment keep the contract, and do the files that were generated from it?

use super::{EnvContract, Variable, docs, example};
use crate::{TextFile, dotenv, redact::names_a_secret, suggest::did_you_mean};
use report::{Finding, count};
use std::collections::BTreeMap;

/// Values that somebody meant to replace.
const PLACEHOLDERS: [&str; 9] =
    ["changeme", "change-me", "change_me", "password", "secret", "example", "todo", "xxx", "your-"];
/// A shorter secret can be guessed.
const SHORTEST_SECRET: usize = 8;

/// Compares the contract with an environment and with the files that were generated from it: everything that drifted,
/// at once.
pub fn env_check(
    contract: &EnvContract,
    env: &BTreeMap<String, String>,
    example: Option<&TextFile>,
    docs: Option<&TextFile>,
) -> Vec<Finding> {
    let environment = contract.variables.iter().flat_map(|variable| check_variable(variable, env));
    let example = example.map(|file| check_example(contract, file)).unwrap_or_default();
    let docs = docs.map(|file| check_docs(contract, file)).unwrap_or_default();
    environment.chain(example).chain(docs).collect()
}

/// What is wrong with one variable of the environment.
pub(crate) fn check_variable(variable: &Variable, env: &BTreeMap<String, String>) -> Vec<Finding> {
    let name = &variable.name;
    let alias = variable.aliases.iter().find(|alias| is_set(env, alias));
    let mut findings = Vec::new();
    match (is_set(env, name), alias) {
        (_, Some(alias)) => findings.push(
            Finding::warning(format!("the variable `{alias}` is an old name of `{name}`"))
                .hint(format!("rename `{alias}` to `{name}`")),
        ),
        (false, None) if variable.required && variable.default.is_none() => findings.push(missing(variable)),
        _ => {}
    }
    let value = [Some(name), alias].into_iter().flatten().find_map(|name| env.get(name)).filter(|it| !it.is_empty());
    if let Some(weakness) = value.filter(|_| variable.secret).and_then(|value| weakness(value)) {
        findings.push(
            Finding::warning(format!("the secret `{name}` {weakness}")).hint("generate one: `openssl rand -hex 32`"),
        );
    }
    findings
}

fn is_set(env: &BTreeMap<String, String>, name: &str) -> bool {
    env.get(name).is_some_and(|value| !value.is_empty())
}

fn missing(variable: &Variable) -> Finding {
    let finding = Finding::error(format!("the variable `{}` is required and not set", variable.name));
    let finding = match &variable.about {
        Some(about) => finding.seen(about),
        None => finding,
    };
    finding.hint(format!("set `{}` in the environment or in `.env`", variable.name))
}

fn weakness(value: &str) -> Option<String> {
    let lower = value.to_lowercase();
    if PLACEHOLDERS.iter().any(|word| lower == *word || lower.starts_with("your-") || lower.starts_with("changeme")) {
        return Some("still has a placeholder as its value".to_owned());
    }
    (value.chars().count() < SHORTEST_SECRET).then(|| format!("has only {}", count(value.chars().count(), "character")))
}

fn check_example(contract: &EnvContract, file: &TextFile) -> Vec<Finding> {
    let written = dotenv::parse(file);
    let mut findings = written.problems;
    let refresh = format!("mainstay env example > {}", file.name);
    let commented = |name: &str| {
        let names = file.text.lines().filter_map(|line| line.trim().strip_prefix('#')?.split_once('='));
        names.into_iter().any(|(commented, _)| commented.trim() == name)
    };
    for variable in &contract.variables {
        match written.values.get(&variable.name) {
            None if commented(&variable.name) => {}
            None => {
                let summary = format!("`{}` does not list `{}`", file.name, variable.name);
                findings.push(Finding::error(summary).hint(&refresh));
            }
            Some((value, place)) => {
                findings.extend(drift(variable, value).map(|it| it.at(place.clone()).hint(&refresh)))
            }
        }
    }
    for (name, (_, place)) in written.values.iter().filter(|(name, _)| contract.variable(name).is_none()) {
        let known = contract.variables.iter().map(|variable| variable.name.as_str());
        let hint = did_you_mean(name, known).unwrap_or("declare it in `[env]`, or remove it".to_owned());
        let summary = format!("`{}` lists `{name}`, which is not declared", file.name);
        findings.push(Finding::error(summary).at(place.clone()).hint(hint));
    }
    findings
}

fn drift(variable: &Variable, value: &str) -> Option<Finding> {
    let expected = example::value(variable);
    if value == expected {
        return None;
    }
    Some(match variable.secret || names_a_secret(&variable.name) {
        true => Finding::error(format!("the example of the secret `{}` is not the declared one", variable.name)),
        false => Finding::error(format!("the example of `{}` is not the declared one", variable.name))
            .seen(format!("`{value}`, declared is `{expected}`")),
    })
}

fn check_docs(contract: &EnvContract, file: &TextFile) -> Vec<Finding> {
    let refresh = "replace the table by the output of `mainstay env docs`";
    let rows: Vec<_> = docs::env_docs(contract).lines().skip(2).map(str::to_owned).collect();
    let mut findings = Vec::new();
    for (variable, row) in contract.variables.iter().zip(rows) {
        let start = format!("| `{}` ", variable.name);
        let written = file.text.lines().find(|line| line.starts_with(&start));
        let summary = match written {
            None => format!("`{}` has no row for `{}`", file.name, variable.name),
            Some(written) if written.trim_end() != row => {
                format!("`{}` describes `{}` differently", file.name, variable.name)
            }
            Some(_) => continue,
        };
        findings.push(Finding::error(summary).hint(refresh));
    }
    findings
}
