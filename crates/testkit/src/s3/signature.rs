//! Is a request signed with the known key? By the rules of AWS Signature Version 4.
use super::http::{Reply, Request};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// `AWS4-HMAC-SHA256 Credential=KEY/DATE/REGION/s3/aws4_request, SignedHeaders=a;b, Signature=…`
pub(super) fn check(request: &Request, access_key: &str, secret_key: &str) -> Result<(), Reply> {
    let denied = |why: &str| Reply::error(403, "AccessDenied", why);
    let header = request.header("authorization").ok_or_else(|| denied("the request is not signed"))?;
    let rest = header.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(|| denied("another kind of signature"))?;
    let field = |name: &str| {
        let found = rest.split(", ").find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        found.ok_or_else(|| denied("the signature lacks a field"))
    };
    let scope: Vec<_> = field("Credential")?.split('/').collect();
    let [key, date, region, service, end] = scope[..] else { return Err(denied("a malformed credential")) };
    if key != access_key {
        let why = "The AWS Access Key Id you provided does not exist in our records.";
        return Err(Reply::error(403, "InvalidAccessKeyId", why));
    }
    let moment = request.header("x-amz-date").ok_or_else(|| denied("the request has no date"))?;
    let payload = request.header("x-amz-content-sha256").ok_or_else(|| denied("the content has no hash"))?;
    if hex(&Sha256::digest(&request.body)) != payload {
        let why = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return Err(Reply::error(400, "XAmzContentSHA256Mismatch", why));
    }
    let names = field("SignedHeaders")?;
    for needed in ["host", "x-amz-content-sha256", "x-amz-date"] {
        if !names.split(';').any(|name| name == needed) {
            return Err(denied("a header that has to be signed is not"));
        }
    }
    let lines: String =
        names.split(';').map(|name| format!("{name}:{}\n", request.header(name).unwrap_or_default())).collect();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let mut pairs: Vec<_> = query.split('&').collect();
    pairs.sort_unstable();
    let canonical = format!("{}\n{path}\n{}\n{lines}\n{names}\n{payload}", request.method, pairs.join("&"));
    let text = format!(
        "AWS4-HMAC-SHA256\n{moment}\n{date}/{region}/{service}/{end}\n{}",
        hex(&Sha256::digest(canonical.as_bytes()))
    );
    let start = format!("AWS4{secret_key}").into_bytes();
    let steps = [date, region, service, end, text.as_str()];
    let expected = steps.iter().fold(start, |key, step| keyed(&key, step));
    match hex(&expected) == field("Signature")? {
        true => Ok(()),
        false => Err(Reply::error(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )),
    }
}

fn keyed(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is good");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
