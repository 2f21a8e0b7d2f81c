//! libpq's parameters by name, before they are given a meaning.

use super::{ChannelBinding, Host, PostgresDsn, SessionAttrs, SslMode, pgpass};
use crate::{
    dsn::{Surroundings, TargetError, url::port_number},
    suggest::did_you_mean,
    target::socket,
};
use report::{Finding, Secret, or_list};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Where a local server's socket lies when nobody says otherwise, as Debian's libpq has it.
pub(super) const SOCKET_DIRECTORY: &str = "/var/run/postgresql";

/// The parameters that have a meaning here, each with the variable that sets it (PostgreSQL manual, "Parameter Key
/// Words" and "Environment Variables").
pub(crate) const PARAMETERS: [(&str, &str); 15] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("dbname", "PGDATABASE"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    ("application_name", "PGAPPNAME"),
    ("options", "PGOPTIONS"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("channel_binding", "PGCHANNELBINDING"),
];

/// Other names of the same: asyncpg's and JDBC's.
const SYNONYMS: [(&str, &str); 5] = [
    ("ssl", "sslmode"),
    ("database", "dbname"),
    ("fallback_application_name", "application_name"),
    ("ApplicationName", "application_name"),
    ("hostaddr", "host"),
];

/// Parameters of libpq and of drivers that concern the application's own connections, not ours.
pub(crate) const IGNORED: [&str; 27] = [
    "async_fallback",
    "client_encoding",
    "command_timeout",
    "connection_limit",
    "gssencmode",
    "gssdelegation",
    "gsslib",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_cached_statement_lifetime",
    "max_cacheable_statement_size",
    "pgbouncer",
    "pool_timeout",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
    "require_auth",
    "schema",
    "socket_timeout",
    "sslcompression",
    "sslsni",
    "statement_cache_size",
    "statement_cache_mode",
    "tcp_user_timeout",
];

/// Parameters by libpq's name, values as written.
pub(crate) struct Settings {
    text: String,
    values: BTreeMap<&'static str, String>,
}

impl Settings {
    /// Empty. `text` is what errors show, without its password.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: BTreeMap::new() }
    }

    pub(crate) fn set(&mut self, key: &'static str, value: impl Into<String>) {
        self.values.insert(key, value.into());
    }

    /// Has `key` a meaning in a connection string?
    pub(crate) fn knows(key: &str) -> bool {
        canonical(key).is_some() || IGNORED.contains(&key)
    }

    /// Sets a parameter of this name, if there is one.
    pub(crate) fn parameter(&mut self, key: &str, value: String) -> Result<(), TargetError> {
        if let Some(name) = canonical(key) {
            self.values.insert(name, if key == "ssl" { ssl_word(&value) } else { value });
            return Ok(());
        }
        if IGNORED.contains(&key) {
            return Ok(());
        }
        let known = PARAMETERS.iter().map(|(name, _)| *name);
        let hint = did_you_mean(key, known.clone()).unwrap_or(format!("known parameters are {}", or_list(known)));
        Err(self.error(format!("unknown parameter `{key}`")).hint(hint))
    }

    /// Fills what is missing from the `PG*` variables, the password file and libpq's defaults.
    pub(crate) fn completed(mut self, around: &Surroundings<'_>) -> Result<Self, TargetError> {
        for (key, variable) in PARAMETERS {
            if let Some(value) = around.var(variable) {
                self.values.entry(key).or_insert_with(|| value.to_owned());
            }
        }
        if around.var("PGSERVICE").is_some() {
            around.warn(
                Finding::warning("`PGSERVICE` is set, but service files are not read")
                    .hint("name the host, the user and the database themselves"),
            );
        }
        if !self.values.contains_key("user") {
            let Some(user) = around.user else {
                return Err(self
                    .error("it names no user")
                    .hint("write `postgres://user@host/database` or set `PGUSER`"));
            };
            self.set("user", user);
        }
        let user = self.values["user"].clone();
        self.values.entry("dbname").or_insert(user);
        Ok(self)
    }

    /// Gives the parameters their meaning.
    pub(crate) fn build(self, around: &Surroundings<'_>) -> Result<PostgresDsn, TargetError> {
        let hosts = self.hosts()?;
        let (user, database) = (self.values["user"].clone(), self.values["dbname"].clone());
        let password = self.get("password").map(Secret::from);
        let password = password.or_else(|| pgpass::find(self.get("passfile"), &hosts, &database, &user, around));
        let path = |key| self.get(key).map(PathBuf::from);
        Ok(PostgresDsn {
            password,
            sslmode: self.sslmode()?,
            sslrootcert: self.get("sslrootcert").map(str::to_owned),
            sslcert: path("sslcert"),
            sslkey: path("sslkey"),
            session_attrs: self.word("target_session_attrs", SessionAttrs::WORDS, SessionAttrs::from_word)?,
            application_name: self.get("application_name").map(str::to_owned),
            options: self.get("options").map(str::to_owned),
            connect_timeout: self.connect_timeout()?,
            channel_binding: self.word("channel_binding", ChannelBinding::WORDS, ChannelBinding::from_word)?,
            hosts,
            user,
            database,
        })
    }

    /// `host` and `port` are lists of equal length, or one port for all.
    fn hosts(&self) -> Result<Vec<Host>, TargetError> {
        let names: Vec<_> = self.get("host").unwrap_or(SOCKET_DIRECTORY).split(',').map(str::trim).collect();
        let ports: Vec<_> = self.get("port").unwrap_or_default().split(',').collect();
        if ports.len() > 1 && ports.len() != names.len() {
            let problem = format!("{} ports for {}", ports.len(), report::count(names.len(), "host"));
            return Err(self.error(problem).hint("give one port for all hosts, or one for each"));
        }
        let host = |(index, name): (usize, &&str)| {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or_default();
            let port = port_number(&self.text, port)?.unwrap_or(5432);
            let host = match *name {
                "" => Host::Unix(PathBuf::from(SOCKET_DIRECTORY), port),
                name if name.starts_with(['/', '@']) => Host::Unix(PathBuf::from(name), port),
                name if name.contains(char::is_whitespace) => {
                    return Err(self.error(format!("`{name}` is not the name of a host")));
                }
                name => Host::Tcp(name.to_owned(), port),
            };
            if let Host::Unix(dir, port) = &host {
                socket::fits(&self.text, &dir.join(format!(".s.PGSQL.{port}")))?;
            }
            Ok(host)
        };
        names.iter().enumerate().map(host).collect()
    }

    /// The roots of the system need a name to be verified: libpq refuses anything weaker with them.
    fn sslmode(&self) -> Result<SslMode, TargetError> {
        let mode = self.word("sslmode", SslMode::WORDS, SslMode::from_word)?;
        match (self.get("sslrootcert"), self.get("sslmode")) {
            (Some("system"), None) => Ok(SslMode::VerifyFull),
            (Some("system"), Some(_)) if mode != SslMode::VerifyFull => Err(self
                .error(format!("`sslmode={mode}` is too weak for `sslrootcert=system`"))
                .hint("write `sslmode=verify-full`")),
            _ => Ok(mode),
        }
    }

    fn connect_timeout(&self) -> Result<Option<Duration>, TargetError> {
        let Some(text) = self.get("connect_timeout") else { return Ok(None) };
        match text.trim().parse::<u64>() {
            Ok(seconds) => Ok((seconds > 0).then(|| Duration::from_secs(seconds))),
            Err(_) => Err(self.error(format!("`connect_timeout={text}` is not a number of seconds"))),
        }
    }

    fn word<T: Default>(&self, key: &str, known: &[&str], read: fn(&str) -> Option<T>) -> Result<T, TargetError> {
        let Some(word) = self.get(key) else { return Ok(T::default()) };
        read(word).ok_or_else(|| {
            let hint = did_you_mean(word, known.iter().copied()).unwrap_or(format!("write {}", or_list(known)));
            self.error(format!("`{word}` is not a value of `{key}`")).hint(hint)
        })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn error(&self, problem: impl Into<String>) -> TargetError {
        TargetError::new(&self.text, problem)
    }
}

fn canonical(key: &str) -> Option<&'static str> {
    let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == key).map(|(_, name)| *name);
    let key = synonym.unwrap_or(key);
    PARAMETERS.iter().map(|(name, _)| *name).find(|name| *name == key)
}

/// asyncpg's `ssl=require` and JDBC's `ssl=true`.
fn ssl_word(value: &str) -> String {
    match value {
        "true" | "1" | "on" => "verify-full".to_owned(),
        "false" | "0" | "off" => "disable".to_owned(),
        word => word.to_owned(),
    }
}
