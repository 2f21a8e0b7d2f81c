//! `mainstay env check`, `example` and `docs`

use crate::{
    args::{Env, EnvFiles, Place},
    context::Context,
    load::{Disk, Need, Reading, load, load_in_silence},
};
use config::{App, Files, Overrides, Resolved};
use report::{Finding, Outcome, Severity, count};
use std::path::{Path, PathBuf};

/// Shows or checks the environment contract.
pub(super) fn env(context: &Context, verb: Env) -> Outcome {
    let result = match verb {
        Env::Check(args) => return check(context, &args),
        Env::Example(place) => app(context, &place).map(|app| config::env_example(&app.contract)),
        Env::Docs(place) => app(context, &place).map(|app| config::env_docs(&app.contract)),
    };
    match result {
        Ok(text) => {
            context.terminal.data(&text);
            Outcome::Done
        }
        Err(findings) => super::tell(context, &findings, Outcome::Misused),
    }
}

fn app(context: &Context, place: &Place) -> Result<App, Vec<Finding>> {
    load(context, place, Overrides::default(), Need::File, Reading::Lenient).map(|resolved| resolved.app)
}

/// Exit 1 when something is wrong or drifted; warnings alone change nothing.
fn check(context: &Context, args: &EnvFiles) -> Outcome {
    let read = load_in_silence(context, &args.place, Overrides::default(), Need::File, Reading::Lenient);
    let findings = match read.and_then(|resolved| compare(context, resolved, args)) {
        Ok(findings) => findings,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused),
    };
    let wrong = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    match args.json {
        true => context.terminal.data(&format!("{:#}", serde_json::json!({ "ok": wrong == 0, "findings": findings }))),
        false => {
            super::tell(context, &findings, Outcome::Done);
            let verdict = if wrong == 0 { "pass".to_owned() } else { format!("fail: {}", count(wrong, "problem")) };
            context.terminal.data(&format!("environment contract: {verdict}"));
        }
    }
    if wrong == 0 { Outcome::Done } else { Outcome::Failed }
}

fn compare(context: &Context, resolved: Resolved, args: &EnvFiles) -> Result<Vec<Finding>, Vec<Finding>> {
    let Resolved { app, warnings } = resolved;
    let example = match &args.example {
        Some(path) => Some(context.cwd.join(path)),
        None => Some(app.root.join(".env.example")).filter(|path| path.is_file()),
    };
    let example = example.map(|path| text(context, &path)).transpose()?;
    let docs = args.docs.as_ref().map(|path| text(context, &context.cwd.join(path))).transpose()?;
    Ok(once(warnings, config::env_check(&app.contract, &app.env, example.as_ref(), docs.as_ref())))
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
