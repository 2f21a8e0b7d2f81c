//! Everything that [`crate::resolve()`] looks at. It reads nothing else: no clock, no file, no process environment.

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
};

/// The four layers and what surrounds them.
#[derive(Clone)]
pub struct Sources<'a> {
    /// `mainstay.toml`; nothing when the program runs from flags and variables alone.
    pub file: Option<TextFile>,
    /// The process's environment.
    pub env: &'a BTreeMap<String, String>,
    /// The flags.
    pub flags: Overrides,
    /// The directory of `mainstay.toml`, or the working directory without it. Absolute.
    pub root: PathBuf,
    /// The home directory, where `.pgpass` lies.
    pub home: Option<PathBuf>,
    /// Name of the operating system's user: PostgreSQL's default role.
    pub user: Option<String>,
    /// `.env` files and the password file are read through it.
    pub files: &'a dyn Files,
    /// An unset variable that the contract requires is a warning instead of an error: for commands that start nothing.
    pub lenient: bool,
}

/// A text written by a person. Prints without its content, which may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TextFile {
    /// As it is shown to the user.
    pub name: String,
    /// Its content.
    pub text: String,
    /// Permission bits, `0o600`.
    pub mode: u32,
}

/// Reads files on behalf of this crate, which touches no disk.
pub trait Files {
    /// The file at this absolute path; nothing when there is none.
    fn read(&self, path: &Path) -> io::Result<Option<TextFile>>;
}

/// What the command line says. Every value is the text as it was given: `resolve` reads it by the same rules as the
/// file, and names the flag when it cannot. Does not print: URLs may hold passwords.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--name`
    pub name: Option<String>,
    /// `--data`
    pub data: Option<String>,
    /// `--role`
    pub role: Option<String>,
    /// `--database URL` or `--database NAME=URL`, any number; the first without a name is the main one.
    pub databases: Vec<String>,
    /// `--need URL` or `--need NAME=URL`: further dependencies.
    pub needs: Vec<String>,
    /// `--access`: for all databases.
    pub access: Option<String>,
    /// `--timeout`: the time limit of every wait.
    pub timeout: Option<String>,
    /// `--attempts`: of every wait.
    pub attempts: Option<String>,
    /// `--interval`: the fixed pause of every wait.
    pub interval: Option<String>,
    /// `--dir DIR` (of `wait`: `--migrations DIR`): plain SQL files.
    pub dir: Option<String>,
    /// `--migrate COMMAND` (of `migrate`: `--command COMMAND`): an external migration command.
    pub migrate: Option<String>,
    /// Attempts of the migrations.
    pub migrate_attempts: Option<String>,
    /// Pause between attempts of the migrations.
    pub migrate_interval: Option<String>,
    /// `--style`: whose migration files they are.
    pub style: Option<String>,
    /// `--table`: the ledger's table.
    pub table: Option<String>,
    /// `--out-of-order`: `allow`.
    pub out_of_order: Option<String>,
    /// `--allow-missing`: `allow`.
    pub missing: Option<String>,
    /// `--allow-changed`: `allow`.
    pub changed: Option<String>,
    /// `--allow-newer`: `allow`.
    pub newer: Option<String>,
    /// `stop` (`--strict`) or `degrade` (`--degraded`).
    pub on_failure: Option<String>,
    /// `--health-listen`: where mainstay answers `/healthz` and `/readyz`.
    pub listen: Option<String>,
    /// `--health-tcp`: the plain TCP health port.
    pub tcp: Option<String>,
    /// `--metrics`: `on`, `off` or an address.
    pub metrics: Option<String>,
    /// `run -- CMD`: takes the place of the file's services.
    pub command: Option<Vec<String>>,
    /// `--health`: how the health of `CMD` is told, `/health` or a URL.
    pub health: Option<String>,
    /// `--restart`: when `CMD` is started again.
    pub restart: Option<String>,
    /// `--env-file`, any number; takes the place of the file's `env_files`.
    pub env_files: Vec<String>,
    /// `--to`, any number: where backups go, a line for each place.
    pub backup_to: Option<String>,
    /// `--keep`: how many backups are kept.
    pub backup_keep: Option<String>,
    /// `--recipient`, any number: the public keys that backups are encrypted for.
    pub backup_recipients: Vec<String>,
    /// `--identity`: the file with secret keys to backups.
    pub backup_identity: Option<String>,
    /// `--grace`: time from the polite signal until `SIGKILL`, for all services.
    pub grace: Option<String>,
    /// `--start-delay`, for all services.
    pub start_delay: Option<String>,
}

/// Files in memory, by absolute path.
#[derive(Clone, Debug, Default)]
pub struct FileMap(BTreeMap<PathBuf, TextFile>);

impl fmt::Debug for TextFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TextFile({:?}, mode {:04o}, {} bytes)", self.name, self.mode, self.text.len())
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").finish_non_exhaustive()
    }
}

impl<'a> Sources<'a> {
    /// No file, no flags: the environment alone.
    pub fn new(root: impl Into<PathBuf>, env: &'a BTreeMap<String, String>, files: &'a dyn Files) -> Self {
        let (root, flags) = (root.into(), Overrides::default());
        Self { file: None, env, flags, root, home: None, user: None, files, lenient: false }
    }
}

impl FileMap {
    /// Adds a file of mode 0600; its name is its path.
    #[must_use]
    pub fn with(self, path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        self.with_mode(path, text, 0o600)
    }

    /// Adds a file of this mode.
    #[must_use]
    pub fn with_mode(mut self, path: impl Into<PathBuf>, text: impl Into<String>, mode: u32) -> Self {
        let path = path.into();
        let name = path.display().to_string();
        self.0.insert(path, TextFile { name, text: text.into(), mode });
        self
    }
}

impl Files for FileMap {
    fn read(&self, path: &Path) -> io::Result<Option<TextFile>> {
        Ok(self.0.get(path).cloned())
    }
}
