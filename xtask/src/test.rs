//! Runs every test, with everything that they need.
use crate::setup;
use crate::task::{Done, cargo, step, works};

/// Sets up, builds the programs that tests start, then runs all tests; `more` goes to the test runner.
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

/// nextest gives each test a process of its own and a limit; plain cargo does when it is not there.
fn runner(more: &[&str]) -> std::process::Command {
    let mut command = if has_nextest() {
        cargo(["nextest", "run", "--workspace", "--no-fail-fast"])
    } else {
        cargo(["test", "--workspace", "--no-fail-fast"])
    };
    command.args(more).stdin(std::process::Stdio::null());
    command
}

fn has_nextest() -> bool {
    works("cargo-nextest", &["nextest", "--version"])
}
