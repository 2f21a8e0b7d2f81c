//! The proxy behind a real nginx.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use support::{LIMIT, get, mainstay, number_after};
use testkit::{Nginx, Running, Test, find_component, free_port, wait_until};

/// Tells its version and what it was sent; an upload is counted; whoever wants another protocol gets back all that they say.
const APP: &str = r#"
import http.server, json, sys, time
version, port = sys.argv[1], int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self, text):
        body = text.encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def do_GET(self):
        if self.headers.get("Upgrade") == "websocket":
            self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"); self.wfile.flush()
            while data := self.rfile.read1(65536): self.wfile.write(data); self.wfile.flush()
            self.close_connection = True
        elif self.path == "/headers": self.answer(json.dumps({k.lower(): v for k, v in self.headers.items()}))
        else: self.answer(version)
    def do_POST(self):
        left = int(self.headers["Content-Length"]); seen = 0
        while seen < left: seen += len(self.rfile.read(min(65536, left - seen)))
        self.answer(f"{version} {seen}")
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer): request_queue_size = 100
Server(("127.0.0.1", port), Handler).serve_forever()
"#;

/// What the manual says of nginx.
const LOCATION: &str = "proxy_http_version 1.1;
proxy_set_header Host $http_host;
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Host $http_host;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header Connection $connection_upgrade;
proxy_request_buffering off;
client_max_body_size 0;
proxy_read_timeout 1h;";

struct Copy(Child, u16);

impl Copy {
    fn start(test: &Test, version: &str) -> Self {
        let port = free_port();
        let mut python = Command::new(find_component("python3"));
        let child = python.args(["-c", APP, version, &port.to_string()]).current_dir(test.path()).spawn().unwrap();
        wait_until(LIMIT, "the application listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self(child, port)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.1)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn front(test: &Test, to: &Copy) -> (Running, Nginx) {
    let proxy = ["proxy", "--listen", "127.0.0.1:0", "--trust-forwarded", "--log-format", "logfmt", "--to"];
    let mut running = test.again().args(proxy.iter().copied().chain([to.address().as_str()])).spawn();
    let line = running.wait_for_line("proxy.listening", LIMIT);
    let port = number_after(&line, "address=127.0.0.1:");
    (running, Nginx::before(port.try_into().unwrap(), LOCATION))
}

/// S4.9: what nginx says of who asks arrives, uploads and other protocols pass through both, piece by piece.
#[test]
fn all_that_nginx_passes_on_arrives() {
    let test = mainstay();
    let copy = Copy::start(&test, "blue");
    let (_running, nginx) = front(&test, &copy);
    let (_, headers) = get(nginx.port(), "/headers").unwrap();
    let headers: serde_json::Value = serde_json::from_str(&headers).unwrap();
    assert_eq!(
        (&headers["x-forwarded-for"], &headers["x-forwarded-proto"]),
        (&"127.0.0.1, 127.0.0.1".into(), &"http".into())
    );
    assert_eq!((&headers["x-forwarded-host"], &headers["host"]), (&"test".into(), &"test".into()));

    let file = test.path().join("upload");
    fs::write(&file, vec![7; 20 << 20]).unwrap();
    let mut curl = Command::new(find_component("curl"));
    curl.args(["-sS", "--fail", "--max-time", "60", "-H", "Content-Type: application/octet-stream", "--data-binary"]);
    curl.arg(format!("@{}", file.display())).arg(format!("http://127.0.0.1:{}/upload", nginx.port()));
    let output = curl.output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("blue {}", 20 << 20), "{output:?}");

    let mut socket = TcpStream::connect(("127.0.0.1", nginx.port())).unwrap();
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    socket
        .write_all(b"GET /socket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    for said in [&b"one"[..], b"two and more"] {
        socket.write_all(said).unwrap();
        let mut heard = vec![0; said.len()];
        socket.read_exact(&mut heard).unwrap();
        assert_eq!(heard, said);
    }
    assert_eq!(nginx.log(), "");
}

/// S4.9: nginx keeps its connections and notices none of twenty switches.
#[test]
fn twenty_switches_behind_nginx_lose_nothing() {
    let test = mainstay();
    let copies = [Copy::start(&test, "blue"), Copy::start(&test, "green")];
    let (_running, nginx) = front(&test, &copies[0]);
    let over = Arc::new(AtomicBool::new(false));
    let asking: Vec<_> = (0..4)
        .map(|_| {
            let (over, port) = (over.clone(), nginx.port());
            thread::spawn(move || {
                let mut answers = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    answers.push(get(port, "/"));
                    thread::sleep(Duration::from_millis(2));
                }
                answers
            })
        })
        .collect();
    for time in 1..=20 {
        let (copy, version) = (&copies[time % 2], ["blue", "green"][time % 2]);
        test.again().args(["proxy", "switch", "--to", &copy.address()]).run().code(0);
        assert_eq!(get(nginx.port(), "/"), Some((200, version.to_owned())));
    }
    over.store(true, Ordering::SeqCst);
    let answers: Vec<_> = asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let failed: Vec<_> = answers.iter().filter(|it| it.as_ref().is_none_or(|(status, _)| *status != 200)).collect();
    assert!(answers.len() > 40 && failed.is_empty(), "{} of {} failed: {failed:?}", failed.len(), answers.len());
    assert_eq!(nginx.log(), "");
}
