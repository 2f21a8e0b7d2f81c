//! The whole-output test of a program: everything it prints, and its exit code.
mod output;
mod running;
mod scrub;

pub use output::Output;
pub use running::Running;
pub use scrub::scrub;

use crate::scratch::TempDir;
use crate::spawn;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// No program of a test runs longer, unless it is spawned.
const LIMIT: Duration = Duration::from_secs(60);

/// The path of a program of this workspace, built beside the test that asks. In tests of the program's own package
/// `env!("CARGO_BIN_EXE_name")` is better: cargo builds it for them.
#[track_caller]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let beside = test.ancestors().skip(1).take(2).map(|directory| directory.join(name)).find(|path| path.is_file());
    beside.unwrap_or_else(|| panic!("`{name}` is not built; build it: cargo build --workspace --bins"))
}

/// One call of a program in a directory and an environment of its own: only `PATH` and `HOME` are set, `HOME` being the directory.
#[derive(Debug)]
pub struct Test {
    program: PathBuf,
    dir: Arc<TempDir>,
    below: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    stdin: Option<String>,
    rules: Rules,
}

/// What must not be seen, and what is hidden because no two runs print the same.
#[derive(Clone, Debug, Default)]
struct Rules {
    secrets: Vec<String>,
    hidden: Vec<(String, String)>,
}

impl Test {
    /// A call of the program at this path, in a new directory.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self::within(program, &Arc::new(TempDir::new()))
    }

    /// A call in a directory that other calls of the same test use too.
    pub fn within(program: impl Into<PathBuf>, dir: &Arc<TempDir>) -> Self {
        Self {
            program: program.into(),
            dir: Arc::clone(dir),
            below: PathBuf::new(),
            arguments: Vec::new(),
            environment: Vec::new(),
            stdin: None,
            rules: Rules::default(),
        }
    }

    /// The next call, of the same program in the same directory with the same environment, secrets and hidden texts.
    pub fn again(&self) -> Self {
        let mut next = Self::within(&self.program, &self.dir);
        next.below.clone_from(&self.below);
        next.environment.clone_from(&self.environment);
        next.rules.clone_from(&self.rules);
        next
    }

    /// Writes a file below the directory.
    pub fn file(self, name: &str, text: &str) -> Self {
        self.dir.write(name, text);
        self
    }

    /// Writes an executable script below the directory; the text begins with `#!`.
    pub fn script(self, name: &str, text: &str) -> Self {
        let path = self.dir.write(name, text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
            .expect("cannot make a script executable");
        self
    }

    /// Starts the program in a directory below the test's, which is made.
    pub fn below(mut self, name: &str) -> Self {
        std::fs::create_dir_all(self.path().join(name)).expect("cannot make a directory of a test");
        self.below = name.into();
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets a variable to a secret, which must not be seen in any output.
    pub fn secret_env(self, name: &str, value: &str) -> Self {
        self.env(name, value).secret(value)
    }

    /// Fails every run that prints this text.
    pub fn secret(mut self, text: &str) -> Self {
        self.rules.secrets.push(text.into());
        self
    }

    /// Shows `placeholder` wherever `text` is printed, such as a port of four digits or a random name.
    pub fn hide(mut self, text: impl Into<String>, placeholder: &str) -> Self {
        self.rules.hidden.push((text.into(), placeholder.into()));
        self
    }

    /// Adds arguments.
    pub fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    /// Gives the program this text to read; without it, its standard input is empty.
    pub fn stdin(mut self, text: &str) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// The test's directory.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The text of a file below the directory.
    #[track_caller]
    pub fn read(&self, name: &str) -> String {
        self.dir.read(name)
    }

    /// Runs the program to its end; fails after 60 s, or when it prints a secret.
    #[track_caller]
    pub fn run(&self) -> Output {
        self.spawn().wait(LIMIT)
    }

    /// Starts the program in a process group of its own and goes on. It is killed on drop, and when we die.
    #[track_caller]
    pub fn spawn(&self) -> Running {
        let mut command = spawn::tied(&self.program);
        command.args(&self.arguments).current_dir(self.path().join(&self.below)).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.path());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child =
            spawn::spawn(command).unwrap_or_else(|error| panic!("cannot start {}: {error}", self.program.display()));
        if let (Some(mut pipe), Some(text)) = (child.stdin.take(), self.stdin.clone()) {
            // A program may end without having read everything.
            std::thread::spawn(move || pipe.write_all(text.as_bytes()));
        }
        Running::new(child, Arc::clone(&self.dir), self.rules.clone())
    }
}
