//! What can be known about a local server without connecting to it (a refused connection costs a line in its log):
//! `postmaster.pid`, the control file, the title of its startup process, the names of its log segments.
//!
//! Pure: the reading is done by whoever asks.

mod control;
mod pidfile;
mod segment;
mod title;

pub use control::{CONTROL_FILE, redo_start};
pub use pidfile::PostmasterStatus;
pub use segment::{Lsn, SEGMENT_SIZE, Segment};
pub use title::{Startup, is_final_checkpoint, is_wal_receiver};

/// The name of the unix socket of a server with this port.
pub fn socket_name(port: u16) -> String {
    format!(".s.PGSQL.{port}")
}
