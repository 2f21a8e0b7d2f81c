//! From a URL or a `key=value` string to [`PostgresDsn`].

use super::{PostgresDsn, settings::Settings};
use crate::dsn::{
    Surroundings, TargetError,
    url::{host_and_port, split},
};

/// Reads `postgres://…`, `postgresql://…`, the same with a driver (`postgresql+asyncpg://…`), and libpq's
/// `host=… dbname=…`. What the text leaves open is taken from the `PG*` variables and the password file.
pub fn parse(text: &str, around: &Surroundings<'_>) -> Result<PostgresDsn, TargetError> {
    let settings = if text.contains("://") { from_url(text)? } else { from_conninfo(text)? };
    settings.completed(around)?.build(around)
}

/// Does it look like libpq's `key=value` string?
pub(crate) fn is_conninfo(text: &str) -> bool {
    !text.contains("://") && text.split_once('=').is_some_and(|(key, _)| Settings::knows(key.trim()))
}

fn from_url(text: &str) -> Result<Settings, TargetError> {
    let url = split(text)?;
    let mut settings = Settings::new(text);
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for place in url.place.split(',').filter(|_| !url.place.is_empty()) {
        let (host, port) = host_and_port(text, place)?;
        hosts.push(host);
        ports.push(port.map(|port| port.to_string()).unwrap_or_default());
    }
    settings.set_unless_empty("host", hosts.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        settings.set_unless_empty("port", ports.join(","));
    }
    settings.set_unless_empty("user", url.user.unwrap_or_default());
    settings.set_unless_empty("password", url.password.unwrap_or_default().reveal().to_owned());
    settings.set_unless_empty("dbname", url.path);
    for (key, value) in url.query {
        settings.parameter(&key, value)?;
    }
    Ok(settings)
}

/// Values may be quoted with `'`; `\` makes the next character stand for itself (PostgreSQL manual, "Keyword/Value
/// Connection Strings").
fn from_conninfo(text: &str) -> Result<Settings, TargetError> {
    let mut settings = Settings::new(text);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let Some((key, after)) = rest.split_once('=') else {
            return Err(TargetError::new(text, format!("`{}` has no value", rest.trim())).hint("write `key=value`"));
        };
        let (value, after) = conninfo_value(text, after.trim_start())?;
        settings.parameter(key.trim(), value)?;
        rest = after.trim_start();
    }
    Ok(settings)
}

fn conninfo_value<'a>(text: &str, from: &'a str) -> Result<(String, &'a str), TargetError> {
    let quoted = from.starts_with('\'');
    let mut value = String::new();
    let mut characters = from.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, next)| next)),
            '\'' if quoted => return Ok((value, &from[at + 1..])),
            blank if blank.is_whitespace() && !quoted => return Ok((value, &from[at..])),
            other => value.push(other),
        }
    }
    match quoted {
        true => Err(TargetError::new(text, "a `'` is never closed").hint("write `\\'` for a quote inside a value")),
        false => Ok((value, "")),
    }
}

impl Settings {
    fn set_unless_empty(&mut self, key: &'static str, value: String) {
        if !value.is_empty() {
            self.set(key, value);
        }
    }

    /// `postgres` and everything that may follow it before `://`.
    pub(crate) fn is_scheme(scheme: &str) -> bool {
        let name = scheme.split('+').next().unwrap_or(scheme);
        matches!(name, "postgres" | "postgresql" | "jdbc:postgresql")
    }
}
