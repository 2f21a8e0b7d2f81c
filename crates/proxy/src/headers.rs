//! What of a message belongs to one connection and stays there, and what is told to the application about who asked.

use hyper::{
    HeaderMap,
    header::{
        CONNECTION, EXPECT, HOST, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
        TRANSFER_ENCODING, UPGRADE,
    },
};
use std::net::IpAddr;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");
/// The name under which a request is known to everybody on its way.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ones are not taken over.
const LONGEST_ID: usize = 128;

/// Whether what a request says about its own way is believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Whoever asks may have written anything: it is replaced.
    #[default]
    Nobody,
    /// Only another proxy can reach us: it is continued.
    Everybody,
}

/// Who asks, as we see it.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// Its address, as a header takes it.
    pub(crate) address: HeaderValue,
    /// The same, as RFC 7239 writes it.
    pub(crate) node: String,
    /// `https` or `http`.
    pub(crate) scheme: &'static str,
}

impl Asker {
    pub(crate) fn new(ip: IpAddr, encrypted: bool) -> Self {
        let ip = ip.to_canonical();
        let text = ip.to_string();
        let node = if ip.is_ipv6() { format!("\"[{text}]\"") } else { text.clone() };
        let address = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unknown"));
        Self { address, node, scheme: if encrypted { "https" } else { "http" } }
    }
}

/// The protocol that a request wants to change to, if it does.
pub(crate) fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted =
        headers.get_all(CONNECTION).iter().any(|value| tokens(value).any(|it| it.eq_ignore_ascii_case("upgrade")));
    let to = headers.get(UPGRADE).filter(|_| wanted)?;
    // Plain HTTP/2 by upgrade is not offered: whoever asks for it is answered as if it had not.
    (!to.as_bytes().eq_ignore_ascii_case(b"h2c")).then(|| to.clone())
}

/// Takes away what belongs to one connection (RFC 9110, 7.6.1).
pub(crate) fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers.get_all(CONNECTION).iter().flat_map(tokens).filter_map(nameable).collect();
        named.into_iter().for_each(|name| drop(headers.remove(name)));
        headers.remove(CONNECTION);
    }
    let trailers = headers.get(TE).is_some_and(|te| tokens(te).any(|it| it.eq_ignore_ascii_case("trailers")));
    for name in [
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
        HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
    if trailers {
        // Whoever sent it takes trailers; hyper sends them to who says so.
        headers.insert(TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// What a `Connection` line may take away: not what everybody on the way needs.
fn nameable(token: &str) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(token.as_bytes()).ok()?;
    let kept = [
        HOST,
        hyper::header::CONTENT_LENGTH,
        TE,
        FORWARDED_FOR,
        FORWARDED_PROTO,
        FORWARDED_HOST,
        FORWARDED,
        REQUEST_ID,
    ];
    (!kept.contains(&name)).then_some(name)
}

fn tokens(value: &HeaderValue) -> impl Iterator<Item = &str> {
    let text = value.to_str().unwrap_or_default();
    text.split(',').map(|token| token.split(';').next().unwrap_or_default().trim()).filter(|token| !token.is_empty())
}

/// Makes the head of a request what the application gets to see.
pub(crate) fn forward(headers: &mut HeaderMap, asker: &Asker, trust: Trust) {
    strip(headers);
    headers.remove(EXPECT);
    if trust == Trust::Nobody {
        for name in [FORWARDED_FOR, FORWARDED, REAL_IP] {
            headers.remove(name);
        }
    }
    let host = headers.get(HOST).cloned();
    let node = forwarded(asker, host.as_ref());
    continued(headers, FORWARDED_FOR, asker.address.clone());
    if let Some(node) = node {
        continued(headers, FORWARDED, node);
    }
    said(headers, FORWARDED_PROTO, Some(HeaderValue::from_static(asker.scheme)), trust);
    said(headers, FORWARDED_HOST, host, trust);
    if !headers.get(REQUEST_ID).is_some_and(sound_id) {
        headers.insert(REQUEST_ID, new_id());
    }
}

/// One more station on the way.
fn continued(headers: &mut HeaderMap, name: HeaderName, last: HeaderValue) {
    let so_far: Vec<&[u8]> = headers.get_all(&name).iter().map(HeaderValue::as_bytes).collect();
    if so_far.is_empty() {
        headers.insert(name, last);
        return;
    }
    let whole = [so_far.join(&b", "[..]).as_slice(), last.as_bytes()].join(&b", "[..]);
    headers.insert(name, HeaderValue::from_bytes(&whole).unwrap_or(last));
}

/// What the first station has said counts, where it is believed.
fn said(headers: &mut HeaderMap, name: HeaderName, value: Option<HeaderValue>, trust: Trust) {
    match value {
        _ if trust == Trust::Everybody && headers.contains_key(&name) => {}
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    }
}

/// `for=192.0.2.60;proto=https;host="example.org"` (RFC 7239).
fn forwarded(asker: &Asker, host: Option<&HeaderValue>) -> Option<HeaderValue> {
    let host = host.and_then(|host| host.to_str().ok()).filter(|host| !host.contains(['"', '\\']));
    let mut text = String::with_capacity(64);
    text.push_str("for=");
    text.push_str(&asker.node);
    text.push_str(";proto=");
    text.push_str(asker.scheme);
    if let Some(host) = host {
        text.push_str(";host=\"");
        text.push_str(host);
        text.push('"');
    }
    HeaderValue::try_from(text).ok()
}

fn sound_id(id: &HeaderValue) -> bool {
    (1..=LONGEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_id() -> HeaderValue {
    let mut random = fastrand::u128(..);
    let hex: [u8; 32] = std::array::from_fn(|_| {
        let digit = b"0123456789abcdef"[(random & 15) as usize];
        random >>= 4;
        digit
    });
    // Digits are always a value of a header.
    HeaderValue::from_bytes(&hex).unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        let pair =
            |(name, value): &(&str, &str)| (name.parse::<HeaderName>().unwrap(), value.parse::<HeaderValue>().unwrap());
        lines.iter().map(pair).collect()
    }

    fn shown(headers: &HeaderMap) -> Vec<String> {
        headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    fn asker() -> Asker {
        Asker::new("192.0.2.7".parse().unwrap(), true)
    }

    /// S4.9: what nginx sites tell the application.
    #[test]
    fn the_application_is_told_who_asked() {
        let mut headers = map(&[("host", "shop.example"), ("x-request-id", "abc"), ("accept", "*/*")]);
        forward(&mut headers, &asker(), Trust::Nobody);
        let mut seen = shown(&headers);
        seen.sort();
        assert_eq!(
            seen,
            [
                "accept: */*",
                "forwarded: for=192.0.2.7;proto=https;host=\"shop.example\"",
                "host: shop.example",
                "x-forwarded-for: 192.0.2.7",
                "x-forwarded-host: shop.example",
                "x-forwarded-proto: https",
                "x-request-id: abc",
            ]
        );
    }

    /// Nobody can pretend to be somebody else; another proxy's word is continued.
    #[test]
    fn the_way_so_far_is_believed_only_when_told_so() {
        let lines = [
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-proto", "gopher"),
            ("x-real-ip", "10.0.0.1"),
            ("forwarded", "for=10.0.0.1"),
        ];
        let (mut strange, mut known) = (map(&lines), map(&lines));
        forward(&mut strange, &asker(), Trust::Nobody);
        assert!(
            shown(&strange).iter().all(|line| !line.contains("10.0.0.1") && !line.contains("gopher")),
            "{strange:?}"
        );
        forward(&mut known, &asker(), Trust::Everybody);
        assert_eq!(known["x-forwarded-for"], "10.0.0.1, 192.0.2.7");
        assert_eq!(known["forwarded"], "for=10.0.0.1, for=192.0.2.7;proto=https");
        assert_eq!(known["x-forwarded-proto"], "gopher");
    }

    #[test]
    fn what_belongs_to_a_connection_stays_there() {
        let mut headers = map(&[
            ("connection", "close, X-Mine;q=1, host"),
            ("connection", "upgrade, content-length"),
            ("x-mine", "1"),
            ("keep-alive", "timeout=5"),
            ("upgrade", "websocket"),
            ("te", "gzip, trailers;q=0.5"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "Basic x"),
            ("content-length", "3"),
            ("host", "a"),
        ]);
        assert_eq!(upgrade_of(&headers), Some(HeaderValue::from_static("websocket")));
        strip(&mut headers);
        let mut seen = shown(&headers);
        seen.sort();
        assert_eq!(seen, ["connection: te", "content-length: 3", "host: a", "te: trailers"]);
    }

    #[test]
    fn ids_are_made_where_there_is_no_sound_one() {
        for bad in ["", "a b", &"x".repeat(129)] {
            let mut headers = map(&[("x-request-id", bad)]);
            forward(&mut headers, &asker(), Trust::Nobody);
            assert_eq!(headers["x-request-id"].len(), 32, "{bad:?}");
        }
    }

    #[test]
    fn version_6_is_written_as_the_standard_wants_it() {
        let asker = Asker::new("2001:db8::1".parse().unwrap(), false);
        assert_eq!(forwarded(&asker, None).unwrap(), "for=\"[2001:db8::1]\";proto=http");
        assert_eq!(Asker::new("::ffff:192.0.2.1".parse().unwrap(), false).node, "192.0.2.1");
    }

    proptest! {
        /// Whatever a request holds: nothing of the connection is passed on, nothing else is lost, and who asks cannot choose
        /// what is said about it.
        #[test]
        fn any_head_becomes_a_sound_one(
            lines in prop::collection::vec((
                prop_oneof![Just("connection"), Just("te"), Just("upgrade"), Just("keep-alive"), Just("x-forwarded-for"),
                    Just("forwarded"), Just("x-a"), Just("x-b"), Just("accept")],
                prop_oneof![Just("x-a"), Just("close, x-b"), Just("trailers"), Just("upgrade"), Just("x-forwarded-for"), Just("1;2,,"), Just("")],
            ), 0..12)
        ) {
            let mut headers = map(&lines);
            let named = |name: &str| lines.iter().any(|(key, value)| *key == "connection" && value.split(',').any(|it| it.trim() == name));
            forward(&mut headers, &asker(), Trust::Nobody);
            prop_assert_eq!(&headers["x-forwarded-for"], "192.0.2.7");
            prop_assert_eq!(&headers["forwarded"], "for=192.0.2.7;proto=https");
            prop_assert!(!headers.contains_key("upgrade") && !headers.contains_key("keep-alive"));
            for name in ["x-a", "x-b", "accept"] {
                let wanted = if named(name) { 0 } else { lines.iter().filter(|(key, _)| *key == name).count() };
                prop_assert_eq!(headers.get_all(name).iter().count(), wanted, "{}", name);
            }
            if let Some(connection) = headers.get("connection") {
                prop_assert_eq!(connection, "te");
            }
        }
    }
}
