//! Customers of the reference application: each books under a name that nobody else has, so that what was lost or done twice is found.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use crate::support::LIMIT;
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use testkit::Cluster;

/// From one booking to the next of the same customer.
const PAUSE: Duration = Duration::from_millis(2);
/// The first slot begins then; each one a second later than the one before.
const FIRST: i64 = 2_000_000_000;

/// How the customers keep their connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// A new one for each request.
    New,
    /// One for all requests of a customer, as long as the other side leaves it open.
    Kept,
}

/// Customers that book all the time.
pub struct Customers {
    stop: Arc<AtomicBool>,
    threads: Vec<thread::JoinHandle<Vec<String>>>,
    seen: Arc<Mutex<Seen>>,
}

/// What all of them have seen.
struct Seen {
    requests: u64,
    failures: Vec<String>,
    last: Instant,
    longest: Duration,
    slowest: Duration,
}

/// What it came to when all was well.
#[derive(Debug)]
pub struct Booked {
    pub requests: u64,
    pub bookings: usize,
    /// The longest time without a good answer to any of them.
    pub longest_gap: Duration,
    /// The longest time that one answer took.
    pub slowest: Duration,
}

impl Customers {
    pub fn at(port: u16, customers: i64, connections: Connections) -> Self {
        let now = Instant::now();
        let (requests, longest, slowest) = (0, Duration::ZERO, Duration::ZERO);
        let seen = Arc::new(Mutex::new(Seen { requests, failures: Vec::new(), last: now, longest, slowest }));
        let stop = Arc::<AtomicBool>::default();
        let one = |number| {
            let (stop, seen) = (stop.clone(), seen.clone());
            thread::spawn(move || Customer { number, port, connections, stream: None, seen }.book_until(&stop))
        };
        Self { threads: (0..customers).map(one).collect(), stop, seen }
    }

    /// Looks that nothing has failed, and that each booking is there exactly once.
    #[track_caller]
    pub fn all_booked_once(self, cluster: &Cluster) -> Booked {
        self.stop.store(true, Ordering::Relaxed);
        let booked: BTreeSet<_> = self.threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        let seen = self.seen.lock().unwrap();
        let first = &seen.failures[..seen.failures.len().min(5)];
        assert!(first.is_empty(), "{} of {} requests failed: {first:#?}", seen.failures.len(), seen.requests);
        let rows = cluster.psql("select customer from bookings where customer like 'customer-%'");
        let all: Vec<_> = rows.lines().map(str::to_owned).collect();
        let there: BTreeSet<_> = all.iter().cloned().collect();
        assert_eq!(all.len(), there.len(), "some were booked twice");
        assert!(there == booked, "some were lost, or nobody has made them: {:?}", there.symmetric_difference(&booked));
        let (longest_gap, slowest) = (seen.longest, seen.slowest);
        Booked { requests: seen.requests, bookings: booked.len(), longest_gap, slowest }
    }
}

struct Customer {
    number: i64,
    port: u16,
    connections: Connections,
    stream: Option<BufReader<TcpStream>>,
    seen: Arc<Mutex<Seen>>,
}

impl Customer {
    fn book_until(mut self, stop: &AtomicBool) -> Vec<String> {
        let mut booked = Vec::new();
        for at in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("customer-{}-{at}", self.number);
            if self.book(&name, FIRST + self.number * 10_000_000 + at).is_some() {
                booked.push(name);
            }
            thread::sleep(PAUSE);
        }
        booked
    }

    /// A slot, a booking of it, and a look at that.
    fn book(&mut self, name: &str, starts: i64) -> Option<()> {
        let starts = Timestamp::from_second(starts).unwrap();
        let slot = self.asks("POST", "/services/consultation/slots", &format!(r#"{{"starts_at":"{starts}"}}"#), 201)?;
        let body = format!(r#"{{"slot_id":"{}","customer":"{name}"}}"#, id_in(&slot));
        let booking = self.asks("POST", "/bookings", &body, 201)?;
        let seen = self.asks("GET", &format!("/bookings/{}", id_in(&booking)), "", 200)?;
        assert!(seen.contains(name), "{seen}");
        Some(())
    }

    fn asks(&mut self, method: &str, path: &str, body: &str, wanted: u16) -> Option<String> {
        let begun = Instant::now();
        let answer = self.answer(method, path, body);
        let took = begun.elapsed();
        let mut seen = self.seen.lock().unwrap();
        seen.requests += 1;
        match answer {
            Ok((status, body)) if status == wanted => {
                let now = Instant::now();
                seen.longest = seen.longest.max(now - seen.last);
                (seen.last, seen.slowest) = (now, seen.slowest.max(took));
                Some(body)
            }
            other => {
                seen.failures.push(format!("{method} {path} {body}: {other:?} after {took:?}"));
                None
            }
        }
    }

    fn answer(&mut self, method: &str, path: &str, body: &str) -> Result<(u16, String), String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => connected(self.port).map_err(|error| format!("connect: {error}"))?,
        };
        let close = if self.connections == Connections::New { "Connection: close\r\n" } else { "" };
        let head = format!("{method} {path} HTTP/1.1\r\nHost: booking\r\n{close}Content-Type: application/json\r\n");
        let text = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(text.as_bytes()).map_err(|error| format!("send: {error}"))?;
        let answer = read(&mut stream).map_err(|error| format!("receive: {error}"))?;
        self.stream = (self.connections == Connections::Kept && !answer.closes).then_some(stream);
        Ok((answer.status, answer.body))
    }
}

fn connected(port: u16) -> std::io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    Ok(BufReader::new(stream))
}

struct Answer {
    status: u16,
    body: String,
    closes: bool,
}

/// Of an answer that tells its length, as those of the application do.
fn read(stream: &mut BufReader<TcpStream>) -> std::io::Result<Answer> {
    let (mut head, mut length, mut closes) = (Vec::new(), 0, false);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Err(std::io::Error::other(format!("the end, after {head:?}")));
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().map_err(std::io::Error::other)?;
        }
        closes |= line == "connection: close";
        head.push(line);
    }
    let status = head.first().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), closes })
}

fn id_in(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
    body["id"].as_str().expect("an id").to_owned()
}
