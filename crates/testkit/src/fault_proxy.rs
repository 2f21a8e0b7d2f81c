//! A proxy that breaks connections on purpose, repeatably.
use crate::listener::Listener;
use crate::port::free_port;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a quiet connection looks whether the fault has changed.
const LOOK: Duration = Duration::from_millis(10);

/// What the proxy does. Switched at run time, it takes hold of open connections too, but for `Refuse` and `Random`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes everything.
    Pass,
    /// The port is closed: ECONNREFUSED. Open connections pass.
    Refuse,
    /// Accepts and passes nothing, for ever or until switched.
    Stall,
    /// Ends connections with a reset (RST).
    Reset,
    /// Passes each piece this much later.
    Delay(Duration),
    /// Resets a connection once the server has sent it this many bytes.
    CutAfter(u64),
    /// Each new connection meets a fault of its own, drawn in a row that the seed fixes.
    Random(u64),
}

/// A TCP proxy on 127.0.0.1 in front of one server.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Mutex<Option<Listener>>,
}

#[derive(Debug)]
struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    fault: Fault,
    draw: fastrand::Rng,
    gone: bool,
    connections: Vec<Instant>,
}

impl FaultProxy {
    /// Stands before the server on this port of 127.0.0.1 and passes everything.
    pub fn start(upstream: u16) -> Self {
        let state =
            State { fault: Fault::Pass, draw: fastrand::Rng::with_seed(0), gone: false, connections: Vec::new() };
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, upstream));
        let proxy = Self {
            port: free_port(),
            shared: Arc::new(Shared { upstream, state: Mutex::new(state) }),
            listener: Mutex::default(),
        };
        proxy.set(Fault::Pass);
        proxy
    }

    /// The proxy's port; it stays the same while refusing.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Switches the fault.
    pub fn set(&self, fault: Fault) {
        let mut state = self.shared.state();
        state.fault = fault;
        if let Fault::Random(seed) = fault {
            state.draw.seed(seed);
        }
        drop(state);
        if fault == Fault::Refuse { self.close() } else { self.listen() }
    }

    /// When each connection came.
    pub fn connections(&self) -> Vec<Instant> {
        self.shared.state().connections.clone()
    }

    fn listen(&self) {
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if listener.is_none() {
            let shared = Arc::clone(&self.shared);
            *listener =
                Some(Listener::start(self.port, move |client| shared.carry(client)).expect("cannot listen again"));
        }
    }

    fn close(&self) {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.fault = Fault::Reset;
        state.gone = true;
    }
}

/// A client's connection and ours to the server. When the last pump lets go, both close.
struct Link {
    client: Arc<TcpStream>,
    server: TcpStream,
    /// The fault of this connection alone.
    own: Option<Fault>,
    broken: AtomicBool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carry(self: &Arc<Self>, client: Arc<TcpStream>) {
        let own = self.admit();
        let server = if self.fault(own) == Fault::Reset { None } else { TcpStream::connect(self.upstream).ok() };
        let Some(server) = server else {
            return reset(&client);
        };
        let link = Arc::new(Link { client, server, own, broken: AtomicBool::new(false) });
        let (shared, same) = (Arc::clone(self), Arc::clone(&link));
        std::thread::spawn(move || shared.pump(&same, &same.client, &same.server, false));
        self.pump(&link, &link.server, &link.client, true);
    }

    /// Notes a connection; in `Random` draws its own fault.
    fn admit(&self) -> Option<Fault> {
        let mut state = self.state();
        state.connections.push(Instant::now());
        matches!(state.fault, Fault::Random(_)).then(|| draw(&mut state.draw))
    }

    fn fault(&self, own: Option<Fault>) -> Fault {
        let state = self.state();
        own.filter(|_| !state.gone).unwrap_or(state.fault)
    }

    /// Carries one direction to its end.
    fn pump(&self, link: &Link, mut from: &TcpStream, mut to: &TcpStream, towards_client: bool) {
        let _ = from.set_read_timeout(Some(LOOK));
        let mut piece = [0; 16 * 1024];
        let mut passed = 0;
        while !link.broken.load(Ordering::SeqCst) {
            let left = match self.fault(link.own) {
                Fault::Reset => return link.reset(),
                Fault::Stall => {
                    std::thread::sleep(LOOK);
                    continue;
                }
                Fault::CutAfter(limit) if towards_client && limit <= passed => return link.reset(),
                Fault::CutAfter(limit) if towards_client => limit - passed,
                _ => u64::MAX,
            };
            let read = match from.read(&mut piece) {
                Ok(0) => return drop(to.shutdown(Shutdown::Write)),
                Ok(read) => read,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) =>
                {
                    continue;
                }
                Err(_) => return link.reset(),
            };
            if let Fault::Delay(delay) = self.fault(link.own) {
                std::thread::sleep(delay);
            }
            let passes = read.min(usize::try_from(left).unwrap_or(usize::MAX));
            if to.write_all(&piece[..passes]).is_err() {
                return link.reset();
            }
            passed += passes as u64;
        }
    }
}

impl Link {
    /// Ends both connections with a reset, once both pumps have let go.
    fn reset(&self) {
        reset(&self.client);
        reset(&self.server);
        self.broken.store(true, Ordering::SeqCst);
    }
}

/// One fate for one connection; half of them pass.
fn draw(draw: &mut fastrand::Rng) -> Fault {
    match draw.u8(0..8) {
        0..4 => Fault::Pass,
        4 => Fault::Reset,
        5 => Fault::Delay(Duration::from_millis(draw.u64(1..200))),
        6 => Fault::CutAfter(draw.u64(1..500)),
        _ => Fault::Stall,
    }
}

/// Makes the close of a socket a reset.
fn reset(stream: &TcpStream) {
    let _ = rustix::net::sockopt::set_socket_linger(stream, Some(Duration::ZERO));
}
