//! What keeps a supervisor from its work, and must not: outputs that nobody reads, migrations that take their time.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, net::UnixStream},
    },
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};
use support::{LIMIT, get, is_root, mainstay};
use testkit::{TempDir, Test, free_port, wait_for, wait_until};

/// Writes this many numbered lines, a thousand at a time; a pipe holds the first few hundred.
const LINES: usize = 40_000;

fn flood() -> String {
    format!("i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo $i-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done")
}

/// `mainstay run` whose outputs are pipes that nobody reads until asked to.
fn unread(dir: &TempDir, arguments: &[&str]) -> Unread {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(dir.path());
    command.arg("run").args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Unread(command.spawn().unwrap())
}

struct Unread(Child);

impl Unread {
    fn terminate(&self) {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
    }

    /// Its child does nothing any more, and so waits for whoever reads its output.
    #[track_caller]
    fn wait_until_stuck(&self) {
        let (path, mut asleep) = (format!("/proc/{0}/task/{0}/children", self.0.id()), 0);
        wait_until(LIMIT, "the writer waits for its reader", || {
            let children = std::fs::read_to_string(&path).unwrap_or_default();
            let sleeps = children.split_ascii_whitespace().next().is_some_and(|child| state(child) == Some('S'));
            asleep = if sleeps { asleep + 1 } else { 0 };
            asleep == 20
        });
    }

    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        wait_for(LIMIT, "the end", || self.0.try_wait().unwrap())
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn state(pid: &str) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.trim_start().chars().next()
}

/// S2.7, S2.9: a reader that does not read holds up the writer, not the supervisor: health is answered, and a request to stop is
/// heard.
#[test]
fn outputs_that_nobody_reads_keep_nobody_from_stopping_the_services() {
    let (dir, port) = (TempDir::new(), free_port());
    let endless = "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done";
    let listen = format!("127.0.0.1:{port}");
    let mut run = unread(&dir, &["--health-listen", &listen, "--grace", "1s", "--", "sh", "-c", endless]);
    run.wait_until_stuck();
    assert_eq!(get(port, "/healthz").map(|(status, _)| status), Some(200));
    run.terminate();
    assert_eq!(run.end().code(), Some(0));
}

/// No line lost: a reader that comes late gets all of them, in order.
#[test]
fn a_reader_that_comes_late_gets_every_line() {
    let dir = TempDir::new();
    let mut run = unread(&dir, &["--", "sh", "-c", &flood()]);
    run.wait_until_stuck();
    assert_all_lines(&mut run);
}

/// No line lost: somebody else has made the output one that does not wait, as ssh and node do with what they share.
#[test]
fn an_output_that_does_not_wait_loses_no_line() {
    let dir = TempDir::new();
    let (reader, writer) = UnixStream::pair().unwrap();
    writer.set_nonblocking(true).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").current_dir(dir.path());
    command
        .args(["run", "--", "sh", "-c", &flood()])
        .stdin(Stdio::null())
        .stdout(OwnedFd::from(writer))
        .stderr(Stdio::null());
    let mut run = Unread(command.spawn().unwrap());
    drop(command);
    run.wait_until_stuck();
    assert_eq!(numbers(reader), (1..=LINES).collect::<Vec<_>>());
    assert_eq!(run.end().code(), Some(0));
}

fn assert_all_lines(run: &mut Unread) {
    // Whoever reads one of two pipes only would wait for the other.
    let errors = run.0.stderr.take().unwrap();
    let errors = std::thread::spawn(move || BufReader::new(errors).lines().count());
    assert_eq!(numbers(run.0.stdout.take().unwrap()), (1..=LINES).collect::<Vec<_>>());
    assert_eq!(run.end().code(), Some(0));
    errors.join().unwrap();
}

fn numbers(from: impl std::io::Read) -> Vec<usize> {
    let number = |line: String| line.split_once('-').unwrap().0.parse().unwrap();
    BufReader::new(from).lines().map(|line| number(line.unwrap())).collect()
}

/// S1.10, S2.7: the look at the schema after an outage may take long; a request to stop is heard meanwhile, and gives it up.
#[test]
fn a_request_to_stop_is_heard_while_the_schema_is_mended() {
    let up = with_slow_second_migration();
    let mut running = up.again().args(["up"]).spawn();
    running.wait_for_line("is up after", LIMIT);
    let database = up.path().join("data/a.db");
    std::fs::create_dir(&database).unwrap();
    running.wait_for_line("health.down", LIMIT);
    std::fs::remove_dir(&database).unwrap();
    wait_until(LIMIT, "the migration runs again", || up.path().join("migrating").exists());
    running.terminate();
    running.wait(Duration::from_secs(20)).code(0);
}

/// The command of its migrations goes on for very long when it is called the second time.
fn with_slow_second_migration() -> Test {
    let toml = r#"
        name = "slow"
        [databases.main]
        url = "sqlite:data/a.db"
        monitor = { every = "100ms", failures = 1 }
        [migrations]
        database = "main"
        command = "./migrate.sh"
        [services.api]
        command = "sleep 1000"
        needs = ["main"]
    "#;
    let script = "#!/bin/sh\nif [ -e once ]; then touch migrating; sleep 1000; fi\ntouch once\n";
    mainstay().file("mainstay.toml", toml).script("migrate.sh", script).env("MAINSTAY_LOG_FORMAT", "logfmt")
}

/// S3.3: the exit code of a one-shot is passed on, also when it ends before it was ready; and what to do is told.
#[test]
fn the_exit_code_is_passed_on_before_the_service_was_ready() {
    let health = format!("tcp://127.0.0.1:{}", free_port());
    let output = mainstay().args(["run", "--health", &health, "--", "sh", "-c", "exit 7"]).run();
    output.code(7).stderr_has("hint: its own last lines say why");
}

/// What is no text cannot be passed on; that is said, not kept silent.
#[test]
fn a_variable_that_is_no_text_is_told_of() {
    let dir = TempDir::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mainstay"));
    command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("TITLE", OsStr::from_bytes(b"caf\xe9"));
    let output = command.args(["run", "--", "true"]).current_dir(dir.path()).stdin(Stdio::null()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the variable `TITLE` is not UTF-8: no service gets it"), "{told}");
}

/// Nothing is said that is not true: what came up without its dependency is not simply up.
#[test]
fn a_degraded_start_is_told_as_such() {
    let nobody = format!("tcp://127.0.0.1:{}", free_port());
    let run = ["run", "--need", &nobody, "--timeout", "300ms", "--degraded", "--", "true"];
    mainstay().args(run).run().stderr_has("is up, but degraded, after");
}

/// A disk of 600 kB in a mount namespace of its own, filled by a file that is not ours; `$1` is mainstay, which runs, is killed, and is
/// started again.
const FULL: &str = r#"
mount -t tmpfs -o size=600k none data || exit 90
"$1" up 2>first & mainstay=$!
until grep -q 'is up after' first; do sleep 0.05; done
kill -9 $mainstay; wait $mainstay
dd if=/dev/zero of=data/theirs bs=1k 2>/dev/null
"$1" up 2>told & mainstay=$!
until grep -q 'is up after' told; do sleep 0.05; done
"$1" ps
"$1" up 2>second; echo "exit $?"
"$1" down; echo "exit $?"
wait $mainstay; echo "exit $?"
"#;

/// Issue 4: a full disk kills neither the application nor mainstay, nor does it keep either from coming back after a crash. Only root can
/// make such a disk.
#[test]
fn a_full_disk_keeps_nobody_from_starting() {
    if !is_root() {
        return;
    }
    let test =
        mainstay().file("mainstay.toml", "name = \"full\"\n[services.api]\ncommand = \"sleep 1000\"\n").below("data");
    let test = test.script("disk.sh", &format!("#!/bin/sh\n{FULL}"));
    let line = format!("cd '{}' && exec ./disk.sh '{}'", test.path().display(), env!("CARGO_BIN_EXE_mainstay"));
    let unshare = Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let output = unshare.env("MAINSTAY_LOG_FORMAT", "human").args(["-m", "sh", "-c", &line]).run();
    let told = test.read("told");
    assert!(told.contains("is there, and its disk is full: what is to be written waits for room"), "{told}");
    output.stdout_has("api      active").stdout_has("exit 2\n").stdout_has("exit 0\nexit 0\n");
    let second = test.read("second");
    assert!(second.contains("`full` is already running") && second.contains("process "), "{second}");
}
