//! The SQL of one direction of a migration, read when it is needed: however many files there are, few are in memory.

use crate::{
    BadFile, MigrateError, Problem,
    directory::content,
    style::{
        Section,
        plain::{directive, sha256},
    },
};
use report::Place;
use std::{fmt, path::Path, sync::Arc};

/// The SQL of one direction of a migration.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// The file as the user knows it.
    pub(crate) shown: Arc<str>,
    /// What is run, in order.
    pub(crate) sections: Vec<Section>,
    source: Source,
}

#[derive(Clone, PartialEq, Eq)]
enum Source {
    File(Origin),
    Text(Arc<str>),
    /// A text into which variables were filled, secrets maybe, and the text without them.
    Filled {
        filled: Arc<str>,
        written: Arc<str>,
    },
}

/// A file as it was when its sections were found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) dir: Arc<Path>,
    /// Relative to the directory.
    pub(crate) name: Box<str>,
    /// Its SHA-256, see [`crate::Migration::checksum`].
    pub(crate) sum: Arc<str>,
}

/// The text of a script, in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text {
    /// The file as the user knows it.
    pub(crate) shown: Arc<str>,
    /// All of it, other sections included.
    pub(crate) whole: Arc<str>,
    /// The file as it is written, where variables were filled in.
    pub(crate) written: Option<Arc<str>>,
}

impl Script {
    /// The script in a file whose text was just read.
    pub(crate) fn in_file(origin: Origin, shown: Arc<str>, sections: Vec<Section>) -> Self {
        Self { shown, sections, source: Source::File(origin) }
    }

    /// A script that stays in memory.
    pub(crate) fn in_memory(text: &str, shown: impl Into<Arc<str>>, sections: Vec<Section>) -> Self {
        Self { shown: shown.into(), sections, source: Source::Text(text.into()) }
    }

    /// A script whose variables are filled in; only what is `written` in the file is ever kept or shown.
    pub(crate) fn filled(filled: &str, written: &str, shown: Arc<str>, sections: Vec<Section>) -> Self {
        let source = Source::Filled { filled: filled.into(), written: written.into() };
        Self { shown, sections, source }
    }

    /// A script that is all of `text`.
    pub(crate) fn whole(text: &str, shown: impl Into<Arc<str>>) -> Self {
        Self::in_memory(text, shown, vec![Section { range: 0..text.len(), transaction: None }])
    }

    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read any more, or is not what it was when the sections were found.
    pub(crate) fn load(&self) -> Result<Text, MigrateError> {
        let (whole, written) = match &self.source {
            Source::Text(text) => (Arc::clone(text), None),
            Source::File(origin) => (self.reread(origin)?, None),
            Source::Filled { filled, written } => (Arc::clone(filled), Some(Arc::clone(written))),
        };
        Ok(Text { shown: Arc::clone(&self.shown), whole, written })
    }

    /// What of it is kept for later: what is run, or the file as it is written where variables were filled in.
    pub(crate) fn kept(&self, text: &Text) -> String {
        text.written.as_deref().map_or_else(|| text.joined(&self.sections), str::to_owned)
    }

    /// The same of a script that undoes, which is run without its file one day: what the file says of transactions is kept along.
    pub(crate) fn kept_to_undo(&self, text: &Text) -> String {
        let (kept, says) = (self.kept(text), self.transaction());
        let line = match says {
            _ if directive(&kept) == Ok(says) => "",
            Some(false) => "-- mainstay: no-transaction\n",
            Some(true) => "-- mainstay: transaction\n",
            None => "",
        };
        format!("{line}{kept}")
    }

    /// A script as [`Script::kept_to_undo`] has kept it.
    pub(crate) fn kept_whole(text: &str, shown: impl Into<Arc<str>>) -> Self {
        let transaction = directive(text).unwrap_or_default();
        Self::in_memory(text, shown, vec![Section { range: 0..text.len(), transaction }])
    }

    /// What all of it says of transactions: one section that must not be in one speaks for the others.
    fn transaction(&self) -> Option<bool> {
        let says = |what| move |section: &Section| section.transaction == Some(what);
        match self.sections.iter().any(says(false)) {
            true => Some(false),
            false => (!self.sections.is_empty() && self.sections.iter().all(says(true))).then_some(true),
        }
    }

    /// Can what is kept be run again without its file?
    pub(crate) fn is_complete(&self) -> bool {
        !matches!(self.source, Source::Filled { .. })
    }

    fn reread(&self, origin: &Origin) -> Result<Arc<str>, MigrateError> {
        let bad =
            |problem| MigrateError::BadFiles(vec![BadFile { name: self.shown.to_string(), problem, place: None }]);
        let text = normal(&String::from_utf8_lossy(&content(&origin.dir, &origin.name).map_err(bad)?));
        match sha256(&text) == *origin.sum {
            true => Ok(text.into()),
            false => Err(bad(Problem::Moving)),
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Script({})", self.shown)
    }
}

impl Text {
    /// The bytes `start..end` as a spot in the file.
    pub(crate) fn place(&self, start: usize, end: usize) -> Place {
        match &self.written {
            None => Place::in_text(&*self.shown, &self.whole, start, end),
            Some(written) => self.line_of(written, start),
        }
    }

    /// What was filled in is not shown: the line as it is written. A value of several lines may shift it.
    fn line_of(&self, written: &str, start: usize) -> Place {
        let number = self.whole.get(..start).map_or(0, |before| before.matches('\n').count());
        let begin = written.match_indices('\n').map(|(at, _)| at + 1).nth(number.wrapping_sub(1)).unwrap_or(0);
        let length = written[begin..].find('\n').unwrap_or(written.len() - begin);
        Place::in_text(&*self.shown, written, begin, begin + length)
    }

    /// The text of a section.
    pub(crate) fn section(&self, section: &Section) -> &str {
        self.whole.get(section.range.clone()).unwrap_or_default()
    }

    /// The text of all of them, as it is kept for later.
    pub(crate) fn joined(&self, sections: &[Section]) -> String {
        sections.iter().map(|section| self.section(section)).collect::<Vec<_>>().join("\n")
    }
}

/// Without a byte order mark and with `\n` as the end of line, so that one checkout and another do the same.
pub(crate) fn normal(content: &str) -> String {
    let text = content.strip_prefix('\u{feff}').unwrap_or(content);
    if text.contains('\r') { text.replace("\r\n", "\n") } else { text.to_owned() }
}
