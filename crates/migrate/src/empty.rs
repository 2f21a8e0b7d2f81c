//! Migrations that hold no statement: it is easy to apply a file before anything was written into it, and what is written into
//! it afterwards is never run.

use crate::{
    MigrateError, Migration,
    job::Run,
    migration::Kind,
    script::{Script, Text},
    sql::{Dialect, is_empty},
    style::Style,
};

/// In what way a migration does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Empty {
    /// It is as it was made: nothing has been written into it.
    Unwritten,
    /// Its author has written comments alone.
    Comments,
}

/// Tells empty migrations of a style from others.
pub(crate) struct Sieve {
    /// New files as the style makes them.
    templates: Vec<String>,
    refuses: bool,
    dialect: Dialect,
}

impl Sieve {
    pub(crate) fn new(style: &dyn Style, dialect: Dialect) -> Self {
        let made = style.skeleton(&"1".into(), "x", &[]);
        let templates = made.into_iter().map(|(_, text)| text.trim().to_owned()).collect();
        Self { templates, refuses: style.refuses_unwritten(), dialect }
    }

    pub(crate) fn of(&self, script: &Script, text: &Text) -> Option<Empty> {
        let whole = text.written.as_deref().unwrap_or(&text.whole).trim();
        if self.templates.iter().any(|template| template == whole) {
            return Some(Empty::Unwritten);
        }
        let is_empty = script.sections.iter().all(|section| is_empty(text.section(section), self.dialect));
        is_empty.then_some(Empty::Comments)
    }

    /// Must it not be applied? One that is applied again when it is written is harmless.
    pub(crate) fn refuses(&self, kind: Kind, script: &Script, text: &Text) -> bool {
        let once = matches!(kind, Kind::Versioned | Kind::ByHand);
        once && self.refuses && self.of(script, text) == Some(Empty::Unwritten)
    }
}

impl Empty {
    /// What is to be said of it before it is applied.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Empty::Unwritten => "it is as it was made, and nothing has been written into it",
            Empty::Comments => "it holds no statement",
        }
    }
}

/// Says of each of them that it does nothing, before it is applied.
///
/// # Errors
/// One that cannot be read any more.
pub(crate) fn warn(run: &Run<'_>, style: &dyn Style, pending: &[&Migration]) -> Result<(), MigrateError> {
    let sieve = Sieve::new(style, crate::obstacles::dialect(run.job.target));
    for migration in pending.iter().filter(|it| it.kind == Kind::Versioned) {
        if let Some(empty) = sieve.of(&migration.up, &migration.up.load()?) {
            let (shown, told) = (&migration.shown, empty.told());
            let text = format!("`{shown}`: {told}; once applied it counts as done, whatever is written into it later");
            run.job.warn("migrate.empty", text);
        }
    }
    Ok(())
}
