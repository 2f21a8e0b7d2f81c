//! The keys of `[env]`.

use crate::file::{Kind, Section, key::key};

/// `[env]`
pub(crate) static VARIABLE: Section = Section {
    about: "One declared variable. Its name stands before the `=`; a text instead of a table is its default.",
    keys: &[
        key("about", Kind::Text, "", "\"Bot token\"", "Purpose, in one line."),
        key("default", Kind::Text, "", "\"info\"", "Used when the variable is not set."),
        key("example", Kind::Text, "", "\"123456:ABC\"", "Shown in `.env.example`."),
        key("secret", Kind::Bool, "false", "true", "Never printed."),
        key("required", Kind::Bool, "false", "true", "The application does not start without it."),
        key(
            "generate",
            Kind::Bool,
            "false",
            "true",
            "A secret that nobody else gives out, such as a key for sessions: `mainstay server init` makes one up where it is not set.",
        ),
        key("aliases", Kind::Texts, "", "[\"SPORTMONKS_TOKEN\"]", "Old names that still work, with a warning."),
    ],
};
