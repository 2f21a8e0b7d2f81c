//! The doors at which a proxy takes requests.

use host::net::bind_tcp;
use proxy::{Certificates, Door};
use report::Finding;
use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
};

/// A listener, what is done with who comes there, and its word for events.
pub(crate) type Opened = (TcpListener, Door, &'static str);

/// What is listened on, and the hints that name where that was written.
pub(crate) struct Doors<'a> {
    pub(crate) listen: &'a [SocketAddr],
    /// Those that send to HTTPS.
    pub(crate) redirect: &'a [SocketAddr],
    /// The files of certificate and key.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) tls_hint: &'a str,
    pub(crate) address_hint: &'a str,
}

impl Doors<'_> {
    /// Reads the certificates and binds all addresses.
    pub(crate) fn open(self) -> Result<Vec<Opened>, Finding> {
        let certificates = self.tls.clone().map(|files| self.certificates(files)).transpose()?;
        let mut doors = Vec::new();
        for address in self.listen {
            let (door, kind) =
                certificates.as_ref().map_or((Door::Plain, "http"), |it| (Door::Tls(it.clone()), "https"));
            doors.push((self.bound(*address)?, door, kind));
        }
        let port = doors.first().and_then(|(listener, ..)| listener.local_addr().ok()).map_or(443, |it| it.port());
        for address in self.redirect {
            doors.push((self.bound(*address)?, Door::Redirect(port), "redirect"));
        }
        Ok(doors)
    }

    fn certificates(&self, (certificate, key): (PathBuf, PathBuf)) -> Result<Arc<Certificates>, Finding> {
        Certificates::read(certificate, key)
            .map(Arc::new)
            .map_err(|error| Finding::error("TLS cannot be offered").because(&error).hint(self.tls_hint))
    }

    fn bound(&self, address: SocketAddr) -> Result<TcpListener, Finding> {
        bind_tcp(address).map_err(|error| {
            Finding::error(format!("the proxy cannot listen on {address}")).because(&error).hint(self.address_hint)
        })
    }
}
