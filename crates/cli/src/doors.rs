//! The doors at which a proxy takes requests.

use host::{Clock, net::bind_tcp};
use proxy::{
    Certificates, Door, NoCertificate, Offered,
    acme::{Acme, Machine},
};
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
    pub(crate) tls: Option<Tls>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) tls_hint: &'a str,
    pub(crate) address_hint: &'a str,
}

/// Where the certificate comes from.
pub(crate) enum Tls {
    /// Somebody puts it into files.
    Files { certificate: PathBuf, key: PathBuf },
    /// It is asked for, and kept in a directory.
    Acme { wanted: config::Acme, directory: PathBuf, machine: Machine },
}

impl Doors<'_> {
    /// Reads the certificates and binds all addresses; also what TLS is offered with.
    pub(crate) fn open(mut self) -> Result<(Vec<Opened>, Option<Offered>), Finding> {
        let offered = self.tls.take().map(|tls| self.offered(tls)).transpose()?;
        let mut doors = Vec::new();
        for address in self.listen {
            let (door, kind) =
                offered.as_ref().map_or((Door::Plain, "http"), |it| (Door::Tls(it.certificates.clone()), "https"));
            doors.push((self.bound(*address)?, door, kind));
        }
        let port = doors.first().and_then(|(listener, ..)| listener.local_addr().ok()).map_or(443, |it| it.port());
        let challenges = offered.as_ref().and_then(|it| it.acme.as_ref()).map(|acme| acme.challenges());
        for address in self.redirect {
            doors.push((self.bound(*address)?, Door::Redirect { port, challenges: challenges.clone() }, "redirect"));
        }
        Ok((doors, offered))
    }

    fn offered(&self, tls: Tls) -> Result<Offered, Finding> {
        let wrong = |error: NoCertificate| Finding::error("TLS cannot be offered").because(&error).hint(self.tls_hint);
        let (certificates, acme) = match tls {
            Tls::Files { certificate, key } => (Arc::new(Certificates::read(certificate, key).map_err(wrong)?), None),
            Tls::Acme { wanted, directory, machine } => {
                let acme = Acme::new(wanted, directory, machine).map_err(wrong)?;
                (acme.certificates(), Some(acme))
            }
        };
        Ok(Offered { certificates, acme, clock: self.clock.clone() })
    }

    fn bound(&self, address: SocketAddr) -> Result<TcpListener, Finding> {
        bind_tcp(address).map_err(|error| {
            Finding::error(format!("the proxy cannot listen on {address}")).because(&error).hint(self.address_hint)
        })
    }
}
