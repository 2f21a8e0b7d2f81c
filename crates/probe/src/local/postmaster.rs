//! Which process is the server?

pub(crate) use database::postgres::local::socket_name;

use config::dsn::Host;
use database::postgres::local::Startup;
use host::{net, proc::Process};
use std::path::PathBuf;

/// The postmaster behind one of `hosts`, if it runs here: whoever listens on the unix socket of that port. Connecting
/// to it and going away again leaves no line in its log.
pub(super) async fn find(hosts: &[Host]) -> Option<Process> {
    let mut local = false;
    for host in hosts {
        for socket in sockets(host, &mut local).await {
            if let Ok(pid) = net::unix_peer_pid(&socket) {
                return Some(Process::new(pid));
            }
        }
    }
    if local { the_only_one() } else { None }
}

async fn sockets(host: &Host, local: &mut bool) -> Vec<PathBuf> {
    match host {
        Host::Unix(dir, port) => {
            *local = true;
            vec![dir.join(socket_name(*port))]
        }
        Host::Tcp(name, port) if is_here(name, *port).await => {
            *local = true;
            let wanted = socket_name(*port);
            let named = |path: &PathBuf| path.file_name().is_some_and(|name| name == wanted.as_str());
            net::unix_socket_paths().into_iter().filter(named).collect()
        }
        Host::Tcp(..) => Vec::new(),
    }
}

/// Without a socket that we may use: a server in recovery, if there is exactly one on this machine, as in a container
/// whose port is forwarded. One whose socket we do see listens on another port, so it is not the one behind ours.
fn the_only_one() -> Option<Process> {
    let recovering = |process: &Process| process.cmdline().is_some_and(|title| Startup::parse(&title).is_some());
    let elsewhere = servers_with_sockets();
    let all = host::proc::all().into_iter().filter(recovering).filter_map(Process::parent);
    let mut all = all.filter(|server| !elsewhere.contains(server));
    let one = all.next()?;
    all.next().is_none().then_some(one)
}

fn servers_with_sockets() -> Vec<Process> {
    let of_postgres =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".s.PGSQL."));
    let sockets = net::unix_socket_paths().into_iter().filter(of_postgres);
    sockets.filter_map(|socket| net::unix_peer_pid(&socket).ok()).map(Process::new).collect()
}

async fn is_here(name: &str, port: u16) -> bool {
    match net::resolve(name, port).await {
        Ok(addresses) => addresses.iter().any(|address| net::is_local(address.ip())),
        Err(_) => false,
    }
}
