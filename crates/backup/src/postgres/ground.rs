//! A server of its own, for as long as a proof lasts: nothing of it touches the real one.
//!
//! It listens on a socket only, writes nothing down, archives nothing, and takes part in no replication. When we are root it
//! runs as another user, for PostgreSQL refuses root. It never takes the last room of a disk. It dies with us, and what a killed one
//! leaves is swept by the next proof.

use super::{
    program::{argv, command, find, last_words, run, start},
    segment,
    talk::Talk,
    template::Template,
};
use crate::{
    BackupError, Job,
    passing::{DATA, Passing},
};
use config::dsn::{ChannelBinding, Host, PostgresDsn, SessionAttrs, SslMode};
use host::{
    process::{Pipes, Running, find_program},
    user::{Account, account, uid},
};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

/// Nobody else is there: any will do, and it is part of the socket's name.
const PORT: u16 = 5432;
/// The only user.
const USER: &str = "postgres";
/// Who runs a server when we are root.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];
/// It starts within this, or not at all.
const START: Duration = Duration::from_secs(60);
/// And stops.
const STOP: Duration = Duration::from_secs(10);
/// It has to be quicker when nobody can wait for it.
const STOP_DROPPED: Duration = Duration::from_secs(1);
/// `initdb` can be told how long a piece of the log is since this version, and has to be told to leave out checksums since that one.
const SEGMENTS: u32 = 11;
const CHECKSUMS: u32 = 18;
/// Between two looks at the room that is left.
const LOOK: Duration = Duration::from_millis(500);
/// Between two looks whether it answers.
const PAUSE: Duration = Duration::from_millis(10);

/// A server of its own. Dropped, it is ended and all of it is gone.
pub(crate) struct Ground {
    server: Running,
    words: JoinHandle<Vec<u8>>,
    pub(super) dsn: PostgresDsn,
    pub(super) version: String,
    // Last, so that the server is killed before its files go.
    files: Passing,
}

/// Does somebody wait for the proof?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hurry {
    /// Then it takes its share of the machine.
    Waited,
    /// Else all others go first.
    Alone,
}

/// Why there is none.
pub(super) enum NoGround {
    /// It could not be made here: that says nothing about the copy.
    Impossible(String),
    /// Something of ours.
    Error(BackupError),
}

impl Ground {
    /// Makes and starts a server of this major version.
    pub(super) async fn make(job: &Job<'_>, major: u32, encoding: &str, hurry: Hurry) -> Result<Self, NoGround> {
        if let Some(why) = crowded(job.ground) {
            return Err(NoGround::Impossible(why));
        }
        let programs = programs(job, major, hurry).await?;
        let flags = flags(major, encoding);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let template = Template::of(job, &programs, &flags);
        if let Some(template) = &template {
            let files = Passing::make(job.ground, None).map_err(NoGround::Error)?;
            match template.unpack(job, &programs, &files).await {
                Ok(false) => {}
                Ok(true) => match Self::start(job, &programs, files).await {
                    Ok(ground) => return Ok(ground),
                    Err(_) => template.forget(),
                },
                Err(_) => template.forget(),
            }
        }
        let files = Passing::make(job.ground, programs.account).map_err(NoGround::Error)?;
        initdb(job, &programs, &files, &flags).await.map_err(impossible)?;
        if let Some(template) = &template {
            template.keep(job, &programs, &files).await;
        }
        Self::start(job, &programs, files).await
    }

    async fn start(job: &Job<'_>, programs: &ProgramsOfServer, files: Passing) -> Result<Self, NoGround> {
        let server = command(job, programs.server(&files, job.parallel.jobs), None);
        let mut server = start(job, &server).map_err(impossible)?;
        let words = match server.take_output() {
            Some(Pipes { stderr, .. }) => tokio::spawn(last_words(stderr)),
            None => tokio::spawn(async { Vec::new() }),
        };
        let mut ground = Self { server, words, dsn: dsn(files.path(), "postgres"), version: String::new(), files };
        ground.answer(job).await?;
        Ok(ground)
    }

    async fn answer(&mut self, job: &Job<'_>) -> Result<(), NoGround> {
        let deadline = Instant::now() + START;
        loop {
            match Talk::open(job, &self.dsn).await {
                Ok(talk) => {
                    self.version = talk.version();
                    talk.close().await;
                    return Ok(());
                }
                Err(error) if Instant::now() > deadline => {
                    return Err(NoGround::Impossible(error.finding().in_a_line()));
                }
                Err(_) => sleep(PAUSE).await,
            }
            if let Ok(Ok(exit)) = timeout(Duration::ZERO, self.server.wait()).await {
                let words = (&mut self.words).await.unwrap_or_default();
                let last = String::from_utf8_lossy(&words).lines().last().unwrap_or_default().to_owned();
                let why = format!("the server for the proof {}: {last}", host::process::ended(exit));
                return Err(NoGround::Impossible(why));
            }
        }
    }

    /// Tells when it leaves too little room to all others who write to the same disk.
    pub(super) async fn crowded(&self) -> String {
        loop {
            sleep(LOOK).await;
            if let Some(why) = crowded(self.files.path()) {
                return why;
            }
        }
    }

    /// What it is.
    pub(super) fn words(&self) -> String {
        format!("a server of its own, PostgreSQL {}", self.version)
    }

    /// The same server, another database.
    pub(super) fn database(&self, name: &str) -> PostgresDsn {
        PostgresDsn { database: name.to_owned(), ..self.dsn.clone() }
    }

    /// Ends it and waits until it is gone, so that nothing of it is left.
    pub(crate) async fn end(mut self) {
        self.ask_to_end();
        let _ = timeout(STOP, self.server.wait()).await;
        self.words.abort();
    }

    /// Immediate shutdown: nothing of it is worth a checkpoint.
    fn ask_to_end(&self) {
        const SIGQUIT: i32 = 3;
        // It may have ended by itself.
        let _ = self.server.signal(SIGQUIT);
    }
}

impl Drop for Ground {
    /// Nobody waits any more. Killed at once, it would leave its shared memory behind.
    fn drop(&mut self) {
        self.ask_to_end();
        segment::wait_until_given_back(&data(&self.files), STOP_DROPPED);
    }
}

/// A twentieth of a disk, at most 1 GiB, is for others.
fn crowded(dir: &Path) -> Option<String> {
    let room = host::fs::room(dir)?;
    let left = (room.total / 20).min(1 << 30);
    let free = report::bytes(room.free);
    (room.free < left).then(|| format!("only {free} are left on the disk of `{}`", dir.display()))
}

fn impossible(error: BackupError) -> NoGround {
    NoGround::Impossible(error.finding().in_a_line())
}

/// What is needed, and whose it will be.
pub(super) struct ProgramsOfServer {
    pub(super) initdb: PathBuf,
    pub(super) postgres: PathBuf,
    pub(super) account: Option<Account>,
    /// Before each of them.
    prefix: Vec<String>,
}

impl ProgramsOfServer {
    pub(super) fn line<'a>(&self, program: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Vec<String> {
        self.prefix.iter().cloned().chain(argv(program, arguments)).collect()
    }

    fn server(&self, files: &Passing, jobs: u32) -> Vec<String> {
        let data = data(files).display().to_string();
        let port = PORT.to_string();
        // Those who fill it, and we.
        let connections = format!("max_connections={}", jobs.saturating_add(10));
        let sockets = format!("unix_socket_directories={}", files.path().display());
        let settings = [
            "listen_addresses=",
            &sockets,
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "archive_mode=off",
            "autovacuum=off",
            "checkpoint_timeout=1h",
            "track_counts=off",
            "max_logical_replication_workers=0",
            "max_wal_size=2GB",
            "shared_buffers=32MB",
            "maintenance_work_mem=64MB",
            &connections,
            "max_locks_per_transaction=2000",
            "dynamic_shared_memory_type=mmap",
            "logging_collector=off",
            "log_destination=stderr",
            "shared_preload_libraries=",
            "jit=off",
        ];
        let settings = settings.iter().flat_map(|setting| ["-c", setting]);
        self.line(&self.postgres, ["-D", &data, "-p", &port].into_iter().chain(settings))
    }
}

/// Those of the very same version: another one may store and hash differently.
async fn programs(job: &Job<'_>, major: u32, hurry: Hurry) -> Result<ProgramsOfServer, NoGround> {
    let the = async |name: &'static str| match find(job, name, major).await {
        Ok(program) if program.major == major => Ok(program.path),
        _ => Err(NoGround::Impossible(format!(
            "no `{name}` of PostgreSQL {major} is installed here (Debian: `apt-get install postgresql-{major}`)"
        ))),
    };
    let (initdb, postgres) = (the("initdb").await?, the("postgres").await?);
    let mut prefix: Vec<String> = Vec::new();
    if let Ok(nice) = find_program("nice", job.env, job.root)
        && hurry == Hurry::Alone
    {
        prefix.extend([nice.display().to_string(), "-n".to_owned(), "10".to_owned()]);
    }
    if uid() != 0 {
        return Ok(ProgramsOfServer { initdb, postgres, account: None, prefix });
    }
    let why =
        || NoGround::Impossible("a server cannot be run by root, and there is no `setpriv` (util-linux)".to_owned());
    let setpriv = find_program("setpriv", job.env, job.root).map_err(|_| why())?;
    let nobody = || {
        NoGround::Impossible(format!(
            "a server cannot be run by root, and there is no user {}",
            report::or_list(ACCOUNTS)
        ))
    };
    let account = ACCOUNTS.iter().find_map(|name| account(name)).ok_or_else(nobody)?;
    // The kernel forgets what we asked for at the fork when the user changes, so it is asked for again (prctl(2)).
    let who = [
        "--pdeathsig".to_owned(),
        "KILL".to_owned(),
        format!("--reuid={}", account.uid),
        format!("--regid={}", account.gid),
    ];
    prefix.push(setpriv.display().to_string());
    prefix.extend(who);
    prefix.extend(["--clear-groups".to_owned(), "--".to_owned()]);
    Ok(ProgramsOfServer { initdb, postgres, account: Some(account), prefix })
}

/// How `initdb` is asked. Nothing that is made lasts: no checksums of pages, and as little as can be to begin with.
fn flags(major: u32, encoding: &str) -> Vec<String> {
    let mut flags = vec![format!("--username={USER}"), format!("--encoding={encoding}")];
    flags.extend(["--auth=trust", "--locale=C", "--no-sync", "--no-instructions"].map(str::to_owned));
    if major >= SEGMENTS {
        flags.push("--wal-segsize=1".to_owned());
    }
    if major >= CHECKSUMS {
        flags.push("--no-data-checksums".to_owned());
    }
    flags
}

async fn initdb(
    job: &Job<'_>,
    programs: &ProgramsOfServer,
    files: &Passing,
    flags: &[&str],
) -> Result<(), BackupError> {
    let data = data(files).display().to_string();
    let flags = ["-D", &data].into_iter().chain(flags.iter().copied());
    let command = command(job, programs.line(&programs.initdb, flags), None);
    run(job, &command, |mut pieces| std::io::copy(&mut pieces, &mut std::io::sink()).map(drop)).await
}

fn dsn(dir: &Path, database: &str) -> PostgresDsn {
    PostgresDsn {
        hosts: vec![Host::Unix(dir.to_owned(), PORT)],
        user: USER.to_owned(),
        password: None,
        database: database.to_owned(),
        sslmode: SslMode::Disable,
        sslrootcert: None,
        sslcert: None,
        sslkey: None,
        session_attrs: SessionAttrs::Any,
        application_name: None,
        options: None,
        connect_timeout: None,
        channel_binding: ChannelBinding::Disable,
    }
}

/// Where the server has its files, beside its socket.
pub(super) fn data(files: &Passing) -> PathBuf {
    files.path().join(DATA)
}
