//! Proxies, and the application behind them.
use super::super::Bench;
use super::super::helper::{millis, now};
use super::super::process::Tied;
use crate::task::Failure;
use rustix::process::{Pid, Signal, kill_process};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::{TempDir, free_port};

/// A proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Mainstay,
    Nginx,
    Haproxy,
    Caddy,
}

/// A copy of the application; gone at once when it is dropped.
pub(super) struct App {
    pub(super) port: u16,
    _process: Tied,
}

/// A proxy in front of it.
pub(super) struct Front {
    kind: Kind,
    pub(super) port: u16,
    admin: u16,
    dir: TempDir,
    mainstay: std::path::PathBuf,
    process: Tied,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Mainstay, Self::Nginx, Self::Haproxy, Self::Caddy];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Mainstay => super::super::table::OURS,
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    fn config(self, dir: &Path, port: u16, admin: u16, to: u16) -> String {
        match self {
            Self::Mainstay => String::new(),
            Self::Nginx => nginx(
                dir,
                port,
                &format!("127.0.0.1:{port} reuseport"),
                "location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\";
                     proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
                     proxy_set_header X-Forwarded-Proto $scheme; }",
                &format!("upstream app {{ server 127.0.0.1:{to}; keepalive 64; keepalive_requests 1000000000; }}"),
            ),
            Self::Haproxy => format!(
                "global\n nbthread 1\ndefaults\n mode http\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n \
                 http-reuse always\n option forwardfor\nfrontend f\n bind 127.0.0.1:{port}\n default_backend b\nbackend b\n server s \
                 127.0.0.1:{to}\n"
            ),
            Self::Caddy => format!(
                "{{\n admin 127.0.0.1:{admin}\n auto_https off\n}}\nhttp://127.0.0.1:{port} {{\n reverse_proxy 127.0.0.1:{to}\n}}\n"
            ),
        }
    }
}

/// A page of 1 kB that begins like this.
pub(super) fn page(begin: &str) -> String {
    format!("location / {{ return 200 \"{begin:x<1000}\"; }}")
}

/// One worker that keeps connections.
pub(super) fn nginx(dir: &Path, port: u16, listen: &str, server: &str, http: &str) -> String {
    let dir = dir.display();
    format!(
        "daemon off; worker_processes 1; pid {dir}/nginx-{port}.pid; error_log {dir}/error.log;
         events {{ worker_connections 1024; }}
         http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
         fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s; {http}
         server {{ listen {listen}; {server} }} }}\n"
    )
}

impl App {
    pub(super) fn start(dir: &TempDir) -> Result<Self, Failure> {
        let port = free_port();
        let listen = format!("127.0.0.1:{port} reuseport");
        let file = dir.write(&format!("app-{port}.conf"), &nginx(dir.path(), port, &listen, &page(""), ""));
        let mut command = Command::new("/usr/sbin/nginx");
        command.arg("-e").arg(dir.path().join("error.log")).arg("-c").arg(file).arg("-p").arg(dir.path());
        let process = started(&mut command, dir)?;
        answers(port)?;
        Ok(Self { port, _process: process })
    }

    /// How long that takes, in milliseconds.
    pub(super) fn start_alone(dir: &TempDir) -> Result<f64, Failure> {
        let begun = now();
        Self::start(dir).map(|_| millis(begun, now()))
    }
}

impl Front {
    pub(super) fn start(bench: &Bench, kind: Kind, to: u16) -> Result<Self, Failure> {
        let (dir, port, admin) = (TempDir::new(), free_port(), free_port());
        let file = dir.write("Caddyfile", &kind.config(dir.path(), port, admin, to));
        let mut command = match kind {
            Kind::Mainstay => Command::new(&bench.mainstay),
            Kind::Nginx => Command::new("/usr/sbin/nginx"),
            Kind::Haproxy => Command::new("/usr/sbin/haproxy"),
            Kind::Caddy => Command::new("/usr/bin/caddy"),
        };
        match kind {
            Kind::Mainstay => {
                let (listen, to) = (format!("127.0.0.1:{port}"), format!("127.0.0.1:{to}"));
                command.args(["proxy", "--listen", &listen, "--to", &to])
            }
            Kind::Nginx => {
                command.arg("-e").arg(dir.path().join("error.log")).arg("-c").arg(file).arg("-p").arg(dir.path())
            }
            Kind::Haproxy => command.args(["-W", "-db", "-f"]).arg(file),
            Kind::Caddy => command.args(["run", "--adapter", "caddyfile", "--config"]).arg(file).env("GOMAXPROCS", "1"),
        };
        let process = started(&mut command, &dir)?;
        answers(port)?;
        Ok(Self { kind, port, admin, dir, mainstay: bench.mainstay.clone(), process })
    }

    /// Has it send everything elsewhere, and waits for whatever it answers to that.
    pub(super) fn switch(&mut self, to: u16) -> Result<(), Failure> {
        let file = self.dir.write("Caddyfile", &self.kind.config(self.dir.path(), self.port, self.admin, to));
        let signal = match self.kind {
            Kind::Nginx => Signal::HUP,
            Kind::Haproxy => Signal::USR2,
            Kind::Mainstay => {
                let mut command = Command::new(&self.mainstay);
                return done(command.args(["proxy", "switch", "--to", &format!("127.0.0.1:{to}")]), &self.dir);
            }
            Kind::Caddy => {
                let mut command = Command::new("/usr/bin/caddy");
                command.args([
                    "reload",
                    "--adapter",
                    "caddyfile",
                    "--address",
                    &format!("127.0.0.1:{}", self.admin),
                    "--config",
                ]);
                return done(command.arg(file), &self.dir);
            }
        };
        if let Some(pid) = i32::try_from(self.process.pid()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
        Ok(())
    }
}

fn started(command: &mut Command, dir: &TempDir) -> Result<Tied, Failure> {
    let quiet = command.current_dir(dir.path()).env("HOME", dir.path()).stdin(Stdio::null()).stdout(Stdio::null());
    let child = quiet.stderr(Stdio::null()).spawn();
    child.map(Tied).map_err(|error| {
        Failure::Failed(format!("cannot start {command:?}: {error}\n hint: cargo xtask bench release --peers"))
    })
}

fn done(command: &mut Command, dir: &TempDir) -> Result<(), Failure> {
    let output = command.current_dir(dir.path()).env("HOME", dir.path()).output();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Failure::Failed(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))),
        Err(error) => Err(Failure::Failed(format!("{command:?}: {error}"))),
    }
}

fn answers(port: u16) -> Result<(), Failure> {
    let begun = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if begun.elapsed() > Duration::from_secs(20) {
            return Err(Failure::Failed(format!("nobody answers on port {port}")));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}
