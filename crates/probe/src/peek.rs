//! Does anybody listen yet? A connection that is refused leaves no line in any log, so that can be asked often.

use crate::local::socket_name;
use config::dsn::Host;
use host::net;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::{
    net::{TcpStream, UnixStream},
    time::{Instant, sleep_until, timeout},
};

/// Here, waking up costs thirty microseconds (a hundred on a busy machine) and a refused connection sixty more.
const HERE: Duration = Duration::from_millis(20);
/// What is not there after so many peeks may take long: then only what costs nothing is done as often.
const KEEN: u32 = 250;
const PATIENT: Duration = Duration::from_millis(50);
/// Then one peek in so many knocks although no socket file has changed.
const KNOCKS: u32 = 4;
/// Elsewhere it takes a round trip, and the other side works too.
const ELSEWHERE: Duration = Duration::from_millis(150);
/// Here, the answer is there as soon as the question; only a full queue gives none.
const AT_ONCE: Duration = Duration::from_millis(2);
/// Names are looked up again after this long: a container may come back elsewhere.
const NAMES_LAST: Duration = Duration::from_secs(2);
/// After it has said that somebody listens, it is quiet for this long.
const PAUSE: Duration = Duration::from_millis(500);
/// A socket file is made a moment before anybody listens on it.
const EAGER: Duration = Duration::from_millis(1);
const EAGER_TIMES: u32 = 10;
/// Where servers put their sockets when nobody says otherwise: PostgreSQL's own default, and that of the distributions.
const SOCKET_DIRS: [&str; 2] = ["/tmp", "/var/run/postgresql"];

/// Peeks at the places where a PostgreSQL may begin to listen.
pub(crate) struct Peek {
    hosts: Vec<Host>,
    places: Vec<Place>,
    looked_up: Option<Instant>,
    files: SocketFiles,
    eager: u32,
    peeks: u32,
    next: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tcp { address: SocketAddr, here: bool },
    Unix(PathBuf),
}

impl Peek {
    pub(crate) fn new(hosts: &[Host]) -> Self {
        Self {
            hosts: hosts.to_vec(),
            places: Vec::new(),
            looked_up: None,
            files: SocketFiles::default(),
            eager: 0,
            peeks: 0,
            next: Instant::now(),
        }
    }

    /// Resolves when somebody listens. May be dropped and called again.
    pub(crate) async fn listening(&mut self) {
        loop {
            sleep_until(self.next).await;
            self.look_up().await;
            if self.files.have_changed() {
                self.eager = EAGER_TIMES;
            }
            let found = self.is_time_to_knock() && self.anybody().await;
            self.next = Instant::now() + self.next_gap(found);
            if found {
                return;
            }
        }
    }

    fn is_time_to_knock(&mut self) -> bool {
        self.peeks = self.peeks.saturating_add(1);
        self.eager > 0 || self.peeks <= KEEN || self.peeks.is_multiple_of(KNOCKS) || !self.is_here()
    }

    fn next_gap(&mut self, found: bool) -> Duration {
        let eager = self.eager > 0 && !found;
        self.eager = if eager { self.eager - 1 } else { 0 };
        match found {
            true => PAUSE,
            false if eager => EAGER,
            false if !self.is_here() => ELSEWHERE,
            false if self.peeks <= KEEN => HERE,
            false => PATIENT,
        }
    }

    fn is_here(&self) -> bool {
        self.places.iter().all(Place::is_here)
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
        self.places.clear();
        for host in &self.hosts {
            match host {
                Host::Unix(dir, port) => self.places.push(Place::Unix(dir.join(socket_name(*port)))),
                Host::Tcp(name, port) => {
                    let addresses = net::resolve(name, *port).await.unwrap_or_default();
                    self.places.extend(addresses.into_iter().map(Place::tcp));
                }
            }
        }
        self.looked_up = Some(Instant::now());
        self.files.are(self.places.iter().flat_map(Place::socket_files).collect());
    }
}

/// Where a server makes its sockets, and when it last did. Looked at again and again: a watch (inotify) would be cheaper
/// to keep and far dearer to close.
#[derive(Default)]
struct SocketFiles {
    paths: Vec<PathBuf>,
    made: Vec<Option<SystemTime>>,
}

impl SocketFiles {
    fn have_changed(&mut self) -> bool {
        let before = std::mem::replace(&mut self.made, made(&self.paths));
        self.made != before
    }

    /// Files that are looked at for the first time have not changed.
    fn are(&mut self, paths: Vec<PathBuf>) {
        if paths != self.paths {
            self.made = made(&paths);
            self.paths = paths;
        }
    }
}

fn made(paths: &[PathBuf]) -> Vec<Option<SystemTime>> {
    paths.iter().map(|path| host::fs::metadata(path).ok()?.modified).collect()
}

impl Place {
    fn tcp(address: SocketAddr) -> Self {
        Place::Tcp { address, here: net::is_local(address.ip()) }
    }

    fn is_here(&self) -> bool {
        !matches!(self, Place::Tcp { here: false, .. })
    }

    fn socket_files(&self) -> Vec<PathBuf> {
        match self {
            Place::Unix(path) => vec![path.clone()],
            Place::Tcp { address, here: true } => {
                SOCKET_DIRS.iter().map(|dir| Path::new(dir).join(socket_name(address.port()))).collect()
            }
            Place::Tcp { here: false, .. } => Vec::new(),
        }
    }

    /// Registering a socket and waiting for it costs more than the question, and here there is nothing to wait for.
    async fn accepts(&self) -> bool {
        let connect = async {
            match self {
                Place::Tcp { address, here: true } => std::net::TcpStream::connect_timeout(address, AT_ONCE).is_ok(),
                Place::Tcp { address, here: false } => TcpStream::connect(address).await.is_ok(),
                Place::Unix(path) => UnixStream::connect(path).await.is_ok(),
            }
        };
        timeout(Duration::from_secs(1), connect).await.unwrap_or(false)
    }
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
    fn a_file_that_is_made_anew_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(socket_name(7));
        let mut files = SocketFiles::default();
        files.are(vec![path.clone()]);
        assert!(!files.have_changed());
        std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(files.have_changed());
        files.are(vec![path]);
        assert!(!files.have_changed(), "the same files are no news");
    }
}
