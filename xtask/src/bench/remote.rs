//! A place from which the server looks remote: a network of its own, joined to ours by a cable.
//!
//! Addresses are all that such a client has: in its network the server's address is not its own, and its `/proc/net/unix` lists
//! none of the server's sockets. There is no distance; a real one adds its round trips for everybody.
use crate::task::Failure;
use std::process::Command;

/// The server's end of the cable, and the mask that lets the other end in.
pub(super) const SERVER: &str = "10.213.77.1";
pub(super) const NETWORK: &str = "10.213.77.0/30";
const CLIENT: &str = "10.213.77.2";

/// Removed on drop, its cable with it.
pub(super) struct Remote {
    name: String,
}

impl Remote {
    /// Needs root and iproute2; says what is missing.
    pub(super) fn build() -> Result<Self, Failure> {
        let name = format!("bench{}", std::process::id());
        let (ours, theirs) = (format!("{name}a"), format!("{name}b"));
        let remote = Self { name: name.clone() };
        ip(&["netns", "add", &name])?;
        ip(&["link", "add", &ours, "type", "veth", "peer", "name", &theirs, "netns", &name])?;
        ip(&["addr", "add", &format!("{SERVER}/30"), "dev", &ours])?;
        ip(&["link", "set", &ours, "up"])?;
        ip(&["-n", &name, "addr", "add", &format!("{CLIENT}/30"), "dev", &theirs])?;
        ip(&["-n", &name, "link", "set", &theirs, "up"])?;
        ip(&["-n", &name, "link", "set", "lo", "up"])?;
        Ok(remote)
    }

    /// Puts a command there.
    pub(super) fn wrap(&self, words: Vec<String>) -> Vec<String> {
        let into = ["nsenter".to_owned(), format!("--net=/run/netns/{}", self.name), "--".to_owned()];
        into.into_iter().chain(words).collect()
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = ip(&["link", "del", &format!("{}a", self.name)]);
        let _ = ip(&["netns", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) -> Result<(), Failure> {
    let output = Command::new("ip").args(arguments).output();
    let output = output.map_err(|error| Failure::Failed(format!("cannot run ip: {error}")))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let what = arguments.join(" ");
    if output.status.success() { Ok(()) } else { Err(Failure::Failed(format!("ip {what}: {}", stderr.trim()))) }
}
