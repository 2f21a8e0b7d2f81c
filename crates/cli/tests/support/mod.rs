//! What end-to-end tests share.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(clippy::disallowed_methods, reason = "tests stand outside the program and play the machine it runs on")]

use serde_json::Value;
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};
use testkit::{Running, Test, free_port, program, wait_for};

/// No condition of a test takes longer on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// The program in a directory of its own, with an environment that does not depend on who runs the tests.
pub fn mainstay() -> Test {
    Test::new(env!("CARGO_BIN_EXE_mainstay")).env("PATH", "/usr/local/bin:/usr/bin:/bin")
}

/// The same, with this `mainstay.toml`, speaking as to people.
pub fn app(config: &str) -> Test {
    mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", config)
}

/// `mainstay up`, once everything is.
pub fn up(test: &Test) -> Running {
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("is up", LIMIT);
    running
}

/// What a verb answers as JSON.
#[track_caller]
pub fn json(test: &Test, arguments: &[&str]) -> Value {
    let output = test.again().args([arguments, &["--json"]].concat()).run();
    serde_json::from_str(&output.raw_stdout)
        .unwrap_or_else(|error| panic!("{error}: {:?} {} {}", output.exit_code(), output.raw_stdout, output.raw_stderr))
}

/// Some tests can only be done as root.
pub fn is_root() -> bool {
    std::fs::read_to_string("/proc/self/status").unwrap_or_default().lines().any(|line| line.starts_with("Uid:\t0\t"))
}

/// How often a test does what it does: `MAINSTAY_ROUNDS`, else this often.
pub fn rounds(usual: usize) -> usize {
    std::env::var("MAINSTAY_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// The names in a directory, sorted, those in directories below as `directory/name`.
pub fn names(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    collect(dir, "", &mut names);
    names.sort();
    names
}

fn collect(dir: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = format!("{prefix}{}", entry.file_name().display());
        if entry.path().is_dir() {
            collect(&entry.path(), &format!("{name}/"), names);
        }
        names.push(name);
    }
}

/// Status and body of a page on 127.0.0.1; nothing when nobody answers.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    request(port, &format!("GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"))
}

/// Status and body after a POST of JSON.
pub fn post(port: u16, path: &str, body: &str) -> Option<(u16, String)> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n");
    request(port, &format!("{head}Content-Length: {length}\r\n\r\n{body}"))
}

fn request(port: u16, text: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(LIMIT)).ok()?;
    stream.write_all(text.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// Waits until a page answers with this status and returns its body; panics with all that `running` has printed.
#[track_caller]
pub fn wait_for_page(running: &mut Running, port: u16, path: &str, status: u16) -> String {
    let begun = std::time::Instant::now();
    wait_for(LIMIT * 2, path, || {
        let seen = get(port, path);
        let over = begun.elapsed() > LIMIT || !running.running();
        let found = seen.clone().filter(|(seen, _)| *seen == status).map(|(_, body)| body);
        assert!(found.is_some() || !over, "{path} is {seen:?}\n{}\n{}", running.stdout(), running.stderr());
        found
    })
}

/// True while a process exists and is no zombie.
pub fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

/// The number after `key` in a line, such as a process id after `pid=`.
#[track_caller]
pub fn number_after(line: &str, key: &str) -> u32 {
    let rest = line.rsplit_once(key).unwrap_or_else(|| panic!("no `{key}` in `{line}`")).1;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_else(|_| panic!("no number after `{key}` in `{line}`"))
}

/// The reference application in a directory of its own, on ports of its own.
pub struct Booking {
    pub test: Test,
    /// Where mainstay answers.
    pub health: u16,
    /// Where the backend answers.
    pub api: u16,
}

/// `mainstay up` of a copy of the reference application; without `DATABASE_URL`, on SQLite.
pub fn booking() -> Booking {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/booking");
    let (health, api) = (free_port(), free_port());
    let text = std::fs::read_to_string(example.join("mainstay.toml")).expect("the example has a mainstay.toml");
    let text = text.replace(":8900", &format!(":{health}")).replace(":8000", &format!(":{api}"));
    let mut test = mainstay().file("mainstay.toml", &text).args(["up"]);
    for file in std::fs::read_dir(example.join("migrations")).expect("the example has migrations").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("migrations are text");
        test = test.file(&format!("migrations/{}", file.file_name().display()), &text);
    }
    let test = test
        .env("MAINSTAY_LOG_FORMAT", "human")
        .env("BOOKING_BACKEND", program("booking-backend").display().to_string())
        .env("MAINSTAY_DATABASES_MAIN_MONITOR_EVERY", "300ms");
    Booking { test, health, api }
}

impl Booking {
    /// The same on another database.
    pub fn on(self, url: &str) -> Self {
        Self { test: self.test.env("DATABASE_URL", url), ..self }
    }

    /// Books a slot and returns what the application then says of it.
    #[track_caller]
    pub fn book(&self) -> String {
        let slot = self.ask("/services/consultation/slots", r#"{"starts_at":"2033-05-18T03:33:20Z"}"#);
        let booking = self.ask("/bookings", &format!(r#"{{"slot_id":"{}","customer":"Ada"}}"#, id_in(&slot)));
        let seen = get(self.api, &format!("/bookings/{}", id_in(&booking))).expect("the backend answers");
        assert_eq!(seen.0, 200, "{seen:?}");
        seen.1
    }

    #[track_caller]
    fn ask(&self, path: &str, body: &str) -> String {
        let answer = post(self.api, path, body).expect("the backend answers");
        assert!(matches!(answer.0, 200 | 201), "{path}: {answer:?}");
        answer.1
    }
}

fn id_in(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    body["id"].as_str().expect("an id").to_owned()
}

/// A page as JSON; nothing when nobody answers.
pub fn page(port: u16, path: &str) -> Option<(u16, serde_json::Value)> {
    let (status, body) = get(port, path)?;
    Some((status, serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))))
}

/// The process id of a service that was started, from what mainstay says.
#[track_caller]
pub fn pid_of(running: &mut Running, service: &str) -> u32 {
    number_after(&running.wait_for_line(&format!("{service} runs as pid "), LIMIT), "pid ")
}

/// The number of the processes that a service had, from what mainstay says.
pub fn starts_of(running: &Running, service: &str) -> usize {
    running.stderr().matches(&format!("{service} runs as pid ")).count()
}

/// A page that remembers who asked for what.
pub fn outside() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap_or_default();
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            let path = text.split(' ').nth(1).unwrap_or_default().to_owned();
            let status = if path.contains("broken") { "500 No" } else { "200 OK" };
            seen.lock().expect("nobody panics with it").push(path);
            let _ = stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        }
    });
    (port, asked)
}
