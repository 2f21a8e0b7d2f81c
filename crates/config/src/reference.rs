//! The reference page of the configuration, from the same tables that the reader uses.

use crate::{
    dsn::postgres::{IGNORED, PARAMETERS},
    file::{Key, Kind, Section, keys, variable_name},
};
use report::or_list;
use std::fmt::Write;

const INTRODUCTION: &str = "\
# Configuration

Everything stands in one file, `mainstay.toml`. It is found upwards from the current directory, or named with `--dir` or
`--config`. Without a file, flags and variables alone will do.

- A flag wins over a variable, a variable over the file, the file over the default.
- Each single value has a variable: its path in capitals, `services.api.stop.grace` is `MAINSTAY_SERVICES_API_STOP_GRACE`.
  Lists in variables are separated by commas or blanks. An empty variable counts as unset; one that cannot be read is an
  error; an unknown `MAINSTAY_*` is a warning.
- `${NAME}` in a text is replaced by the variable, `${NAME:-default}` by the default when it is unset or empty, `$$` is one
  `$`. A variable that is not set is an error. Numbers and truth values may be written as texts, so that they can come from a
  variable too: `attempts = \"${ATTEMPTS:-20}\"`.
- Spans of time: `500ms`, `30s`, `5m`, `1h30m`, `7d`; a number alone is seconds. Addresses: `127.0.0.1:8000`, `[::1]:8000`,
  `*:8000`; `:8000` and `8000` mean 127.0.0.1.
- Relative paths start in the directory of `mainstay.toml`.
- Commands are run without a shell. One text is split at blanks, and quotes are respected; what needs a shell is written
  `[\"sh\", \"-c\", \"…\"]`.
- Unknown keys are errors. All problems are told at once, each with its line.
";

/// What one variable sets for many keys at once, or for a key by a shorter name.
pub(crate) const SHORT_VARIABLES: [(&str, &str); 11] = [
    ("MAINSTAY_TIMEOUT", "`wait` of all databases and dependencies"),
    ("MAINSTAY_ATTEMPTS", "`attempts` of all databases and dependencies"),
    ("MAINSTAY_INTERVAL", "`interval` of all databases and dependencies"),
    ("MAINSTAY_ACCESS", "`access` of all databases"),
    ("MAINSTAY_ROLE", "`role`"),
    ("MAINSTAY_DATABASE", "`url` of the database `main`"),
    ("MAINSTAY_NEEDS", "URLs of further dependencies, separated by blanks"),
    ("MAINSTAY_MIGRATE", "`command` of the migrations"),
    ("MAINSTAY_COMMAND", "the command of `mainstay run`, which is the service `app`"),
    ("MAINSTAY_GRACE", "`stop.grace` of all services"),
    ("MAINSTAY_START_DELAY", "`start_delay` of all services"),
];

const TARGETS: &str = "\
## URLs

| URL | Ready when |
| --- | --- |
| `postgres://user@host/database` | PostgreSQL answers a query, and accepts writes when `access` is `read-write` |
| `sqlite:data/app.db` | the file can be opened, or its directory can hold a new one |
| `redis://host:6379/0`, `rediss://…`, `redis+unix:///path?db=0` | Redis has loaded its data, and is no replica when `access` is `read-write` |
| `tcp://host:port` | the port accepts a connection |
| `http://host/path`, `https://…` | it answers 2xx or 3xx; with `#status=204`: exactly this |
| `unix:/path` | the socket accepts a connection |
| `file:/path` | the file exists |
| `exec:command` | the command ends with 0 |

PostgreSQL is also named by `postgresql://`, by the same with a driver (`postgresql+asyncpg://`), and by libpq's
`host=… dbname=…`. Several hosts are separated by commas. A host that begins with `/`, or `?host=/run/postgresql`, is the
directory of a unix socket. Special characters in a password are encoded (`@` as `%40`); those that leave only one reading may
stay as they are. SQLite: `sqlite:path` and `sqlite://path` are relative, `sqlite:///path` is absolute; SQLAlchemy's
`sqlite:///./path` and `sqlite+driver:///path` are relative, `sqlite:////path` is absolute.

Without a `url`, a database is assembled from variables, the first that is set:

1. of a replica: `DATABASE_URL_RO` or `DATABASE_URL_R`, then `PGHOST_RO` or `PGHOST_RR` with the other `PG*`;
2. `DATABASE_URL`;
3. `PGHOST_RW`, `PGHOST` or `PGDATABASE` with the other `PG*`;
4. `DB_HOST` with `DB_PORT`, `DB_USER`, `DB_PASSWORD` (or `DB_PASS`), `DB_NAME`;
5. `POSTGRES_HOST` with `POSTGRES_PORT`, `POSTGRES_USER`, `POSTGRES_PASSWORD`, `POSTGRES_DB`;
6. `DB_PATH`: SQLite.

Redis: `REDIS_URL`, or `REDIS_HOST` with `REDIS_PORT`, `REDIS_DB`, `REDIS_USER`, `REDIS_PASSWORD`. The parts are taken as
they are, so a password needs no escapes.
";

const ENV_FILES: &str = "\
## Files of variables

`NAME=value`, one a line; `export` before it and comments are fine. A value without quotes ends at the end of the line or
before ` #`. In `'…'` everything stands for itself; in `\"…\"`, `\\n`, `\\r`, `\\t`, `\\\"`, `\\\\` and `\\$` are escapes; both may go
over several lines. A `$` is never replaced. The process's environment wins over files, a later file over an earlier one. A
file with secrets that others may read or the group may write is a warning.
";

/// The reference page, as Markdown.
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    section(&mut page, "The file", "", &keys::ROOT);
    for key in keys::ROOT.keys {
        sections_below(&mut page, key, "");
    }
    page.push_str("\n## Short variables\n\n| Variable | Stands for |\n| --- | --- |\n");
    for (name, meaning) in SHORT_VARIABLES {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push('\n');
    page.push_str(TARGETS);
    postgres(&mut page);
    page.push('\n');
    page.push_str(ENV_FILES);
    page
}

fn sections_below(page: &mut String, key: &Key, path: &str) {
    let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
    let (path, keys) = match key.kind {
        Kind::Table(keys) | Kind::Either(keys, _) => (path, keys),
        Kind::Map(keys) | Kind::Contract(keys) => (format!("{path}.NAME"), keys),
        Kind::List(keys, _) => {
            section(page, &format!("`[[{path}]]`"), &format!("{path}.1"), keys);
            return;
        }
        _ => return,
    };
    section(page, &format!("`[{path}]`"), &path, keys);
    for key in keys.keys {
        sections_below(page, key, &path);
    }
}

fn section(page: &mut String, title: &str, path: &str, section: &Section) {
    let _ = write!(page, "\n## {title}\n\n{}\n\n", section.about);
    page.push_str("| Key | Value | Default | Example | Meaning |\n| --- | --- | --- | --- | --- |\n");
    for key in section.keys {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            key.name,
            cell(&key.kind.expected()),
            code(key.default),
            code(key.example),
            cell(key.about)
        );
    }
    if let Some(key) =
        section.keys.iter().find(|key| key.kind.is_scalar() && !path.is_empty() && !path.starts_with("env"))
    {
        let variable = variable_name(&format!("{path}.{}", key.name));
        let _ = writeln!(page, "\nVariables: `{variable}` and so on.");
    }
}

fn postgres(page: &mut String) {
    page.push_str("\n### PostgreSQL parameters\n\nThey have libpq's meaning. What the URL leaves open is taken from the variable, ");
    page.push_str(
        "the password at last from `PGPASSFILE` or `~/.pgpass`, which must be readable by its owner alone.\n\n",
    );
    page.push_str("| Parameter | Variable |\n| --- | --- |\n");
    for (name, variable) in PARAMETERS {
        let _ = writeln!(page, "| `{name}` | {} |", code(variable));
    }
    let ignored = or_list(IGNORED).replace(" or `", " and `");
    let _ =
        writeln!(page, "\nParameters that concern only the application's own connections are passed over: {ignored}.");
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", cell(text)) }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_the_reference() {
        fn names(section: &Section, found: &mut Vec<&'static str>) {
            for key in section.keys {
                found.push(key.name);
                if let Kind::Table(keys)
                | Kind::Either(keys, _)
                | Kind::List(keys, _)
                | Kind::Map(keys)
                | Kind::Contract(keys) = key.kind
                {
                    names(keys, found);
                }
            }
        }
        let (page, mut found) = (reference(), Vec::new());
        names(&keys::ROOT, &mut found);
        assert!(found.len() > 60);
        for name in found {
            assert!(page.contains(&format!("\n| `{name}` | ")), "{name}");
        }
        assert!(page.contains("`MAINSTAY_MIGRATIONS_DATABASE`"));
    }
}
