//! A TCP server in a thread, the ground of the fakes.
use std::io;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

/// Accepts on 127.0.0.1 and handles each connection in a thread of its own. Dropped, it closes the port; connections go on.
#[derive(Debug)]
pub(crate) struct Listener {
    port: u16,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stopped: AtomicBool,
    streams: Mutex<Vec<Weak<TcpStream>>>,
}

impl Listener {
    /// Listens on `port`; 0 lets the system choose.
    pub(crate) fn start(port: u16, handle: impl Fn(Arc<TcpStream>) + Send + Sync + 'static) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let accepting = Arc::clone(&shared);
        let thread = std::thread::spawn(move || accept(&listener, &accepting, &Arc::new(handle)));
        Ok(Self { port, shared, thread: Some(thread) })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection that is still open.
    pub(crate) fn hang_up(&self) {
        for stream in self.shared.streams.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.upgrade().map(|stream| stream.shutdown(Shutdown::Both));
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Shared, handle: &Arc<impl Fn(Arc<TcpStream>) + Send + Sync + 'static>) {
    for stream in listener.incoming().flatten() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let stream = Arc::new(stream);
        shared.streams.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&stream));
        let handle = Arc::clone(handle);
        std::thread::spawn(move || handle(stream));
    }
}
