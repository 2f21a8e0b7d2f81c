//! The keys of `[journal]`.

use crate::file::{Kind, Section, key::key};

/// `[journal]`
pub(crate) static JOURNAL: Section = Section {
    about: "What happens is remembered in `journal.db` below `data`: read it with `mainstay events`, `timeline` and `history`. Off by \
            default when there is no `mainstay.toml`.",
    keys: &[
        key("enabled", Kind::Bool, "true", "false", "Remember what happens at all."),
        key("keep", Kind::Duration, "7d", "\"30d\"", "Single events, and figures by the minute, are kept so long."),
        key("hourly", Kind::Duration, "90d", "\"365d\"", "Counts and figures by the hour are kept so long."),
        key(
            "max_size",
            Kind::Size,
            "100MB",
            "\"20MB\"",
            "The file takes no more: the oldest events go first, then the oldest figures.",
        ),
    ],
};
