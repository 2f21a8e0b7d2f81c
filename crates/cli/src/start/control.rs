//! The control socket: bound under the lock of the single instance, answered from then on.

mod deck;
mod later;
mod ring;
mod settled;
mod shown;
mod works;

pub(crate) use deck::Reread;
pub(crate) use ring::Ring;

use super::World;
use config::Service;
use deck::Deck;
use host::{fs, handover::Handing, net::bind_private};
use report::{Event, Journal, Level};
use std::{
    io,
    os::{
        fd::{OwnedFd, RawFd},
        unix::net::UnixListener,
    },
    path::{Path, PathBuf},
    sync::Arc,
};
use supervise::{Handle, schedule::ScheduleHandle};
use tokio::task::AbortHandle;

/// Nobody else looks into the directory of the socket.
const MODE: u32 = 0o700;

/// Answers until dropped; then the socket is gone, too.
pub(super) struct Listening {
    path: PathBuf,
    serving: AbortHandle,
    socket: Option<OwnedFd>,
    deck: Arc<Deck>,
}

impl Listening {
    /// The socket for the next version of mainstay.
    pub(super) fn hand_over(&self, all: &mut Handing) -> Option<RawFd> {
        self.socket.as_ref().map(|socket| all.put(socket))
    }

    /// What is at work and would be cut off, if anything is.
    pub(super) fn at_work(&self) -> Option<String> {
        self.deck.at_work()
    }

    /// Has the configuration read anew; what is wrong with it is told.
    pub(super) fn reload(&self) {
        let deck = self.deck.clone();
        tokio::spawn(async move { deck.reload_unasked().await });
    }
}

/// Answers on the control socket. Without it the application is as safe as with it, so what cannot be bound is told and
/// is no reason not to start. Call it under the lock of the single instance: it takes the place of a socket that is left, unless
/// that was `handed` over.
pub(super) fn listen(
    world: &Arc<World>,
    handle: Handle,
    jobs: Option<ScheduleHandle>,
    reread: Reread,
    handed: Option<OwnedFd>,
    configured: Vec<Service>,
) -> Option<Listening> {
    let path = world.app.control_socket();
    match handed.map_or_else(|| bind(&path), |socket| Ok(UnixListener::from(socket))) {
        Ok(listener) => {
            let deck = Deck::new(world.clone(), handle, jobs, reread, configured);
            let socket = listener.try_clone().ok().map(OwnedFd::from);
            let serving = tokio::spawn(serve(world.clone(), listener, deck.clone())).abort_handle();
            Some(Listening { path, serving, socket, deck })
        }
        Err(error) => {
            let text = format!("`{}` cannot be listened on, so that nobody can ask: {error}", path.display());
            world.journal.note(Event::new("control.off", text).level(Level::Warn));
            None
        }
    }
}

fn bind(path: &Path) -> io::Result<UnixListener> {
    if let Some(directory) = path.parent() {
        fs::set_mode(directory, MODE)?;
    }
    bind_private(path)
}

async fn serve(world: Arc<World>, listener: UnixListener, deck: Arc<Deck>) {
    if let Err(error) = control::serve(listener, deck, host::user::uid(), world.passage.asking.clone()).await {
        let text = format!("the control socket is not answered any more: {error}");
        world.journal.note(Event::new("control.lost", text).level(Level::Error));
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.serving.abort();
        // Whoever comes later finds nobody there either way.
        let _ = fs::remove(&self.path);
    }
}
