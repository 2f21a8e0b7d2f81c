//! Release after release of the reference application while customers book, and of an application with WebSockets and downloads: nothing
//! is lost, nothing is done twice. `MAINSTAY_ROUNDS` says how many releases.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/checker.rs"]
mod checker;
#[path = "support/releases.rs"]
mod releases;
mod support;
#[path = "support/websocket.rs"]
mod websocket;

use checker::{Connections, Customers};
use releases::Site;
use serde_json::Value;
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};
use support::{LIMIT, rounds};
use testkit::{Cluster, free_port, program, wait_until};
use websocket::{Came, WebSocket};

/// How requests come to the application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Each release has the listening socket.
    Socket,
    /// Each release has a port of its own, behind the proxy.
    Proxy,
}

/// `mainstay.toml` with the door that a mode wants in the place of `listen`.
fn with_door(config: &str, port: u16, mode: Mode) -> String {
    let listen = format!("listen = \"127.0.0.1:{port}\"");
    assert!(config.contains(&listen), "{config}");
    match mode {
        Mode::Socket => config.to_owned(),
        Mode::Proxy => {
            config.replace(&listen, "port = \"auto\"") + &format!("\n[proxy]\nlisten = [\"127.0.0.1:{port}\"]\n")
        }
    }
}

/// The reference application as it lies in its directory, on ports of its own. Its build copies the program that was built with the tests:
/// what a compiler takes is no part of what is looked at here.
fn booking(cluster: &Cluster, mode: Mode) -> Site {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/booking");
    let (health, port) = (free_port(), free_port());
    let config = fs::read_to_string(example.join("mainstay.toml")).unwrap();
    let config = config.replace(":8900", &format!(":{health}")).replace(":8000", &format!(":{port}"));
    let build = ["cp", &program("booking-backend").display().to_string(), "booking-backend"];
    let deploy = format!("\n[deploy]\nbuild = [{{ run = {build:?} }}]\nwatch = \"0s\"\ndrain = \"20s\"\nkeep = 3\n");
    let site = Site::of(&(with_door(&config, port, mode) + &deploy), port).env("DATABASE_URL", &cluster.url());
    fs::write(site.path(".env"), "BOOKING_BACKEND=./booking-backend\n").unwrap();
    let migrations = fs::read_dir(example.join("migrations")).unwrap().flatten();
    let migrations: Vec<_> = migrations
        .map(|file| {
            let name = format!("migrations/{}", file.file_name().display());
            (name, fs::read_to_string(file.path()).unwrap())
        })
        .collect();
    let files: Vec<_> = migrations.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    site.commit("v1", "", &files);
    site.deploy();
    site
}

/// The program of the one backend that serves lies in the tree of this release.
#[track_caller]
fn serves(site: &Site, release: &Value) {
    let services = support::json(&site.test, &["ps"])["services"].as_array().unwrap().clone();
    let [service] = services.as_slice() else { panic!("{services:?}") };
    assert_eq!((service["release"].as_str(), service["ready"].as_bool()), (release["id"].as_str(), Some(true)));
    let program = fs::read_link(format!("/proc/{}/exe", service["pid"])).unwrap();
    assert_eq!(program, site.tree(release).join("booking-backend"));
}

/// Releases, and after each fifth one a rollback, while customers book.
fn customers_notice_nothing(mode: Mode, connections: Connections, releases: usize) {
    let cluster = Cluster::start();
    let site = booking(&cluster, mode);
    let customers = Customers::at(site.port, 4, connections);
    let (mut rollbacks, mut probed) = (0, 0.0_f64);
    for round in 1..=releases {
        site.commit(&format!("v{}", round + 1), "", &[]);
        site.deploy();
        let newest = site.newest();
        serves(&site, &newest);
        assert_eq!(newest["prober"]["failed"], 0, "{newest}");
        probed = probed.max(newest["prober"]["longest_gap_ms"].as_f64().unwrap());
        if round % 5 == 0 {
            site.run(&["rollback"]).code(0);
            rollbacks += 1;
            let before = site.releases().into_iter().find(|it| it["state"] == "confirmed").expect("one serves");
            assert_ne!(before["id"], newest["id"]);
            serves(&site, &before);
        }
    }
    let booked = customers.all_booked_once(&cluster);
    eprintln!(
        "{mode:?}, {connections:?} connections: {releases} releases and {rollbacks} rollbacks, {} requests, 0 failed; {} bookings, each \
         once; longest gap {:?}, slowest answer {:?}; the prober's longest gap {probed:.0} ms",
        booked.requests, booked.bookings, booked.longest_gap, booked.slowest
    );
    assert!(booked.bookings > 50 * releases, "{booked:?}");
    assert!(site.releases().len() <= 6, "{:?}", site.states());
}

/// S1.7, S2.16, issue 6, proof: the reference application on its own sockets.
#[test]
fn customers_notice_no_release_by_sockets() {
    customers_notice_nothing(Mode::Socket, Connections::New, rounds(5));
}

/// The same for customers that keep their connections, which the application ends with a last answer.
#[test]
fn customers_with_kept_connections_notice_no_release_by_sockets() {
    customers_notice_nothing(Mode::Socket, Connections::Kept, rounds(5));
}

/// The same behind the proxy, whose connections stay open.
#[test]
fn customers_notice_no_release_behind_the_proxy() {
    customers_notice_nothing(Mode::Proxy, Connections::Kept, rounds(5));
}

/// S1.7, S2.16, issue 6, proof: the whole of it.
#[test]
#[ignore = "heavy: 100 releases and 20 rollbacks"]
fn customers_notice_none_of_many_releases_by_sockets() {
    customers_notice_nothing(Mode::Socket, Connections::New, rounds(100));
}

/// The same for customers that keep their connections.
#[test]
#[ignore = "heavy: 100 releases and 20 rollbacks"]
fn customers_with_kept_connections_notice_none_of_many_releases_by_sockets() {
    customers_notice_nothing(Mode::Socket, Connections::Kept, rounds(100));
}

/// The same behind the proxy.
#[test]
#[ignore = "heavy: 100 releases and 20 rollbacks"]
fn customers_notice_none_of_many_releases_behind_the_proxy() {
    customers_notice_nothing(Mode::Proxy, Connections::Kept, rounds(100));
}

/// A shop with WebSockets and downloads.
fn shop(mode: Mode, deploy: &str, does: &str) -> Site {
    // Whoever has longer to stop has longer than `drain`.
    let site = Site::new(&format!("watch = \"0s\"\nkeep = 3\n{deploy}"), "stop = { grace = \"1s\" }\n");
    let config = fs::read_to_string(site.path("mainstay.toml")).unwrap();
    site.commit("v1", does, &[("mainstay.toml", &with_door(&config, site.port, mode))]);
    site.deploy();
    site
}

/// Whoever talks over a WebSocket until it ends; a talk that ended is begun anew until nobody wants it any more.
struct Talks {
    stop: std::sync::mpsc::Sender<()>,
    /// The version that gave the latest answer.
    latest: Arc<Mutex<String>>,
    thread: thread::JoinHandle<Vec<Talk>>,
}

/// One WebSocket, from its first answer to its end.
#[derive(Debug)]
struct Talk {
    version: String,
    answers: usize,
    end: Came,
    ended: Instant,
}

impl Talks {
    fn at(port: u16) -> Self {
        let (stop, stopped) = std::sync::mpsc::channel();
        let latest = Arc::new(Mutex::new(String::new()));
        let seen = latest.clone();
        let thread = thread::spawn(move || {
            let mut talks = Vec::new();
            let mut goes_on = || {
                stopped
                    .recv_timeout(Duration::from_millis(10))
                    .is_err_and(|it| it == std::sync::mpsc::RecvTimeoutError::Timeout)
            };
            while goes_on() {
                talks.push(talk(WebSocket::open(port), &seen, &mut goes_on));
            }
            talks
        });
        Self { stop, latest, thread }
    }

    /// Once this version has answered.
    fn stop_at(self, version: &str) -> Vec<Talk> {
        wait_until(LIMIT, "the newest one answers", || *self.latest.lock().unwrap() == version);
        drop(self.stop);
        self.thread.join().unwrap()
    }
}

/// Each text is answered by one and the same version until the end.
fn talk(mut socket: WebSocket, latest: &Mutex<String>, goes_on: &mut impl FnMut() -> bool) -> Talk {
    let (mut version, mut end) = (String::new(), None);
    let mut answers = 0;
    while goes_on() {
        let text = format!("text {answers}");
        match socket.ask(&text) {
            Came::Text(answer) => {
                let (said, echo) = answer.split_once(' ').unwrap();
                assert_eq!(echo, text);
                assert!(version.is_empty() || version == said, "{version} became {said}");
                version = said.to_owned();
                latest.lock().unwrap().clone_from(&version);
                answers += 1;
            }
            other => {
                end = Some(other);
                break;
            }
        }
    }
    let left = || Came::Cut("nobody wanted it any more".to_owned());
    Talk { version, answers, end: end.unwrap_or_else(left), ended: Instant::now() }
}

/// Downloads of 4 MiB that take two seconds, one after the other, each compared byte by byte; how many there were.
fn downloads(port: u16, how: &'static str, stop: std::sync::mpsc::Receiver<()>) -> thread::JoinHandle<usize> {
    thread::spawn(move || {
        let mut count = 0;
        while stop.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            let body = download(port, &format!("/download/64/2/{how}"));
            let wanted: Vec<_> = (0..64_u8).flat_map(|number| vec![number; 65536]).collect();
            assert_eq!(body.len(), wanted.len(), "download {count}, {how}");
            assert!(body == wanted, "download {count}, {how}: other bytes");
            count += 1;
        }
        count
    })
}

/// The body of an answer that ends with its connection, in one piece.
fn download(port: u16, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let at = answer.windows(4).position(|it| it == b"\r\n\r\n").expect("a head") + 4;
    let (head, body) = (String::from_utf8_lossy(&answer[..at]).to_ascii_lowercase(), &answer[at..]);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    if head.contains("transfer-encoding: chunked") { dechunked(body) } else { body.to_owned() }
}

/// RFC 9112, 7.1; what is cut off has no last chunk.
fn dechunked(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|it| it == b"\r\n").expect("a chunk's size");
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[line + 2..line + 2 + size]);
        body = &body[line + 2 + size + 2..];
    }
}

/// Long downloads are finished by whoever has begun them, and WebSockets end with a goodbye.
fn long_ones_are_finished(mode: Mode, releases: usize) {
    let site = shop(mode, "drain = \"10s\"\n", "");
    let (stops, all): (Vec<_>, Vec<_>) = ["whole", "whole", "chunked"]
        .map(|how| {
            let (stop, stopped) = std::sync::mpsc::channel();
            (stop, downloads(site.port, how, stopped))
        })
        .into_iter()
        .unzip();
    for round in 1..=releases {
        site.commit(&format!("v{}", round + 1), "", &[]);
        site.deploy();
    }
    drop(stops);
    let counts: Vec<_> = all.into_iter().map(|thread| thread.join().unwrap()).collect();
    eprintln!(
        "{mode:?}: {releases} releases, {} downloads of 4 MiB, each byte as it should be",
        counts.iter().sum::<usize>()
    );
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}

/// S1.7, issue 6, proof: downloads are longer than a switch.
#[test]
fn downloads_are_finished_by_sockets() {
    long_ones_are_finished(Mode::Socket, rounds(3));
}

/// The same behind the proxy.
#[test]
fn downloads_are_finished_behind_the_proxy() {
    long_ones_are_finished(Mode::Proxy, rounds(3));
}

/// S1.7, issue 6, proof: the whole of it.
#[test]
#[ignore = "heavy: 100 releases by sockets, and 100 behind the proxy"]
fn downloads_are_finished_over_many_releases() {
    long_ones_are_finished(Mode::Socket, rounds(100));
    long_ones_are_finished(Mode::Proxy, rounds(100));
}

/// An application that says goodbye to its WebSockets does so to each of them, and no text is left without an answer.
fn websockets_end_with_a_goodbye(releases: usize) {
    let site = shop(Mode::Socket, "drain = \"10s\"\n", "");
    let talks = Talks::at(site.port);
    for round in 1..=releases {
        site.commit(&format!("v{}", round + 1), "", &[]);
        site.deploy();
    }
    let talks = talks.stop_at(&format!("v{}", releases + 1));
    let (last, others) = talks.split_last().unwrap();
    assert!(others.iter().all(|talk| talk.end == Came::Close(1001)), "{talks:?}");
    assert!(others.len() >= releases && last.answers > 0, "{talks:?}");
    let answers: usize = talks.iter().map(|talk| talk.answers).sum();
    eprintln!(
        "{releases} releases, {} WebSockets, {answers} texts answered, each WebSocket ended with 1001",
        talks.len()
    );
}

/// S1.7, issue 6, proof: a text is answered, or the goodbye came before it.
#[test]
fn websockets_end_with_a_goodbye_by_sockets() {
    websockets_end_with_a_goodbye(rounds(3));
}

/// The whole of it.
#[test]
#[ignore = "heavy: 100 releases"]
fn websockets_end_with_a_goodbye_over_many_releases() {
    websockets_end_with_a_goodbye(rounds(100));
}

/// One that says no goodbye: it has all of `drain`, whatever is on it is answered until then, and that it was late is told.
fn silent_ones_have_all_of_drain(mode: Mode) -> (Site, Vec<Talk>, Duration) {
    let site = shop(mode, "drain = \"3s\"\n", "keeps");
    let talks = Talks::at(site.port);
    site.commit("v2", "keeps", &[]);
    let running = site.spawn(&["deploy"]);
    wait_until(LIMIT, "the new one serves", || site.version() == "v2");
    let switched = Instant::now();
    running.wait(LIMIT).code(0);
    let talks = talks.stop_at("v2");
    let kept = talks[0].ended - switched;
    assert_eq!(talks[0].version, "v1");
    (site, talks, kept)
}

/// S1.7, issue 6, proof: never cut before `drain` is over.
#[test]
fn websockets_are_kept_until_drain_is_over_by_sockets() {
    let (_site, talks, kept) = silent_ones_have_all_of_drain(Mode::Socket);
    // The switch was seen a little after it was made.
    assert!(kept > Duration::from_secs(2) && kept < Duration::from_secs(9), "{kept:?}");
    assert_eq!(talks[1].version, "v2", "{talks:?}");
}

/// S1.7, issue 6, proof: behind the proxy, which says goodbye then, whatever the application does.
#[test]
fn websockets_are_kept_until_drain_is_over_behind_the_proxy() {
    let (_site, talks, kept) = silent_ones_have_all_of_drain(Mode::Proxy);
    assert!(kept > Duration::from_secs(2) && kept < Duration::from_secs(9), "{kept:?}");
    assert_eq!(talks[0].end, Came::Close(1001), "{talks:?}");
    assert_eq!(talks[1].version, "v2", "{talks:?}");
}

/// Issue 6, point 8: each public door is asked, and the record tells them apart.
#[test]
fn each_door_is_asked() {
    let (admin, second) = (free_port(), free_port());
    let more = format!(
        "[services.admin]\ncommand = \"python3 app.py\"\nlisten = \"127.0.0.1:{admin}\"\nhealth = {{ http = \"/health\", every = \"500ms\" }}\n\
         [services.web]\ncommand = \"python3 app.py\"\nport = \"auto\"\nhealth = {{ http = \"/health\", every = \"500ms\" }}\n\
         [services.silent]\ncommand = \"sleep 1000\"\n\
         [proxy]\nto = \"web\"\nlisten = [\"127.0.0.1:{second}\"]\n"
    );
    let site = Site::new("watch = \"1s\"\n", &more);
    site.deploy();
    site.commit("v2", "", &[]);
    site.run(&["deploy"]).code(0).stderr_has("requests through its own doors, 0 failed");
    let newest = site.newest();
    let doors = newest["prober"]["doors"].as_array().unwrap();
    let asked: Vec<_> = doors.iter().map(|door| door["door"].as_str().unwrap().to_owned()).collect();
    let wanted = [("api", site.port), ("admin", admin), ("web", second)]
        .map(|(name, port)| format!("{name} at http://127.0.0.1:{port}/health"));
    assert_eq!(asked, wanted);
    let sent: Vec<_> = doors.iter().map(|door| door["sent"].as_u64().unwrap()).collect();
    assert!(sent.iter().all(|sent| *sent > 5), "{sent:?}");
    assert_eq!(newest["prober"]["sent"], sent.iter().sum::<u64>());
    let shown = site.run(&["releases", "show", newest["id"].as_str().unwrap()]);
    shown.code(0).stdout_has("admin at http://127.0.0.1:[PORT]/health: ");
}
