//! Ports for servers that cannot bind port 0.
use std::fs::{File, OpenOptions};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Mutex;

/// Below the ephemeral range (32768 and up on Linux), so that no outgoing connection takes the port while its server is down.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Locks of the ports given out, kept until the process ends.
static RESERVED: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP port on 127.0.0.1 where nothing listens, reserved against every other user of this function on the machine until this
/// process ends: a server can be stopped and started again on it.
pub fn free_port() -> u16 {
    (0..1000)
        .map(|_| fastrand::u16(RANGE))
        .find(|port| reserve(*port))
        .expect("no free port below 32768 in a thousand tries")
}

fn reserve(port: u16) -> bool {
    let Ok(lock) = OpenOptions::new().create(true).append(true).mode(0o666).open(directory().join(port.to_string()))
    else {
        return false;
    };
    if lock.try_lock().is_err() || TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        return false;
    }
    RESERVED.lock().expect("a thread panicked while it reserved a port").push(lock);
    true
}

fn directory() -> PathBuf {
    let directory = std::env::temp_dir().join("mainstay-test-ports");
    if std::fs::create_dir_all(&directory).is_ok() {
        // Fails for the second user of the machine, for whom the first has already opened it.
        let _ = std::fs::set_permissions(&directory, std::fs::Permissions::from_mode(0o1777));
    }
    directory
}
