//! Does anybody listen yet? A connection that is refused leaves no line in any log, so that can be asked often.

use crate::local::socket_name;
use config::dsn::Host;
use host::{net, watch::Watch};
use std::{
    collections::BTreeSet,
    future::pending,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    net::{TcpStream, UnixStream},
    time::{Instant, sleep_until, timeout},
};

/// Here, a refused connection takes some fifty microseconds, and the appearing socket file is noticed besides.
const HERE: Duration = Duration::from_millis(20);
/// What is not there after so many peeks may take long: then every other one is left out.
const KEEN: u32 = 250;
/// Elsewhere it takes a round trip, and the other side works too.
const ELSEWHERE: Duration = Duration::from_millis(100);
/// A socket file is made a moment before anybody listens on it.
const EAGER: Duration = Duration::from_millis(1);
const EAGER_TIMES: u32 = 10;
/// Names are looked up again after this long: a container may come back elsewhere.
const NAMES_LAST: Duration = Duration::from_secs(2);
/// After it has said that somebody listens, it is quiet for this long.
const PAUSE: Duration = Duration::from_millis(500);
/// Where servers put their sockets when nobody says otherwise: PostgreSQL's own default, and that of the distributions.
const SOCKET_DIRS: [&str; 2] = ["/tmp", "/var/run/postgresql"];

/// Peeks at the places where a PostgreSQL may begin to listen.
pub(crate) struct Peek {
    hosts: Vec<Host>,
    places: Vec<Place>,
    looked_up: Option<Instant>,
    gap: Duration,
    eager: u32,
    peeks: u32,
    next: Instant,
    watch: Option<Watch>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Peek {
    pub(crate) fn new(hosts: &[Host]) -> Self {
        let (hosts, next) = (hosts.to_vec(), Instant::now());
        Self { hosts, places: Vec::new(), looked_up: None, gap: HERE, eager: 0, peeks: 0, next, watch: None }
    }

    /// Resolves when somebody listens. May be dropped and called again.
    pub(crate) async fn listening(&mut self) {
        loop {
            tokio::select! {
                () = sleep_until(self.next) => {}
                () = socket_appears(&mut self.watch, &self.hosts) => self.eager = EAGER_TIMES,
            }
            self.look_up().await;
            let found = self.anybody().await;
            self.next = Instant::now() + self.next_gap(found);
            if found {
                return;
            }
        }
    }

    fn next_gap(&mut self, found: bool) -> Duration {
        let eager = self.eager > 0 && !found;
        self.eager = if eager { self.eager - 1 } else { 0 };
        self.peeks = self.peeks.saturating_add(1);
        match (found, eager) {
            (true, _) => PAUSE,
            (false, true) => EAGER,
            (false, false) if self.peeks > KEEN => self.gap.max(2 * HERE),
            (false, false) => self.gap,
        }
    }

    async fn anybody(&self) -> bool {
        for place in &self.places {
            if place.accepts().await {
                return true;
            }
        }
        false
    }

    async fn look_up(&mut self) {
        if self.looked_up.is_some_and(|at| at.elapsed() < NAMES_LAST) {
            return;
        }
        let before = std::mem::take(&mut self.places);
        for host in &self.hosts {
            match host {
                Host::Unix(dir, port) => self.places.push(Place::Unix(dir.join(socket_name(*port)))),
                Host::Tcp(name, port) => {
                    let addresses = net::resolve(name, *port).await.unwrap_or_default();
                    self.places.extend(addresses.into_iter().map(Place::Tcp));
                }
            }
        }
        self.looked_up = Some(Instant::now());
        if self.places != before || self.watch.is_none() {
            self.gap = if self.places.iter().all(Place::is_here) { HERE } else { ELSEWHERE };
            self.watch = watch(&self.places);
        }
    }
}

impl Place {
    fn is_here(&self) -> bool {
        match self {
            Place::Tcp(address) => net::is_local(address.ip()),
            Place::Unix(_) => true,
        }
    }

    async fn accepts(&self) -> bool {
        let connect = async {
            match self {
                Place::Tcp(address) => TcpStream::connect(address).await.is_ok(),
                Place::Unix(path) => UnixStream::connect(path).await.is_ok(),
            }
        };
        timeout(Duration::from_secs(1), connect).await.unwrap_or(false)
    }
}

/// The directories in which the socket of a server at one of `places` may appear, as far as they are there.
fn watch(places: &[Place]) -> Option<Watch> {
    let here = places.iter().filter(|place| place.is_here());
    let dirs: BTreeSet<&Path> = here
        .flat_map(|place| match place {
            Place::Unix(path) => path.parent().into_iter().collect::<Vec<_>>(),
            Place::Tcp(_) => SOCKET_DIRS.iter().map(Path::new).collect(),
        })
        .filter(|dir| host::fs::metadata(dir).is_ok())
        .collect();
    if dirs.is_empty() { None } else { Watch::new(dirs).ok() }
}

/// Resolves when something happens to a socket file of one of `hosts`, or to the lock file beside it.
async fn socket_appears(watch: &mut Option<Watch>, hosts: &[Host]) {
    let Some(watching) = watch else { return pending().await };
    loop {
        let Ok(changed) = watching.next().await else {
            *watch = None;
            return pending().await;
        };
        if changed.iter().any(|path| is_socket_of(hosts, path)) {
            return;
        }
    }
}

fn is_socket_of(hosts: &[Host], path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    hosts.iter().any(|host| {
        let (Host::Tcp(_, port) | Host::Unix(_, port)) = host;
        name.trim_end_matches(".lock") == socket_name(*port)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, UnixListener};

    /// Longer than any of these takes, shorter than patience.
    const LIMIT: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn a_socket_that_appears_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let mut peek = Peek::new(&[Host::Unix(dir.path().into(), 7)]);
        assert!(timeout(Duration::from_millis(120), peek.listening()).await.is_err());
        let _listener = UnixListener::bind(dir.path().join(socket_name(7))).unwrap();
        timeout(LIMIT, peek.listening()).await.unwrap();
    }

    #[tokio::test]
    async fn a_port_that_opens_is_noticed() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut peek = Peek::new(&[Host::Tcp("127.0.0.1".into(), address.port())]);
        timeout(LIMIT, peek.listening()).await.unwrap();
        assert!(
            timeout(Duration::from_millis(50), peek.listening()).await.is_err(),
            "it pauses when it was not believed"
        );
        timeout(LIMIT, peek.listening()).await.unwrap();
    }

    #[test]
    fn only_sockets_of_the_right_port_count() {
        let hosts = [Host::Tcp("db".into(), 5432)];
        for (path, right) in [
            ("/tmp/.s.PGSQL.5432", true),
            ("/tmp/.s.PGSQL.5432.lock", true),
            ("/tmp/.s.PGSQL.5433", false),
            ("/tmp/x", false),
        ] {
            assert_eq!(is_socket_of(&hosts, Path::new(path)), right, "{path}");
        }
    }
}
