//! What a page has round it: a directory, servers, ports, programs that run.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use testkit::{Cluster, Held, Redis, Running, TempDir, Test, free_port, program};

/// No command of the manual takes longer.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Where a page says that it is.
const SHOWN: &str = "/srv/booking";

/// Ports of the pages; a free one takes the place of each.
const PORTS: &[u16] = &[8000, 8001, 8002, 8080, 8900, 8901, 9090, 5432, 6379];

/// What a page has round it. Everything in it ends with it.
pub(crate) struct World {
    pub(crate) dir: Arc<TempDir>,
    pub(crate) set: Vec<(String, String)>,
    /// Below the directory, after `cd`.
    below: String,
    ports: Vec<(u16, u16)>,
    postgres: Option<Cluster>,
    /// A recovery that goes on once it has been seen.
    held: Option<Held>,
    redis: Option<Redis>,
    running: Vec<Running>,
    /// Exit code of the last command.
    code: i32,
}

/// What a command printed, as the page would show it, and its exit code.
pub(crate) struct Printed {
    pub(crate) lines: Vec<String>,
    pub(crate) code: i32,
}

impl World {
    pub(crate) fn new() -> Self {
        let dir = Arc::new(TempDir::new());
        std::fs::create_dir(dir.path().join("bin")).expect("a directory of a test");
        let ports = PORTS.iter().map(|shown| (*shown, free_port())).collect();
        let (below, set, running) = (String::new(), Vec::new(), Vec::new());
        Self { dir, set, below, ports, postgres: None, held: None, redis: None, running, code: 0 }
    }

    /// Starts a PostgreSQL with the role and database `booking`, at `DATABASE_URL`; with a password, one of its own.
    pub(crate) fn postgres(&mut self, password: &str) {
        let cluster = match password {
            "" => Cluster::start(),
            password => Cluster::builder().password(password).start(),
        };
        self.listens(5432, cluster.port());
        if password.is_empty() {
            cluster.psql("create role booking login");
            cluster.psql("create database booking owner booking");
            self.set.push(("DATABASE_URL".into(), cluster.url_of("booking", "booking")));
        }
        self.postgres = Some(cluster);
    }

    /// Crashes it and holds it in recovery until somebody has seen that.
    pub(crate) fn crash(&mut self) {
        self.held = Some(self.cluster().crash_and_hold());
    }

    /// Its port refuses until it is restarted.
    pub(crate) fn kill_postgres(&self) {
        self.cluster().kill9();
    }

    pub(crate) fn restart_postgres(&self) {
        self.cluster().start_again_nowait();
    }

    fn cluster(&self) -> &Cluster {
        self.postgres.as_ref().expect("`test: postgres` comes first")
    }

    pub(crate) fn redis(&mut self) {
        let redis = Redis::start();
        self.listens(6379, redis.port());
        self.redis = Some(redis);
    }

    fn listens(&mut self, shown: u16, port: u16) {
        self.ports.retain(|(known, _)| *known != shown);
        self.ports.push((shown, port));
    }

    /// A program of the page's own, in front of all others.
    pub(crate) fn program(&self, name: &str, script: &str) {
        self.call("").script(&format!("bin/{name}"), &format!("#!/bin/sh\n{script}\n"));
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        self.dir.write(name, &self.real(text));
    }

    /// Copies an example of the repository.
    pub(crate) fn copy(&self, name: &str) {
        copy(&crate::root().join(name), &self.dir.path().join(name), &|text| self.real(text));
    }

    /// Runs a command to its end.
    pub(crate) fn run(&mut self, command: &str) -> Printed {
        if let Some(directory) = command.strip_prefix("cd ") {
            self.below = directory.to_owned();
            return Printed { lines: Vec::new(), code: 0 };
        }
        let mut running = self.call(&format!("(exit {}); {}", self.code, self.real(command))).spawn();
        if self.held.is_some() {
            running.wait_for_line("recovering", LIMIT);
            self.look(&running);
        }
        self.ended(running)
    }

    /// A held recovery goes on once a program has told of it.
    pub(crate) fn look(&mut self, running: &Running) {
        if running.stdout().contains("recovering") {
            self.held.take().into_iter().for_each(Held::release);
        }
    }

    /// Starts a command that goes on.
    pub(crate) fn start(&self, command: &str) -> Running {
        let command = self.real(command);
        let assigns = command.split(' ').next().is_some_and(|word| word.contains('='));
        self.call(&format!("exec {}{command}", if assigns { "env " } else { "" })).spawn()
    }

    pub(crate) fn ended(&mut self, running: Running) -> Printed {
        let output = running.wait(LIMIT);
        self.code = output.exit_code();
        Printed { lines: self.shown(&output.raw_stdout), code: self.code }
    }

    /// It goes on until the page ends or says stop.
    pub(crate) fn keep(&mut self, running: Running) {
        self.running.push(running);
    }

    /// The last one that was kept.
    pub(crate) fn take_running(&mut self) -> Option<Running> {
        self.running.pop()
    }

    /// Stops what runs, the last first.
    pub(crate) fn stop(&mut self) {
        while let Some(running) = self.running.pop() {
            running.terminate();
            running.wait(LIMIT);
        }
    }

    /// What was printed, as the page would show it.
    pub(crate) fn shown(&self, printed: &str) -> Vec<String> {
        let text = printed.replace(&self.dir.path().display().to_string(), SHOWN);
        // The name of an application is by default that of its directory.
        let name = self.dir.path().file_name().unwrap_or_default().display().to_string().to_lowercase();
        let text = text.replace(&name, "booking");
        let text =
            self.ports.iter().fold(text, |text, (shown, port)| text.replace(&port.to_string(), &shown.to_string()));
        text.lines().map(|line| line.trim_end().to_owned()).collect()
    }

    /// What the page shows, as it is here.
    fn real(&self, shown: &str) -> String {
        let text = shown.replace(SHOWN, &self.dir.path().display().to_string());
        let text = text.replace("cargo run --release --", "mainstay");
        self.ports.iter().fold(text, |text, (shown, port)| whole_number(&text, *shown, *port))
    }

    /// Standard error goes where standard output goes, as on a terminal.
    fn call(&self, script: &str) -> Test {
        let bin = self.dir.path().join("bin");
        let [ours, example] = [Path::new(env!("CARGO_BIN_EXE_mainstay")).to_owned(), program("booking-backend")];
        let beside = [&ours, &example].map(|path| path.parent().map(|it| it.display().to_string()).unwrap_or_default());
        let path = format!("{}:{}:{}:/usr/local/bin:/usr/bin:/bin", bin.display(), beside[0], beside[1]);
        let script = format!("exec 2>&1; {script}");
        let test = Test::within("/bin/sh", &self.dir).below(&self.below).args(["-c", &script]);
        let test = test.env("PATH", path).env("MAINSTAY_LOG_FORMAT", "human").env("BOOKING_BACKEND", "booking-backend");
        self.set.iter().fold(test, |test, (name, value)| test.env(name, value.as_str()))
    }
}

fn whole_number(text: &str, shown: u16, port: u16) -> String {
    let shown = shown.to_string();
    let mut pieces = text.split(&shown).peekable();
    let mut result = String::new();
    while let Some(piece) = pieces.next() {
        result.push_str(piece);
        let Some(next) = pieces.peek() else { break };
        let within = result.ends_with(|c: char| c.is_ascii_digit()) || next.starts_with(|c: char| c.is_ascii_digit());
        result.push_str(&if within { shown.clone() } else { port.to_string() });
    }
    result
}

/// Sources and whatever was made by running it stay behind.
fn copy(from: &Path, to: &Path, change: &dyn Fn(&str) -> String) {
    std::fs::create_dir_all(to).expect("a directory of a test");
    for entry in std::fs::read_dir(from).expect("the example is there").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        match path.is_dir() {
            true if name == "data" || name == "src" || name == "tests" => {}
            true => copy(&path, &to.join(name), change),
            false => {
                let text = std::fs::read_to_string(&path).expect("a file of the example");
                std::fs::write(to.join(name), change(&text)).expect("a file of a test");
            }
        }
    }
}
