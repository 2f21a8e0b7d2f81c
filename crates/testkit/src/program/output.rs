//! What a program printed, and how it ended.
use super::{Rules, scrub};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;

/// What a program printed, and how it ended. Volatile parts are replaced: `[DIR]` the test's directory, `[WHEN]` a time stamp, `[TIME]` a
/// span with its unit, `[PORT]` a port of five digits, `[PID]` a process id.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Standard output with volatile parts replaced.
    pub stdout: String,
    /// Standard error with volatile parts replaced.
    pub stderr: String,
    /// Standard output as it was.
    pub raw_stdout: String,
    /// Standard error as it was.
    pub raw_stderr: String,
}

impl Output {
    /// Panics when a secret was printed.
    #[track_caller]
    pub(super) fn new(status: ExitStatus, stdout: String, stderr: String, dir: &Path, rules: &Rules) -> Self {
        for secret in &rules.secrets {
            assert!(
                !stdout.contains(secret) && !stderr.contains(secret),
                "the secret `{secret}` was printed\n{stdout}\n{stderr}"
            );
        }
        let scrubbed = |text: &str| scrub::scrub(&hide(text, dir, &rules.hidden));
        Self { status, stdout: scrubbed(&stdout), stderr: scrubbed(&stderr), raw_stdout: stdout, raw_stderr: stderr }
    }

    /// The exit code; 128 + n when signal n ended the program.
    #[track_caller]
    pub fn exit_code(&self) -> i32 {
        self.status.code().or_else(|| self.status.signal().map(|signal| 128 + signal)).expect("the program has ended")
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn code(&self, expected: i32) -> &Self {
        assert_eq!(self.exit_code(), expected, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts the whole of standard output. The expected text may be indented as a block; see [`stderr_is`](Self::stderr_is).
    #[track_caller]
    pub fn stdout_is(&self, expected: &str) -> &Self {
        same("stdout", &self.stdout, expected);
        self
    }

    /// Asserts the whole of standard error. The expected text may begin with an empty line and be indented as a block; the indentation that
    /// all its lines share is taken away, and so is a last line of spaces.
    #[track_caller]
    pub fn stderr_is(&self, expected: &str) -> &Self {
        same("stderr", &self.stderr, expected);
        self
    }

    /// Asserts that standard output contains a text, where the whole is another test's matter.
    #[track_caller]
    pub fn stdout_has(&self, part: &str) -> &Self {
        assert!(
            self.stdout.contains(part),
            "stdout has no `{part}`\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Asserts that standard error contains a text, where the whole is another test's matter.
    #[track_caller]
    pub fn stderr_has(&self, part: &str) -> &Self {
        assert!(
            self.stderr.contains(part),
            "stderr has no `{part}`\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout,
            self.stderr
        );
        self
    }
}

fn hide(text: &str, dir: &Path, hidden: &[(String, String)]) -> String {
    let real = dir.canonicalize().unwrap_or_else(|_| dir.to_path_buf());
    let dirs = [real.as_path(), dir].map(|dir| (dir.display().to_string(), "[DIR]".to_owned()));
    hidden.iter().chain(&dirs).fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[track_caller]
fn same(stream: &str, actual: &str, expected: &str) {
    let expected = dedent(expected);
    if actual == expected {
        return;
    }
    let (mut seen, mut wanted) = (actual.lines(), expected.lines());
    let at = (1..).find(|_| match (seen.next(), wanted.next()) {
        (None, None) => true,
        (seen, wanted) => seen != wanted,
    });
    panic!("{stream} differs from line {}\n--- expected\n{expected}--- printed\n{actual}---", at.unwrap_or_default());
}

/// Takes away the first line when it is empty, the indentation that all lines share, and a last line of spaces.
fn dedent(text: &str) -> String {
    let text = text.strip_prefix('\n').unwrap_or(text);
    let before_last = text.rfind('\n').map_or(0, |newline| newline + 1);
    let text = if text[before_last..].trim().is_empty() { &text[..before_last] } else { text };
    let filled = text.lines().filter(|line| !line.trim().is_empty());
    let indentation = filled.map(|line| line.len() - line.trim_start_matches(' ').len()).min().unwrap_or(0);
    text.split_inclusive('\n').map(|line| line.get(indentation..).unwrap_or("\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::dedent;

    #[test]
    fn blocks_may_be_indented() {
        assert_eq!(dedent("\n    a\n      b\n\n    c\n    "), "a\n  b\n\nc\n");
        assert_eq!(dedent("a\n"), "a\n");
        assert_eq!(dedent(""), "");
    }
}
