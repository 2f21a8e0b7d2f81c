//! Releases beside each other: a candidate that is looked at, takes over, or is given up, with real processes and under load.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use control::{Answer, AskError, Candidate, CandidateTold, Client, Generation, Lease, Promoted};
use deploy::{Record, ReleaseId, Site, store};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::{LIMIT, alive, app, json, up};
use testkit::{Running, Test, free_port, wait_until};

/// Answers on the socket that it is given with its version and the path; keeps each path in `seen`; on SIGTERM it accepts no more and ends
/// when all are answered. What else it does stands in the file `does`.
const APP: &str = r#"
import os, select, signal, socket, sys, threading, time
version, does = open("version").read().strip(), open("does").read().strip()
if does == "crash":
    sys.exit(print("no database: I give up", file=sys.stderr, flush=True) or 7)
own = ("127.0.0.1", int(os.environ["PORT"]))
listener = socket.socket(fileno=3) if "LISTEN_FDS" in os.environ else socket.create_server(own, backlog=100)
listener.setblocking(False)
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
seen = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
print("version", version, "listens", flush=True)

def answer(stream):
    with stream:
        stream.settimeout(20)
        head = b""
        while b"\r\n\r\n" not in head:
            more = stream.recv(4096)
            if not more: return
            head += more
        path = head.split(b" ")[1].decode()
        if path == "/health":
            status = "503 Not yet" if does == "never" else "200 OK"
        else:
            status = "200 OK"
            os.write(seen, (path + "\n").encode())
        if path.startswith("/slow"): time.sleep(1)
        body = version + " " + path
        stream.sendall(f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

threads = []
while not stop.is_set():
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

/// Nobody else may have the lock while it runs: it fails loudly when somebody has. It needs a moment to end.
const POLLER: &str = r#"
import fcntl, os, signal, sys, time
lock = open(os.environ["LOCK"], "w")
try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError: sys.exit(print("OVERLAP", file=open(os.environ["LOCK"] + ".overlaps", "a")) or 9)
if open("does").read().strip() == "poller-crashes":
    sys.exit(print("the token is wrong", file=sys.stderr, flush=True) or 8)
signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), sys.exit(0)))
print("polls as", open("version").read().strip(), flush=True)
while True: time.sleep(1)
"#;

struct Home {
    test: Test,
    port: u16,
    client: Client,
    config: String,
}

impl Home {
    fn new() -> Self {
        Self::with("")
    }

    /// A site whose own file runs version 0; `more` stands at the end of each `mainstay.toml`.
    fn with(more: &str) -> Self {
        let port = free_port();
        let config = format!(
            "name = \"shop\"\n[services.api]\ncommand = \"python3 app.py\"\nlisten = \"127.0.0.1:{port}\"\n\
             health = {{ http = \"/health\", every = \"1s\", start_timeout = \"5s\" }}\n{more}"
        );
        let test = app(&config).file("app.py", APP).file("poller.py", POLLER).file("version", "v0").file("does", "");
        let seen = test.path().join("seen").display().to_string();
        let lock = test.path().join("poller.lock").display().to_string();
        let test = test.env("SEEN", seen).env("LOCK", lock);
        let client = Client::new(test.path().join("data/run/control.sock"));
        Self { test, port, client, config }
    }

    fn site(&self) -> Site {
        Site::below(&self.test.path().join("data"))
    }

    /// The same for an application that can only bind a port, behind a proxy.
    fn behind_a_proxy() -> Self {
        let home = Self::new();
        let listen = format!("listen = \"127.0.0.1:{}\"", home.port);
        let config = home.config.replace(&listen, "port = \"auto\"")
            + &format!("[proxy]\nlisten = [\"127.0.0.1:{}\"]\n", home.port);
        Self { test: home.test.file("mainstay.toml", &config), config, ..home }
    }

    /// The same over IPv6 alone.
    fn over_ipv6() -> Self {
        let home = Self::new();
        let config = home.config.replace("127.0.0.1:", "[::1]:");
        Self { test: home.test.file("mainstay.toml", &config), config, ..home }
    }

    /// A release as it lies on the disk once it is built.
    fn release(&self, version: &str, does: &str) -> ReleaseId {
        let id = ReleaseId::new(Timestamp::now());
        let (site, tree) = (self.site(), self.site().tree(id));
        fs::create_dir_all(&tree).unwrap();
        let files = [("mainstay.toml", self.config.as_str()), ("app.py", APP), ("poller.py", POLLER)];
        for (name, text) in files.into_iter().chain([("version", version), ("does", does)]) {
            fs::write(tree.join(name), text).unwrap();
        }
        fs::write(site.env(id), "").unwrap();
        store::write(&site, &Record::new(id, version, "a test", "mainstay.toml")).unwrap();
        id
    }

    fn get(&self, path: &str) -> Option<String> {
        ask(self.port, path, Ipv4Addr::LOCALHOST).ok()
    }

    fn preview(&self, path: &str) -> Option<String> {
        ask(self.port, path, host::net::PREVIEW).ok()
    }

    async fn candidate(&self, id: ReleaseId) -> Result<Lease, AskError> {
        self.client.candidate(&of(id), LIMIT, |_: &CandidateTold| {}).await
    }

    async fn promote(&self, id: ReleaseId) -> Result<Answer<Promoted>, AskError> {
        self.client.promote(&of(id), LIMIT).await
    }

    /// Shown, promoted, all well.
    async fn deploy(&self, version: &str) -> Promoted {
        let id = self.release(version, "");
        let lease = self.candidate(id).await.unwrap();
        assert!(lease.candidate.ready, "{:?}", lease.candidate);
        self.promote(id).await.unwrap().body
    }

    fn services(&self) -> Vec<Value> {
        json(&self.test, &["ps"])["services"].as_array().unwrap().clone()
    }

    fn service(&self, name: &str) -> Value {
        let services = self.services();
        services.iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("{services:?}")).clone()
    }

    fn pid(&self, name: &str) -> u32 {
        self.service(name)["pid"].as_u64().unwrap().try_into().unwrap()
    }

    /// Processes of these programs, whoever has started them.
    fn copies(&self) -> Vec<u32> {
        let marked = |pid: &u32| {
            let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let ours = format!("MAINSTAY_INSTANCE={}", self.test.path().join("data").display());
            environ.split(|byte| *byte == 0).any(|entry| entry == ours.as_bytes()) && alive(*pid)
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(marked).collect()
    }

    /// Of those of a [`Load`].
    fn assert_once(&self, answered: &[String]) {
        assert!(answered.len() > 200, "{}", answered.len());
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let loaded = self.seen().into_iter().filter(|path| path[1..].contains('/'));
        loaded.for_each(|path| *counts.entry(path).or_default() += 1);
        let twice: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
        assert_eq!((twice, counts.len()), (vec![], answered.len()), "each exactly once");
    }

    fn seen(&self) -> Vec<String> {
        let seen = fs::read_to_string(self.test.path().join("seen")).unwrap_or_default();
        seen.lines().map(str::to_owned).collect()
    }
}

fn of(id: ReleaseId) -> Generation {
    Generation { release: id.to_string(), drain_s: Some(10.0) }
}

fn ask(port: u16, path: &str, from: Ipv4Addr) -> Result<String, String> {
    connect(port, from).map_err(|error| error.to_string()).and_then(|stream| said(stream, path))
}

fn connect(port: u16, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    // A runtime of its own, also for whoever is within one.
    let connecting = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        runtime.block_on(async {
            let socket = tokio::net::TcpSocket::new_v4()?;
            socket.bind((from, 0).into())?;
            socket.connect((Ipv4Addr::LOCALHOST, port).into()).await?.into_std()
        })
    };
    let stream = thread::spawn(connecting).join().unwrap()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(work)
}

/// Asks time and again, each time for a path of its own, and one after the other.
struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<Vec<String>>>,
    failures: Arc<AtomicU64>,
}

impl Load {
    fn on(port: u16) -> Self {
        let (stop, failures) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let one = |number| {
            let (stop, failures) = (stop.clone(), failures.clone());
            thread::spawn(move || {
                let mut answered = Vec::new();
                for at in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let path = format!("/{number}/{at}");
                    match TcpStream::connect(("127.0.0.1", port))
                        .map_err(|error| error.to_string())
                        .and_then(|it| said(it, &path))
                    {
                        Ok(body) if body.ends_with(&path) => answered.push(path),
                        other => {
                            failures.fetch_add(1, Ordering::Relaxed);
                            #[expect(clippy::print_stderr, reason = "it is the story of a failed test")]
                            {
                                eprintln!("{path}: {other:?}");
                            }
                        }
                    }
                }
                answered
            })
        };
        let threads = (0..4).map(one).collect();
        Self { stop, threads, failures }
    }

    fn stop(self) -> (Vec<String>, u64) {
        self.stop.store(true, Ordering::Relaxed);
        let answered = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        (answered, self.failures.load(Ordering::Relaxed))
    }
}

/// The body of a page; an error when the connection, the status or the length is not as it should be.
fn said(mut stream: TcpStream, path: &str) -> Result<String, String> {
    let text = |error: std::io::Error| error.to_string();
    stream.set_read_timeout(Some(LIMIT)).map_err(text)?;
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").as_bytes())
        .map_err(text)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(text)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| format!("half an answer: {answer:?}"))?;
    if head.starts_with("HTTP/1.1 200") { Ok(body.to_owned()) } else { Err(head.to_owned()) }
}

fn rounds(usual: usize) -> usize {
    std::env::var("MAINSTAY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// S1.7, issue 6 item 2: under load, time and again, no request is lost and none is sent twice; the old one serves until it is switched.
#[test]
fn nobody_notices_twenty_releases() {
    let home = Home::new();
    let mut running = up(&home.test);
    let load = Load::on(home.port);
    let mut longest = Duration::ZERO;
    for round in 1..=rounds(20) {
        let (version, before) = (format!("v{round}"), home.pid("api"));
        let id = home.release(&version, "");
        block_on(async {
            let lease = home.candidate(id).await.unwrap();
            assert!(lease.candidate.ready, "{:?}", lease.candidate);
            assert!(home.get("/who").unwrap().starts_with(&format!("v{} ", round - 1)), "the old one serves");
            assert_eq!(home.preview("/look"), Some(format!("{version} /look")), "the new one can be looked at");
            let begun = Instant::now();
            let promoted = home.promote(id).await.unwrap().body;
            longest = longest.max(begun.elapsed());
            assert!(promoted.ready && promoted.late.is_empty(), "{promoted:?}");
            assert_eq!(promoted.switched, ["api"]);
        });
        assert_eq!(home.get("/who"), Some(format!("{version} /who")));
        assert!(!alive(before), "the old one has ended");
        assert_eq!(home.service("api")["release"], id.to_string());
    }
    let (answered, failed) = load.stop();
    assert_eq!(failed, 0, "of {} requests; {}", answered.len(), running.stderr());
    home.assert_once(&answered);
    assert_eq!(home.copies().len(), 1, "one generation is left");
    assert!(running.running());
}

/// S1.7, issue 6 item 2: the same for what can only bind a port; requests wait while it is restarted, too.
#[test]
fn nobody_notices_releases_behind_a_proxy() {
    let home = Home::behind_a_proxy();
    let mut running = up(&home.test);
    wait_until(LIMIT, "it answers", || home.get("/who").is_some());
    let load = Load::on(home.port);
    for round in 1..=rounds(20) {
        let (version, before) = (format!("v{round}"), home.pid("api"));
        let id = home.release(&version, "");
        block_on(async {
            let lease = home.candidate(id).await.unwrap();
            assert!(lease.candidate.ready, "{:?}", lease.candidate);
            let door = lease.candidate.doors[0].clone();
            assert!(door.private && door.from.is_none(), "{door:?}");
            let port = door.address.rsplit_once(':').unwrap().1.parse().unwrap();
            assert_eq!(ask(port, "/look", Ipv4Addr::LOCALHOST), Ok(format!("{version} /look")));
            assert_eq!(home.get("/who"), Some(format!("v{} /who", round - 1)), "the old one serves");
            let promoted = home.promote(id).await.unwrap().body;
            assert!(promoted.ready && promoted.late.is_empty(), "{promoted:?}");
        });
        assert_eq!(home.get("/who"), Some(format!("{version} /who")));
        assert!(!alive(before), "the old one has ended");
    }
    home.test.again().args(["restart", "api"]).run().code(0);
    home.test.again().args(["reexec"]).run().code(2);
    let (answered, failed) = load.stop();
    assert_eq!(failed, 0, "of {} requests; {}", answered.len(), running.stderr());
    home.assert_once(&answered);
    assert_eq!(home.copies().len(), 1, "one generation is left");
    assert!(running.running());
    home.test.again().args(["down"]).run().code(0);
}

/// S1.8: a bad one never serves anybody: the old one goes on as if nothing had been.
#[test]
fn a_bad_candidate_leaves_nothing() {
    let home = Home::new();
    let running = up(&home.test);
    let (load, pid) = (Load::on(home.port), home.pid("api"));
    for (does, cause) in
        [("crash", "`api` ended with exit code 7"), ("never", "`api` was not ready in time"), ("crash", "exit code 7")]
    {
        block_on(async {
            let id = home.release("bad", does);
            let mut lease = home.candidate(id).await.unwrap();
            let Candidate { ready, cause: said, services, .. } = lease.candidate.clone();
            assert!(!ready && said.as_ref().is_some_and(|said| said.contains(cause)), "{said:?}");
            if does == "crash" {
                assert!(services[0].lines.iter().any(|line| line.contains("I give up")), "{services:?}");
            }
            lease.over().await;
            let refused = home.promote(id).await.unwrap_err();
            assert!(matches!(refused, AskError::Refused(_)), "{refused:?}");
        });
        assert_eq!((home.pid("api"), home.copies()), (pid, vec![pid]));
        assert_eq!(home.services().len(), 1);
    }
    let (answered, failed) = load.stop();
    assert_eq!(failed, 0, "of {}; {}", answered.len(), running.stderr());
}

/// Issue 6: whoever holds the candidate is killed: it goes, the old one stays; a reexec waits for that (issue 4, item 2).
#[test]
fn a_candidate_goes_with_whoever_holds_it() {
    let home = Home::new();
    let _running = up(&home.test);
    let pid = home.pid("api");
    block_on(async {
        let id = home.release("v1", "");
        let lease = home.candidate(id).await.unwrap();
        assert_eq!(home.copies().len(), 2);
        let shown = home.services();
        assert_eq!(shown[1]["name"], format!("api (candidate {id})"));
        assert_eq!(shown[1]["release"], id.to_string());
        let door = &lease.candidate.doors[0];
        assert_eq!((door.from.as_deref(), door.private), (Some("127.0.0.83"), true));
        assert_eq!(home.candidate(home.release("v2", "")).await.err().map(code), Some(75), "one at a time");
        home.test.again().args(["reload"]).run().code(75);
        let beside = format!("release `{id}` is beside the one that serves");
        home.test.again().args(["reexec", "--timeout", "100ms"]).run().code(75).stderr_has(&beside);
        let later = home.test.again().args(["reexec"]);
        let later = thread::spawn(move || later.run());
        wait_until(LIMIT, "it waits", || json(&home.test, &["status"])["reexec_waits"] == beside);
        drop(lease);
        // Whoever is killed closes at once; here the runtime has to come round to it.
        tokio::time::sleep(Duration::from_millis(10)).await;
        wait_until(LIMIT, "the candidate is gone", || home.copies() == [pid]);
        wait_until(LIMIT, "nobody is shown", || home.services().len() == 1);
        later.join().unwrap().code(0);
        assert_eq!(home.pid("api"), pid, "a newer mainstay takes over once it is gone");
        // And by a question, and anew.
        let id = home.release("v3", "");
        let mut lease = home.candidate(id).await.unwrap();
        let discarded = home.client.discard(LIMIT).await.unwrap().body;
        assert_eq!((discarded.release, discarded.services), (Some(id.to_string()), vec!["api".to_owned()]));
        lease.over().await;
        assert_eq!(home.copies(), [pid]);
        assert!(home.deploy("v4").await.ready);
    });
    assert_eq!(home.get("/who"), Some("v4 /who".to_owned()));
}

fn code(error: AskError) -> u8 {
    match error {
        AskError::Refused(refusal) => refusal.code,
        other => panic!("{other}"),
    }
}

const POLLS: &str = "[services.poller]\ncommand = \"python3 poller.py\"\nhandover = \"exclusive\"\n\
                     health = { log = \"polls as\", start_timeout = \"5s\" }\n\
                     restart = { when = \"always\", initial = \"100ms\", max = \"100ms\" }\n";

/// S2.11: an exclusive one is stopped before the next is started, and the gap is told; one that does not come is told, and the way back
/// is the same two questions.
#[test]
fn an_exclusive_service_never_overlaps() {
    let home = Home::with(POLLS);
    let _running = up(&home.test);
    let first = home.release("v1", "");
    block_on(async {
        for round in 0..5 {
            let id = if round == 0 { first } else { home.release(&format!("v{}", round + 1), "") };
            let lease = home.candidate(id).await.unwrap();
            assert_eq!(lease.candidate.later, ["poller"]);
            let promoted = home.promote(id).await.unwrap().body;
            assert!(promoted.ready, "{promoted:?}");
            let gap = promoted.swapped[0].gap_ms.unwrap();
            assert!(promoted.swapped.len() == 1 && gap > 0.0 && gap < 10_000.0, "{promoted:?}");
        }
        let id = home.release("bad", "poller-crashes");
        let _lease = home.candidate(id).await.unwrap();
        let promoted = home.promote(id).await.unwrap().body;
        assert!(!promoted.ready && promoted.failed[0].service.name == "poller", "{promoted:?}");
        assert!(promoted.failed[0].lines.iter().any(|line| line.contains("the token is wrong")), "{promoted:?}");
        let _lease = home.candidate(first).await.unwrap();
        assert!(home.promote(first).await.unwrap().body.ready);
    });
    assert!(!home.test.path().join("poller.lock.overlaps").exists(), "two at once");
    assert_eq!((home.get("/who"), home.copies().len()), (Some("v1 /who".to_owned()), 2));
}

/// S1.7: what is on its way when it is switched is answered by who has it.
#[test]
fn what_is_on_its_way_is_finished() {
    let home = Home::new();
    let _running = up(&home.test);
    let port = home.port;
    let slow = thread::spawn(move || said(TcpStream::connect(("127.0.0.1", port)).unwrap(), "/slow"));
    wait_until(LIMIT, "it is on its way", || home.seen().iter().any(|path| path == "/slow"));
    let promoted = block_on(home.deploy("v1"));
    assert_eq!(slow.join().unwrap(), Ok("v0 /slow".to_owned()));
    assert!(promoted.drained_ms > 10.0 && promoted.late.is_empty(), "{promoted:?}");
}

/// S2.8: mainstay is killed with a candidate: the next start is of one generation, that of `current`.
#[test]
fn a_killed_mainstay_starts_the_current_release() {
    let home = Home::new();
    let mut running: Running = up(&home.test);
    let current = home.release("v1", "");
    block_on(async {
        let _lease = home.candidate(home.release("v2", "")).await.unwrap();
        assert_eq!(home.copies().len(), 2);
        store::make_current(&home.site(), Some(current)).unwrap();
        running.kill9();
    });
    let _again = up(&home.test);
    assert_eq!(home.get("/who"), Some("v1 /who".to_owned()));
    assert_eq!(home.copies().len(), 1);
    assert_eq!(json(&home.test, &["status"])["release"], current.to_string());
    let logs = home.test.again().args(["logs", "--release", &current.to_string(), "--json"]).run();
    assert!(logs.raw_stdout.contains("version v1 listens"), "{}", logs.raw_stdout);
}

/// Issue 4: a newer mainstay takes over the promoted release, and it can be switched again.
#[test]
fn a_promoted_release_is_handed_over() {
    let home = Home::new();
    let _running = up(&home.test);
    block_on(home.deploy("v1"));
    let pid = home.pid("api");
    home.test.again().args(["reexec"]).run().code(0);
    assert_eq!((home.pid("api"), home.get("/who")), (pid, Some("v1 /who".to_owned())));
    block_on(home.deploy("v2"));
    assert_eq!((home.get("/who"), home.copies().len()), (Some("v2 /who".to_owned()), 1));
}

/// S1.7: over IPv6 alone, too, the checks of a candidate are its own, and everybody else is the old one's until the promotion.
#[test]
fn a_candidate_over_ipv6_is_asked_alone() {
    let home = Home::over_ipv6();
    let _running = up(&home.test);
    let get = |path: &str| {
        let stream = TcpStream::connect((std::net::Ipv6Addr::LOCALHOST, home.port));
        stream.map_err(|error| error.to_string()).and_then(|stream| said(stream, path)).unwrap()
    };
    block_on(async {
        // The one that serves would answer this check.
        let bad = home.candidate(home.release("v1", "never")).await.unwrap();
        assert!(!bad.candidate.ready, "{:?}", bad.candidate);
        let _ = home.client.discard(LIMIT).await;
        drop(bad);
        tokio::time::sleep(Duration::from_millis(10)).await;
        wait_until(LIMIT, "the candidate is gone", || home.services().len() == 1);
        let id = home.release("v2", "");
        let lease = home.candidate(id).await.unwrap();
        assert!(lease.candidate.ready, "{:?}", lease.candidate);
        assert!(lease.candidate.doors[0].private);
        let strangers: std::collections::BTreeSet<_> = (0..50).map(|_| get("/a")).collect();
        assert_eq!(strangers.into_iter().collect::<Vec<_>>(), ["v0 /a"]);
        home.promote(id).await.unwrap();
        assert_eq!(get("/b"), "v2 /b");
    });
}
