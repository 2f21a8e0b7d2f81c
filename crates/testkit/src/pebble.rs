//! A real authority of one test that speaks ACME: Let's Encrypt's own test server, with names that all lead to 127.0.0.1.
use crate::components;
use crate::port::free_port;
use crate::scratch::TempDir;
use crate::spawn;
use crate::wait::wait_until;
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(30);

/// An authority, our own direct child, with a name server beside it. Killed and removed on drop, killed when we die.
///
/// It remembers nothing once it has ended.
#[derive(Debug)]
pub struct Pebble {
    dir: TempDir,
    port: u16,
    management: u16,
    names: Names,
    process: Mutex<Option<Child>>,
}

/// The name server.
#[derive(Debug)]
struct Names {
    dns: u16,
    management: u16,
    process: Child,
}

impl Pebble {
    /// One that comes to this port for proof, and whose certificates hold for so long.
    pub fn start(http: u16, life: Duration) -> Self {
        let (dir, port, management) = (TempDir::new(), free_port(), free_port());
        let (key, certificate) = (dir.path().join("key.pem"), dir.path().join("root.pem"));
        let (key, certificate) = (key.display().to_string(), certificate.display().to_string());
        let mut openssl = Command::new(components::find("openssl"));
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]);
        openssl.args([
            "-subj",
            "/CN=authority",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            &key,
            "-out",
            &certificate,
        ]);
        spawn::run(openssl);
        dir.write(
            "pebble.json",
            &format!(
                r#"{{"pebble": {{"listenAddress": "127.0.0.1:{port}", "managementListenAddress": "127.0.0.1:{management}",
                "certificate": "{certificate}", "privateKey": "{key}", "httpPort": {http}, "tlsPort": 1, "ocspResponderURL": "",
                "externalAccountBindingRequired": false, "certificateValidityPeriod": {}}}}}"#,
                life.as_secs()
            ),
        );
        let pebble = Self { names: Names::start(&dir), dir, port, management, process: Mutex::default() };
        pebble.start_again();
        pebble
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// The file of the certificate that its own server is trusted by.
    pub fn root(&self) -> PathBuf {
        self.dir.path().join("root.pem")
    }

    /// The file of the certificate that those it gives out are trusted by; another one after each start.
    pub fn issuer(&self) -> PathBuf {
        let file = self.dir.path().join("issuer.pem");
        let mut curl = Command::new(components::find("curl"));
        curl.args(["-sS", "--fail", "--max-time", "20", "--cacert"]).arg(self.root()).arg("-o").arg(&file);
        curl.arg(format!("https://127.0.0.1:{}/roots/0", self.management));
        spawn::run(curl);
        file
    }

    /// From now on all names lead to this address.
    pub fn lead_to(&self, address: Ipv4Addr) {
        let mut curl = Command::new(components::find("curl"));
        curl.args(["-sS", "--fail", "--max-time", "20", "-d", &format!(r#"{{"ip": "{address}"}}"#)]);
        curl.arg(format!("http://127.0.0.1:{}/set-default-ipv4", self.names.management));
        spawn::run(curl);
    }

    /// The text of its log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// How many certificates it has given out.
    pub fn issued(&self) -> usize {
        self.log().matches("Issued certificate serial").count()
    }

    /// How many orders it has taken.
    pub fn ordered(&self) -> usize {
        self.log().matches("Added order").count()
    }

    /// SIGKILL; returns when it is gone.
    pub fn kill9(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it on the same ports, with nothing remembered, and waits until it listens.
    pub fn start_again(&self) {
        let path = self.dir.path().join("log");
        let log = OpenOptions::new().create(true).append(true).open(path).expect("cannot open the authority's log");
        let mut command = spawn::tied(&components::find("pebble"));
        command.arg("-config").arg(self.dir.path().join("pebble.json"));
        command.args(["-dnsserver", &format!("127.0.0.1:{}", self.names.dns)]).env("PEBBLE_VA_NOSLEEP", "1");
        command.stdout(log.try_clone().expect("cannot share the authority's log")).stderr(log);
        *self.child() = Some(spawn::spawn(command).expect("cannot start pebble"));
        wait_until(LIMIT, "the authority listens", || {
            let ended = self.child().as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            assert!(!ended, "pebble has ended; its log:\n{}", self.log());
            TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok()
        });
    }

    fn child(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.kill9();
    }
}

impl Names {
    fn start(dir: &TempDir) -> Self {
        let (dns, management) = (free_port(), free_port());
        let log = File::create(dir.path().join("names.log")).expect("cannot make the name server's log");
        let mut command = spawn::tied(&components::find("pebble-challtestsrv"));
        command.args([
            "-defaultIPv4",
            "127.0.0.1",
            "-defaultIPv6",
            "",
            "-http01",
            "",
            "-https01",
            "",
            "-tlsalpn01",
            "",
        ]);
        command.args(["-dns01", &format!("127.0.0.1:{dns}"), "-management", &format!("127.0.0.1:{management}")]);
        command.stdout(log.try_clone().expect("cannot share the name server's log")).stderr(log);
        let process = spawn::spawn(command).expect("cannot start pebble-challtestsrv");
        let names = Self { dns, management, process };
        wait_until(LIMIT, "the name server listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, management)).is_ok());
        names
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
