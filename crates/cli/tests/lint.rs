//! `mainstay migrate lint`: the whole of what a user sees.
#![cfg(feature = "lint")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use support::mainstay;
use testkit::{Cluster, Output, Test};

fn lint(test: &Test, flags: &[&str]) -> Output {
    test.again().env("MAINSTAY_LOG_FORMAT", "human").args(["migrate", "lint"]).args(flags.iter().copied()).run()
}

/// Issue 3, point 5: severity by size, place, caret, rule, what was seen, what to do, and the exit code.
#[test]
fn the_whole_of_it() {
    let cluster = Cluster::start();
    cluster.psql("create table big as select n from generate_series(1, 20000) n; create table small (n int); insert into small values (1);");
    cluster.psql("analyze");
    let url = cluster.url();
    let test = mainstay()
        .file("migrations/1_x.sql", "alter table small add a int;\n\talter table big add b int;\n")
        .file("migrations/1_x.down.sql", "select 1;\n")
        .file("migrations/2_y.sql", "select 1;\n");
    let size = cluster.psql("select round(pg_total_relation_size('big') / 1024.0, 1)");
    let kib = cluster.psql("select round(pg_total_relation_size('small') / 1024.0, 1)");
    let expected = format!(
        "warning: `locks-two-tables`: `small` is still locked against everybody (ACCESS EXCLUSIVE) while this waits for the same \
         lock on `big`\n  --> migrations/1_x.sql:2:2\n   |\n 2 | \talter table big add b int;\n   | \t^^^^^^^^^^^^^^^^^^^^^^^^^\n  \
         seen: `small` has about 1 row, {kib} KiB\n  seen: `big` has about 20,000 rows, {size} KiB\n  hint: give each table a file \
         of its own: who holds `big` and wants `small` ends in a deadlock\n\nnote: `missing-down`: nothing undoes \
         `migrations/2_y.sql`\n  hint: write what undoes it, or know that the only way back is a backup\n\n2 files looked at: 1 \
         warning, 1 note\n"
    );
    let output = lint(&test, &["--database", &url, "--dir", "migrations"]);
    output.code(1);
    assert_eq!((output.raw_stdout.as_str(), output.raw_stderr.as_str()), (expected.as_str(), ""));
    let json: Value =
        serde_json::from_str(&lint(&test, &["--database", &url, "--dir", "migrations", "--json"]).raw_stdout).unwrap();
    assert_eq!(json["findings"][0]["tables"][1]["rows"], 20_000);
    assert_eq!(
        (&json["findings"][0]["rule"], &json["findings"][1]["severity"]),
        (&"locks-two-tables".into(), &"note".into())
    );
}

/// Notes are no failure; what a file or the configuration leaves out is not told.
#[test]
fn what_is_left_out_is_not_told() {
    let test = mainstay()
        .file(
            "mainstay.toml",
            "[migrations]\ndir = \"m\"\nlint_exclude = [\"ban-drop-table\"]\nlint_include = [\"prefer-text-field\"]\n",
        )
        .file("m/1_x.sql", "drop table a;\ncreate table b (x varchar(3));\n")
        .file("m/2_x.sql", "alter table a drop b; -- squawk-ignore ban-drop-column\n");
    let output = lint(&test, &["--pg-version", "16", "--json"]);
    output.code(1);
    let json: Value = serde_json::from_str(&output.raw_stdout).unwrap();
    let rules: Vec<_> = json["findings"].as_array().unwrap().iter().filter_map(|told| told["rule"].as_str()).collect();
    assert_eq!(rules, ["prefer-text-field", "missing-down", "missing-down"]);
    lint(&test, &["--pg-version", "16", "m/2_x.sql"]).code(0).stdout_has("1 file looked at: 2 notes\n");
}

/// What cannot be looked at is said to be so, and what is typed wrongly is told.
#[test]
fn what_cannot_be_looked_at() {
    let test = mainstay().file("m/1_x.sql", "select 1;\n").file("draft.sql", "update t set a = 1;\n");
    lint(&test, &["--database", "sqlite:app.db", "--dir", "m"]).code(3).stdout_has("could not verify the migrations\n");
    lint(&test, &["draft.sql", "--pg-version", "17"]).code(1).stdout_has("  --> draft.sql:1:1\n");
    lint(&test, &["no.sql", "--pg-version", "17"]).code(2);
    lint(&test, &["--dir", "m", "--all", "draft.sql"]).code(2);
    lint(&test, &["--dir", "m", "--pg-version", "seventeen"]).code(2);
    let wrong = test.again().file("mainstay.toml", "[migrations]\ndir = \"m\"\nlint_exclude = [\"ban-drop\"]\n");
    let output = lint(&wrong, &["--pg-version", "17"]);
    output
        .code(2)
        .stderr_has("error: the linter has no rule `ban-drop`\n  hint: correct `lint_include` or `lint_exclude`");
}
