//! As much of a URL as a request needs.

use crate::refusals::never;
use database::{Refusal, ServerState};
use hyper::Uri;

/// Where to connect, and what to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) tls: bool,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// Path and query, beginning with `/`.
    pub(super) path: String,
}

impl Url {
    /// Reads `text`; a user and a password in it are not sent.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let bad = || never(ServerState::Unknown, "not an HTTP URL", "write it as `http://host:port/path`");
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(bad()),
        };
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(bad)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            tls,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            path: if path.starts_with('/') { path.to_owned() } else { format!("/{path}") },
        })
    }

    /// Host and port, as the `Host` header and people want them.
    pub(super) fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match (self.tls, self.port) {
            (false, 80) | (true, 443) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_and_what() {
        let parts = |text| Url::parse(text).map(|url| (url.tls, url.authority(), url.port, url.path)).ok();
        assert_eq!(parts("http://a/x?y=1"), Some((false, "a".into(), 80, "/x?y=1".into())));
        assert_eq!(parts("https://a:8443"), Some((true, "a:8443".into(), 8443, "/".into())));
        assert_eq!(parts("http://[::1]:80/"), Some((false, "[::1]".into(), 80, "/".into())));
        assert_eq!(parts("http://a?x"), Some((false, "a".into(), 80, "/?x".into())));
        for bad in ["", "a", "ftp://a/", "http://", "http:// /", "/x"] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_password_is_neither_sent_nor_shown() {
        let url = Url::parse("http://bob:hunter2@a/").unwrap();
        assert!(!format!("{url:?}{}", url.authority()).contains("hunter2"));
        assert!(!format!("{:?}", Url::parse("ftp://bob:hunter2@a/")).contains("hunter2"));
    }
}
