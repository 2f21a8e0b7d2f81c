//! How commits and news of them arrive: git as people use it, a server of ssh, deliveries of a webhook.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the people who push and the machine it runs on"
)]

use crate::support::{LIMIT, is_root};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use testkit::{find_component, free_port, wait_until};

/// git as people use it, with nothing of this machine.
pub fn git(dir: &Path, arguments: &[&str], more: &[(&str, &str)]) -> Output {
    let mut command = Command::new(find_component("git"));
    command.args(arguments).current_dir(dir).env_clear();
    command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", dir).env("GIT_CONFIG_NOSYSTEM", "1");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Ada").env(format!("GIT_{role}_EMAIL"), "ada@shop.example");
    }
    command.envs(more.iter().copied()).output().unwrap()
}

#[track_caller]
pub fn done(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned() + &told
}

/// A server for whoever runs the tests, on a port of its own, with keys of its own.
pub struct Sshd {
    child: Child,
    port: u16,
    user: String,
    /// `GIT_SSH_COMMAND` of those who may come in.
    pub command: String,
}

impl Sshd {
    pub fn start(dir: &Path) -> Self {
        let (port, home) = (free_port(), dir.join("ssh"));
        fs::create_dir_all(&home).unwrap();
        if is_root() {
            // Where Debian's looks for a directory of its own; others than root have none.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        for name in ["host", "user"] {
            let key = home.join(name);
            let made = Command::new(find_component("ssh-keygen"))
                .args(["-q", "-t", "ed25519", "-N", "", "-f"])
                .arg(&key)
                .status();
            assert!(made.unwrap().success());
        }
        fs::copy(home.join("user.pub"), home.join("authorized")).unwrap();
        let at = home.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized\nStrictModes no\n\
             PasswordAuthentication no\nUsePAM no\nPermitRootLogin prohibit-password\nPidFile none\n"
        );
        fs::write(home.join("config"), config).unwrap();
        let child = Command::new(find_component("sshd"))
            .args(["-D", "-e", "-f"])
            .arg(home.join("config"))
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait_until(LIMIT, "sshd to listen", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        let options =
            "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes -o LogLevel=ERROR";
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = String::from_utf8(user).unwrap().trim().to_owned();
        Self { child, port, user, command: format!("ssh -i {at}/user {options}") }
    }

    /// What is pushed to.
    pub fn url(&self, path: &Path) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", self.user, self.port, path.display())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one of GitHub's documentation.
pub const SECRET: &str = "It's a Secret to Everybody";

/// A delivery as GitHub sends it; answers with the status and the body.
pub fn deliver(port: u16, body: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let mut text = format!("POST /hooks/deploy HTTP/1.1\r\nHost: shop\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in [&[("Content-Type", "application/json")], headers].concat() {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    ask(port, &format!("{text}\r\n{body}"))
}

pub fn ask(port: u16, text: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned())
}

pub fn signature(body: &str) -> String {
    let mut openssl = Command::new(find_component("openssl"))
        .args(["dgst", "-sha256", "-hmac", SECRET, "-r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let digest = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    format!("sha256={}", digest.split_whitespace().next().unwrap())
}
