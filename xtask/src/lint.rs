//! What a reviewer should not have to say.
use crate::docs;
use crate::task::{Done, Failure, cargo, files, root, step};
use std::path::Path;

/// Left in by mistake, never on purpose. Written in halves so that this file does not forbid itself.
const FORBIDDEN: &[&str] = &[
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    // With a reason it is a heavier test, which `test --all` runs.
    concat!("#[ign", "ore]"),
];

/// Lines of a source file without its tests; longer ones are reported, not refused.
const LONG: usize = 400;

/// Every check, cheapest first; the first that fails ends it.
pub(crate) fn run() -> Done {
    forbidden_words()?;
    lengths()?;
    docs::run(true)?;
    step("fmt", cargo(["fmt", "--all", "--check"]))?;
    step("clippy", cargo(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    let mut rustdoc = cargo(["doc", "--workspace", "--no-deps", "--quiet"]);
    rustdoc.env("RUSTDOCFLAGS", "-D warnings");
    step("rustdoc", rustdoc)
}

fn forbidden_words() -> Done {
    let mut found = Vec::new();
    for path in files(".rs")? {
        for (number, line) in text(&path)?.lines().enumerate() {
            found.extend(
                FORBIDDEN
                    .iter()
                    .filter(|word| line.contains(**word))
                    .map(|word| format!("{}:{}: `{word}`", shown(&path), number + 1)),
            );
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Failure::Failed(format!("forbidden words\n{}", found.join("\n")))) }
}

fn lengths() -> Done {
    for path in files(".rs")?.iter().filter(|path| !path.components().any(|part| part.as_os_str() == "tests")) {
        let lines = without_tests(&text(path)?);
        if lines > LONG {
            println!("note: {} has {lines} lines without its tests, more than {LONG}", shown(path));
        }
    }
    Ok(())
}

fn without_tests(text: &str) -> usize {
    text.lines().position(|line| line == "#[cfg(test)]").unwrap_or_else(|| text.lines().count())
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::Failed(format!("cannot read {}: {error}", path.display())))
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}
