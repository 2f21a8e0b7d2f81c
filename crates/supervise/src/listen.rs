//! The socket that mainstay holds for a service: bound once, kept over every restart, so that nobody is refused.

use config::Service;
use host::net::{self, BindError};
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
    /// Another generation has one at the same address, and this one is led to separately.
    pub(crate) second: bool,
}

impl Listening {
    /// Binds the socket of `service`, if it has one.
    pub(crate) fn bind(service: &Service) -> Result<Option<Self>, ListenError> {
        let Some(address) = service.listen else { return Ok(None) };
        let name = || service.name.clone();
        // Blocking, as systemd hands them over by default: a service that wants it otherwise sets it otherwise.
        let socket =
            net::bind_alone(address).map_err(|source| ListenError::Bind { service: name(), address, source })?;
        let port = net::port(&socket).map_err(|source| ListenError::Socket { service: name(), address, source })?;
        Ok(Some(Self { socket: Arc::new(socket), port, second: false }))
    }

    /// A second socket at the same address, for a generation beside the one that serves. Where the kernel does not keep the two apart
    /// it is the same one, and both are asked.
    pub(crate) fn beside(&self) -> Self {
        match net::listen_beside(&*self.socket) {
            Ok(socket) => Self { socket: Arc::new(socket), port: self.port, second: true },
            Err(_) => self.clone(),
        }
    }

    /// From now on all connections are its own, if it is a second one.
    pub(crate) fn lead(&self) -> io::Result<()> {
        if self.second { net::lead_to_second(&*self.socket) } else { Ok(()) }
    }

    /// The other one at its address has nothing left to do.
    pub(crate) fn be_alone(&mut self, other: Option<&Self>) {
        self.second = false;
        let Some(other) = other.filter(|other| !Arc::ptr_eq(&other.socket, &self.socket)) else { return };
        // At worst somebody of our user might listen there, too, and would get nothing.
        let _ = net::stop_listening(&*other.socket).and_then(|()| net::be_alone(&*self.socket));
    }

    /// Does nobody wait to be accepted? What cannot be seen is not waited for.
    pub(crate) fn is_quiet(&self) -> bool {
        net::waiting(&*self.socket).is_ok_and(|waiting| waiting == 0)
    }
}

impl From<&ListenError> for Finding {
    fn from(error: &ListenError) -> Self {
        let (ListenError::Bind { service, .. } | ListenError::Socket { service, .. }) = error;
        let hint = format!("free the port, or change `listen` of `[services.{service}]`");
        Finding::error(error.to_string()).because(error).hint(hint)
    }
}
