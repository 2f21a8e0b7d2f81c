//! mainstay as a service of systemd with `Type=notify`: what it tells on the socket, and that its children do not hear of it.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{os::unix::net::UnixDatagram, time::Instant};
use support::{LIMIT, mainstay};
use testkit::{Test, wait_until};

/// The socket that systemd would have bound.
struct Systemd {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Systemd {
    fn of(test: &Test) -> Self {
        let socket = UnixDatagram::bind(test.path().join("notify")).unwrap();
        Self { socket, heard: Vec::new() }
    }

    /// Reads until `wanted` comes.
    #[track_caller]
    fn until(&mut self, wanted: &str) {
        let deadline = Instant::now() + LIMIT;
        while !self.heard.iter().any(|text| text == wanted) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no `{wanted}`: {:#?}", self.heard);
            self.socket.set_read_timeout(Some(left)).unwrap();
            let mut bytes = [0; 4096];
            let Ok(size) = self.socket.recv(&mut bytes) else { continue };
            self.heard.push(String::from_utf8_lossy(&bytes[..size]).into_owned());
        }
    }

    fn place(&self, wanted: &str) -> usize {
        self.heard
            .iter()
            .position(|text| text.starts_with(wanted))
            .unwrap_or_else(|| panic!("{wanted}: {:#?}", self.heard))
    }
}

/// Item 6: more time while it starts, each step as the status, ready once everything is, the watchdog, a reload, a reexec and the end; and no child
/// takes the socket for its own.
#[test]
fn systemd_is_told_how_far_it_is() {
    let config = "name = \"shop\"\n[services.api]\n\
        command = [\"sh\", \"-c\", \"echo socket=${NOTIFY_SOCKET-none} watchdog=${WATCHDOG_USEC-none}; sleep 0.3; echo serving; exec sleep 1000\"]\n\
        health = { log = \"serving\" }\n";
    // What stands in the file for the shell is not for us to fill in.
    let config = config.replace("${", "$${");
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", &config);
    let socket = test.path().join("notify");
    let mut systemd = Systemd::of(&test);
    let test = test.env("NOTIFY_SOCKET", socket.to_str().unwrap()).env("WATCHDOG_USEC", "200000");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("socket=none watchdog=none", LIMIT);
    systemd.until("READY=1");
    assert!(systemd.place("EXTEND_TIMEOUT_USEC=60000000") < systemd.place("READY=1"));
    assert!(systemd.place("STATUS=api runs as pid") < systemd.place("READY=1"));
    systemd.heard.clear();
    systemd.until("WATCHDOG=1");

    wait_until(LIMIT, "it can be asked", || test.path().join("data/run/control.sock").exists());
    systemd.heard.clear();
    test.again().args(["reload"]).run().code(0);
    systemd.until("READY=1");
    assert!(systemd.place("RELOADING=1\nMONOTONIC_USEC=") < systemd.place("READY=1"));

    // Issue 4, item 2: so is a newer mainstay that takes over.
    systemd.heard.clear();
    test.again().args(["reexec"]).run().code(0);
    systemd.until("READY=1");
    assert!(systemd.place("RELOADING=1\nMONOTONIC_USEC=") < systemd.place("READY=1"));
    systemd.until("WATCHDOG=1");
    running.terminate();
    systemd.until("STOPPING=1");
    running.wait(LIMIT).code(0);
}
