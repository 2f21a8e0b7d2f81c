//! Requests to whichever copy of the application is live, and none lost while they change.
//!
//! [`traffic::Traffic`] decides: who is live, who drains, who waits. [`Proxy`] carries it out over real connections;
//! [`serve`] takes them from a listener. [`control`] lets people look and switch over a Unix socket.

pub mod acme;
mod block;
mod body;
mod certificate;
pub mod control;
mod exchange;
mod headers;
mod listen;
mod offered;
mod page;
mod patient;
mod pool;
mod prove;
mod proxy;
mod settings;
mod switchboard;
mod tls;
pub mod traffic;
mod tunnel;
mod wary;
mod wire;

pub use block::{Block, USUAL};
pub use certificate::Certificate;
pub use headers::Trust;
pub use listen::{Door, serve};
pub use offered::{Look, Offered, complaint};
pub use prove::{Proof, Unproven};
pub use proxy::{Proxy, SwitchError, Switched};
pub use settings::{Limits, Settings, Times, answer_headers, secure_headers};
pub use tls::{Certificates, NoCertificate, Shown, examine};
