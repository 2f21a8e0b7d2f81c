//! TLS for clients, as strict as asked: any certificate, one of a trusted authority, or one for this very host.

mod verifier;

use crate::{Patience, Refusal, ServerState};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, Error, RootCertStore,
    client::{WantsClientCert, WebPkiServerVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{io, path::Path, sync::Arc};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use verifier::{Trusted, Verifier};

/// The code of a [`Refusal`] about TLS.
pub const CODE: &str = "TLS";
/// Certificates and keys are smaller; bundles of all public authorities are about 250 kB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing: safe from listeners, not from impostors.
    Nothing,
    /// That the server has the key of its certificate, whatever certificate that is. Binding SCRAM to the channel proves
    /// nothing without it: who is between could show the real server's certificate, which everybody can have.
    Key,
    /// It was issued by a trusted authority.
    Authority,
    /// The same, and it is for this host.
    Host,
}

/// Whom we trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Roots<'a> {
    /// The authorities of the operating system. Read only when needed: they take memory.
    System,
    /// The certificates of this PEM file.
    File(&'a Path),
}

/// Shakes hands over `socket`, at `place`, with a server whose certificate an authority that this system trusts has
/// issued for the host `name`. The time limit is the caller's.
///
/// # Errors
/// Those of a socket, and refusals with [`CODE`].
pub async fn connect(socket: TcpStream, name: &str, place: &str) -> Result<TlsStream<TcpStream>, Refusal> {
    connect_trusting(socket, name, place, None).await
}

/// The same; trusted are only the certificates of the PEM file `root` where one is given.
///
/// # Errors
/// The same, and those of the file.
pub async fn connect_trusting(
    socket: TcpStream,
    name: &str,
    place: &str,
    root: Option<&Path>,
) -> Result<TlsStream<TcpStream>, Refusal> {
    // Read for each connection: the roots take memory, and such connections are rare.
    let settings = client(Check::Host, root.map_or(Roots::System, Roots::File), None)?;
    let server = ServerName::try_from(name.to_owned())
        .map_err(|_| trouble(format!("`{name}` is not a name that a certificate can hold"), None))?;
    TlsConnector::from(Arc::new(settings)).connect(server, socket).await.map_err(|error| {
        let refused = refusal(&error, place);
        let hint = "its certificate must be for this host and of an authority that the system trusts";
        if refused.code.is_some() { Refusal { hint: Some(hint.into()), ..refused } } else { refused }
    })
}

/// The settings of one client.
pub(crate) fn client(
    check: Check,
    roots: Roots<'_>,
    identity: Option<(&Path, &Path)>,
) -> Result<ClientConfig, Refusal> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| trouble(error.to_string(), None))?;
    let verifier =
        Verifier { trusted: trusted(check, roots, &provider)?, needs_key: check != Check::Nothing, provider };
    with_identity(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)), identity)
}

/// Nobody is trusted when no certificate is checked.
fn trusted(check: Check, roots: Roots<'_>, provider: &Arc<CryptoProvider>) -> Result<Option<Trusted>, Refusal> {
    if matches!(check, Check::Nothing | Check::Key) {
        return Ok(None);
    }
    let roots_read = read_roots(roots)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots_read.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| trouble(format!("no certificate of a trusted authority could be read: {error}"), None))?;
    let pinned = if matches!(roots, Roots::File(_)) { roots_read } else { Vec::new() };
    Ok(Some(Trusted { chain, pinned, name_matters: check == Check::Host }))
}

fn with_identity(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<(&Path, &Path)>,
) -> Result<ClientConfig, Refusal> {
    let Some((certificate, key)) = identity else { return Ok(builder.with_no_client_auth()) };
    let key_text = read(key)?;
    let parsed = PrivateKeyDer::from_pem_slice(&key_text).map_err(|error| unreadable(key, &error))?;
    builder.with_client_auth_cert(certificates(certificate)?, parsed).map_err(|error| {
        trouble(format!("the client certificate {} cannot be used: {error}", certificate.display()), None)
    })
}

fn read_roots(roots: Roots<'_>) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    match roots {
        Roots::File(path) => certificates(path),
        Roots::System => match rustls_native_certs::load_native_certs().certs {
            empty if empty.is_empty() => Err(trouble(
                "this system has no trusted root certificates",
                Some("install the package ca-certificates, or set sslrootcert"),
            )),
            found => Ok(found),
        },
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Refusal> {
    let text = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(unreadable(path, &"it holds no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Refusal> {
    host::fs::read(path, LARGEST).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> Refusal {
    trouble(
        format!("{} cannot be used for TLS: {error}", path.display()),
        Some("it must be a PEM file that this user may read"),
    )
}

/// A refusal about TLS that waiting cannot mend.
pub(crate) fn trouble(message: impl Into<String>, hint: Option<&str>) -> Refusal {
    Refusal {
        state: ServerState::Denied,
        patience: Patience::None,
        code: Some(CODE.into()),
        message: message.into(),
        detail: None,
        hint: hint.map(str::to_owned),
    }
}

/// Why the handshake with `place` failed.
pub(crate) fn refusal(error: &io::Error, place: &str) -> Refusal {
    let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>()) else {
        return crate::socket::refusal(error, place);
    };
    match cause {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => trouble(
            format!("the certificate of {place} is not issued by a trusted authority"),
            Some("put the authority's certificate into a file and name it in sslrootcert"),
        ),
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => trouble(
            format!("the certificate of {place} is for another host: {cause}"),
            Some("connect by a name in the certificate, or use sslmode=verify-ca"),
        ),
        Error::InvalidCertificate(
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. },
        ) => trouble(
            format!("the certificate of {place} is not valid today: {cause}"),
            Some("renew it; check the clocks"),
        ),
        Error::AlertReceived(_) => trouble(
            format!("{place} ended the TLS handshake: {cause}"),
            Some("does the server ask for a client certificate (sslcert, sslkey)?"),
        ),
        _ => trouble(format!("the TLS handshake with {place} failed: {cause}"), None),
    }
}
