//! What a key is, and what may be written after it.

/// One key of a [`Section`].
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// As it would be written, without quotes; empty for none.
    pub(crate) default: &'static str,
    /// A value that is not the default, as TOML.
    pub(crate) example: &'static str,
    pub(crate) about: &'static str,
}

/// What may be written after a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Path,
    Url,
    Bool,
    /// A whole number, at least 1.
    Count,
    /// A whole number, at least 0.
    Whole,
    /// A number, at least 1.
    Factor,
    Duration,
    /// Bytes, with a unit.
    Size,
    /// A number greater than 0.
    Share,
    /// So many of so many.
    Window,
    /// So many within so long.
    Budget,
    Address,
    Signal,
    /// `true`, `false` or an address.
    Metrics,
    Choice(&'static [&'static str]),
    /// One text that is split into words, or a list of words.
    Command,
    Texts,
    /// A directory or the address of a bucket, or a list of them.
    Places,
    /// Names and texts.
    Variables,
    Table(&'static Section),
    /// A table, or a short form of its most important key.
    Either(&'static Section, &'static str),
    /// Tables one after the other; each may be a short form of its most important key, which is empty for none.
    List(&'static Section, &'static str),
    /// Tables by name.
    Map(&'static Section),
    /// The contract: a table, or the default, by the variable's name.
    Contract(&'static Section),
}

/// The keys of a table.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) about: &'static str,
    pub(crate) keys: &'static [Key],
}

impl Section {
    /// The key of this name.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + Clone + use<> {
        self.keys.iter().map(|key| key.name)
    }
}

impl Kind {
    /// Does one variable hold all of it?
    pub(crate) fn is_scalar(self) -> bool {
        !matches!(self, Kind::Variables | Kind::Table(_) | Kind::List(..) | Kind::Map(_) | Kind::Contract(_))
    }

    /// What is expected, for messages and the reference.
    pub(crate) fn expected(self) -> String {
        match self {
            Kind::Text => "text".into(),
            Kind::Path => "a path".into(),
            Kind::Url => "a URL".into(),
            Kind::Bool => "`true` or `false`".into(),
            Kind::Count | Kind::Whole => "a whole number".into(),
            Kind::Factor => "a number".into(),
            Kind::Duration => "a span of time such as `30s`".into(),
            Kind::Size => "a size such as `10MB`".into(),
            Kind::Share => "a number of processors such as `1.5`".into(),
            Kind::Window => "a number of checks such as `3 of 5`".into(),
            Kind::Budget => "`off`, or a number of restarts in a span of time such as `10 in 10m`".into(),
            Kind::Address => "an address such as `127.0.0.1:8000`".into(),
            Kind::Signal => "a signal such as `TERM`".into(),
            Kind::Metrics => "`true`, `false` or an address".into(),
            Kind::Choice(words) => report::or_list(words),
            Kind::Command => "a command, in one text or as a list of words".into(),
            Kind::Texts => "a list of texts".into(),
            Kind::Places => "a directory or `s3://BUCKET/PREFIX`, or a list of them".into(),
            Kind::Variables | Kind::Table(_) | Kind::Map(_) | Kind::Contract(_) => "a table".into(),
            Kind::List(_, "") => "a list of tables".into(),
            Kind::List(_, short) => format!("a list of which each is {short} or a table"),
            Kind::Either(_, short) => format!("a table or {short}"),
        }
    }
}

/// A row of the table.
pub(super) const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    example: &'static str,
    about: &'static str,
) -> Key {
    Key { name, kind, default, example, about }
}
