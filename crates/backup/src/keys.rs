//! Keys of encrypted copies: those they are written for, and those they are read with.
//!
//! Files are encrypted in the format of age (<https://age-encryption.org/v1>), with its native X25519 keys, so that `age` and
//! `rage` can read them. A copy that is taken is also written for a key that exists only in memory and only until the copy is
//! proven: so it can be VERIFIED on a machine that has no key to read it later.

use crate::BackupError;
use age::{
    Decryptor, Encryptor,
    secrecy::ExposeSecret,
    stream::{StreamReader, StreamWriter},
    x25519::{Identity, Recipient},
};
use report::Secret;
use std::{
    fmt,
    io::{self, BufReader, Read, Write},
};

/// How names of encrypted files end.
pub(crate) const SUFFIX: &str = ".age";
/// What an encrypted file begins with.
const MAGIC: &str = "age-encryption.org/v1";

/// Keys of encrypted copies. Without recipients copies are not encrypted.
#[derive(Clone, Default)]
pub struct Keys {
    recipients: Vec<Recipient>,
    identities: Vec<Identity>,
    /// For as long as a copy is taken and proven.
    passing: Option<Identity>,
}

/// There is no key here to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKey;

impl Keys {
    /// Copies are written for these public keys, `age1…`.
    ///
    /// # Errors
    /// [`BackupError::Key`]: one of them is none.
    pub fn for_recipients(recipients: &[String]) -> Result<Self, BackupError> {
        let parsed = recipients.iter().map(|text| {
            text.parse().map_err(|why: &str| BackupError::Key(format!("`{text}` is no public key of age: {why}")))
        });
        Ok(Self { recipients: parsed.collect::<Result<_, _>>()?, ..Self::default() })
    }

    /// And are read with the secret keys in this text, which is that of a file as `age-keygen` writes it. `named` is how
    /// the file is called in what is told; nothing of the text ever is.
    ///
    /// # Errors
    /// [`BackupError::Key`]: there is none, or something else.
    pub fn with_identities(mut self, text: &str, named: &str) -> Result<Self, BackupError> {
        let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            if line.starts_with(MAGIC) || line.contains("BEGIN AGE ENCRYPTED FILE") {
                let why = "is itself encrypted with a passphrase; `age -d` writes the key into another file";
                return Err(BackupError::Key(format!("`{named}` {why}")));
            }
            let why = |_| BackupError::Key(format!("line {number} of `{named}` is no secret key of age"));
            self.identities.push(line.parse().map_err(why)?);
        }
        match self.identities.is_empty() {
            true => Err(BackupError::Key(format!("there is no key in `{named}`"))),
            false => Ok(self),
        }
    }

    /// Is what is written encrypted?
    pub fn encrypt(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// The public keys that copies are written for.
    pub fn recipients(&self) -> Vec<String> {
        self.recipients.iter().map(ToString::to_string).collect()
    }

    /// The public keys of the secret ones.
    pub fn own_recipients(&self) -> Vec<String> {
        self.identities.iter().map(|identity| identity.to_public().to_string()).collect()
    }

    /// The same keys, and one for this copy alone.
    pub(crate) fn for_one_copy(&self) -> Self {
        let passing = self.encrypt().then(Identity::generate);
        Self { passing, ..self.clone() }
    }

    /// Encrypts what is written into it.
    pub(crate) fn lock<W: Write>(&self, to: W) -> io::Result<StreamWriter<W>> {
        let passing = self.passing.as_ref().map(Identity::to_public);
        let all = self.recipients.iter().chain(&passing).map(|it| it as &dyn age::Recipient);
        Encryptor::with_recipients(all).map_err(io::Error::other)?.wrap_output(to)
    }

    /// Decrypts what is read from it.
    pub(crate) fn unlock<R: Read>(&self, from: R) -> io::Result<Result<StreamReader<BufReader<R>>, NoKey>> {
        let damaged = |error: age::DecryptError| match error {
            age::DecryptError::Io(error) => error,
            error => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
        };
        let decryptor = Decryptor::new_buffered(BufReader::new(from)).map_err(damaged)?;
        let all = self.identities.iter().chain(&self.passing).map(|it| it as &dyn age::Identity);
        match decryptor.decrypt(all) {
            Ok(reader) => Ok(Ok(reader)),
            Err(age::DecryptError::NoMatchingKeys) => Ok(Err(NoKey)),
            Err(error) => Err(damaged(error)),
        }
    }
}

/// A new pair: the public key, and the file with the secret one as `age-keygen` would write it.
pub fn new_key(now: jiff::Timestamp) -> (String, Secret) {
    let identity = Identity::generate();
    let public = identity.to_public().to_string();
    let secret = identity.to_string();
    let created = now.strftime("%FT%TZ");
    let text = format!("# created: {created}\n# public key: {public}\n{}\n", secret.expose_secret());
    (public, Secret::from(text))
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("recipients", &self.recipients()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (String, Secret) {
        new_key(jiff::Timestamp::UNIX_EPOCH)
    }

    fn locked(keys: &Keys) -> Vec<u8> {
        let mut writer = keys.lock(Vec::new()).unwrap();
        writer.write_all(b"rows").unwrap();
        writer.finish().unwrap()
    }

    fn read(keys: &Keys, file: &[u8]) -> Option<String> {
        let mut text = String::new();
        keys.unlock(file).unwrap().ok()?.read_to_string(&mut text).unwrap();
        Some(text)
    }

    /// S1.16: who has one of the keys can read it, who takes it can until it is proven, nobody else can.
    #[test]
    fn only_the_keys_open_it() {
        let ((public, secret), (_, other)) = (pair(), pair());
        let taking = Keys::for_recipients(&[public]).unwrap().for_one_copy();
        let file = locked(&taking);
        let with = |secret: &Secret| Keys::default().with_identities(secret.reveal(), "k").unwrap();
        assert_eq!(read(&with(&secret), &file).unwrap(), "rows");
        assert_eq!(read(&taking, &file).unwrap(), "rows");
        assert_eq!(read(&taking.for_one_copy(), &file), None, "the key of another copy");
        assert_eq!(read(&with(&other), &file), None);
        assert_eq!(read(&Keys::default(), &file), None);
        assert!(Keys::default().unlock(&b"rows"[..]).is_err());
    }

    /// S4.11: nothing of a secret is told.
    #[test]
    fn what_is_no_key_is_told_without_it() {
        let (public, secret) = pair();
        let wrong = secret.reveal().replace("KEY-1", "KEY-1A");
        for text in [wrong.as_str(), "", "# only words\n", "age-encryption.org/v1\n", &public] {
            let told = Keys::default().with_identities(text, "key.txt").unwrap_err().to_string();
            assert!(told.contains("`key.txt`") && !told.contains("SECRET"), "{told}");
        }
        let keys = Keys::for_recipients(&[public]).unwrap().with_identities(secret.reveal(), "k").unwrap();
        assert!(!format!("{keys:?}").contains("SECRET"));
    }
}
