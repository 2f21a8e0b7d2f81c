//! mainstay becomes another version of itself: nothing that it looks after notices.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
};
use support::{LIMIT, alive, get, mainstay};
use testkit::{Cluster, Output, Test, free_port, wait_for, wait_until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mainstay");

/// A copy of the program that can be replaced, beside a configuration. The original one asks.
struct Home {
    test: Test,
    program: PathBuf,
}

impl Home {
    fn new(config: &str) -> Self {
        let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", config);
        let program = test.path().join("bin/mainstay");
        fs::create_dir_all(test.path().join("bin")).unwrap();
        put(Path::new(PROGRAM), &program);
        Self { test, program }
    }

    fn ask(&self, arguments: &[&str]) -> Output {
        self.test.again().args(arguments.iter().copied()).run()
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.ask(&[arguments, &["--json"]].concat());
        serde_json::from_str(&output.raw_stdout).unwrap_or_else(|error| {
            panic!("{error}: {:?} {} {}", output.exit_code(), output.raw_stdout, output.raw_stderr)
        })
    }

    #[track_caller]
    fn service(&self, name: &str) -> Value {
        let ps = self.json(&["ps"]);
        let services = ps["services"].as_array().unwrap();
        services.iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("no `{name}`: {ps}")).clone()
    }

    #[track_caller]
    fn pid(&self, name: &str) -> u32 {
        let service = self.service(name);
        service["pid"].as_u64().unwrap_or_else(|| panic!("it does not run: {service}")).try_into().unwrap()
    }

    #[track_caller]
    fn generation(&self) -> u64 {
        self.json(&["status"])["generation"].as_u64().unwrap()
    }

    /// `mainstay` in the background.
    fn begin(&self, arguments: &[&str]) -> thread::JoinHandle<Output> {
        let (test, arguments) = (self.test.again(), arguments.iter().map(ToString::to_string).collect::<Vec<_>>());
        thread::spawn(move || test.args(arguments.iter().map(String::as_str)).run())
    }

    /// Waits until a reexec waits for `what`.
    #[track_caller]
    fn until_it_waits(&self, what: &str) {
        let waits = || self.json(&["status"])["reexec_waits"].as_str().is_some_and(|text| text.contains(what));
        wait_until(LIMIT, what, waits);
    }

    fn touch(&self, name: &str) {
        fs::write(self.test.path().join(name), "").unwrap();
    }

    fn log(&self, service: &str) -> String {
        fs::read_to_string(self.test.path().join(format!("data/logs/{service}.log"))).unwrap_or_default()
    }

    /// `mainstay up` by the copy, in a session without a terminal as under an init system, once everything is up.
    fn up(&self) -> Up {
        let log = self.test.path().join("up.log");
        let out = fs::File::create(&log).unwrap();
        let mut command = Command::new("setsid");
        command.args(["./bin/mainstay", "up"]).current_dir(self.test.path()).env_clear();
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MAINSTAY_LOG_FORMAT", "human");
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let up = Up { child: command.spawn().unwrap(), log };
        wait_until(LIMIT, "it is up", || up.said().contains("is up"));
        up
    }
}

/// A running `mainstay up`; killed on drop.
struct Up {
    child: Child,
    log: PathBuf,
}

impl Up {
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("{}", self.said().lines().rev().take(40).collect::<Vec<_>>().join("\n"));
        }
    }
}

/// Puts a file in place of another one at once, as an installer does.
fn put(from: &Path, at: &Path) {
    let new = at.with_extension("new");
    fs::copy(from, &new).unwrap();
    fs::rename(&new, at).unwrap();
}

/// Writes numbered lines as fast as it can until `stop` is there, then says so.
const FAST: &str = "sh -c 'i=0; while [ ! -e stop ]; do n=$$((i+100)); while [ $$i -lt $$n ]; do i=$$((i+1)); echo $$i; \
                    done; done; echo done; exec sleep 1000'";

/// The same in halves, each written by a call of its own.
const HALVES: &str = "sh -c 'i=0; while [ ! -e stop ]; do i=$$((i+1)); printf %d- $$i; sleep 0.003; echo half; done; \
                      echo done; exec sleep 1000'";

/// The same at a pace that leaves the machine to others.
const STEADY: &str =
    "sh -c 'i=0; while [ ! -e stop ]; do i=$$((i+1)); echo $$i; sleep 0.01; done; echo done; exec sleep 1000'";

/// Issue 4, item 2: twenty times, and no line is lost or torn, no process is another one, nobody who asks is turned away, and
/// whoever ends in between is noticed.
#[test]
fn nobody_notices_twenty_reexecs() {
    let (health, socket) = (free_port(), free_port());
    let mut config = format!(
        "name = \"many\"\n[health]\nlisten = \"127.0.0.1:{health}\"\n\
         [logs]\nformat = \"raw\"\nmax_size = \"1GB\"\ntotal = \"8GB\"\necho = false\n\
         [services.halves]\ncommand = \"{HALVES}\"\n\
         [services.listens]\ncommand = \"sleep 1000\"\nlisten = \"127.0.0.1:{socket}\"\n\
         [services.ends]\ncommand = \"sh -c 'echo begun; sleep 0.1; exit 3'\"\n\
         restart = {{ when = \"always\", initial = \"50ms\", max = \"50ms\" }}\n"
    );
    for number in 0..8 {
        let command = if number < 3 { FAST } else { STEADY };
        config += &format!("[services.writes{number}]\ncommand = \"{command}\"\n");
    }
    let home = Home::new(&config);
    let up = home.up();
    let names: Vec<String> = (0..8).map(|number| format!("writes{number}")).chain(["halves".to_owned()]).collect();
    let pids = || names.iter().map(|name| home.pid(name)).chain([home.pid("listens")]).collect::<Vec<_>>();
    let before = pids();
    let client = Client::start(health);
    for generation in 1..=20 {
        let output = home.ask(&["reexec"]);
        output.code(0);
        assert_eq!(home.generation(), generation, "{}", output.raw_stderr);
        drop(TcpStream::connect(("127.0.0.1", socket)).unwrap());
    }
    client.stop();
    assert_eq!(pids(), before);
    assert_eq!(u64::from(up.child.id()), home.json(&["status"])["pid"].as_u64().unwrap());
    all_ends_were_noticed(&home);
    fs::write(home.test.path().join("stop"), "").unwrap();
    names.iter().for_each(|name| every_line_is_there(&home, name));
    home.ask(&["down"]).code(0);
}

fn all_ends_were_noticed(home: &Home) {
    let restarts = home.service("ends")["restarts"].as_u64().unwrap();
    assert!(restarts > 20, "who ends is started again: {restarts}");
    let begun = || home.log("ends").lines().filter(|line| *line == "begun").count() as u64;
    // Lines come into the file a moment later.
    wait_until(LIMIT, "each start has written its line", || begun() >= restarts);
    let begun = begun();
    assert!((restarts..restarts + 20).contains(&begun), "each end was counted: {begun} begun, {restarts} restarts");
}

fn every_line_is_there(home: &Home, name: &str) {
    wait_until(LIMIT, name, || home.log(name).ends_with("done\n"));
    let log = home.log(name);
    let lines: Vec<&str> = log.lines().collect();
    for (at, line) in lines[..lines.len() - 1].iter().enumerate() {
        let expected = if name == "halves" { format!("{}-half", at + 1) } else { (at + 1).to_string() };
        assert_eq!(*line, expected, "{name}, line {}", at + 1);
    }
    assert!(lines.len() > 100, "{name} wrote {} lines", lines.len());
}

/// Asks the health page time and again; each question must be answered.
struct Client {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU32>,
    thread: thread::JoinHandle<()>,
}

impl Client {
    fn start(port: u16) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let (theirs, counts) = (stop.clone(), asked.clone());
        let thread = thread::spawn(move || {
            while !theirs.load(Ordering::Relaxed) {
                let answer = get(port, "/livez");
                assert_eq!(answer.as_ref().map(|(status, _)| *status), Some(200), "{answer:?}");
                counts.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { stop, asked, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        assert!(self.asked.load(Ordering::Relaxed) > 20);
    }
}

const TWO: &str = "name = \"shop\"\n\
    [services.api]\ncommand = \"sleep 1000\"\n\
    [services.bot]\ncommand = \"sleep 1001\"\n";

/// Issue 4, item 2: what cannot take over is refused before anything is touched, and the old one goes on.
#[test]
fn what_cannot_take_over_is_refused() {
    let home = Home::new(TWO);
    let _up = home.up();
    let pid = home.pid("api");
    let text = home.test.path().join("text");
    fs::write(&text, "echo I am run by a shell > ran\n").unwrap();
    for (wrong, why) in [
        (text.as_path(), "is no program"),
        (Path::new("/bin/false"), "asked, it ended with exit code 1"),
        (Path::new("/bin/true"), "asked, it ended with exit code 0"),
    ] {
        put(wrong, &home.program);
        home.ask(&["reexec"]).code(2).stderr_has(why);
        assert_eq!((home.pid("api"), home.generation()), (pid, 0), "{}", wrong.display());
    }
    assert!(!home.test.path().join("ran").exists());
    fs::remove_file(&home.program).unwrap();
    home.ask(&["reexec"]).code(2).stderr_has("cannot be read");
    put(Path::new(PROGRAM), &home.program);
    home.ask(&["reexec"]).code(0).stdout_has("2 services not touched");
    assert_eq!((home.pid("api"), home.generation()), (pid, 1));
}

/// Issue 4, item 2: after a reexec the lock is held as before, and children still die with mainstay.
#[test]
fn who_was_taken_over_dies_with_mainstay() {
    let home = Home::new(TWO);
    let mut up = home.up();
    home.ask(&["reexec"]).code(0);
    let pids = [home.pid("api"), home.pid("bot")];
    home.ask(&["up"]).code(2);
    up.kill();
    wait_until(LIMIT, "they are gone", || !pids.iter().any(|pid| alive(*pid)));
}

/// Issue 4, item 2: what was reloaded is what goes on, whatever has become of the file since.
#[test]
fn the_latest_configuration_goes_on() {
    let home = Home::new(TWO);
    let _up = home.up();
    let api = home.pid("api");
    let file = home.test.path().join("mainstay.toml");
    fs::write(&file, TWO.replace("1001", "1002")).unwrap();
    home.ask(&["reload"]).code(0).stdout_has("restarts: bot");
    let bot = wait_for(LIMIT, "the bot runs anew", || {
        let bot = home.service("bot")["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        bot.filter(|pid| cmdline(*pid).contains("1002"))
    });
    fs::write(&file, "nonsense").unwrap();
    // Whoever asks finds the socket all the same.
    home.ask(&["reexec"]).code(0);
    fs::write(&file, TWO.replace("1001", "1002")).unwrap();
    assert_eq!((home.pid("api"), home.pid("bot")), (api, bot));
    home.ask(&["reload"]).code(0).stdout_is("not touched: api, bot\n");
    home.ask(&["restart", "bot"]).code(0);
    assert!(cmdline(home.pid("bot")).contains("1002"));
}

fn cmdline(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Issue 4, item 2: a run at work goes on, with its lines, its lock and its end; one that is stopped after a reexec is stopped politely.
#[test]
fn a_job_at_work_goes_on() {
    let cluster = Cluster::start();
    let job = "[databases.main]\nurl = \"postgres://x\"\n\
        [schedule.long]\ncron = \"0 0 1 1 *\"\nneeds = [\"main\"]\nsingle = true\n\
        command = [\"sh\", \"-c\", \"printf begun-; while [ ! -e go ]; do sleep 0.05; done; echo ended; exit 7\"]\n\
        [schedule.stubborn]\ncron = \"0 0 1 1 *\"\ncommand = [\"sh\", \"-c\", \"trap 'echo bye; exit' TERM; sleep 1000 & wait\"]\n";
    let home = Home::new(&format!("{TWO}{job}").replace("postgres://x", &cluster.url()));
    let mut up = home.up();
    let job = |at: usize| home.json(&["status"])["jobs"][at].clone();
    for name in ["long", "stubborn"] {
        home.ask(&["run-now", name, "--detach"]).code(0);
    }
    wait_until(LIMIT, "both are at work", || job(0)["state"] == "running" && job(1)["state"] == "running");
    let pids = [job(0)["pid"].clone(), job(1)["pid"].clone()];
    let holder = holders(&cluster);
    for generation in 1..=3 {
        home.ask(&["reexec"]).code(0);
        assert_eq!((home.generation(), [job(0)["pid"].clone(), job(1)["pid"].clone()]), (generation, pids.clone()));
        assert_eq!(holders(&cluster), holder, "the lock is held by the same session");
        home.test.again().args(["schedule", "run", "long"]).run().code(75);
    }
    fs::write(home.test.path().join("go"), "").unwrap();
    wait_until(LIMIT, "the job has ended", || job(0)["state"] == "idle");
    assert_eq!((&job(0)["last"]["result"], &job(0)["last"]["code"]), (&"failed".into(), &7.into()), "{}", job(0));
    wait_until(LIMIT, "its line is whole", || home.log("long").contains("begun-ended"));
    wait_until(LIMIT, "its lock is free", || holders(&cluster).is_empty());
    home.ask(&["down"]).code(0);
    let _ = up.child.wait();
    assert!(home.log("stubborn").contains("bye"), "{}", home.log("stubborn"));
}

/// Who holds advisory locks, by process.
fn holders(cluster: &Cluster) -> String {
    cluster.psql("select pid from pg_locks where locktype = 'advisory'").trim().to_owned()
}

/// Issue 4, item 2: an order at work is waited for, told, and answered whole; who has waited long enough is told so, and who leaves wishes
/// nothing any more. A hangup waits likewise.
#[test]
fn an_order_at_work_is_waited_for() {
    let slow = "[services.slow]\ncommand = \"sleep 1002\"\nhealth = { file = \"ready\", every = \"50ms\" }\n";
    let home = Home::new(&format!("{TWO}{slow}"));
    home.touch("ready");
    let up = home.up();
    let (api, what) = (home.pid("api"), "an order is at work: restart slow");
    let restart = || {
        fs::remove_file(home.test.path().join("ready")).unwrap();
        let before = home.pid("slow");
        let restart = home.begin(&["restart", "slow"]);
        wait_until(LIMIT, "it is restarted", || {
            home.service("slow")["pid"].as_u64().is_some_and(|pid| pid != u64::from(before))
        });
        restart
    };
    let order = restart();
    home.ask(&["reexec", "--timeout", "3s"]).code(75).stderr_is(
        "waiting: an order is at work: restart slow\n\
         error: an order is at work: restart slow\n  seen: it was waited for [TIME]\n  hint: try again in a moment\n",
    );
    wait_until(LIMIT, "nothing is waited for", || home.json(&["status"])["reexec_waits"].is_null());
    let mut leaves = Command::new(PROGRAM);
    let leaves = leaves.arg("reexec").current_dir(home.test.path()).env_clear().stderr(Stdio::null());
    let mut leaves = leaves.spawn().unwrap();
    home.until_it_waits(what);
    leaves.kill().unwrap();
    leaves.wait().unwrap();
    wait_until(LIMIT, "nobody wishes it", || home.json(&["status"])["reexec_waits"].is_null());
    assert_eq!(home.generation(), 0);
    let reexec = home.begin(&["reexec"]);
    home.until_it_waits(what);
    home.touch("ready");
    order.join().unwrap().code(0).stdout_has("slow");
    reexec.join().unwrap().code(0).stdout_has("3 services not touched");
    assert_eq!((home.pid("api"), home.generation()), (api, 1));
    let order = restart();
    put(Path::new(PROGRAM), &home.program);
    assert!(Command::new("kill").args(["-HUP", &up.child.id().to_string()]).status().unwrap().success());
    home.until_it_waits(what);
    home.touch("ready");
    order.join().unwrap().code(0);
    wait_until(LIMIT, "another one has taken over", || home.generation() == 2);
    assert!(up.said().contains("another version does not take over yet: an order is at work"), "{}", up.said());
}

/// Issue 4, item 2: a run that is just ending is waited for, and so is whoever follows a run.
#[test]
fn a_run_that_ends_is_waited_for() {
    let jobs = "[schedule.leaves]\ncron = \"0 0 1 1 *\"\ncommand = [\"sh\", \"-c\", \"sleep 1000 & exit 0\"]\n\
        [schedule.long]\ncron = \"0 0 1 1 *\"\ncommand = [\"sh\", \"-c\", \"while [ ! -e go ]; do sleep 0.05; done; echo over\"]\n";
    let home = Home::new(&format!("{TWO}{jobs}"));
    let _up = home.up();
    for generation in 1..=5 {
        home.ask(&["run-now", "leaves", "--detach"]).code(0);
        home.ask(&["reexec"]).code(0);
        assert_eq!(home.generation(), generation);
    }
    let follows = home.begin(&["run-now", "long"]);
    wait_until(LIMIT, "it is at work", || home.json(&["status"])["jobs"][1]["state"] == "running");
    let reexec = home.begin(&["reexec"]);
    home.until_it_waits("somebody follows a run of `long`");
    home.touch("go");
    follows.join().unwrap().code(0).stdout_has("over");
    reexec.join().unwrap().code(0);
    assert_eq!(home.generation(), 6);
}

/// Issue 4, item 2: the last run of a job that a reload has removed is waited for.
#[test]
fn a_removed_job_at_work_is_waited_for() {
    let job = "[schedule.long]\ncron = \"0 0 1 1 *\"\ncommand = [\"sh\", \"-c\", \"while [ ! -e go ]; do sleep 0.05; done\"]\n";
    let home = Home::new(&format!("{TWO}{job}"));
    let _up = home.up();
    home.ask(&["run-now", "long", "--detach"]).code(0);
    wait_until(LIMIT, "it is at work", || home.json(&["status"])["jobs"][0]["state"] == "running");
    fs::write(home.test.path().join("mainstay.toml"), TWO).unwrap();
    home.ask(&["reload"]).code(0);
    let why = "`long` is not configured any more and has a run at work";
    home.ask(&["reexec", "--timeout", "100ms"]).code(75).stderr_has(why);
    let reexec = home.begin(&["reexec"]);
    home.until_it_waits(why);
    home.touch("go");
    reexec.join().unwrap().code(0);
    assert_eq!(home.generation(), 1);
}

/// Issue 4, item 2: SIGHUP reads the configuration anew, and lets another program take over when one stands in its place. Events go
/// on with their numbers, and the journal knows one start.
#[test]
fn a_hangup_reloads_or_hands_over() {
    let home = Home::new(TWO);
    let up = home.up();
    let api = home.pid("api");
    let hang_up = || {
        let sent = Command::new("kill").args(["-HUP", &up.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    hang_up();
    wait_until(LIMIT, "it is reloaded", || up.said().contains("the configuration is reloaded"));
    assert_eq!(home.generation(), 0);
    put(Path::new(PROGRAM), &home.program);
    hang_up();
    wait_until(LIMIT, "another one has taken over", || home.generation() == 1);
    assert_eq!(home.pid("api"), api);
    let events = home.ask(&["events"]).raw_stdout;
    assert!(events.contains("goes on for version") && events.contains("api runs as pid"), "{events}");
    let starts = home.ask(&["timeline", "--list"]).raw_stdout;
    assert_eq!(starts.lines().count(), 2, "a heading and one start: {starts}");
    home.ask(&["down"]).code(0);
}

/// Issue 4, item 2: an exclusive service goes on, and its locks are held all the time by whom they were; once the session is lost, the lock
/// is taken anew.
#[test]
fn an_exclusive_service_keeps_its_lock() {
    let cluster = Cluster::start();
    let config = format!(
        "{TWO}needs = [\"main\"]\nhandover = \"exclusive\"\n[databases.main]\nurl = \"{}\"\nmonitor = {{ every = \"200ms\" }}\n\
         [services.poller]\ncommand = \"sleep 1002\"\nhandover = \"exclusive\"\nsingle = false\n",
        cluster.url()
    );
    let home = Home::new(&config);
    let up = home.up();
    let pids = || [home.pid("api"), home.pid("bot"), home.pid("poller")];
    let (before, holder) = (pids(), holders(&cluster));
    assert!(!holder.is_empty());
    let is_free = |name: &str| {
        let file = home.test.path().join(format!("data/run/service-{name}.lock"));
        Command::new("flock").args(["-n"]).arg(file).arg("true").status().unwrap().success()
    };
    for generation in 1..=3 {
        home.ask(&["reexec"]).code(0);
        assert_eq!((home.generation(), pids(), holders(&cluster)), (generation, before, holder.clone()));
        assert!(!is_free("bot") && !is_free("poller"));
    }
    cluster.psql(&format!("select pg_terminate_backend({holder})"));
    wait_until(LIMIT, "the lock is had again", || !holders(&cluster).is_empty() && holders(&cluster) != holder);
    wait_until(LIMIT, "that is told", || up.said().contains("bot has its lock"));
    home.ask(&["reexec"]).code(0);
    assert_eq!(pids(), before);
    home.ask(&["down"]).code(0);
    assert!(holders(&cluster).is_empty() && is_free("bot") && is_free("poller"));
}

/// Issue 4, item 2: when the program cannot be executed after all, although it was asked just before, everything goes on: services,
/// locks, jobs at work; and the next try works.
#[test]
fn what_fails_in_the_last_moment_changes_nothing() {
    let job = "[schedule.long]\ncron = \"0 0 1 1 *\"\ncommand = \"sleep 1003\"\n";
    let home = Home::new(&format!("{TWO}handover = \"exclusive\"\n{job}"));
    let up = home.up();
    home.ask(&["run-now", "long", "--detach"]).code(0);
    let at_work = || home.json(&["status"])["jobs"][0]["pid"].clone();
    wait_until(LIMIT, "the job is at work", || at_work().is_number());
    let before = (home.pid("api"), home.pid("bot"), at_work());
    // It goes once it is seen being asked. Where that is seen too late it has taken over, and it is tried again.
    let failed = (0..20).any(|_| {
        put(Path::new(PROGRAM), &home.program);
        let generation = home.generation();
        let asked = Arc::new(AtomicBool::new(false));
        let (mainstay, program, seen) = (up.child.id(), home.program.clone(), asked.clone());
        let remover = thread::spawn(move || {
            while !seen.load(Ordering::Relaxed)
                && !children(mainstay).iter().any(|pid| cmdline(*pid).contains("can-take-over"))
            {
                thread::yield_now();
            }
            fs::remove_file(program).unwrap();
        });
        home.ask(&["reexec"]);
        asked.store(true, Ordering::Relaxed);
        remover.join().unwrap();
        home.generation() == generation
    });
    assert!(failed, "it was never removed in time");
    assert_eq!((home.pid("api"), home.pid("bot"), at_work()), before);
    assert!(home.json(&["status"])["reexec_failed"].as_str().unwrap().contains("cannot be executed"));
    put(Path::new(PROGRAM), &home.program);
    let generation = home.generation();
    home.ask(&["reexec"]).code(0);
    assert_eq!(
        (home.pid("api"), home.pid("bot"), at_work(), home.generation()),
        (before.0, before.1, before.2, generation + 1)
    );
}

fn children(pid: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// Issue 4, items 2 and 6: a service that tells by itself how it is goes on being heard, its watchdog is not missed, and its limits stay.
#[test]
fn who_tells_how_it_is_goes_on_being_heard() {
    let config = "name = \"shop\"\n[services.bot]\n\
        command = [\"sh\", \"-c\", \"systemd-notify --ready; n=0; while :; do n=$$((n+1)); systemd-notify WATCHDOG=1 STATUS=$$n; sleep 0.1; done\"]\n\
        health = { notify = true, watchdog = \"3s\" }\nlimits = { files = 100, memory = \"256MB\" }\n";
    let home = Home::new(config);
    let _up = home.up();
    let (pid, limit) = (home.pid("bot"), home.service("bot")["usage"]["memory_limit_bytes"].clone());
    let status =
        || home.service("bot")["status"].as_str().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    for _ in 0..2 {
        home.ask(&["reexec"]).code(0);
        let said = status();
        wait_until(LIMIT, "it is heard", || status() > said + 40);
    }
    let bot = home.service("bot");
    assert_eq!((home.pid("bot"), &bot["restarts"], &bot["ready"]), (pid, &0.into(), &true.into()), "{bot}");
    assert_eq!(bot["usage"]["memory_limit_bytes"], limit);
    home.ask(&["down"]).code(0);
}
