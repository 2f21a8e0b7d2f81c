//! Does anybody listen yet? A connection that is refused leaves no line in any log, so that can be asked often.

use config::dsn::Host;
use host::net;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use tokio::{
    net::{TcpStream, UnixStream},
    time::{Instant, sleep_until, timeout},
};

/// Here, a refused connection takes some ten microseconds.
const HERE: Duration = Duration::from_millis(20);
/// Elsewhere it takes a round trip, and the other side works too.
const ELSEWHERE: Duration = Duration::from_millis(100);
/// Names are looked up again after this long: a container may come back elsewhere.
const NAMES_LAST: Duration = Duration::from_secs(2);
/// After it has said that somebody listens, it is quiet for this long.
const PAUSE: Duration = Duration::from_millis(500);

/// Peeks at the places where a PostgreSQL may begin to listen.
#[derive(Debug)]
pub(crate) struct Peek {
    hosts: Vec<Host>,
    places: Vec<Place>,
    looked_up: Option<Instant>,
    gap: Duration,
    next: Option<Instant>,
}

#[derive(Clone, Debug)]
enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

impl Peek {
    pub(crate) fn new(hosts: &[Host]) -> Self {
        Self { hosts: hosts.to_vec(), places: Vec::new(), looked_up: None, gap: HERE, next: None }
    }

    /// Resolves when somebody listens. May be dropped and called again.
    pub(crate) async fn listening(&mut self) {
        loop {
            let next = *self.next.get_or_insert_with(|| Instant::now() + HERE);
            sleep_until(next).await;
            self.look_up().await;
            let found = self.anybody().await;
            self.next = Some(Instant::now() + if found { PAUSE } else { self.gap });
            if found {
                return;
            }
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
        self.places.clear();
        for host in &self.hosts {
            match host {
                Host::Unix(dir, port) => self.places.push(Place::Unix(dir.join(crate::local::socket_name(*port)))),
                Host::Tcp(name, port) => {
                    let addresses = net::resolve(name, *port).await.unwrap_or_default();
                    self.places.extend(addresses.into_iter().map(Place::Tcp));
                }
            }
        }
        self.gap = if self.places.iter().all(Place::is_here) { HERE } else { ELSEWHERE };
        self.looked_up = Some(Instant::now());
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
