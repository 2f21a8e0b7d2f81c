//! What all tasks share: the root, commands, failures.
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// Why a task did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Used wrongly, or something is missing that only a person can bring; exit code 2.
    Usage(String),
    /// A step failed; exit code 1.
    Failed(String),
}

/// What a task comes to.
pub(crate) type Done = Result<(), Failure>;

impl Failure {
    /// Prints the failure and gives its exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, text) = match self {
            Self::Usage(text) => (2, text),
            Self::Failed(text) => (1, format!("error: {text}")),
        };
        eprintln!("{text}");
        ExitCode::from(code)
    }
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).unwrap_or_default()
}

/// The build directory: the one that this program was built into.
pub(crate) fn target() -> PathBuf {
    let built = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.parent()?.to_path_buf()));
    built.unwrap_or_else(|| root().join("target"))
}

/// The cargo that runs us.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Runs a step, names it and tells how long it took.
pub(crate) fn step(name: &str, mut command: Command) -> Done {
    println!("==> {name}");
    let begun = Instant::now();
    let status =
        command.status().map_err(|error| Failure::Failed(format!("{name}: cannot run {command:?}: {error}")))?;
    println!("<== {name}: {:.1} s", begun.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(Failure::Failed(format!("{name}: {status}"))) }
}

/// True when the command runs and succeeds; its output is thrown away.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// The files that git knows or would add, below the root, by the ending of their name.
pub(crate) fn files(ending: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root());
    let output = git.output().map_err(|error| Failure::Failed(format!("cannot list files with git: {error}")))?;
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let paths = names.split('\0').filter(|name| name.ends_with(ending)).map(|name| root().join(name));
    Ok(paths.filter(|path| path.is_file()).collect())
}
