//! The keys of `[migrations]`.

use crate::file::{Kind, Section, key::key};

/// `[migrations]`
pub(crate) static MIGRATIONS: Section = Section {
    about: "Either plain `.sql` files in `dir`, or an external `command`; in both cases under a lock, so that any number \
            of starters may run at once.",
    keys: &[
        key("database", Kind::Text, "", "\"main\"", "The database they belong to. Default: the first one."),
        key("dir", Kind::Path, "", "\"migrations\"", "Directory of plain `.sql` files."),
        key("command", Kind::Command, "", "\"alembic upgrade head\"", "An external command."),
        key(
            "backoff",
            Kind::Choice(&["fixed", "exponential"]),
            "fixed",
            "\"exponential\"",
            "`fixed`: the same pause each time; `exponential`: doubling pauses.",
        ),
        key(
            "attempts",
            Kind::Count,
            "",
            "30",
            "How often to try when the reason is transient. Default: 20, or 6 when `exponential`.",
        ),
        key("interval", Kind::Duration, "", "\"5s\"", "The first pause. Default: 3 s, or 2 s when `exponential`."),
        key("max_interval", Kind::Duration, "64s", "\"30s\"", "No pause of an `exponential` backoff is longer."),
        key(
            "lock_timeout",
            Kind::Duration,
            "10m",
            "\"1m\"",
            "How long to wait for another starter that holds the lock.",
        ),
        key(
            "style",
            Kind::Choice(&crate::MIGRATION_STYLES),
            "",
            "\"dbmate\"",
            "Whose files and table they are. Default: found by the columns of the table and the names of the files.",
        ),
        key(
            "table",
            Kind::Text,
            "",
            "\"app.schema_migrations\"",
            "The table that remembers what was applied. Default: that of the style.",
        ),
        key(
            "seeds",
            Kind::Path,
            "",
            "\"seeds\"",
            "Directory of `.sql` files with data for trying things out; applied after the migrations by `migrate up --seed`.",
        ),
        key(
            "out_of_order",
            Kind::Choice(&["refuse", "allow"]),
            "refuse",
            "\"allow\"",
            "A file that is new but older than one that was applied already.",
        ),
        key(
            "missing",
            Kind::Choice(&["refuse", "allow"]),
            "refuse",
            "\"allow\"",
            "A migration that was applied and whose file is not there any more.",
        ),
        key(
            "changed",
            Kind::Choice(&["refuse", "allow"]),
            "refuse",
            "\"allow\"",
            "A file that was edited after it was applied. Edits of comments, blanks and line ends are always let through.",
        ),
        key(
            "newer",
            Kind::Choice(&["refuse", "allow"]),
            "refuse",
            "\"allow\"",
            "A database that is ahead of this release, when the newer migration has no `-- compat:` line that lets it run.",
        ),
        key("strict", Kind::Bool, "false", "true", "The numbers of the files must be 1, 2, 3 and so on."),
        key(
            "direct_url",
            Kind::Url,
            "",
            "\"postgres://bot@db:5432/bot\"",
            "The server itself, used when `database` leads to a pooler in transaction mode. Variable: `DATABASE_URL_DIRECT`.",
        ),
        key(
            "statement_timeout",
            Kind::Duration,
            "",
            "\"10m\"",
            "No statement of a file takes longer. Default: as long as it wants.",
        ),
        key(
            "lock_budget",
            Kind::Duration,
            "60s",
            "\"5m\"",
            "So long the statements of one run wait for locks on tables all in all, in short turns, so that nobody queues up behind them.",
        ),
        key(
            "lint_exclude",
            Kind::Texts,
            "",
            "[\"ban-drop-column\"]",
            "Rules of `migrate lint` that are not looked at.",
        ),
        key(
            "lint_include",
            Kind::Texts,
            "",
            "[\"prefer-timestamp-tz\"]",
            "Rules of `migrate lint` that are looked at although they are not by default.",
        ),
        key(
            "on_failure",
            Kind::Choice(&["stop", "degrade", "strict", "degraded"]),
            "",
            "\"degrade\"",
            "What a final failure means: `stop` starts nothing, `degrade` starts the services all the same. Default: that of the whole application.",
        ),
    ],
};
