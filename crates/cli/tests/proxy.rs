//! `mainstay proxy`, as a program.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    sync::mpsc,
    thread,
};
use support::{LIMIT, get, mainstay, number_after};
use testkit::{Running, Test, wait_for};

/// Answers each connection once; `hold` makes an answer wait.
fn application(text: &'static str, hold: Option<mpsc::Receiver<()>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            // One that only looks whether somebody listens says nothing.
            if stream.read(&mut [0; 4096]).unwrap_or_default() == 0 {
                continue;
            }
            if let Some(hold) = &hold {
                let _ = hold.recv_timeout(LIMIT);
            }
            let length = text.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{text}");
        }
    });
    port
}

fn started(test: &Test, to: u16) -> (Running, u16) {
    let to = format!("127.0.0.1:{to}");
    let proxy = test.again().args(["proxy", "--listen", "127.0.0.1:0", "--to", &to, "--log-format", "logfmt"]);
    let mut running = proxy.spawn();
    let line = running.wait_for_line("proxy.listening", LIMIT);
    let port = number_after(&line, "address=127.0.0.1:");
    (running, port.try_into().unwrap())
}

fn status(test: &Test) -> serde_json::Value {
    let output = test.again().args(["proxy", "status", "--json"]).run();
    output.code(0);
    serde_json::from_str(&output.raw_stdout).unwrap()
}

/// S1.7: to another copy and back, by the verbs; the socket is for its user alone.
#[test]
fn another_copy_is_switched_to_and_back() {
    let (blue, green) = (application("blue", None), application("green", None));
    let test = mainstay();
    let (running, port) = started(&test, blue);
    assert_eq!(get(port, "/"), Some((200, "blue".to_owned())));
    let mode = std::fs::metadata(test.path().join("data/run/proxy.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for (to, text) in [(green, "green"), (blue, "blue")] {
        let output = test.again().args(["proxy", "switch", "--health", "/", "--to", &format!("127.0.0.1:{to}")]).run();
        output.code(0).stdout_has("127.0.0.1:[PORT]  live      0 requests on the way");
        assert_eq!(get(port, "/"), Some((200, text.to_owned())));
    }
    let second = test.again().args(["proxy", "--listen", "127.0.0.1:0", "--to", "127.0.0.1:1"]).run();
    second.code(2).stderr_has("error: another proxy has this control socket");
    running.terminate();
    let ended = running.wait(LIMIT);
    ended.code(0).stderr_has("every request was finished");
    assert!(!test.path().join("data/run/proxy.sock").exists());
}

/// S1.7: what is on its way is shown without secrets, and finished before the end.
#[test]
fn what_is_on_its_way_is_shown_and_finished() {
    let (go, hold) = mpsc::channel();
    let test = mainstay();
    let (running, port) = started(&test, application("late", Some(hold)));
    let asking = thread::spawn(move || get(port, "/reset?token=s3cret"));
    let shown = wait_for(LIMIT, "the request", || {
        let flight = status(&test)["in_flight"][0].clone();
        (flight["backend"].is_string()).then_some(flight)
    });
    assert_eq!((&shown["method"], &shown["path"]), (&"GET".into(), &"/reset?token=…".into()));
    running.terminate();
    wait_for(LIMIT, "nobody is taken", || TcpStream::connect(("127.0.0.1", port)).is_err().then_some(()));
    go.send(()).unwrap();
    assert_eq!(asking.join().unwrap(), Some((200, "late".to_owned())));
    running.wait(LIMIT).code(0);
}

/// S1.7: held requests go when they are let go.
#[test]
fn held_requests_wait_until_they_may_go() {
    let test = mainstay();
    let (_running, port) = started(&test, application("here", None));
    test.again().args(["proxy", "hold"]).run().code(0).stdout_has("held: requests wait");
    let asking = thread::spawn(move || get(port, "/"));
    wait_for(LIMIT, "it waits", || (status(&test)["waiting"] == 1).then_some(()));
    test.again().args(["proxy", "resume"]).run().code(0);
    assert_eq!(asking.join().unwrap(), Some((200, "here".to_owned())));
}
