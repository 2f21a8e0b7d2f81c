//! Runs every test, with everything that they need.
use crate::task::{Done, cargo, step, works};
use crate::{peers, setup};
use std::process::{Command, Stdio};

/// How often a heavier test does what it does.
const ROUNDS: &str = "100";

/// Sets up, builds the programs that tests start, then runs all tests but the heavier ones; `more` goes to the test runner.
pub(crate) fn run(more: &[&str]) -> Done {
    setup::run()?;
    // Tests of other crates start these programs, and cargo builds binaries only for the tests of their own crate.
    step("build the programs", cargo(["build", "--workspace", "--bins"]))?;
    step("tests", runner(more))?;
    if has_nextest() {
        step("examples in the documentation", cargo(["test", "--workspace", "--doc", "--quiet"]))
    } else {
        Ok(())
    }
}

/// The same, then fetches the other migration tools and runs the heavier tests: those that are ignored, with a reason.
pub(crate) fn all(more: &[&str]) -> Done {
    run(more)?;
    setup::with_peers()?;
    step("heavier tests", heavier(more))
}

/// nextest gives each test a process of its own and a limit; plain cargo does when it is not there.
fn runner(more: &[&str]) -> Command {
    let mut command = if has_nextest() {
        cargo(["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(["test", "--workspace", "--no-fail-fast"])
    };
    command.args(more).stdin(Stdio::null());
    command
}

fn heavier(more: &[&str]) -> Command {
    let mut command = if has_nextest() {
        // `more` may choose none of them.
        let mut command = cargo(["nextest", "run", "--workspace", "--no-fail-fast", "--profile", "heavy"]);
        command.args(["--run-ignored", "only", "--no-tests", "warn"]).args(more);
        command
    } else {
        // Examples in the documentation are ignored for reasons of their own.
        let mut command = cargo(["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"]);
        command.args(more).args(ignored(more));
        command
    };
    command.env(peers::VARIABLE, peers::directory()).env("MAINSTAY_ROUNDS", ROUNDS).stdin(Stdio::null());
    command
}

/// What chooses the ignored tests, after what goes to cargo and to the tests already.
fn ignored(more: &[&str]) -> &'static [&'static str] {
    if more.contains(&"--") { &["--ignored"] } else { &["--", "--ignored"] }
}

fn has_nextest() -> bool {
    works("cargo-nextest", &["nextest", "--version"])
}
