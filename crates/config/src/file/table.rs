//! One table of the file, which may be absent: then its variables still count.

use super::{Context, Key, Kind, Origin, Section, Setting, Written, check::called};
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// One table, with the keys it may have.
#[derive(Clone)]
pub(crate) struct Table<'a> {
    pub(crate) context: &'a Context<'a>,
    section: &'static Section,
    /// `services.api`
    path: String,
    written: Option<&'a DeTable<'a>>,
}

/// One named table of a map.
pub(crate) struct Entry<'a> {
    pub(crate) name: String,
    /// Where the name stands.
    pub(crate) span: Range<usize>,
    pub(crate) table: Table<'a>,
    /// The short form, when it is a text instead of a table.
    pub(crate) text: Option<(String, Range<usize>)>,
}

/// One table of a list.
pub(crate) struct Item<'a> {
    /// Where it stands.
    pub(crate) span: Range<usize>,
    pub(crate) table: Table<'a>,
    /// The short form, when it is a text instead of a table.
    pub(crate) text: Option<Written>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(crate) fn root(context: &'a Context<'a>, document: Option<&'a DeTable<'a>>) -> Self {
        Self::open(context, &super::keys::ROOT, String::new(), document)
    }

    fn open(
        context: &'a Context<'a>,
        section: &'static Section,
        path: String,
        written: Option<&'a DeTable<'a>>,
    ) -> Self {
        let table = Self { context, section, path, written };
        for key in section.keys.iter().filter(|key| key.kind.is_scalar()) {
            context.know(table.variable(key));
        }
        table
    }

    /// Is there such a table in the file?
    pub(crate) fn is_written(&self) -> bool {
        self.written.is_some()
    }

    /// One key with all its layers.
    pub(crate) fn setting(&self, name: &str) -> Setting<'a> {
        Setting::new(self.clone(), self.key(name))
    }

    /// The table below `name`.
    pub(crate) fn table(&self, name: &str) -> Table<'a> {
        let section = match self.key(name).kind {
            Kind::Table(section) | Kind::Either(section, _) => section,
            _ => self.section,
        };
        let written = match self.value(name).map(Spanned::get_ref) {
            Some(DeValue::Table(table)) => Some(table),
            _ => None,
        };
        Self::open(self.context, section, self.below(name), written)
    }

    /// The table `entry` of the map `name`, which need not be in the file.
    pub(crate) fn entry(&self, name: &str, entry: &str) -> Table<'a> {
        self.entries(name).into_iter().find(|it| it.name == entry).map_or_else(
            || Self::open(self.context, self.section_of(name), format!("{}.{entry}", self.below(name)), None),
            |it| it.table,
        )
    }

    /// The tables of the map `name`, in the order of the file.
    pub(crate) fn entries(&self, name: &str) -> Vec<Entry<'a>> {
        let Some(DeValue::Table(entries)) = self.value(name).map(Spanned::get_ref) else { return Vec::new() };
        let entry = |(key, value): (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)| {
            let written = match value.get_ref() {
                DeValue::Table(table) => Some(table),
                _ => None,
            };
            let path = format!("{}.{}", self.below(name), key.get_ref());
            Entry {
                name: key.get_ref().to_string(),
                span: key.span(),
                table: Self::open(self.context, self.section_of(name), path, written),
                text: value.get_ref().as_str().map(|text| (text.to_owned(), value.span())),
            }
        };
        in_order(entries).into_iter().map(entry).collect()
    }

    /// The tables of the list `name`, in the order of the file. They are called by their number: `deploy.build.1`.
    pub(crate) fn items(&self, name: &str) -> Vec<Item<'a>> {
        let Some(DeValue::Array(items)) = self.value(name).map(Spanned::get_ref) else { return Vec::new() };
        let item = |(value, at): (&'a Spanned<DeValue<'a>>, usize)| {
            let path = format!("{}.{at}", self.below(name));
            let origin = Origin::File(value.span(), called(&path));
            let text = value.get_ref().as_str();
            let text = text.and_then(|text| super::setting::interpolated(self.context, text, &origin));
            Item {
                text: text.map(|text| Written { text, origin }),
                span: value.span(),
                table: Self::open(self.context, self.section_of(name), path, value.get_ref().as_table()),
            }
        };
        items.iter().zip(1..).map(item).collect()
    }

    /// The names and texts below `name`, in the order of the file.
    pub(crate) fn variables(&self, name: &str) -> Vec<(String, String)> {
        let Some(DeValue::Table(entries)) = self.value(name).map(Spanned::get_ref) else { return Vec::new() };
        let text = |(key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>)| {
            let origin = Origin::File(value.span(), called(&format!("{}.{}", self.below(name), key.get_ref())));
            let text = super::setting::interpolated(self.context, value.get_ref().as_str()?, &origin)?;
            Some((key.get_ref().to_string(), text))
        };
        in_order(entries).into_iter().filter_map(text).collect()
    }

    /// Where `name`, or the value that is written for it, stands.
    pub(crate) fn span(&self, name: &str) -> Option<Range<usize>> {
        self.value(name).map(Spanned::span)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.written?.iter().find(|(key, _)| key.get_ref() == name).map(|(_, value)| value)
    }

    pub(crate) fn origin(&self, key: &Key, span: Range<usize>) -> Origin {
        Origin::File(span, called(&self.below(key.name)))
    }

    pub(crate) fn origin_of(&self, name: &str, span: Range<usize>) -> Origin {
        self.origin(self.key(name), span)
    }

    /// `MAINSTAY_SERVICES_API_START_DELAY`
    pub(crate) fn variable(&self, key: &Key) -> String {
        variable_name(&self.below(key.name))
    }

    /// ``` `[services.api]` ```
    pub(crate) fn title(&self) -> String {
        format!("`[{}]`", self.path)
    }

    fn below(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn section_of(&self, name: &str) -> &'static Section {
        match self.key(name).kind {
            Kind::Map(section)
            | Kind::Contract(section)
            | Kind::Table(section)
            | Kind::List(section, _)
            | Kind::Either(section, _) => section,
            _ => self.section,
        }
    }

    /// Names are written in this crate only; one that is not in the table is found by the first test that reads it.
    fn key(&self, name: &str) -> &'static Key {
        let found = self.section.key(name);
        debug_assert!(found.is_some(), "`{name}` is not a key of `[{}]`", self.path);
        found.unwrap_or(&self.section.keys[0])
    }
}

/// `services.api.stop.grace` as `MAINSTAY_SERVICES_API_STOP_GRACE`.
pub(crate) fn variable_name(path: &str) -> String {
    format!("MAINSTAY_{}", path.to_ascii_uppercase().replace(['.', '-'], "_"))
}

/// The pairs of a table in the order in which they are written; the parser keeps them by name.
pub(crate) fn in_order<'a, 'b>(table: &'a DeTable<'b>) -> Vec<(&'a Spanned<DeString<'b>>, &'a Spanned<DeValue<'b>>)> {
    let mut pairs: Vec<_> = table.iter().collect();
    pairs.sort_by_key(|(key, _)| key.span().start);
    pairs
}
