//! Object stores that speak S3.

use report::Secret;
use std::{fmt, time::Duration};

/// A bucket, and the part of it that copies lie in.
#[derive(Clone, Debug, PartialEq)]
pub struct S3 {
    /// Its name.
    pub bucket: String,
    /// What all names of objects begin with, without `/` at either end; may be empty.
    pub prefix: String,
    /// The server.
    pub endpoint: Endpoint,
    /// Where its requests are signed for: `us-east-1`.
    pub region: String,
    /// Nothing when nobody has given any.
    pub credentials: Option<Credentials>,
    /// A server that says nothing for so long is asked again.
    pub timeout: Duration,
}

/// Where an object store is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// By HTTPS?
    pub tls: bool,
    /// Without the brackets of an IPv6 address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Is the bucket the first part of the path? Else it is the first part of the host's name.
    pub path_style: bool,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The name of the key, which is no secret.
    pub access_key: String,
    /// The key.
    pub secret_key: Secret,
    /// Of credentials for a time.
    pub session_token: Option<Secret>,
}

impl Credentials {
    /// What must never be printed.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = Secret> + use<'_> {
        [Some(&self.secret_key), self.session_token.as_ref()].into_iter().flatten().cloned()
    }
}

impl S3 {
    /// `s3://bucket/prefix` as bucket and prefix.
    pub(crate) fn address(text: &str) -> Option<Result<(String, String), String>> {
        let rest = text.strip_prefix("s3://")?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = prefix.trim_matches('/').to_owned();
        // The rules of AWS for names; others are more lenient, and nobody relies on it.
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        Some(match (3..=63).contains(&bucket.len()) && bucket.chars().all(good) {
            true if ends(bucket.chars().next()) && ends(bucket.chars().last()) => match is_plain(&prefix) {
                true => Ok((bucket.to_owned(), prefix)),
                false => Err(format!("`{prefix}` is no good prefix")),
            },
            _ => Err(format!("`{bucket}` is no name of a bucket")),
        })
    }
}

/// Letters, digits and `-._/`, and no part that is empty or a step: what every store takes and every shell leaves alone.
fn is_plain(prefix: &str) -> bool {
    let part = |part: &str| {
        !matches!(part, "" | "." | "..") && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    prefix.is_empty() || prefix.split('/').all(part)
}

impl Endpoint {
    /// `https://host:port`.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn parse(text: &str, path_style: bool) -> Result<Self, String> {
        let wrong = || format!("`{}` is no address of a server", crate::redact(text));
        let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(wrong()),
        };
        let authority = rest.trim_end_matches('/');
        let (host, port) = match authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')) {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?),
            None => (authority, if tls { 443 } else { 80 }),
        };
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let good = |b: u8| b.is_ascii_alphanumeric() || b"-._:".contains(&b);
        match host.is_empty() || !host.bytes().all(good) {
            true => Err(wrong()),
            false => Ok(Self { tls, host: host.to_owned(), port, path_style }),
        }
    }

    /// Does what is said to it never leave this machine?
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<std::net::IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }
}

/// `s3://bucket/prefix`
impl fmt::Display for S3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.as_str() {
            "" => write!(f, "s3://{}", self.bucket),
            prefix => write!(f, "s3://{}/{prefix}", self.bucket),
        }
    }
}

/// `https://host:port`
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => write!(f, "{scheme}://{host}"),
            (_, port) => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: what is no address of a bucket is refused.
    #[test]
    fn buckets_and_prefixes() {
        let read = |text| S3::address(text).map(Result::ok);
        let of = |bucket: &str, prefix: &str| Some(Some((bucket.to_owned(), prefix.to_owned())));
        assert_eq!(read("s3://shop-backups"), of("shop-backups", ""));
        assert_eq!(read("s3://shop.backups/eu/live/"), of("shop.backups", "eu/live"));
        assert_eq!(read("backups"), None);
        for wrong in ["s3://", "s3://ab", "s3://Shop", "s3://-ab", "s3://abc/a//b", "s3://abc/../b", "s3://abc/a b"] {
            assert_eq!(read(wrong), Some(None), "{wrong}");
        }
    }

    /// S1.16: servers by name, address and port.
    #[test]
    fn endpoints() {
        let read = |text: &str| Endpoint::parse(text, true).map(|it| (it.to_string(), it.port, it.is_loopback()));
        assert_eq!(read("https://s3.example/"), Ok(("https://s3.example".into(), 443, false)));
        assert_eq!(read("http://127.0.0.1:9000"), Ok(("http://127.0.0.1:9000".into(), 9000, true)));
        assert_eq!(read("http://[::1]:9000"), Ok(("http://[::1]:9000".into(), 9000, true)));
        assert_eq!(read("http://[::1]"), Ok(("http://[::1]".into(), 80, true)));
        for wrong in ["", "s3.example", "ftp://a", "https://", "https://a:x", "https://a/b", "https://u:secret@a"] {
            let told = read(wrong).unwrap_err();
            assert!(!told.contains("secret"), "{told}");
        }
    }
}
