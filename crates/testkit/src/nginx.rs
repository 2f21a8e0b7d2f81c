//! A real nginx of one test, before something else or with files.
use crate::components;
use crate::port::free_port;
use crate::scratch::TempDir;
use crate::spawn;
use crate::wait::wait_until;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::Child;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// An nginx that passes all requests on, our own direct child. Stopped and removed on drop, killed when we die.
#[derive(Debug)]
pub struct Nginx {
    dir: TempDir,
    port: u16,
    process: Child,
    /// Whom it lets in.
    known: Option<TempDir>,
}

impl Nginx {
    /// One before what listens on this port of 127.0.0.1; `location` is what its file says of it, beside `proxy_pass`.
    ///
    /// It tries nothing twice, so that every failure of what is behind it is seen.
    pub fn before(port: u16, location: &str) -> Self {
        Self::start(
            &format!(
                "map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}\n\
                 upstream app {{ server 127.0.0.1:{port}; keepalive 16; }}\n"
            ),
            &format!("location / {{\nproxy_pass http://app;\nproxy_next_upstream off;\n{location}\n}}"),
        )
    }

    /// One that gives away the files of a directory, to whoever knows `user:password`.
    pub fn of_files(root: &Path, who: &str) -> Self {
        let (user, password) = who.split_once(':').expect("user:password");
        let known = TempDir::new();
        let file = known.write("known", &format!("{user}:{{PLAIN}}{password}\n"));
        let location = format!(
            "location / {{ root {}; auth_basic files; auth_basic_user_file {}; }}",
            root.display(),
            file.display()
        );
        let mut nginx = Self::start("", &location);
        nginx.known = Some(known);
        nginx
    }

    fn start(beside: &str, server: &str) -> Self {
        let (dir, own) = (TempDir::new(), free_port());
        let below = dir.path().display();
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {below}/{kind};\n"))
            .concat();
        let file = dir.write(
            "nginx.conf",
            &format!(
                "daemon off; {user} worker_processes 1; pid {below}/pid; error_log {below}/log warn;\n\
                 events {{ worker_connections 512; }}\nhttp {{\naccess_log off;\n{temporary}{beside}\
                 server {{ listen 127.0.0.1:{own};\n{server} }} }}\n"
            ),
        );
        let mut command = spawn::tied(&components::find("nginx"));
        command.arg("-e").arg(dir.path().join("log")).arg("-p").arg(dir.path()).arg("-c").arg(file);
        let process = spawn::spawn(command).expect("cannot start nginx");
        let mut nginx = Self { dir, port: own, process, known: None };
        wait_until(LIMIT, "nginx listens", || {
            assert!(matches!(nginx.process.try_wait(), Ok(None)), "nginx has ended; its log:\n{}", nginx.log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, own)).is_ok()
        });
        nginx
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The text of its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Its worker goes with it, unlike after SIGKILL.
        spawn::signal(self.process.id(), rustix::process::Signal::TERM);
        spawn::reap(&mut self.process, LIMIT);
    }
}
