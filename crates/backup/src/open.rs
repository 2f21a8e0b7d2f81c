//! A database made of a copy, only to be looked at: to copy back one lost row, or to see what was.

use crate::{
    BackupError, Copy, Job, Manifest,
    manifest::Kind,
    passing::Passing,
    postgres::{self, Ground},
    proof::understood,
    remote::at_hand,
    restore::{equal, whole},
    seal, sqlite,
};
use config::dsn::PostgresDsn;
use host::{Env, fs, process::find_program};
use std::path::{Path, PathBuf};

/// Whoever has the file open may read it.
const READ_ONLY: u32 = 0o400;

/// A database made of a copy. Dropped, all of it is gone; [`Opened::close`] waits for that.
pub struct Opened {
    /// What it shows.
    pub manifest: Manifest,
    held: Held,
}

enum Held {
    Postgres { server: Box<Ground>, dsn: Box<PostgresDsn> },
    Sqlite { file: PathBuf, _dir: Passing },
}

/// Makes a database of the copy and compares it with what was in the source. Nothing else is touched.
///
/// # Errors
/// The copy is damaged or there is no key to it, or no server can be made here.
pub async fn open(job: &Job<'_>, copy: &Copy) -> Result<Opened, BackupError> {
    let manifest = understood(copy)?;
    let here = at_hand(job, copy).await?;
    let copy = &here.copy;
    whole(job, copy, &manifest)?;
    seal::need_keys(&copy.path, &manifest, job.keys)?;
    let held = match manifest.source.kind {
        Kind::Postgresql => {
            let (server, dsn) = postgres::open(job, copy, &manifest).await?;
            Held::Postgres { server: Box::new(server), dsn: Box::new(dsn) }
        }
        Kind::Sqlite => of_sqlite(job, copy, &manifest).await?,
    };
    Ok(Opened { manifest, held })
}

async fn of_sqlite(job: &Job<'_>, copy: &Copy, manifest: &Manifest) -> Result<Held, BackupError> {
    let dir = Passing::make(job.ground, None)?;
    let file = dir.path().join(Path::new(&manifest.source.name).file_name().unwrap_or("database".as_ref()));
    equal(copy, sqlite::prove(job, &copy.path, manifest, file.clone()).await?)?;
    let done = fs::set_mode(&file, READ_ONLY);
    done.map_err(|error| BackupError::files("the database cannot be made read-only", error))?;
    Ok(Held::Sqlite { file, _dir: dir })
}

impl Opened {
    /// Where it is, as a URL.
    pub fn url(&self) -> String {
        match &self.held {
            Held::Sqlite { file, .. } => format!("sqlite:{}", file.display()),
            Held::Postgres { dsn, .. } => {
                let variables = postgres::variables(dsn);
                let value = |at: usize| percent(&variables[at].1);
                format!("postgresql:///{}?host={}&port={}&user={}", value(3), value(0), value(1), value(2))
            }
        }
    }

    /// What a program has to know to find it: `DATABASE_URL`, and libpq's variables.
    pub fn variables(&self) -> Vec<(String, String)> {
        let url = ("DATABASE_URL".to_owned(), self.url());
        match &self.held {
            Held::Sqlite { .. } => vec![url],
            Held::Postgres { dsn, .. } => postgres::variables(dsn).into_iter().chain([url]).collect(),
        }
    }

    /// The shell for it: `psql` or `sqlite3`.
    ///
    /// # Errors
    /// It is not installed.
    pub fn shell(&self, env: &Env, cwd: &Path) -> Result<Vec<String>, BackupError> {
        let (name, more) = match &self.held {
            Held::Sqlite { file, .. } => ("sqlite3", vec!["-readonly".to_owned(), file.display().to_string()]),
            Held::Postgres { .. } => ("psql", Vec::new()),
        };
        let missing =
            |_| BackupError::Unfit(format!("there is no `{name}` in PATH; say a command: `-- CMD`, or --url"));
        let program = find_program(name, env, cwd).map_err(missing)?;
        Ok(std::iter::once(program.display().to_string()).chain(more).collect())
    }

    /// Ends it, and waits until nothing of it is left.
    pub async fn close(self) {
        if let Held::Postgres { server, .. } = self.held {
            server.end().await;
        }
    }
}

/// For a URL.
fn percent(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
