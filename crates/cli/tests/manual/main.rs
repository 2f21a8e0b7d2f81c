//! What the manual shows is what happens: every block of README.md and `docs/` is run or parsed.
//!
//! | block | is |
//! | --- | --- |
//! | `console` | run: lines after `$ ` by a shell, and what follows must be printed; `...` stands for any lines, `^C` for a Ctrl-C |
//! | `toml` | read as a `mainstay.toml` |
//! | `sql` | written to a file that a `console` block uses |
//! | `sh`, `yaml`, `json`, `dockerfile`, `ini` | parsed; units by `systemd-analyze verify` |
//! | `screen` | a screen of `mainstay top`; compared with what is drawn by the tests of that crate |
//!
//! Anything else fails. A command with nothing after it must succeed; what it prints does not matter. One that fails must be followed
//! by `$ echo $?`. Spans of time, process ids and versions may differ. Each page has its own directory, shown as `/srv/booking`, and
//! free ports instead of the documented ones. What a reader need not see stands in comments, [`page::Direction`].
//! `UPDATE=1` in the environment writes what was really printed into the page.
#![expect(clippy::disallowed_methods, reason = "tests stand outside the program and play the machine it runs on")]

mod block;
mod compare;
mod flags;
mod page;
mod parsed;
mod world;

use std::path::{Path, PathBuf};

/// Issue 2, point 2 and 10.
#[test]
fn readme() {
    page::check("README.md");
}

/// S3.9
#[test]
fn quick_start() {
    page::check("docs/quick-start.md");
}

/// S1.16, S2.14
#[test]
fn backups() {
    page::check("docs/backups.md");
}

/// S0.1, S0.2, S0.4
#[test]
fn gate() {
    page::check("docs/gate.md");
}

/// S0.3, S1.1
#[test]
fn migrations() {
    page::check("docs/migrations.md");
}

/// Issue 3, point 5.
#[test]
fn migrations_lint() {
    page::check("docs/migrations-lint.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_dbmate() {
    page::check("docs/coming-from/dbmate.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_golang_migrate() {
    page::check("docs/coming-from/golang-migrate.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_goose() {
    page::check("docs/coming-from/goose.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_supabase() {
    page::check("docs/coming-from/supabase.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_sqlx() {
    page::check("docs/coming-from/sqlx.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_refinery() {
    page::check("docs/coming-from/refinery.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_flyway() {
    page::check("docs/coming-from/flyway.md");
}

/// Issue 3, point 1.
#[test]
fn coming_from_home_made() {
    page::check("docs/coming-from/home-made.md");
}

/// S1.7, S2.17, S4.6
#[test]
fn releases() {
    page::check("docs/releases.md");
}

/// S2.7
#[test]
fn services() {
    page::check("docs/services.md");
}

/// S1.9, S1.13, S2.8, S3.6
#[test]
fn supervision() {
    page::check("docs/supervision.md");
}

/// S4.7
#[test]
fn top() {
    page::check("docs/top.md");
}

/// S2.12, S2.15, S4.10
#[test]
fn schedules() {
    page::check("docs/schedules.md");
}

/// S3.9, issue 4, item 7.
#[test]
fn journal() {
    page::check("docs/journal.md");
}

/// S1.7, S4.9
#[test]
fn proxy() {
    page::check("docs/proxy.md");
}

/// S2.16, S4.4, S4.5, S4.15
#[test]
fn delivery() {
    page::check("docs/delivery.md");
}

/// S2.11
#[test]
fn logs() {
    page::check("docs/logs.md");
}

/// S2.9, S3.5
#[test]
fn health() {
    page::check("docs/health.md");
}

/// S3.1, S3.3, S3.4, S3.8
#[test]
fn run() {
    page::check("docs/run.md");
}

/// S2.3, S2.4, S2.5
#[test]
fn environment() {
    page::check("docs/environment.md");
}

#[test]
fn configuration() {
    page::check("docs/configuration.md");
    assert!(read("docs/configuration.md") == config::reference(), "docs/configuration.md is stale: cargo xtask docs");
    let schema = format!("{:#}\n", config::schema());
    assert!(read("docs/mainstay.schema.json") == schema, "docs/mainstay.schema.json is stale: cargo xtask docs");
}

#[test]
fn every_page_has_its_test() {
    let tests = include_str!("main.rs");
    let untested: Vec<_> = pages().into_iter().filter(|page| !tests.contains(&format!("check(\"{page}\")"))).collect();
    assert!(untested.is_empty(), "nobody checks {untested:?}");
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        let directory = Path::new(&page).parent().map(Path::to_path_buf).unwrap_or_default();
        let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let local =
            targets.filter(|target| !target.contains("://")).map(|target| target.split('#').next().unwrap_or(""));
        broken.extend(
            local
                .filter(|it| !it.is_empty() && !root().join(&directory).join(it).exists())
                .map(|it| format!("{page}: {it}")),
        );
    }
    assert!(broken.is_empty(), "links lead nowhere: {broken:?}");
}

/// The test can fail: a block that nobody checks, other output, another exit code, bad TOML, an unknown flag, a direction without use.
#[test]
fn a_page_that_is_not_true_fails() {
    for (text, complaint) in [
        ("```\nwhat\n```\n", "nobody runs or parses"),
        ("```perl\nwhat\n```\n", "nobody runs or parses"),
        ("Text.\n\n    indented\n", "nobody runs or parses"),
        ("```console\n$ echo one\ntwo\n```\n", "printed:\none"),
        ("```console\n$ false\n```\n", "exit code 1"),
        ("```console\nno command\n```\n", "no command"),
        ("```toml\n[services.api]\ncomand = \"x\"\n```\n", "comand"),
        ("```sh\nif\n```\n", "sh"),
        ("```json\n{\n```\n", "json"),
        ("```yaml\na: [\n```\n", "yaml"),
        ("```ini\nExecStart=/bin/true\n```\n", "ini"),
        ("```dockerfile\nRUNN x\n```\n", "RUNN"),
        ("```sql\nselect 1;\n```\n", "nobody uses"),
        ("Say `mainstay up --fast`.\n", "--fast"),
        ("<!-- test: file x -->\n", "is of no use"),
        ("<!-- test: dance -->\n", "dance"),
        ("<!-- test: more -->\n```console\nwhat\n```\n", "nothing runs"),
    ] {
        let complaints = page::complaints(text).join("\n");
        assert!(complaints.contains(complaint), "{text}\ncomplaints: {complaints}");
    }
    let good = "```console\n$ printf 'a\\nb\\nc\\n'; sh -c 'exit 3'\na\n...\nc\n$ echo $?\n3\n```\n";
    assert_eq!(page::complaints(good), Vec::<String>::new());
}

fn pages() -> Vec<String> {
    let in_directory = |name: &str| {
        let entries = std::fs::read_dir(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}")).flatten();
        entries.map(|entry| format!("{name}/{}", entry.file_name().display())).collect::<Vec<_>>()
    };
    let names = in_directory("docs").into_iter().chain(in_directory("docs/coming-from"));
    names.filter(|name| name.ends_with(".md")).chain(["README.md".to_owned()]).collect()
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
