//! An application on a small disk of its own, and what breaks around it.

use crate::{
    support::mainstay,
    truth::{Life, Truth},
};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use testkit::{Cluster, Running, Signal, Test, signal};

/// What is well when it is active.
pub const SERVICES: [&str; 3] = ["api", "poller", "forker"];

/// So long may it take until all is well once nothing is broken any more, on a busy machine.
const WELL_WITHIN: Duration = Duration::from_secs(60);

/// No verb takes longer, whatever is broken: what it waits for has a limit of its own.
const ANSWERED_WITHIN: Duration = Duration::from_secs(40);

/// Each copy of a service takes its lock before anything else, and hands it on to whatever it starts: who does not get it is a second copy.
const BEGIN: &str = r#"
exec 9>>"$ROUND/$1.lock"
if ! flock -n 9; then
  { echo "$1 as $$ beside:"; grep -l "$ROUND" /proc/[0-9]*/environ | while read -r it; do tr '\0' ' ' <"${it%environ}cmdline"; echo " ${it}"; done; } >>"$ROUND/overlaps" 2>/dev/null
fi
echo "$1 $$" >>"$ROUND/begun"
"#;

fn config(dir: &Path, version: usize) -> String {
    let script = |name: &str, rest: &str| {
        format!(
            "[\"bash\", \"-c\", '''. ./begin {name}; {rest}''']\nrestart = {{ initial = \"100ms\", max = \"500ms\" }}\nstop = {{ grace = \"700ms\" }}"
        )
    };
    let round = dir.display();
    let api = script("api", "exec 3<>/dev/tcp/127.0.0.1/$$DATABASE_PORT || exit 1; read -r -u 3 line; exit 1");
    let poller = script("poller", "echo polls; exec sleep 1000");
    let forker = script("forker", "setsid bash -c \"trap '' TERM HUP INT; exec sleep 1001\" & exec sleep 1002");
    format!(
        r#"name = "faults"
[databases.main]
url = "${{DATABASE_URL}}"
wait = "10m"
interval = "200ms"
attempt_timeout = "1s"
monitor = {{ every = "200ms" }}
[services.api]
needs = ["main"]
health = {{ command = ["bash", "-c", "! test -e '{round}/sick'"], every = "200ms", timeout = "1s", failures = 2 }}
command = {api}
[services.poller]
handover = "exclusive"
env = {{ VERSION = "{version}" }}
command = {poller}
[services.forker]
command = {forker}
[schedule.tick]
every = "1s"
command = ["bash", "-c", ". ./begin tick; sleep 0.2"]
stop = {{ grace = "500ms" }}
"#
    )
}

pub struct World<'a> {
    test: Test,
    pub cluster: &'a Cluster,
    pub life: Option<Running>,
    pub truth: Truth,
    pub stalled: bool,
    pub version: usize,
    disk: Option<Disk>,
    /// Found while the acts went on.
    found: Vec<String>,
    begun: Instant,
    story: Vec<String>,
}

impl<'a> World<'a> {
    pub fn new(cluster: &'a Cluster, seed: usize) -> Self {
        let test = mainstay().env("MAINSTAY_LOG_FORMAT", "json").env("DATABASE_URL", cluster.url());
        let round = test.path().display().to_string();
        let test = test.env("DATABASE_PORT", cluster.port().to_string()).env("ROUND", round).file("begin", BEGIN);
        let config = config(test.path(), 0);
        let test = test.file("mainstay.toml", &config).below("data").below("");
        let disk = Disk::mount(&test.path().join("data"));
        let story = vec![format!("round {seed} in {}", test.path().display())];
        Self {
            disk,
            test,
            cluster,
            story,
            life: None,
            truth: Truth::default(),
            stalled: false,
            version: 0,
            found: Vec::new(),
            begun: Instant::now(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.test.path().join(name)
    }

    pub fn note(&mut self, what: impl Into<String>) {
        self.story.push(format!("{:7.3} {}", self.begun.elapsed().as_secs_f64(), what.into()));
    }

    pub fn violated(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(format!("VIOLATION: {what}"));
        self.found.push(what);
    }

    /// Starts mainstay, unless it runs.
    pub fn begin(&mut self) {
        if self.life.is_none() {
            self.note("mainstay up");
            self.life = Some(self.test.again().args(["up"]).spawn());
        }
    }

    /// Lets time pass; a mainstay that ends by itself is found out.
    pub fn live_on(&mut self, milliseconds: u64) {
        std::thread::sleep(Duration::from_millis(milliseconds));
        let Some(mut life) = self.life.take() else { return };
        if life.running() {
            self.life = Some(life);
            return;
        }
        let output = life.wait(WELL_WITHIN);
        self.violated(format!("mainstay has ended by itself with {}", output.exit_code()));
        self.truth.lives.push(Life { stderr: output.raw_stderr, killed: false });
    }

    pub fn kill_mainstay(&mut self) {
        if let Some(mut life) = self.life.take() {
            life.kill9();
            self.truth.lives.push(Life { stderr: life.stderr(), killed: true });
        }
    }

    /// Until it has started a service, or waits for the database longer than it takes to clear away what was left.
    pub fn wait_for_services(&mut self) {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(8) {
            let told = self.life.as_ref().map(Running::stderr).unwrap_or_default();
            if told.contains("\"service.started\"") {
                return;
            }
            self.live_on(10);
        }
    }

    /// Runs a verb beside it and returns its exit code.
    pub fn order(&mut self, arguments: &[&str]) -> i32 {
        let begun = Instant::now();
        let mut verb = self.test.again().args(arguments.iter().copied()).spawn();
        while verb.running() && begun.elapsed() < ANSWERED_WITHIN {
            std::thread::sleep(Duration::from_millis(2));
        }
        if verb.running() {
            self.violated(format!("`{}` is not answered within {ANSWERED_WITHIN:?}", arguments.join(" ")));
            verb.kill9();
        }
        let output = verb.wait(WELL_WITHIN);
        let (code, took) = (output.exit_code(), begun.elapsed().as_secs_f64());
        self.note(format!(
            "{} -> {code} after {took:.1} s: {}",
            arguments.join(" "),
            output.raw_stderr.lines().next().unwrap_or_default()
        ));
        code
    }

    /// The process id of the newest copy, while it lives.
    pub fn newest(&self, name: &str) -> Option<u32> {
        let begun = fs::read_to_string(self.path("begun")).unwrap_or_default();
        let pid = begun.lines().rev().find_map(|line| line.strip_prefix(name))?.trim().parse().ok()?;
        let environ = fs::read(format!("/proc/{pid}/environ")).ok()?;
        contains(&environ, self.test.path().to_str()?).then_some(pid)
    }

    pub fn configure(&mut self) {
        self.version += 1;
        fs::write(self.path("mainstay.toml"), config(self.test.path(), self.version)).unwrap();
    }

    pub fn is_full(&self) -> bool {
        self.path("data/theirs").exists()
    }

    /// Fills the disk to the last byte, when it is one of ours.
    pub fn fill(&mut self) {
        if self.disk.is_some() {
            let mut file = fs::File::create(self.path("data/theirs")).unwrap();
            for piece in [64 * 1024, 1024, 1] {
                while file.write_all(&vec![7; piece]).is_ok() {}
            }
        }
    }

    /// Mends all that is broken, waits until everything is well, and returns how many seconds that took.
    pub fn heal(&mut self) -> f64 {
        self.note("everything is mended");
        let _ = fs::remove_file(self.path("data/theirs"));
        self.cure();
        for name in SERVICES {
            self.newest(name).into_iter().for_each(|pid| signal(pid, Signal::CONT));
        }
        self.mend_database();
        let mended = Instant::now();
        self.live_on(0);
        self.begin();
        for name in SERVICES {
            self.started_again(name);
        }
        let ticks = self.ticks();
        let mut seen = "not asked".to_owned();
        while let Err(wrong) = self.well(ticks) {
            seen = wrong;
            if mended.elapsed() > WELL_WITHIN {
                self.violated(format!("not well after {WELL_WITHIN:?}: {seen}"));
                break;
            }
            self.live_on(50);
        }
        self.note(format!("well again; before that: {seen}"));
        mended.elapsed().as_secs_f64()
    }

    /// Has a service that was stopped by hand started, as soon as somebody listens.
    fn started_again(&mut self, name: &str) {
        let begun = Instant::now();
        while !self.path("data/run/control.sock").exists() && begun.elapsed() < WELL_WITHIN {
            self.live_on(20);
            self.begin();
        }
        self.order(&["start", name, "--timeout", "20s"]);
    }

    pub fn mend_database(&mut self) {
        if std::mem::take(&mut self.stalled) {
            signal(self.cluster.pid(), Signal::CONT);
        }
        if !self.cluster.running() {
            self.cluster.start_again_nowait();
        }
    }

    /// The health check of `api` fails from now on, or does not any more.
    pub fn sicken(&mut self) {
        fs::write(self.path("sick"), "").unwrap();
        self.truth.sick.push((now(), f64::MAX));
    }

    pub fn cure(&mut self) {
        if let Some(last) = self.truth.sick.last_mut().filter(|(_, until)| *until == f64::MAX) {
            last.1 = now();
            let _ = fs::remove_file(self.path("sick"));
        }
    }

    fn ticks(&self) -> usize {
        fs::read_to_string(self.path("begun")).unwrap_or_default().matches("tick ").count()
    }

    fn well(&self, ticks: usize) -> Result<(), String> {
        let output = self.test.again().args(["status", "--json"]).run();
        let status: serde_json::Value = serde_json::from_str(&output.raw_stdout)
            .map_err(|_| format!("status: {} {}", output.exit_code(), output.raw_stderr))?;
        let state = |name: &str| {
            let services = status["services"].as_array()?;
            Some((services.iter().find(|it| it["name"] == name)?["state"] == "active", services))
        };
        for name in SERVICES {
            if !state(name).is_some_and(|(active, _)| active) {
                return Err(format!("{name} is not active: {status}"));
            }
        }
        let verdicts =
            [(&status["health"], "ok"), (&status["journal"]["verdict"], "pass"), (&status["phase"], "watch")];
        if let Some((seen, wanted)) = verdicts.iter().find(|(seen, wanted)| seen != wanted) {
            return Err(format!("{seen} instead of {wanted}: {status}"));
        }
        (self.ticks() > ticks).then_some(()).ok_or_else(|| "no new run of the job".to_owned())
    }

    /// Stops mainstay by its own verb or by a signal; nobody may be left.
    pub fn end(&mut self, by_verb: bool) {
        let Some(life) = self.life.take() else { return };
        if by_verb {
            let code = self.order(&["down"]);
            if code != 0 {
                self.violated(format!("`down` has ended with {code}"));
            }
        } else {
            life.terminate();
        }
        let output = life.wait(WELL_WITHIN);
        if output.exit_code() != 0 {
            self.violated(format!("mainstay has ended with {}", output.exit_code()));
        }
        self.truth.lives.push(Life { stderr: output.raw_stderr, killed: false });
        let left = self.left();
        if !left.is_empty() {
            self.violated(format!("left behind: {left:?}"));
        }
        let events = self.order(&["events", "-n", "5"]);
        if events != 0 {
            self.violated(format!("the journal cannot be read: {events}"));
        }
    }

    /// Processes that have our directory in their environment.
    fn left(&self) -> Vec<String> {
        let round = self.test.path().to_str().unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let ours = all.filter(|path| fs::read(path.join("environ")).is_ok_and(|environ| contains(&environ, round)));
        ours.map(|path| format!("{} {}", path.display(), fs::read_to_string(path.join("cmdline")).unwrap_or_default()))
            .collect()
    }

    pub fn violations(&mut self) -> Vec<String> {
        let mut all = self.found.clone();
        if let Ok(overlaps) = fs::read_to_string(self.path("overlaps")) {
            all.push(format!("two copies: {overlaps}"));
        }
        let begun = fs::read_to_string(self.path("begun")).unwrap_or_default();
        all.extend(self.truth.lies(&begun));
        all
    }

    /// All that was done and told, and where it is kept.
    pub fn story(&self) -> String {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let told: String = self.truth.lives.iter().map(|life| format!("--- a life\n{}", life.stderr)).collect();
        let name = format!("mainstay-faults-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let file = std::env::temp_dir().join(name);
        fs::write(&file, format!("{}\n{told}", self.story.join("\n"))).unwrap();
        format!("{}\nall of it: {}", self.story.join("\n"), file.display())
    }
}

impl Drop for World<'_> {
    fn drop(&mut self) {
        if self.stalled {
            signal(self.cluster.pid(), Signal::CONT);
        }
        self.life = None;
    }
}

/// A small disk below a directory.
struct Disk(PathBuf);

impl Disk {
    fn mount(dir: &Path) -> Option<Self> {
        std::env::var_os("MAINSTAY_FAULTS_INSIDE")?;
        fs::create_dir_all(dir).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=6m", "faults"]).arg(dir).status().unwrap();
        assert!(mounted.success(), "no disk at {}", dir.display());
        Some(Self(dir.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Seconds since 1970.
pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn contains(bytes: &[u8], text: &str) -> bool {
    String::from_utf8_lossy(bytes).contains(text)
}
