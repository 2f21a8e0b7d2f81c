//! The certificate that we show, read again when its file changes.

use crate::Certificate;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
    shown: Shown,
    stamp: [Option<SystemTime>; 2],
    looked: Instant,
}

/// What whoever connects is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What the certificate says; nothing when that cannot be read.
    pub certificate: Option<Certificate>,
    /// We have signed it ourselves, until there is another one.
    pub provisional: bool,
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
    /// None could be made.
    #[error("no provisional certificate can be made: {0}")]
    Unmade(rcgen::Error),
}

impl Certificates {
    /// Reads them.
    ///
    /// # Errors
    /// See [`NoCertificate`].
    pub fn read(certificate: PathBuf, key: PathBuf) -> Result<Self, NoCertificate> {
        let stamp = stamp(&certificate, &key);
        let read = configured(&certificate, &key)?;
        Ok(Self::of(certificate, key, stamp, read))
    }

    /// Reads the file that holds both; where there is none yet, or none of use, one for `names` that we sign ourselves is shown until
    /// the file is there.
    ///
    /// # Errors
    /// When none can be made.
    pub fn kept(file: PathBuf, names: &[String]) -> Result<Self, NoCertificate> {
        let stamp = stamp(&file, &file);
        let read = match configured(&file, &file) {
            Ok(read) => read,
            Err(_) => provisional(&file, names)?,
        };
        Ok(Self::of(file.clone(), file, stamp, read))
    }

    fn of(
        certificate: PathBuf,
        key: PathBuf,
        stamp: [Option<SystemTime>; 2],
        read: (Arc<ServerConfig>, Shown),
    ) -> Self {
        let (config, shown) = read;
        Self { certificate, key, now: Mutex::new(Known { config, shown, stamp, looked: Instant::now() }) }
    }

    /// What whoever connects now is shown.
    pub fn shown(&self) -> Shown {
        self.known().shown.clone()
    }

    /// Reads the files now if they have changed; what is wrong with them, then the old ones go on.
    pub fn look(&self) -> Option<NoCertificate> {
        let mut known = self.known();
        self.look_by(&mut known)
    }

    /// Those of now, and what is wrong with newer ones: then the old ones go on.
    pub(crate) fn current(&self) -> (Arc<ServerConfig>, Option<NoCertificate>) {
        let mut known = self.known();
        let wrong = if known.looked.elapsed() >= EVERY { self.look_by(&mut known) } else { None };
        (known.config.clone(), wrong)
    }

    fn look_by(&self, known: &mut Known) -> Option<NoCertificate> {
        known.looked = Instant::now();
        let stamp = stamp(&self.certificate, &self.key);
        if stamp == known.stamp {
            return None;
        }
        known.stamp = stamp;
        configured(&self.certificate, &self.key).map(|read| (known.config, known.shown) = read).err()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a certificate in files says: it can be read, and the key belongs to it.
///
/// # Errors
/// See [`NoCertificate`].
pub fn examine(certificate: &Path, key: &Path) -> Result<Certificate, NoCertificate> {
    let (_, shown) = configured(certificate, key)?;
    shown.certificate.ok_or_else(|| NoCertificate::Empty { path: certificate.to_owned(), what: "certificate" })
}

fn stamp(certificate: &Path, key: &Path) -> [Option<SystemTime>; 2] {
    [certificate, key].map(|path| host::fs::metadata(path).ok().and_then(|facts| facts.modified))
}

fn configured(certificate: &Path, key: &Path) -> Result<(Arc<ServerConfig>, Shown), NoCertificate> {
    let empty = |path: &Path, what| NoCertificate::Empty { path: path.to_owned(), what };
    let pem = host::fs::read(certificate, LARGEST)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    let Some(first) = chain.first() else { return Err(empty(certificate, "certificate")) };
    let shown = Shown { certificate: Certificate::of(first), provisional: false };
    let secret =
        PrivateKeyDer::from_pem_slice(&host::fs::read(key, LARGEST)?).map_err(|_| empty(key, "private key"))?;
    Ok((settings(certificate, chain, secret)?, shown))
}

fn settings(
    path: &Path,
    chain: Vec<CertificateDer<'static>>,
    secret: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, NoCertificate> {
    let unfit = |source| NoCertificate::Unfit { path: path.to_owned(), source };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(unfit)?;
    let mut config = versions.with_no_client_auth().with_single_cert(chain, secret).map_err(unfit)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// So that browsers can say what is wrong, rather than that nobody answers.
fn provisional(path: &Path, names: &[String]) -> Result<(Arc<ServerConfig>, Shown), NoCertificate> {
    let signed = rcgen::generate_simple_self_signed(names).map_err(NoCertificate::Unmade)?;
    let secret = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
    let shown = Shown { certificate: Certificate::of(signed.cert.der()), provisional: true };
    Ok((settings(path, vec![signed.cert.der().clone()], secret)?, shown))
}
