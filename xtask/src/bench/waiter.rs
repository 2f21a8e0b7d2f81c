//! Who waits for a database and then runs a command: we, and what people use instead.
use super::Bench;
use super::helper::{self, STAMP};
use super::process::Tied;
use super::remote::Remote;
use crate::task::Failure;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A way of waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    Mainstay,
    /// wait-for-it's loop: a connection by bash, every second.
    WaitForIt,
    /// `until pg_isready; do sleep 1; done`
    PgIsready,
    /// `until psql -c 'select 1'; do sleep 3; done`
    Retry,
}

/// Where the server is, seen from the waiter.
pub(super) struct Place<'a> {
    pub(super) name: &'static str,
    /// An address or a directory, as `psql -h` takes it.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) url: String,
    pub(super) remote: Option<&'a Remote>,
}

/// One that waits.
pub(super) struct Waiting {
    pub(super) waiter: Waiter,
    pub(super) process: Tied,
    /// Where its command notes that it runs.
    pub(super) stamps: PathBuf,
}

/// All of them; those that cannot use a Unix socket left out there.
pub(super) fn all(place: &Place) -> Vec<Waiter> {
    let mut all = vec![Waiter::Mainstay, Waiter::WaitForIt, Waiter::PgIsready, Waiter::Retry];
    all.retain(|it| *it != Waiter::WaitForIt || !place.host.starts_with('/'));
    all
}

impl Waiter {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mainstay => super::table::OURS,
            Self::WaitForIt => "wait-for-it (1 s)",
            Self::PgIsready => "pg_isready loop (1 s)",
            Self::Retry => "retry loop (3 s)",
        }
    }

    /// Begins to wait; its messages go into a file below `dir`, its command is the helper.
    pub(super) fn begin(self, bench: &Bench, place: &Place, dir: &Path) -> Result<Waiting, Failure> {
        let stamps = dir.join(format!("{self:?}.stamp"));
        let _ = std::fs::remove_file(&stamps);
        let words = self.words(bench, place, &stamps);
        let words = place.remote.map_or(words.clone(), |remote| remote.wrap(words));
        let cannot = |error| Failure::Failed(format!("cannot start {}: {error}", words[0]));
        let log = File::create(dir.join(format!("{self:?}.log"))).map_err(cannot)?;
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(dir).env_clear().env("PATH", path()).env("HOME", dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Ok(Waiting { waiter: self, process: Tied(command.spawn().map_err(cannot)?), stamps })
    }

    fn words(self, bench: &Bench, place: &Place, stamps: &Path) -> Vec<String> {
        let Place { host, port, url, .. } = place;
        if self == Self::Mainstay {
            let ours = [bench.mainstay.display().to_string(), "wait".to_owned(), url.clone()];
            let rest = ["--timeout", "120s", "--"].map(str::to_owned);
            return ours.into_iter().chain(rest).chain(helper::words(STAMP, stamps, "gate")).collect();
        }
        let (program, pause) = match self {
            Self::Mainstay | Self::WaitForIt => (format!("(echo -n > /dev/tcp/{host}/{port})"), 1),
            Self::PgIsready => (format!("'{}' -q -h {host} -p {port}", postgres("pg_isready")), 1),
            Self::Retry => (format!("'{}' -X -h {host} -p {port} -U postgres -c 'select 1'", postgres("psql")), 3),
        };
        let command = helper::line(STAMP, stamps, "gate");
        let script = format!("until {program} > /dev/null 2>&1; do sleep {pause}; done; exec {command}");
        ["bash", "-c", &script].map(str::to_owned).to_vec()
    }
}

/// The program itself: Debian's wrapper in `PATH` is written in Perl and would make the peers look slow.
fn postgres(program: &str) -> String {
    testkit::find_component(program).display().to_string()
}

fn path() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/local/bin:/usr/bin:/bin".to_owned())
}
