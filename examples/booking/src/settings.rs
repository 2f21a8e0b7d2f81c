//! Everything that can be set, from the environment.

use crate::Error;
use std::{path::PathBuf, time::Duration};

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the data is.
    pub database: Database,
    /// Where to listen on 127.0.0.1 when no socket is handed over.
    pub port: u16,
    /// Pause between rounds of the background loops.
    pub loop_pause: Duration,
    /// How long before its start a booking is reminded of.
    pub remind_before: Duration,
}

/// Where the data is.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A server, as tokio-postgres understands it.
    Postgres(String),
}

impl Settings {
    /// Reads `DATABASE_URL`, `PORT`, `LOOP_SECONDS` and `REMINDER_MINUTES` through `get`.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let number = |name: &'static str, default: u64| match get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Error::Setting { name, value: text }),
        };
        let port = u16::try_from(number("PORT", 8000)?);
        Ok(Self {
            database: database(get("DATABASE_URL").as_deref()),
            port: port.map_err(|_| Error::Setting { name: "PORT", value: get("PORT").unwrap_or_default() })?,
            loop_pause: Duration::from_secs(number("LOOP_SECONDS", 60)?.max(1)),
            remind_before: Duration::from_secs(60 * number("REMINDER_MINUTES", 60)?),
        })
    }
}

fn database(url: Option<&str>) -> Database {
    match url {
        None | Some("") => Database::Sqlite("data/booking.db".into()),
        Some(url) => match url.strip_prefix("sqlite:") {
            Some(path) => Database::Sqlite(path.strip_prefix("//").unwrap_or(path).into()),
            None => Database::Postgres(url.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_number_that_is_none_is_an_error_and_not_the_default() {
        let error = Settings::from_env(|name| (name == "PORT").then(|| "eighty".into())).unwrap_err();
        assert_eq!(error.to_string(), "PORT is `eighty`, which is not a number in range");
    }

    #[test]
    fn the_url_chooses_the_database() {
        let of = |url: &str| Settings::from_env(|name| (name == "DATABASE_URL").then(|| url.into())).unwrap().database;
        assert!(matches!(of("sqlite:data/x.db"), Database::Sqlite(path) if path == Path::new("data/x.db")));
        assert!(matches!(of("sqlite:///data/x.db"), Database::Sqlite(path) if path == Path::new("/data/x.db")));
        assert!(matches!(of("postgres://db/x"), Database::Postgres(_)));
    }
}
