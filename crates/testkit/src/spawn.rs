//! Starting servers as our own children that cannot outlive us.
use crate::components;
use rustix::process::{Pid, Signal};
use std::io;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

type Order = (Command, Sender<io::Result<Child>>);

/// The account that servers run under: PostgreSQL refuses to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// `postgres`, else `nobody`, when we are root; nobody else's when we are not.
    pub(crate) fn for_servers() -> Option<Self> {
        rustix::process::geteuid().is_root().then(|| {
            let passwd = std::fs::read_to_string("/etc/passwd").expect("cannot read /etc/passwd");
            ["postgres", "nobody"]
                .iter()
                .find_map(|name| lookup(&passwd, name))
                .expect("neither `postgres` nor `nobody` in /etc/passwd")
        })
    }

    /// Gives the file or directory to the servers' account; nothing to do unless we are root.
    pub(crate) fn own(path: &Path) {
        if let Some(account) = Self::for_servers() {
            chown(path, Some(account.uid), Some(account.gid)).expect("cannot give a file to the servers' account");
        }
    }
}

fn lookup(passwd: &str, name: &str) -> Option<Account> {
    let mut fields =
        passwd.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?.skip(2);
    Some(Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}

/// A command for a server: under the servers' account, in a clean environment, and tied to this process.
pub(crate) fn server(program: &Path) -> Command {
    server_ended_by("KILL", program)
}

/// The same; when this process dies the server gets another signal, by name.
pub(crate) fn server_ended_by(signal: &str, program: &Path) -> Command {
    let mut command = ended_by(signal, program, Account::for_servers());
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// A command for `program` that dies with this process.
///
/// `setpriv` changes the account and sets the death signal without a line of unsafe code, then becomes the program.
pub(crate) fn tied(program: &Path) -> Command {
    ended_by("KILL", program, None)
}

fn ended_by(signal: &str, program: &Path, account: Option<Account>) -> Command {
    let mut command = Command::new(components::find("setpriv"));
    command.args(["--pdeathsig", signal]);
    if let Some(Account { uid, gid }) = account {
        command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--clear-groups");
    }
    command.arg("--").arg(program);
    command
}

/// Spawns from a thread that lives as long as the process: the death signal is sent when the *thread* that spawned ends, and a test's
/// thread may end before a server that tests share.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| Mutex::new(start_spawner()));
    let (answer, answered) = channel();
    spawner.lock().expect("a thread panicked while it spawned").send((command, answer)).map_err(io::Error::other)?;
    answered.recv().map_err(io::Error::other)?
}

fn start_spawner() -> Sender<Order> {
    let (orders, received) = channel::<Order>();
    std::thread::Builder::new()
        .name("testkit-spawner".into())
        .spawn(move || {
            for (mut command, answer) in received {
                let _ = answer.send(command.spawn());
            }
        })
        .expect("cannot start a thread");
    orders
}

/// Sends a signal; a process that is gone is no error.
pub fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// The children of a process, from /proc.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// True while the process exists and is no zombie.
pub(crate) fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')')
        .and_then(|(_, rest)| rest.trim_start().chars().next())
        .is_some_and(|state| !"ZX".contains(state))
}

/// Runs a command to its end and returns its stdout; panics with its stderr when it fails.
#[track_caller]
pub(crate) fn run(mut command: Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed ({}): {stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits for a child's end, KILLs and reaps it when `limit` passes; true when it ended by itself.
pub(crate) fn reap(child: &mut Child, limit: Duration) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed() < limit {
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let _ = child.kill();
    let _ = child.wait();
    false
}
