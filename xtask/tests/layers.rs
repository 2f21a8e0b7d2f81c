//! Who may import whom. The table is the architecture; this test keeps it true.
#![expect(clippy::disallowed_methods, reason = "the build's own tests may start cargo")]

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

const FLOOR: &[&str] = &["mainstay-host", "mainstay-report", "mainstay-retry"];
const SENSES: &[&str] = &["mainstay-config", "mainstay-database", "mainstay-objects", "mainstay-probe"];

/// Package, and every package of ours that it may import. Lower layers first.
fn layers() -> BTreeMap<&'static str, Vec<&'static str>> {
    let chapter = [FLOOR, SENSES].concat();
    let chapters = [
        "mainstay-backup",
        "mainstay-control",
        "mainstay-deploy",
        "mainstay-health",
        "mainstay-journal",
        "mainstay-logs",
        "mainstay-migrate",
        "mainstay-proxy",
        "mainstay-supervise",
    ];
    BTreeMap::from([
        ("mainstay-retry", vec![]),
        ("mainstay-host", vec![]),
        ("mainstay-report", vec![]),
        ("mainstay-config", vec!["mainstay-report", "mainstay-retry"]),
        ("mainstay-database", [FLOOR, &["mainstay-config"]].concat()),
        ("mainstay-probe", [FLOOR, &["mainstay-config", "mainstay-database"]].concat()),
        ("mainstay-objects", [FLOOR, &["mainstay-config", "mainstay-database"]].concat()),
        ("mainstay-migrate", chapter.clone()),
        ("mainstay-backup", chapter.clone()),
        ("mainstay-supervise", chapter.clone()),
        ("mainstay-deploy", chapter.clone()),
        ("mainstay-health", chapter.clone()),
        // Knows no configuration and no database: the command line tells it what is.
        ("mainstay-control", FLOOR.to_vec()),
        ("mainstay-journal", chapter.clone()),
        ("mainstay-proxy", chapter.clone()),
        ("mainstay-logs", chapter.clone()),
        ("mainstay-plan", vec!["mainstay-config", "mainstay-report"]),
        // Shows what is said on the control socket, in its words; pure.
        ("mainstay-top", vec!["mainstay-control", "mainstay-report"]),
        ("mainstay", [&chapter[..], &chapters, &["mainstay-plan", "mainstay-top"]].concat()),
        // Outside the program: they see it only as a user does.
        ("mainstay-testkit", vec![]),
        ("booking", vec![]),
        // Its benchmarks measure against real servers; it writes the references.
        ("xtask", vec!["mainstay-config", "mainstay-testkit"]),
    ])
}

/// Nobody imports upwards or sideways: issue 2, point 1.
#[test]
fn nobody_imports_upwards_or_sideways() {
    let layers = layers();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package["name"]);
        let Some(allowed) = layers.get(name.as_str()) else {
            wrong.push(format!("`{name}` is not in the table"));
            continue;
        };
        let imported = ours(&package, &Value::Null).into_iter().filter(|target| !allowed.contains(&target.as_str()));
        wrong.extend(imported.map(|target| format!("`{name}` must not import `{target}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tests may use the kit and, besides what their crate may import, nothing of ours but fakes of lower layers.
#[test]
fn tests_import_only_the_kit_and_lower_layers() {
    let layers = layers();
    let mut wrong = Vec::new();
    for package in packages() {
        let name = text(&package["name"]);
        let allowed = layers.get(name.as_str()).cloned().unwrap_or_default();
        let known = |target: &str| {
            target == "mainstay-testkit" || FLOOR.contains(&target) || allowed.contains(&target) || target == name
        };
        let imported = ours(&package, &Value::from("dev")).into_iter().filter(|target| !known(target));
        wrong.extend(imported.map(|target| format!("tests of `{name}` must not import `{target}`")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    metadata["packages"].as_array().expect("packages").clone()
}

/// The packages of this workspace that a package depends on in this way: null is an ordinary dependency.
fn ours(package: &Value, kind: &Value) -> Vec<String> {
    let dependencies = package["dependencies"].as_array().expect("dependencies");
    let ours = dependencies.iter().filter(|dependency| dependency["path"].is_string() && dependency["kind"] == *kind);
    ours.map(|dependency| text(&dependency["name"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
