//! TLS for clients, as strict as asked: any certificate, one of a trusted authority, or one for this very host.

use crate::{Patience, Refusal, ServerState};
use rustls::{
    CertificateError, ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WantsClientCert, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use std::{io, path::Path, sync::Arc};

/// The code of a [`Refusal`] about TLS.
pub(crate) const CODE: &str = "TLS";
/// Certificates and keys are smaller; bundles of all public authorities are about 250 kB.
const LARGEST: u64 = 4 * 1024 * 1024;

/// How much of the server's certificate is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// Nothing: safe from listeners, not from impostors.
    Nothing,
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
    let verifier = verifier(check, roots, provider)?;
    with_identity(builder.dangerous().with_custom_certificate_verifier(verifier), identity)
}

fn verifier(
    check: Check,
    roots: Roots<'_>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Refusal> {
    if check == Check::Nothing {
        return Ok(Arc::new(Anyone(provider)));
    }
    let trusted = read_roots(roots)?;
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(trusted.iter().cloned());
    let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| trouble(format!("no certificate of a trusted authority could be read: {error}"), None))?;
    let pinned = if matches!(roots, Roots::File(_)) { trusted } else { Vec::new() };
    Ok(Arc::new(Trusted { chain, pinned, name_matters: check == Check::Host }))
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

/// Takes any certificate. There is nothing then that a signature of the handshake could prove either.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes what a trusted authority issued; and a certificate that is itself in the file of the trusted ones, as many
/// servers have made their own (`webpki` alone would refuse such a one as "authority used as server").
#[derive(Debug)]
struct Trusted {
    chain: Arc<WebPkiServerVerifier>,
    pinned: Vec<CertificateDer<'static>>,
    name_matters: bool,
}

impl ServerCertVerifier for Trusted {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.pinned.iter().any(|pinned| pinned == certificate) {
            return self.verify_pinned(certificate, name);
        }
        match self.chain.verify_server_cert(certificate, others, name, ocsp, now) {
            // The name is looked at last: everything else was right.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.name_matters => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

impl Trusted {
    fn verify_pinned(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        if self.name_matters {
            rustls::client::verify_server_name(&rustls::server::ParsedCertificate::try_from(certificate)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }
}
