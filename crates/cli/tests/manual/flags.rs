//! Flags that a page names exist.

use std::collections::BTreeMap;
use std::process::Command;

/// Every `--flag` of every `mainstay VERB` in code that the verb's help does not know.
pub(crate) fn unknown(text: &str) -> Vec<String> {
    let mut help = BTreeMap::new();
    let mut unknown = Vec::new();
    for line in text.lines() {
        let code = if line.contains('`') { spans(line) } else { vec![line] };
        for call in code.into_iter().flat_map(calls) {
            let known = help.entry(call.verb.clone()).or_insert_with(|| help_of(&call.verb));
            // `--rehearse[=HOW]` has a value that may be left out.
            let is_known = |flag: &str| {
                known.split_whitespace().any(|word| word.trim_end_matches(',').split("[=").next() == Some(flag))
            };
            let missing = call.flags.into_iter().filter(|flag| !is_known(flag));
            unknown
                .extend(missing.map(|flag| format!("`mainstay {}` has no flag {flag}: {line}", call.verb.join(" "))));
        }
    }
    unknown
}

/// Inline code, and the whole line when its backticks are not Markdown's.
fn spans(line: &str) -> Vec<&str> {
    line.split('`').skip(1).step_by(2).collect()
}

struct Call {
    verb: Vec<String>,
    flags: Vec<String>,
}

const VERBS: &[&str] = &["up", "run", "wait", "migrate", "health", "logs", "env", "schema"];

/// Calls in a line of shell, or in a list of JSON as Docker and Kubernetes have it.
fn calls(code: &str) -> Vec<Call> {
    let words: Vec<_> =
        code.split(|c: char| c.is_whitespace() || "\"',[]".contains(c)).filter(|it| !it.is_empty()).collect();
    let is_program = |word: &str| word == "mainstay" || word.ends_with("/mainstay");
    let starts = words.iter().enumerate().filter(|(_, word)| is_program(word)).map(|(at, _)| at + 1);
    starts.filter_map(|at| call(&words[at..])).collect()
}

fn call(words: &[&str]) -> Option<Call> {
    let verb = words.first().filter(|word| VERBS.contains(word))?;
    let depth = if matches!(*verb, "migrate" | "env") { 2 } else { 1 };
    let verb: Vec<_> =
        words.iter().take(depth).filter(|word| !word.starts_with('-')).map(|word| (*word).to_owned()).collect();
    let own = words.iter().take_while(|word| !matches!(**word, "--" | "|" | "&&" | ";"));
    let flags = own.filter(|word| word.starts_with("--")).filter_map(|word| word.split('=').next().map(str::to_owned));
    Some(Call { verb, flags: flags.collect() })
}

fn help_of(verb: &[String]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_mainstay")).args(verb).arg("--help").output().expect("mainstay runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}
