//! A site in a git repository of its own, whose application is one file of Python that does what the commit says.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use crate::support::{app, get};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use testkit::{Output, Running, Test, free_port};

/// Answers with its version; each path once into the file `SEEN`. What else it does stands in the file `does`.
const APP: &str = r#"
import os, select, signal, socket, struct, sys, threading, time
version, does = open("version").read().strip(), open("does").read().strip()
if does == "crash":
    sys.exit(print("no database: I give up", file=sys.stderr, flush=True) or 7)
own = ("127.0.0.1", int(os.environ.get("PORT", "0")))
listener = socket.socket(fileno=3) if "LISTEN_FDS" in os.environ else socket.create_server(own, backlog=100)
listener.setblocking(False)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
seen = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
begun, held = time.monotonic(), []
print("version", version, "listens", flush=True)
if does == "noisy":
    for number in range(10): print("ERROR: order", number, "is lost", file=sys.stderr, flush=True)

def leak():
    while True:
        try:
            stream = socket.create_connection(("127.0.0.1", int(os.environ["PGPORT_OF_TEST"])))
            body = struct.pack("!i", 196608) + b"user\0postgres\0database\0postgres\0\0"
            stream.sendall(struct.pack("!i", len(body) + 4) + body)
            held.append(stream)
        except OSError: pass
        time.sleep(0.02)
if does == "leak": threading.Thread(target=leak, daemon=True).start()

def answer(stream):
    with stream:
        stream.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            more = stream.recv(4096)
            if not more: return
            head += more
        path, status = head.split(b" ")[1].decode(), "200 OK"
        if path == "/health":
            if does == "never": status = "503 Not yet"
        else:
            if does == "smoke": status = "500 Oops"
            os.write(seen, (path + "\n").encode())
        body = version + " " + os.environ.get("GREETING", "") + " " + path
        stream.sendall(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

threads = []
while not stop.is_set():
    if does == "later" and time.monotonic() > begun + 4:
        print("panic: out of luck", file=sys.stderr, flush=True); os._exit(9)
    if not select.select([listener], [], [], 0.02)[0]: continue
    try: stream, _ = listener.accept()
    except BlockingIOError: continue
    stream.setblocking(True)
    thread = threading.Thread(target=answer, args=(stream,))
    thread.start()
    threads = [it for it in threads if it.is_alive()] + [thread]
listener.close()
for thread in threads: thread.join()
"#;

/// A site, and its repository.
pub struct Site {
    pub test: Test,
    pub port: u16,
}

impl Site {
    /// With a first commit of version `v1`. `more` stands at the end of each `mainstay.toml`, `deploy` below `[deploy]`.
    pub fn new(deploy: &str, more: &str) -> Self {
        let port = free_port();
        let config = format!(
            "name = \"shop\"\n[deploy]\n{deploy}\n[services.api]\ncommand = \"python3 app.py\"\nlisten = \"127.0.0.1:{port}\"\n\
             health = {{ http = \"/health\", every = \"500ms\", start_timeout = \"10s\" }}\n{more}"
        );
        let test = app(&config).file("app.py", APP).file(".gitignore", "data/\nseen\n");
        let seen = test.path().join("seen").display().to_string();
        let site = Self { test: test.env("SEEN", seen), port };
        site.git(&["init", "--quiet", "--initial-branch=main"]);
        site.commit("v1", "", &[]);
        site
    }

    /// The same with a variable for all who run there.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.test = std::mem::replace(&mut self.test, app("")).env(name, value);
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.test.path().join(name)
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let fixed = ["-c", "user.name=Ada", "-c", "user.email=ada@shop.example"];
        let output = Command::new("git").args(fixed).args(arguments).current_dir(self.test.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Another version, which does this.
    pub fn commit(&self, version: &str, does: &str, files: &[(&str, &str)]) -> String {
        for (name, text) in [("version", version), ("does", does)].iter().chain(files) {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("Version {version}")]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// `mainstay.toml` with `from` replaced.
    pub fn edited(&self, from: &str, to: &str) -> String {
        let text = fs::read_to_string(self.path("mainstay.toml")).unwrap();
        assert!(text.contains(from), "{text}");
        text.replace(from, to)
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.test.again().args(arguments.iter().copied()).run()
    }

    /// A release that comes live.
    #[track_caller]
    pub fn deploy(&self) {
        let output = self.run(&["deploy"]);
        assert_eq!(output.exit_code(), 0, "{}", output.raw_stderr);
    }

    pub fn spawn(&self, arguments: &[&str]) -> Running {
        self.test.again().args(arguments.iter().copied()).spawn()
    }

    /// What it answers; its version is the first word.
    pub fn version(&self) -> String {
        let (status, body) = get(self.port, "/version").expect("it answers");
        assert_eq!(status, 200, "{body}");
        body.split(' ').next().unwrap_or_default().to_owned()
    }

    #[track_caller]
    pub fn releases(&self) -> Vec<Value> {
        let output = self.run(&["releases", "--json"]);
        let value: Value = serde_json::from_str(&output.raw_stdout)
            .unwrap_or_else(|error| panic!("{error}: {} {}", output.raw_stdout, output.raw_stderr));
        value["releases"].as_array().unwrap().clone()
    }

    /// The newest one.
    #[track_caller]
    pub fn newest(&self) -> Value {
        self.releases().first().expect("there is a release").clone()
    }

    /// Their states, the newest first.
    #[track_caller]
    pub fn states(&self) -> Vec<String> {
        self.releases().iter().map(|release| release["state"].as_str().unwrap_or("just begun").to_owned()).collect()
    }

    pub fn tree(&self, release: &Value) -> PathBuf {
        self.path("data/releases").join(release["id"].as_str().unwrap()).join("tree")
    }

    /// Which release `current` is.
    pub fn current(&self) -> Option<String> {
        let to = fs::read_link(self.path("data/releases/current")).ok()?;
        Some(to.file_name().unwrap().to_string_lossy().into_owned())
    }

    /// Whoever runs of it: processes whose working directory lies in the site.
    pub fn processes(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let here =
            |pid: &u32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd.starts_with(self.test.path()));
        pids.filter(here).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if self.path("data/run/control.sock").exists() {
            self.run(&["down"]);
        }
    }
}

/// Asks all the time, with a path of its own each time.
pub struct Load {
    prefix: String,
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<u64>>,
    pub failures: Arc<Mutex<Vec<String>>>,
}

impl Load {
    pub fn on(port: u16, threads: u64) -> Self {
        let (stop, failures) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Vec<String>>>::default());
        static LOADS: AtomicU64 = AtomicU64::new(0);
        let prefix = format!("/r{}-", LOADS.fetch_add(1, Ordering::Relaxed));
        let threads = (0..threads).map(|thread| {
            let prefix = prefix.clone();
            let (stop, failures) = (stop.clone(), failures.clone());
            thread::spawn(move || {
                let mut sent = 0;
                while !stop.load(Ordering::Relaxed) {
                    let path = format!("{prefix}{thread}-{sent}");
                    let begun = Instant::now();
                    match get(port, &path) {
                        Some((200, body)) if body.ends_with(&path) => {}
                        other => {
                            failures.lock().unwrap().push(format!("{path}: {other:?} after {:?}", begun.elapsed()))
                        }
                    }
                    sent += 1;
                    thread::sleep(Duration::from_millis(2));
                }
                sent
            })
        });
        let threads = threads.collect();
        Self { prefix, threads, stop, failures }
    }

    /// How many were sent, after looking that each was answered, and seen once.
    #[track_caller]
    pub fn all_answered_once(self, seen: &Path) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let sent: u64 = self.threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        let failures = self.failures.lock().unwrap();
        assert!(failures.is_empty(), "{} of {sent} failed: {:?}", failures.len(), &failures[..failures.len().min(5)]);
        let text = fs::read_to_string(seen).unwrap();
        let mut paths: Vec<_> = text.lines().filter(|line| line.starts_with(&self.prefix)).collect();
        let all = paths.len();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!((paths.len(), u64::try_from(all).unwrap()), (all, sent), "some were seen twice, or never");
        sent
    }
}
