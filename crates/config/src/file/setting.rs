//! One key with all its layers: flag > environment > file > default.

use super::{Context, Key, Kind, Origin, Table, check::fits};
use crate::{
    Budget, Window, command,
    interpolate::{Unresolved, interpolate},
    suggest::did_you_mean,
    value::{parse_address, parse_bool, parse_budget, parse_duration, parse_signal, parse_size, parse_window},
};
use report::{Finding, or_list};
use std::{net::SocketAddr, ops::Range, time::Duration};
use toml::de::DeValue;

/// One key with all its layers. Whoever reads it as something names what it should be.
pub(crate) struct Setting<'a> {
    table: Table<'a>,
    pub(crate) key: &'static Key,
    flag: Option<(&'static str, &'a str)>,
    short: Option<&'static str>,
}

/// A text and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) origin: Origin,
}

impl<'a> Setting<'a> {
    pub(crate) fn new(table: Table<'a>, key: &'static Key) -> Self {
        Self { table, key, flag: None, short: None }
    }

    /// The flag that wins over everything.
    pub(crate) fn flag(mut self, name: &'static str, value: &'a Option<String>) -> Self {
        self.flag = value.as_deref().map(|value| (name, value));
        self
    }

    /// A variable for all keys of this name; the key's own variable wins over it.
    pub(crate) fn short(mut self, name: &'static str) -> Self {
        self.table.context.know(name.to_owned());
        self.short = Some(name);
        self
    }

    /// The text of the highest layer that has one, the default last.
    pub(crate) fn written(&self) -> Option<Written> {
        self.given().or_else(|| {
            let text = self.key.default.to_owned();
            (!text.is_empty()).then_some(Written { text, origin: Origin::Default })
        })
    }

    /// The same without the default.
    pub(crate) fn given(&self) -> Option<Written> {
        if let Some((name, text)) = self.flag {
            return Some(Written { text: text.to_owned(), origin: Origin::Flag(name) });
        }
        let names = [Some(self.table.variable(self.key)), self.short.map(str::to_owned)];
        for name in names.into_iter().flatten() {
            if let Some(text) = self.context().var(&name) {
                return Some(Written { text: text.to_owned(), origin: Origin::Variable(name) });
            }
        }
        self.in_file()
    }

    fn in_file(&self) -> Option<Written> {
        let value = self.table.value(self.key.name).filter(|value| fits(self.key.kind, value.get_ref()))?;
        let origin = self.table.origin(self.key, value.span());
        let text = match value.get_ref() {
            DeValue::String(text) => interpolated(self.context(), text, &origin)?,
            DeValue::Integer(number) if number.radix() == 10 => number.as_str().replace('_', ""),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok()?.to_string(),
            DeValue::Float(number) => number.as_str().replace('_', ""),
            DeValue::Boolean(flag) => flag.to_string(),
            _ => return None,
        };
        Some(Written { text, origin })
    }

    /// Reads the text, or reports why it cannot be read and what is expected.
    fn read<T>(&self, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let written = self.written()?;
        match read(&written.text) {
            Ok(value) => Some(value),
            Err(summary) => {
                self.refuse(&written, &summary, format!("write {}", self.key.kind.expected()));
                None
            }
        }
    }

    /// Reports a problem with this setting.
    pub(crate) fn refuse(&self, written: &Written, summary: &str, hint: impl Into<String>) {
        self.context().problem(self.context().error(&written.origin, summary).hint(hint));
    }

    /// The same of a part of the text, `at` bytes of it, where it stands in the file as it was written.
    pub(crate) fn refuse_part(&self, written: &Written, at: &Range<usize>, summary: &str, hint: impl Into<String>) {
        let origin = match (&written.origin, &self.context().sources.file) {
            // Behind the quote; where the file has something else than the text, the whole value is shown.
            (Origin::File(span, key), Some(file))
                if file.text.get(span.start + 1..span.end - 1) == Some(&written.text) =>
            {
                let start = span.start + 1 + at.start;
                Origin::File(start..(start + at.len()).max(start + 1), key.clone())
            }
            (origin, _) => origin.clone(),
        };
        self.refuse(&Written { text: written.text.clone(), origin }, summary, hint);
    }

    /// Reports that it is missing.
    pub(crate) fn missing(&self, finding: Finding) {
        self.context().problem_at(finding, self.table.span(self.key.name));
    }

    /// What the file alone says: the contract is no setting that a variable could change.
    pub(crate) fn in_file_only(&self) -> Option<String> {
        self.in_file().map(|written| written.text)
    }

    pub(crate) fn text(&self) -> Option<String> {
        self.written().map(|written| written.text).filter(|text| !text.is_empty())
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        self.read(parse_duration)
    }

    /// A span longer than nothing.
    pub(crate) fn pause(&self) -> Option<Duration> {
        self.read(|text| match parse_duration(text)? {
            Duration::ZERO => Err("it must be longer than nothing".to_owned()),
            span => Ok(span),
        })
    }

    /// Bytes, at least so many; `least` as it is said.
    pub(crate) fn size(&self, least: (u64, &str)) -> Option<u64> {
        self.read(|text| match parse_size(text)? {
            size if size < least.0 => Err(format!("`{text}` is less than {}", least.1)),
            size => Ok(size),
        })
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.read(parse_address)
    }

    pub(crate) fn signal(&self) -> Option<i32> {
        self.read(parse_signal)
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        self.read(parse_bool)
    }

    pub(crate) fn count(&self) -> Option<u32> {
        self.read(|text| match text.trim().parse::<u32>() {
            Ok(0) => Err("it must be at least 1".to_owned()),
            Ok(number) => Ok(number),
            Err(_) => Err(format!("`{text}` is not a whole number from 1")),
        })
    }

    /// From 0.
    pub(crate) fn whole(&self) -> Option<u32> {
        self.read(|text| text.trim().parse::<u32>().map_err(|_| format!("`{text}` is not a whole number from 0")))
    }

    pub(crate) fn factor(&self) -> Option<f64> {
        self.read(|text| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() && (1.0..=1000.0).contains(&number) => Ok(number),
            _ => Err(format!("`{text}` is not a number from 1 to 1000")),
        })
    }

    /// Processors.
    pub(crate) fn share(&self) -> Option<f64> {
        self.read(|text| match text.trim().parse::<f64>() {
            Ok(number) if (0.01..=10_000.0).contains(&number) => Ok(number),
            _ => Err(format!("`{text}` is not a number from 0.01 to 10000")),
        })
    }

    /// So many of so many.
    pub(crate) fn window(&self) -> Option<Window> {
        self.read(parse_window)
    }

    /// So many within so long; nothing for `off`.
    pub(crate) fn budget(&self) -> Option<Budget> {
        self.read(parse_budget).flatten()
    }

    /// One of the words of [`Kind::Choice`].
    pub(crate) fn choice(&self) -> Option<&'static str> {
        let Kind::Choice(words) = self.key.kind else { return None };
        let written = self.written()?;
        let found = words.iter().find(|word| **word == written.text.trim()).copied();
        if found.is_none() {
            let hint = did_you_mean(&written.text, words.iter().copied());
            let summary = format!("`{}` is not one of the known words", written.text);
            self.refuse(&written, &summary, hint.unwrap_or(format!("write {}", or_list(words))));
        }
        found
    }

    /// A list; a variable or flag is split at commas and blanks.
    pub(crate) fn texts(&self) -> Vec<Written> {
        if let Some(written) = self.given() {
            let texts = written.text.split([',', ' ', '\n', '\t']).filter(|text| !text.is_empty());
            return texts.map(|text| Written { text: text.to_owned(), origin: written.origin.clone() }).collect();
        }
        let Some(items) = self.table.value(self.key.name).and_then(|value| value.get_ref().as_array()) else {
            return Vec::new();
        };
        let item = |item: &toml::Spanned<DeValue<'_>>| {
            let origin = self.table.origin(self.key, item.span());
            Some(Written { text: interpolated(self.context(), item.get_ref().as_str()?, &origin)?, origin })
        };
        items.iter().filter_map(item).collect()
    }

    /// A text or a list of them; a variable is split at commas, and a flag that may be said several times at ends of lines.
    pub(crate) fn places(&self) -> Vec<Written> {
        match self.given() {
            Some(Written { text, origin: origin @ (Origin::Flag(_) | Origin::Variable(_)) }) => {
                let end = if matches!(origin, Origin::Flag(_)) { '\n' } else { ',' };
                let texts = text.split(end).map(str::trim).filter(|text| !text.is_empty());
                texts.map(|text| Written { text: text.to_owned(), origin: origin.clone() }).collect()
            }
            Some(written) => vec![written],
            None => self.texts(),
        }
    }

    /// Words to run; one text is split without a shell.
    pub(crate) fn command(&self) -> Option<Vec<String>> {
        let list = self.table.value(self.key.name).filter(|value| value.get_ref().is_array());
        let (result, written) = match (self.given(), list) {
            (Some(written), _) => (command::split(&written.text), written),
            (None, Some(list)) => {
                let origin = self.table.origin(self.key, list.span());
                let words = self.texts().into_iter().map(|word| word.text).collect();
                (command::check(words), Written { text: String::new(), origin })
            }
            (None, None) => return None,
        };
        match result {
            Ok(argv) => Some(argv),
            Err(problem) => {
                self.refuse(&written, &problem.summary, problem.hint);
                None
            }
        }
    }

    fn context(&self) -> &'a Context<'a> {
        self.table.context
    }
}

/// Replaces `${VAR}`, or reports what is not set.
pub(crate) fn interpolated(context: &Context<'_>, text: &str, origin: &Origin) -> Option<String> {
    let (summary, hint) = match interpolate(text, |name| context.env.get(name).map(String::as_str)) {
        Ok(text) => return Some(text),
        Err(Unresolved::Unset(name)) => {
            let hint = format!("set `{name}`, or write `${{{name}:-default}}`");
            (format!("the variable `{name}` is not set"), hint)
        }
        Err(Unresolved::Malformed(seen)) => {
            let hint = "write `${NAME}` or `${NAME:-default}`, and `$$` for a `$`".to_owned();
            (format!("`{seen}` is not a reference to a variable"), hint)
        }
    };
    context.problem(context.error(origin, &summary).hint(hint));
    None
}
