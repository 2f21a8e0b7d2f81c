//! Addresses and sockets, as far as they are the machine's.

mod beside;
mod bind;
mod interfaces;
mod resolve;
mod sockets;
mod unix;

pub use beside::{
    PREVIEW, be_alone, bind_alone, come_from_preview, lead_to_second, listen_beside, port, stop_listening, waiting,
};
pub use bind::{BindError, SocketHolder, bind_for_child, bind_tcp};
pub use interfaces::is_local;
pub use resolve::{ResolveError, resolve};
pub use sockets::{unix_peer_pid, unix_socket_paths};
pub use unix::{LONGEST_NAME, bind_private, connect_unix, nobody_listens, peer_uid};
