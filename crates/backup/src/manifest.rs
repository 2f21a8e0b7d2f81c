//! What is known of a copy: `manifest.json` beside it.

use crate::{BackupError, Content, Id, Standing, keys::SUFFIX, seal};
use jiff::Timestamp;
use report::Check;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::Path, time::Duration};

/// The version that is written, and the only one that is understood.
const VERSION: u32 = 1;
/// More is no manifest.
pub(crate) const MAX_BYTES: u64 = 256 << 20;
/// Names and numbers of rows are nobody else's business.
pub(crate) const MODE: u32 = 0o600;
/// Its name beside the copy.
pub(crate) const NAME: &str = "manifest.json";

/// What is known of a copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    version: u32,
    /// The name of the copy.
    pub id: Id,
    /// The application. A label: what belongs together is told by [`Source::id`].
    pub app: String,
    /// What it is a copy of.
    pub source: Source,
    /// Why it was taken.
    pub why: Why,
    /// Who wants it kept, and for what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// The release that was running, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The moment that it shows.
    pub taken: Timestamp,
    /// How long taking it took, in seconds, without the proof.
    pub took: f64,
    /// What was in the source at that moment.
    pub content: Content,
    /// The files beside this one.
    pub files: Vec<Part>,
    /// The public keys that they are encrypted for; none when they are not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// The programs that made it, with their versions.
    pub tools: BTreeMap<String, String>,
    /// How far it has come.
    pub standing: Standing,
    /// What was looked at last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// The last proof, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proof>,
}

/// What a copy is a copy of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// PostgreSQL or SQLite.
    pub kind: Kind,
    /// Which database, whatever it is called.
    pub id: String,
    /// What it is called: the name of the database, or of the file.
    pub name: String,
    /// Where it is, without secrets.
    pub place: String,
    /// The server's version, or SQLite's.
    pub server: String,
    /// Its size in bytes, as it takes room on the disk.
    pub bytes: u64,
    /// Owner, encoding, locale and roles: what a new database needs to be like it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub traits: BTreeMap<String, String>,
    /// The roles that own something in it or have rights on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
}

/// The kind of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// PostgreSQL.
    Postgresql,
    /// SQLite.
    Sqlite,
}

/// Why a copy was taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Somebody asked for it.
    #[default]
    Asked,
    /// It was due.
    Scheduled,
    /// Before a release.
    BeforeDeploy,
    /// Before another copy took the place of the database.
    BeforeRestore,
}

/// A file of a copy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its name.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// In hexadecimal digits.
    pub blake3: String,
    /// In hexadecimal digits, as in `SHA256SUMS`.
    pub sha256: String,
    /// Its length before it was compressed.
    pub raw_bytes: u64,
}

impl Part {
    /// Its name, as it would be without encryption.
    pub(crate) fn plain_name(&self) -> &str {
        self.name.strip_suffix(SUFFIX).unwrap_or(&self.name)
    }
}

/// A proof: the copy was restored and compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// When it ended.
    pub at: Timestamp,
    /// How long making a database of the copy took, in seconds: what a real restore would take, about.
    pub restore: f64,
    /// How long all of it took, in seconds.
    pub took: f64,
    /// Where it was restored: `a server of its own, PostgreSQL 15.18`.
    pub ground: String,
}

/// Why a manifest is not understood. The copy is kept, and never counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// It was written by another mainstay.
    #[error("its manifest has version {0}, and this mainstay knows version {VERSION}")]
    Version(u64),
    /// It is none.
    #[error("its manifest is damaged: {0}")]
    Damaged(String),
    /// It cannot be read.
    #[error("{0}")]
    Io(String),
}

/// What a new copy begins with.
pub(crate) struct Begin {
    pub(crate) id: Id,
    pub(crate) app: String,
    pub(crate) source: Source,
    pub(crate) why: Why,
    pub(crate) pin: Option<String>,
    pub(crate) release: Option<String>,
}

impl Manifest {
    pub(crate) fn begin(begin: Begin) -> Self {
        let Begin { id, app, source, why, pin, release } = begin;
        let tools = BTreeMap::from([("mainstay".to_owned(), env!("CARGO_PKG_VERSION").to_owned())]);
        Self {
            version: VERSION,
            taken: id.time(),
            id,
            app,
            source,
            why,
            pin,
            release,
            took: 0.0,
            content: Content::default(),
            files: Vec::new(),
            recipients: Vec::new(),
            tools,
            standing: Standing::begun(),
            checks: Vec::new(),
            proof: None,
        }
    }

    /// All its files together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Is it one of PostgreSQL's directory format (pg_dump(1)), which several processes have written?
    pub fn is_directory(&self) -> bool {
        self.files.iter().any(|part| part.plain_name() == "toc.dat")
    }

    /// How large all its files are before they are compressed, in bytes, as far as that is known.
    pub(crate) fn raw_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.raw_bytes).sum()
    }

    /// For `sha256sum -c`.
    pub(crate) fn sums(&self) -> String {
        self.files.iter().map(|it| format!("{}  {}\n", it.sha256, it.name)).collect()
    }

    /// The file of this name, encrypted or not.
    pub(crate) fn part(&self, name: &str) -> Result<&Part, BackupError> {
        let named = |part: &&Part| part.name.strip_suffix(SUFFIX).unwrap_or(&part.name) == name;
        let missing = || BackupError::Damaged { id: self.id.to_string(), why: format!("has no `{name}`") };
        self.files.iter().find(named).ok_or_else(missing)
    }

    /// Does it count?
    pub fn is_verified(&self) -> bool {
        self.standing.is_verified()
    }

    /// How long making a database of it took, when that was tried.
    pub fn restore_took(&self) -> Option<Duration> {
        self.proof.as_ref().and_then(|proof| Duration::try_from_secs_f64(proof.restore).ok())
    }

    /// Reads the manifest in the directory of a copy.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn read(dir: &Path) -> Result<Self, Unreadable> {
        let text = host::fs::read(&dir.join(NAME), MAX_BYTES).map_err(|error| Unreadable::Io(error.to_string()))?;
        Self::parse(&text)
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Self, Unreadable> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
        let Versioned { version } = serde_json::from_slice(text).map_err(damaged)?;
        if version != u64::from(VERSION) {
            return Err(Unreadable::Version(version));
        }
        serde_json::from_slice(text).map_err(damaged)
    }

    /// The same beside the files in `dir`: one that is gone or of another size has failed, whatever was once proven. The files are not read.
    pub(crate) fn beside(self, dir: &Path) -> Self {
        let wrong = self.files.iter().find_map(|part| seal::glance(dir, part).err());
        match wrong {
            Some(why) => Self { standing: self.standing.failed(why), ..self },
            None => self,
        }
    }

    /// Writes it into the directory of the copy, all or nothing.
    pub(crate) fn write(&self, dir: &Path) -> std::io::Result<()> {
        host::fs::write_atomic(&dir.join(NAME), self.text()?.as_bytes(), MODE)
    }

    /// As it is written.
    pub(crate) fn text(&self) -> std::io::Result<String> {
        Ok(serde_json::to_string_pretty(self).map_err(std::io::Error::other)? + "\n")
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Postgresql => "PostgreSQL",
            Kind::Sqlite => "SQLite",
        })
    }
}

impl std::fmt::Display for Why {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Why::Asked => "asked for",
            Why::Scheduled => "scheduled",
            Why::BeforeDeploy => "before a deploy",
            Why::BeforeRestore => "before a restore",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: a manifest of another version is told as such, and what is none is not guessed at.
    #[test]
    fn an_unknown_version_is_refused() {
        assert_eq!(Manifest::parse(br#"{"version": 7, "new": {}}"#), Err(Unreadable::Version(7)));
        for text in [&b"{}"[..], b"", b"{\"version\":1", br#"{"version":1}"#] {
            assert!(matches!(Manifest::parse(text), Err(Unreadable::Damaged(_))), "{text:?}");
        }
    }

    /// The form of version 1, for ever: a copy that was taken with it can be read.
    #[test]
    fn version_1_is_read_for_ever() {
        let manifest = Manifest::parse(include_bytes!("../tests/samples/manifest-1.json")).unwrap();
        assert!(manifest.is_verified());
        assert_eq!((manifest.content.rows(), manifest.bytes()), (3, 170));
    }
}
