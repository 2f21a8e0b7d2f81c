//! The control socket: bound under the lock of the single instance, answered from then on.

mod deck;
mod later;
mod ring;
mod settled;
mod shown;

pub(crate) use deck::Reread;
pub(crate) use ring::Ring;

use super::World;
use deck::Deck;
use host::{fs, net::bind_private};
use report::{Event, Journal, Level};
use std::{
    io,
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
}

/// Answers on the control socket. Without it the application is as safe as with it, so what cannot be bound is told and
/// is no reason not to start. Call it under the lock of the single instance: it takes the place of a socket that is left.
pub(super) fn listen(
    world: &Arc<World>,
    handle: Handle,
    jobs: Option<ScheduleHandle>,
    reread: Reread,
) -> Option<Listening> {
    let path = world.app.control_socket();
    match bind(&path) {
        Ok(listener) => {
            let deck = Arc::new(Deck::new(world.clone(), handle, jobs, reread));
            let serving = tokio::spawn(serve(world.clone(), listener, deck)).abort_handle();
            Some(Listening { path, serving })
        }
        Err(error) => {
            let text = format!("`{}` cannot be listened on, so that nobody can ask: {error}", path.display());
            world.journal.note(Event::new("control.off", text).level(Level::Warn));
            None
        }
    }
}

fn bind(path: &Path) -> io::Result<std::os::unix::net::UnixListener> {
    if let Some(directory) = path.parent() {
        fs::set_mode(directory, MODE)?;
    }
    bind_private(path)
}

async fn serve(world: Arc<World>, listener: std::os::unix::net::UnixListener, deck: Arc<Deck>) {
    if let Err(error) = control::serve(listener, deck, host::user::uid()).await {
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
