//! Where the application behind a proxy listens.

use crate::parse_address;
use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

/// The address of an application that speaks HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Upstream {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A Unix socket, by an absolute path.
    Unix(PathBuf),
}

impl FromStr for Upstream {
    type Err = String;

    /// An address as [`parse_address`] takes it, also as `http://127.0.0.1:8000`, or `unix:/run/app.sock`.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(format!("`{text}` needs an absolute path"))
            };
        }
        let address = parse_address(text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/'))?;
        match address.port() {
            0 => Err(format!("`{text}` names no port")),
            _ if address.ip().is_unspecified() => Err(format!("`{text}` is every address of this machine, not one")),
            _ => Ok(Self::Tcp(address)),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_are_read_and_shown() {
        for (text, shown) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            ("8000", "127.0.0.1:8000"),
            ("http://localhost:8000/", "127.0.0.1:8000"),
            ("[::1]:80", "[::1]:80"),
            ("unix:/run/app.sock", "unix:/run/app.sock"),
        ] {
            assert_eq!(text.parse::<Upstream>().map(|it| it.to_string()), Ok(shown.to_owned()));
        }
        for text in ["", "unix:app.sock", "*:8000", "8000:", "127.0.0.1:0", "https://127.0.0.1:1", "host:80"] {
            assert!(text.parse::<Upstream>().is_err(), "{text}");
        }
    }
}
