//! The parts of a URL whose password somebody may have forgotten to encode.

use super::TargetError;
use report::Secret;

/// The parts of `scheme+driver://user:password@place/path?query`, decoded except for the place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    /// Hosts and ports, not decoded.
    pub(crate) place: &'a str,
    /// Without the leading `/`.
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
}

const ENCODE: &str = "write `@` as `%40`, `/` as `%2F`, `?` as `%3F`, `#` as `%23`, `%` as `%25`, or leave the \
                      password out of the URL and set it in a variable such as `PGPASSWORD`";

/// Takes `text` apart. A password with raw special characters is taken as it is where only one reading makes sense,
/// and refused where there are two.
pub(crate) fn split(text: &str) -> Result<Url<'_>, TargetError> {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let (login, rest) = split_login(text, rest)?;
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (place, path) = before_query.split_once('/').unwrap_or((before_query, ""));
    let (user, password) = match login {
        Some(login) => login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password))),
        None => ("", None),
    };
    Ok(Url {
        user: Some(decode(text, user)?).filter(|user| !user.is_empty()),
        password: password
            .map(|password| decode(text, password))
            .transpose()?
            .filter(|it| !it.is_empty())
            .map(Secret::new),
        place,
        path: decode(text, path)?,
        query: split_query(text, query)?,
    })
}

/// The login is what stands before the last `@` of the authority. When the authority has none but cannot be a place
/// either (`bot:pass/word@db`), it is what stands before the last `@` of all.
fn split_login<'a>(text: &str, rest: &'a str) -> Result<(Option<&'a str>, &'a str), TargetError> {
    let authority = rest.find(['/', '?']).map_or(rest, |end| &rest[..end]);
    let (login, after) = match authority.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None if is_place(authority) => (None, rest),
        None => match rest.rfind('@') {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        },
    };
    let path = after.split('?').next().unwrap_or_default();
    if path.contains('@') {
        return Err(TargetError::new(text, "it is not clear where the password ends").hint(ENCODE));
    }
    Ok((login, after))
}

/// Hosts with numeric ports, or nothing.
fn is_place(authority: &str) -> bool {
    authority.split(',').all(|host| {
        let after_bracket = host.rsplit_once(']').map_or(host, |(_, rest)| rest);
        after_bracket.split_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn split_query(text: &str, query: &str) -> Result<Vec<(String, String)>, TargetError> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(TargetError::new(text, format!("the parameter `{pair}` has no value")));
            };
            Ok((decode(text, key)?, decode(text, value)?))
        })
        .collect()
}

/// Decodes `%41`; a `%` that begins no escape stands for itself.
pub(crate) fn decode(text: &str, part: &str) -> Result<String, TargetError> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = if *first == b'%' { tail.get(..2).and_then(hex) } else { None };
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    match String::from_utf8(bytes) {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded),
        _ => Err(TargetError::new(text, "the escapes are not UTF-8 text").hint("check the `%` escapes")),
    }
}

fn hex(digits: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(digits).ok().filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u8::from_str_radix(digits, 16).ok()
}

/// Encodes everything but letters, digits, `-`, `.`, `_` and `~` (RFC 3986, unreserved).
pub fn encode(part: &str) -> String {
    let mut encoded = String::with_capacity(part.len());
    for byte in part.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// `host`, `host:port`, `[v6]:port`; the host decoded.
pub(crate) fn host_and_port(text: &str, place: &str) -> Result<(String, Option<u16>), TargetError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((host, "")) => (host, ""),
            Some((host, rest)) if rest.starts_with(':') => (host, &rest[1..]),
            _ => return Err(TargetError::new(text, "an IPv6 address in a URL is written in brackets: `[::1]:5432`")),
        },
        None if place.matches(':').count() > 1 => {
            return Err(TargetError::new(text, format!("`{place}` is not a host and a port"))
                .hint("write an IPv6 address in brackets: `[::1]:5432`"));
        }
        None => place.split_once(':').unwrap_or((place, "")),
    };
    Ok((decode(text, host)?, port_number(text, port)?))
}

/// A port, or nothing for the empty text.
pub(crate) fn port_number(text: &str, port: &str) -> Result<Option<u16>, TargetError> {
    match port.trim() {
        "" => Ok(None),
        port => {
            match port.parse::<u16>() {
                Ok(number) if number > 0 => Ok(Some(number)),
                _ => Err(TargetError::new(text, format!("`{port}` is not a port"))
                    .hint("a port is a number from 1 to 65535")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Option<String> {
        split(text).unwrap().password.map(|it| it.reveal().to_owned())
    }

    #[test]
    fn raw_special_characters_are_taken_where_only_one_reading_makes_sense() {
        for (text, expected) in [
            ("postgres://bot:plain@db/app", "plain"),
            ("postgres://bot:a@b@db/app", "a@b"),
            ("postgres://bot:a:b@db/app", "a:b"),
            ("postgres://bot:p/w@db/app", "p/w"),
            ("postgres://bot:p?w@db/app", "p?w"),
            ("postgres://bot:p#w@db/app", "p#w"),
            ("postgres://bot:100%@db/app", "100%"),
            ("postgres://bot:%zz@db/app", "%zz"),
            ("postgres://bot:p%40w%2F%25@db/app", "p@w/%"),
        ] {
            assert_eq!(password(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn two_readings_are_refused_without_showing_the_password() {
        for text in ["postgres://bot:12/3hunter@db/app", "postgres://bot:a@b/hunter@db/app"] {
            let error = split(text).unwrap_err();
            assert!(error.hint.as_deref().unwrap_or_default().contains("%40"), "{error:?}");
            assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
        }
    }

    #[test]
    fn an_at_sign_in_the_query_is_no_login() {
        let url = split("postgres://db/app?application_name=a@b").unwrap();
        assert_eq!((url.user, url.place, url.path.as_str()), (None, "db", "app"));
    }
}
