//! A second opinion on where statements end: `pglast`, which is PostgreSQL's own parser.

use super::{Statement, split};
use crate::sql::{
    Dialect,
    token::{Kind, Token, Tokens},
};
use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    ops::Range,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Reads `{file: text}` and writes `{file: [[start, end], …]}` in bytes; null for a text that is not PostgreSQL's.
const ASK: &str = r#"
import json, sys, pglast
def bounds(text):
    try:
        parts = pglast.split(text, with_parser=True, only_slices=True)
    except pglast.parser.ParseError:
        return None
    at = lambda character: len(text[:character].encode())
    return [[at(part.start), at(part.stop)] for part in parts]
texts = json.load(sys.stdin)
json.dump({name: bounds(text) for name, text in texts.items()}, sys.stdout)
"#;

/// Count and bounds of the statements are those that PostgreSQL's parser sees: in every text of our own corpus, and in every text
/// below `MAINSTAY_SQL_CORPUS` that it can read. Rows and commands of psql, which are no SQL, are blanked out for it.
#[test]
#[ignore = "needs peers: cargo xtask test --all"]
fn statements_end_where_the_parser_of_postgres_ends_them() {
    let own = texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    assert!(own.len() >= 3, "the corpus is there");
    let others = env::var_os("MAINSTAY_SQL_CORPUS").map(|dir| texts(Path::new(&dir))).unwrap_or_default();
    let mut statements = 0;
    for (name, bounds) in ask(&own) {
        statements += compare(&name, &own[&name], bounds.unwrap_or_else(|| panic!("`{name}` is not PostgreSQL's")));
    }
    assert!(statements > 90, "only {statements} statements");
    let answers = if others.is_empty() { BTreeMap::new() } else { ask(&others) };
    let (read, unread): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, bounds)| bounds.is_some());
    assert!(others.is_empty() || !read.is_empty(), "none of {} texts was read", unread.len());
    for (name, bounds) in read {
        compare(&name, &others[&name], bounds.unwrap_or_default());
    }
}

/// The texts below a directory.
fn texts(dir: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut directories = vec![dir.to_owned()];
    while let Some(directory) = directories.pop() {
        let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            match path.extension() {
                _ if path.is_dir() => directories.push(path),
                Some(extension) if extension == "sql" => {
                    let text = String::from_utf8_lossy(&fs::read(&path).expect("a text")).into_owned();
                    texts.insert(path.display().to_string(), text);
                }
                _ => {}
            }
        }
    }
    texts
}

/// With blanks in place of what is no SQL. A text that cannot be split at all stays as it is.
fn blanked(text: &str) -> String {
    let mut text = text.to_owned();
    let Ok(statements) = split(&text, Dialect::Postgres) else { return text };
    let ranges: Vec<_> = statements.into_iter().filter_map(|statement| no_sql(&statement, &text)).collect();
    for range in ranges {
        let blanks: String = text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        text.replace_range(range, &blanks);
    }
    text
}

fn no_sql(statement: &Statement, text: &str) -> Option<Range<usize>> {
    if statement.psql_command().is_some() {
        return Some(statement.range.clone());
    }
    let data = statement.data.clone()?;
    Some(data.start..data.end + if text[data.end..].starts_with("\\.") { 2 } else { 0 })
}

type Bounds = Vec<Range<usize>>;

fn ask(texts: &BTreeMap<String, String>) -> BTreeMap<String, Option<Bounds>> {
    let peers = env::var_os("MAINSTAY_PEERS").expect("MAINSTAY_PEERS is set: run `cargo xtask test --all`");
    let blanked: BTreeMap<_, _> = texts.iter().map(|(name, text)| (name, blanked(text))).collect();
    let python = PathBuf::from(peers).join("python/bin/python");
    let mut child = Command::new(&python)
        .args(["-c", ASK])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask test --all`", python.display()));
    let question = serde_json::to_vec(&blanked).expect("JSON");
    child.stdin.take().expect("a pipe").write_all(&question).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "is pglast there? `{} -m pip install pglast`", python.display());
    let answer: BTreeMap<String, Option<Vec<(usize, usize)>>> = serde_json::from_slice(&output.stdout).expect("JSON");
    let ranges = |bounds: Vec<(usize, usize)>| bounds.into_iter().map(|(start, end)| start..end).collect();
    answer.into_iter().map(|(name, bounds)| (name, bounds.map(ranges))).collect()
}

/// Fails at the first statement that is not the same; answers how many there are.
fn compare(name: &str, text: &str, theirs: Bounds) -> usize {
    let ours = split(text, Dialect::Postgres).unwrap_or_else(|open| panic!("`{name}`: {open:?}"));
    let ours = ours.into_iter().filter(|statement| statement.psql_command().is_none());
    let ours: Vec<_> = ours.map(|statement| &text[statement.range]).collect();
    let blanked = blanked(text);
    let theirs: Vec<_> = theirs.into_iter().map(|range| core(&blanked[range])).collect();
    let differs = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
    assert_eq!(differs, None, "`{name}`: ours and PostgreSQL's");
    assert_eq!(ours.len(), theirs.len(), "`{name}`");
    ours.len()
}

/// Without the blanks and comments around it.
fn core(text: &str) -> &str {
    let tokens: Vec<Token> = Tokens::new(text, Dialect::Postgres).map_while(Result::ok).collect();
    let mut seen = tokens.iter().filter(|token| token.kind != Kind::Blank);
    let Some(first) = seen.next() else { return "" };
    &text[first.range.start..seen.next_back().unwrap_or(first).range.end]
}
