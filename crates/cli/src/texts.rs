//! The texts of a configuration as they were read, so that whoever takes over resolves the same application, whatever has become of the
//! files meanwhile.

use crate::load::{Disk, Of};
use config::{Files, TextFile};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The texts of a configuration. Does not print: they may hold secrets.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Texts {
    /// The file that all begins with.
    pub(crate) file: Option<PathBuf>,
    /// The release that they are of.
    #[serde(default)]
    pub(crate) release: Option<Of>,
    /// Each by its path; nothing where no file was.
    read: BTreeMap<PathBuf, Option<Text>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Text {
    name: String,
    text: String,
    mode: u32,
}

/// Reads from the disk, and keeps what was read.
pub(crate) struct Keeping<'a> {
    disk: Disk<'a>,
    read: Mutex<BTreeMap<PathBuf, Option<Text>>>,
}

impl Texts {
    pub(crate) fn of_release(self, of: Of) -> Self {
        Self { release: Some(of), ..self }
    }
}

impl<'a> Keeping<'a> {
    pub(crate) fn new(disk: Disk<'a>) -> Self {
        Self { disk, read: Mutex::default() }
    }

    /// What was read, beginning with `file`.
    pub(crate) fn texts(self, file: Option<PathBuf>) -> Texts {
        Texts { file, release: None, read: self.read.into_inner().unwrap_or_else(PoisonError::into_inner) }
    }
}

impl Files for Keeping<'_> {
    fn read(&self, path: &Path) -> io::Result<Option<TextFile>> {
        let read = self.disk.read(path)?;
        let mut all = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(path.to_owned(), read.clone().map(Text::from));
        Ok(read)
    }
}

/// Texts that were kept; what a later version wants besides is read from the disk.
pub(crate) struct Kept<'a> {
    pub(crate) texts: &'a Texts,
    pub(crate) disk: Disk<'a>,
}

impl Files for Kept<'_> {
    fn read(&self, path: &Path) -> io::Result<Option<TextFile>> {
        match self.texts.read.get(path) {
            Some(text) => Ok(text.clone().map(TextFile::from)),
            None => self.disk.read(path),
        }
    }
}

impl From<TextFile> for Text {
    fn from(TextFile { name, text, mode }: TextFile) -> Self {
        Self { name, text, mode }
    }
}

impl From<Text> for TextFile {
    fn from(Text { name, text, mode }: Text) -> Self {
        Self { name, text, mode }
    }
}
