//! The socket that mainstay holds for a service: bound once, kept over every restart, so that nobody is refused.

use config::Service;
use host::net::{BindError, bind_tcp};
use report::Finding;
use std::{io, net::SocketAddr, os::fd::OwnedFd, sync::Arc};

/// The socket of a service could not be bound.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The system refused.
    #[error("service `{service}` cannot listen on {address}")]
    Bind {
        /// The service.
        service: String,
        /// Its address.
        address: SocketAddr,
        /// Why, and who holds it where that can be seen.
        source: BindError,
    },
    /// The system gave a socket that cannot be used.
    #[error("the socket of service `{service}` on {address} cannot be used")]
    Socket {
        /// The service.
        service: String,
        /// Its address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A bound socket.
#[derive(Clone)]
pub(crate) struct Listening {
    pub(crate) socket: Arc<OwnedFd>,
    pub(crate) port: u16,
}

impl Listening {
    /// Binds the socket of `service`, if it has one.
    pub(crate) fn bind(service: &Service) -> Result<Option<Self>, ListenError> {
        let Some(address) = service.listen else { return Ok(None) };
        let name = || service.name.clone();
        let listener = bind_tcp(address).map_err(|source| ListenError::Bind { service: name(), address, source })?;
        // As systemd hands them over by default: a service that wants it otherwise sets it otherwise.
        let port = listener.set_nonblocking(false).and_then(|()| listener.local_addr()).map(|address| address.port());
        let port = port.map_err(|source| ListenError::Socket { service: name(), address, source })?;
        Ok(Some(Self { socket: Arc::new(listener.into()), port }))
    }
}

impl From<&ListenError> for Finding {
    fn from(error: &ListenError) -> Self {
        let (ListenError::Bind { service, .. } | ListenError::Socket { service, .. }) = error;
        let hint = format!("free the port, or change `listen` of `[services.{service}]`");
        Finding::error(error.to_string()).because(error).hint(hint)
    }
}
