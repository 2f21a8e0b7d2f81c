//! From a name to addresses.

use super::interfaces::ip_of;
use std::{
    ffi::{CStr, CString},
    net::{IpAddr, SocketAddr},
};

/// Why a name has no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// There is no such name, or it has no address (`EAI_NONAME`, `EAI_NODATA`).
    #[error("host `{host}` not found: {reason}")]
    NotFound {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The name server did not answer, for now (`EAI_AGAIN`).
    #[error("host `{host}` cannot be looked up now: {reason}")]
    TryAgain {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// Anything else.
    #[error("look up host `{host}`: {reason}")]
    Other {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
}

/// The addresses of `host`, each once, in the resolver's order (getaddrinfo(3)): at least one. An address is its own
/// answer. A lookup runs on a thread of tokio's, and goes on there when nobody waits for it any longer.
pub async fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    if let Ok(ip) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let name = host.to_owned();
    let looked_up = tokio::task::spawn_blocking(move || look_up(&name)).await;
    let addresses = looked_up
        .unwrap_or_else(|stopped| Err(ResolveError::Other { host: host.to_owned(), reason: stopped.to_string() }))?;
    Ok(addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect())
}

#[expect(unsafe_code, reason = "the standard library hides which error getaddrinfo(3) returned")]
fn look_up(host: &str) -> Result<Vec<IpAddr>, ResolveError> {
    let name = CString::new(host).map_err(|_| error(host, libc::EAI_NONAME))?;
    // SAFETY: all zeros is the hint for "anything"; one socket type keeps every address from coming thrice.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut first = std::ptr::null_mut();
    // SAFETY: the name ends with NUL, hints and result are valid for the call.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut first) };
    if code != 0 {
        return Err(error(host, code));
    }
    let (mut found, mut next) = (Vec::new(), first);
    // SAFETY: the list is valid until it is freed, and ends with a null.
    while let Some(answer) = unsafe { next.as_ref() } {
        found.extend(ip_of(answer.ai_addr).filter(|ip| !found.contains(ip)));
        next = answer.ai_next;
    }
    // SAFETY: the list came from getaddrinfo and nothing refers to it any more.
    unsafe { libc::freeaddrinfo(first) };
    if found.is_empty() { Err(error(host, libc::EAI_NONAME)) } else { Ok(found) }
}

fn error(host: &str, code: i32) -> ResolveError {
    let (host, reason) = (host.to_owned(), reason(code));
    match code {
        libc::EAI_NONAME | libc::EAI_NODATA => ResolveError::NotFound { host, reason },
        libc::EAI_AGAIN => ResolveError::TryAgain { host, reason },
        _ => ResolveError::Other { host, reason },
    }
}

#[expect(unsafe_code, reason = "gai_strerror(3) is a C interface")]
fn reason(code: i32) -> String {
    // SAFETY: the result is a constant text that ends with NUL.
    unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_its_own_answer() {
        let expect = |text: &str| vec![text.parse::<SocketAddr>().unwrap()];
        assert_eq!(resolve("192.0.2.1", 5432).await, Ok(expect("192.0.2.1:5432")));
        assert_eq!(resolve("::1", 1).await, Ok(expect("[::1]:1")));
        assert_eq!(resolve("[::1]", 1).await, Ok(expect("[::1]:1")));
    }

    #[tokio::test]
    async fn the_own_machine_is_found() {
        let found = resolve("localhost", 80).await.unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 80), "{found:?}");
    }

    /// `.invalid` is never there (RFC 6761); without any name server the answer is "later".
    #[tokio::test]
    async fn a_name_that_is_not_there_is_told() {
        let error = resolve("no-such-host.invalid", 80).await.unwrap_err();
        assert!(matches!(error, ResolveError::NotFound { .. } | ResolveError::TryAgain { .. }), "{error:?}");
        assert!(error.to_string().starts_with("host `no-such-host.invalid` "), "{error}");
        assert!(matches!(resolve("a\0b", 80).await, Err(ResolveError::NotFound { .. })));
    }

    #[test]
    fn codes_have_their_kinds() {
        assert!(matches!(error("h", libc::EAI_NODATA), ResolveError::NotFound { .. }));
        assert!(matches!(error("h", libc::EAI_AGAIN), ResolveError::TryAgain { .. }));
        assert!(matches!(error("h", libc::EAI_FAIL), ResolveError::Other { .. }));
    }
}
