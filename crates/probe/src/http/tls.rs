//! TLS round an HTTP connection, verified against the system's roots.

use crate::refusals::{never, not_yet};
use database::{Patience, Refusal, ServerState};
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Shakes hands as `host`'s client.
pub(super) async fn wrap(stream: TcpStream, host: &str) -> Result<TlsStream<TcpStream>, Refusal> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| never(ServerState::Unknown, format!("`{host}`: {error}"), "check the host name"))?;
    let connector = TlsConnector::from(Arc::new(settings()?));
    connector.connect(name, stream).await.map_err(|error| Refusal {
        patience: Patience::Tries(3),
        code: Some("TLS".into()),
        hint: Some("its certificate must be for this host and of an authority that the system trusts".into()),
        ..not_yet(ServerState::Unknown, format!("TLS with `{host}` failed: {error}"))
    })
}

/// Read for each request: the roots take memory, and requests over TLS are rare.
fn settings() -> Result<ClientConfig, Refusal> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| never(ServerState::Unknown, error.to_string(), "use `http://`"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
