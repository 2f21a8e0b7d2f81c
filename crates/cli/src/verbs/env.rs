//! `mainstay env check`, `example` and `docs`

use crate::{
    args::{Env, EnvFiles, Place},
    context::Context,
    load::{Disk, Need, Reading, load_contract, load_in_silence},
};
use config::{Declared, Files, Overrides};
use report::{Finding, Outcome, Severity, count};
use std::path::{Path, PathBuf};

/// Shows or checks the environment contract.
pub(super) fn env(context: &Context, verb: Env) -> Outcome {
    let result = match verb {
        Env::Check(args) => return check(context, &args),
        Env::Example(place) => load_contract(context, &place).map(|(it, _)| config::env_example(&it.contract)),
        Env::Docs(place) => load_contract(context, &place).map(|(it, _)| config::env_docs(&it.contract)),
    };
    match result {
        Ok(text) => super::answer(context, &text, Outcome::Done),
        Err(findings) => super::tell(context, &findings, Outcome::Misused),
    }
}

/// Exit 1 when something is wrong or drifted; warnings alone change nothing.
fn check(context: &Context, args: &EnvFiles) -> Outcome {
    let findings = match load_contract(context, &args.place).and_then(|declared| compare(context, declared, args)) {
        Ok(findings) => findings,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused),
    };
    let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let outcome = if wrong == 0 { Outcome::Done } else { Outcome::Failed };
    let text = match args.json {
        true => format!("{:#}", serde_json::json!({ "ok": wrong == 0, "findings": findings })),
        false => {
            super::tell(context, &findings, outcome);
            let verdict = if wrong == 0 { "pass".to_owned() } else { format!("fail: {}", count(wrong, "problem")) };
            format!("environment contract: {verdict}")
        }
    };
    super::answer(context, &text, outcome)
}

fn compare(
    context: &Context,
    (declared, root): (Declared, PathBuf),
    args: &EnvFiles,
) -> Result<Vec<Finding>, Vec<Finding>> {
    let example = match &args.example {
        Some(path) => Some(context.cwd.join(path)),
        None => Some(root.join(".env.example")).filter(|path| path.is_file()),
    };
    let example = example.map(|path| text(context, &path)).transpose()?;
    let docs = args.docs.as_ref().map(|path| text(context, &context.cwd.join(path))).transpose()?;
    let checked = config::env_check(&declared.contract, &declared.env, example.as_ref(), docs.as_ref());
    Ok(once(noticed(context, &args.place), checked))
}

/// What a start would say: its warnings, or the variables of `${…}` and others that it lacks.
fn noticed(context: &Context, place: &Place) -> Vec<Finding> {
    match load_in_silence(context, place, Overrides::default(), Need::File, Reading::Lenient) {
        Ok(resolved) => resolved.warnings,
        Err(problems) => problems,
    }
}

/// What was noticed while reading is told once: the check knows how bad it is, the reader where it stands.
fn once(mut warnings: Vec<Finding>, checked: Vec<Finding>) -> Vec<Finding> {
    let placed = |mut finding: Finding| {
        if let Some(at) = warnings.iter().position(|warning| warning.summary == finding.summary) {
            finding.place = warnings.remove(at).place;
        }
        finding
    };
    let checked: Vec<_> = checked.into_iter().map(placed).collect();
    warnings.into_iter().chain(checked).collect()
}

fn text(context: &Context, path: &Path) -> Result<config::TextFile, Vec<Finding>> {
    let disk = Disk { cwd: &context.cwd };
    let missing = || vec![Finding::error(format!("there is no file `{}`", PathBuf::from(path).display()))];
    match disk.read(path) {
        Ok(file) => file.ok_or_else(missing),
        Err(error) => Err(vec![Finding::error(format!("`{}` cannot be read", path.display())).because(&error)]),
    }
}
