//! The project's own tasks: `cargo xtask setup | test | lint | docs | bench`.
#![expect(clippy::disallowed_methods, reason = "a build tool, not part of the program: it starts cargo, git and apt")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a build tool, not part of the program: it talks to a terminal"
)]

mod bench;
mod docs;
mod lint;
mod peers;
mod setup;
mod task;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask TASK

  setup [--peers]      install what the tests need (apt, as root), else print the command; with --peers fetch other migration
                       tools into target/peers as well (npm, crates.io, PyPI; some ten minutes the first time)
  test [--all] [ARGS]  setup, then build the programs and run every test; ARGS go to the test runner. With --all then do
                       `setup --peers` and run the heavier tests, those with `#[ignore = \"…\"]`, a hundred rounds of each
  lint                 references, fmt, clippy, rustdoc, forbidden words, lengths of files
  docs [--check]       write the generated references, or check that they are current
  bench [ARGS]         measure a release build beside its peers; --help tells what

MAINSTAY_PEERS names another directory than target/peers.

exit codes: 0 done, 1 failed, 2 used wrongly or something is missing";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["setup"] => setup::run(),
        ["setup", "--peers"] => setup::with_peers(),
        ["test", "--all", rest @ ..] => test::all(rest),
        ["test", rest @ ..] => test::run(rest),
        ["lint"] => lint::run(),
        ["docs"] => docs::run(false),
        ["docs", "--check"] => docs::run(true),
        ["bench", rest @ ..] => bench::run(rest),
        _ => Err(task::Failure::Usage(USAGE.to_owned())),
    };
    done.map_or_else(task::Failure::report, |()| ExitCode::SUCCESS)
}
