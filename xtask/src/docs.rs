//! References that the program itself writes, kept in the tree so that they can be read without building it.
use crate::task::{Done, Failure, cargo, programs, root, step};
use std::process::Command;

/// File below the root, and the arguments with which the program writes it.
const GENERATED: &[(&str, &[&str])] = &[("docs/mainstay.schema.json", &["schema"])];

/// Writes the references; with `check` writes nothing and fails when one is not current.
pub(crate) fn run(check: bool) -> Done {
    step("build", cargo(["build", "--quiet", "--package", "mainstay"]))?;
    let stale: Vec<&str> = GENERATED
        .iter()
        .map(|(file, arguments)| Ok((*file, generate(arguments)?)))
        .collect::<Result<Vec<_>, Failure>>()?
        .into_iter()
        .filter_map(|(file, text)| keep(file, &text, check).transpose())
        .collect::<Result<_, _>>()?;
    if stale.is_empty() {
        Ok(())
    } else {
        Err(Failure::Failed(format!("not current: {}\n hint: cargo xtask docs", stale.join(", "))))
    }
}

fn generate(arguments: &[&str]) -> Result<String, Failure> {
    let program = programs().join("mainstay");
    let output = Command::new(&program).args(arguments).current_dir(root()).output();
    let output = output.map_err(|error| Failure::Failed(format!("cannot run {}: {error}", program.display())))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Failed(format!("mainstay {}: {}: {stderr}", arguments.join(" "), output.status)))
    }
}

/// Names the file when it is stale and only to be checked.
fn keep<'a>(file: &'a str, text: &str, check: bool) -> Result<Option<&'a str>, Failure> {
    let path = root().join(file);
    if std::fs::read_to_string(&path).is_ok_and(|kept| kept == text) {
        return Ok(None);
    }
    if check {
        return Ok(Some(file));
    }
    std::fs::write(&path, text).map_err(|error| Failure::Failed(format!("cannot write {file}: {error}")))?;
    println!("wrote {file}");
    Ok(None)
}
