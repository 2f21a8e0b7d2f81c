//! AWS Signature Version 4 (<https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>).

use config::Credentials;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// A request as it is signed.
pub(crate) struct Signing<'a> {
    pub(crate) method: &'a str,
    /// As it is sent: encoded.
    pub(crate) path: &'a str,
    /// Encoded and in order.
    pub(crate) query: &'a str,
    pub(crate) host: &'a str,
    /// In hexadecimal digits.
    pub(crate) payload: &'a str,
    /// Further headers, names in small letters.
    pub(crate) more: &'a [(&'static str, String)],
}

/// All headers of the request but `Host`.
pub(crate) fn signed(
    signing: &Signing<'_>,
    credentials: &Credentials,
    region: &str,
    now: Timestamp,
) -> Vec<(&'static str, String)> {
    let (date, moment) = (now.strftime("%Y%m%d").to_string(), now.strftime("%Y%m%dT%H%M%SZ").to_string());
    let mut headers = signing.more.to_vec();
    headers.push(("x-amz-content-sha256", signing.payload.to_owned()));
    headers.push(("x-amz-date", moment.clone()));
    let token = credentials.session_token.as_ref();
    headers.extend(token.map(|token| ("x-amz-security-token", token.reveal().to_owned())));
    let mut all = headers.clone();
    all.push(("host", signing.host.to_owned()));
    all.sort();
    let names = all.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines: String = all.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let Signing { method, path, query, payload, .. } = signing;
    let canonical = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}");
    let scope = format!("{date}/{region}/s3/aws4_request");
    let to_sign = format!("{ALGORITHM}\n{moment}\n{scope}\n{}", hash(canonical.as_bytes()));
    let secret = format!("AWS4{}", credentials.secret_key.reveal());
    let steps = [date.as_str(), region, "s3", "aws4_request", &to_sign];
    let signature = steps.iter().fold(secret.into_bytes(), |key, step| keyed(&key, step.as_bytes()));
    let credential = format!("{}/{scope}", credentials.access_key);
    let value = format!("{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={}", hex(&signature));
    headers.push(("authorization", value));
    headers
}

fn keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// SHA-256 in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

/// As S3 wants names in paths, or values in queries, where `/` is encoded too.
pub(crate) fn encoded(text: &str, slash: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || byte == b'/' && !slash;
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authorization(method: &str, path: &str, query: &str, more: &[(&'static str, String)]) -> String {
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into(),
            session_token: None,
        };
        let host = "examplebucket.s3.amazonaws.com";
        let signing = Signing { method, path, query, host, payload: &hash(b""), more };
        let now = "2013-05-24T00:00:00Z".parse().unwrap();
        signed(&signing, &credentials, "us-east-1", now).pop().unwrap().1
    }

    /// The examples of the specification.
    #[test]
    fn the_specification_is_kept() {
        let got = authorization("GET", "/test.txt", "", &[("range", "bytes=0-9".into())]);
        assert_eq!(
            got,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
             Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
        let listed = authorization("GET", "/", "max-keys=2&prefix=J", &[]);
        assert!(listed.ends_with("=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"), "{listed}");
    }

    /// Names in paths keep their slashes.
    #[test]
    fn names_are_encoded() {
        assert_eq!(encoded("a b/ä+~", false), "a%20b/%C3%A4%2B~");
        assert_eq!(encoded("a/b", true), "a%2Fb");
    }
}
