//! What is kept on the disk, for its user alone, each file written as a whole: the account, the certificate with its key, and how the
//! last tries went.

use super::due::Tries;
use host::fs;
use instant_acme::AccountCredentials;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    io,
    path::{Path, PathBuf},
};

const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;
/// None of them is nearly as large.
const LARGEST: u64 = 1024 * 1024;

/// The directory of certificates.
pub(super) struct Store(PathBuf);

/// For whom and with whom it was tried, and how that went.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) directory: String,
    pub(super) domains: Vec<String>,
    pub(super) tries: Tries,
    /// An order of which the certificate is not kept yet.
    pub(super) order: Option<Begun>,
}

/// An order that was begun.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) url: String,
    /// The private key that the certificate is for, as PEM.
    pub(super) key: String,
}

impl std::fmt::Debug for Begun {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
struct Account {
    directory: String,
    credentials: AccountCredentials,
}

/// The same, to be written.
#[derive(Serialize)]
struct NewAccount<'a> {
    directory: &'a str,
    credentials: &'a AccountCredentials,
}

impl Store {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// The file that holds the certificate, those above it, and its key.
    pub(super) fn certificate(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    pub(super) fn keep_certificate(&self, chain: &str, key: &str) -> io::Result<()> {
        self.write(&self.certificate(), format!("{}\n{}", key.trim_end(), chain).as_bytes())
    }

    /// What is unreadable says nothing.
    pub(super) fn state(&self) -> Option<State> {
        read(&self.0.join("state.json"))
    }

    pub(super) fn keep_state(&self, state: &State) -> io::Result<()> {
        self.write_json(&self.0.join("state.json"), state)
    }

    /// The account with the authority of `directory`.
    pub(super) fn account(&self, directory: &str) -> Option<AccountCredentials> {
        read::<Account>(&self.account_file()).filter(|it| it.directory == directory).map(|it| it.credentials)
    }

    pub(super) fn keep_account(&self, directory: &str, credentials: &AccountCredentials) -> io::Result<()> {
        self.write_json(&self.account_file(), &NewAccount { directory, credentials })
    }

    /// The authority does not know it.
    pub(super) fn forget_account(&self) -> io::Result<()> {
        fs::remove(&self.account_file())
    }

    fn account_file(&self) -> PathBuf {
        self.0.join("account.json")
    }

    fn write_json(&self, path: &Path, what: &impl Serialize) -> io::Result<()> {
        self.write(path, &serde_json::to_vec_pretty(what)?)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        fs::create_dir_all_private(&self.0, DIRECTORY)?;
        fs::write_atomic(path, bytes, FILE)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path, LARGEST).ok()?).ok()
}
