//! The certificate that we show, read again when its file changes.

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::time::Instant;

/// Certificates and keys are smaller.
const LARGEST: u64 = 1024 * 1024;
/// The files are looked at no more often, and only when somebody connects.
const EVERY: Duration = Duration::from_secs(2);

/// A certificate and its key, in files.
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    now: Mutex<Known>,
}

struct Known {
    config: Arc<ServerConfig>,
    stamp: [Option<SystemTime>; 2],
    looked: Instant,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum NoCertificate {
    /// A file cannot be read.
    #[error("{0}")]
    Unread(#[from] std::io::Error),
    /// A file does not hold what it should.
    #[error("`{}` holds no {what} as PEM", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// The certificate and the key do not belong together, or are of no kind we know.
    #[error("`{}` and its key cannot be used", path.display())]
    Unfit {
        /// The file of the certificate.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Certificates {
    /// Reads them.
    ///
    /// # Errors
    /// See [`NoCertificate`].
    pub fn read(certificate: PathBuf, key: PathBuf) -> Result<Self, NoCertificate> {
        let stamp = stamp(&certificate, &key);
        let config = Arc::new(configured(&certificate, &key)?);
        let now = Mutex::new(Known { config, stamp, looked: Instant::now() });
        Ok(Self { certificate, key, now })
    }

    /// Those of now, and what is wrong with newer ones: then the old ones go on.
    pub(crate) fn current(&self) -> (Arc<ServerConfig>, Option<NoCertificate>) {
        let mut known = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wrong = None;
        if known.looked.elapsed() >= EVERY {
            known.looked = Instant::now();
            let stamp = stamp(&self.certificate, &self.key);
            if stamp != known.stamp {
                known.stamp = stamp;
                match configured(&self.certificate, &self.key) {
                    Ok(config) => known.config = Arc::new(config),
                    Err(error) => wrong = Some(error),
                }
            }
        }
        (known.config.clone(), wrong)
    }
}

fn stamp(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| host::fs::metadata(path).ok().and_then(|facts| facts.modified))
}

fn configured(certificate: &Path, key: &Path) -> Result<ServerConfig, NoCertificate> {
    let empty = |path: &Path, what| NoCertificate::Empty { path: path.to_owned(), what };
    let pem = host::fs::read(certificate, LARGEST)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(empty(certificate, "certificate"));
    }
    let secret =
        PrivateKeyDer::from_pem_slice(&host::fs::read(key, LARGEST)?).map_err(|_| empty(key, "private key"))?;
    let unfit = |source| NoCertificate::Unfit { path: certificate.to_owned(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unfit)?;
    let mut config = versions.with_no_client_auth().with_single_cert(chain, secret).map_err(unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
