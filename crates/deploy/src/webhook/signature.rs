//! Is it really the forge that speaks? Nothing here takes longer the more of a guess is right.

use config::Webhook;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// GitHub: `sha256=` and the HMAC of the body in hexadecimal digits.
pub(super) fn is_signed(hook: &Webhook, header: Option<&str>, body: &[u8]) -> bool {
    let Some(claimed) = header.and_then(|header| header.strip_prefix("sha256=")).and_then(from_hex) else {
        return false;
    };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(hook.secret.reveal().as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&claimed).is_ok()
}

/// GitLab: the secret itself. Digests under it are compared, so that not even its length is told.
pub(super) fn is_token(hook: &Webhook, header: Option<&str>) -> bool {
    let Some(token) = header else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(hook.secret.reveal().as_bytes()) else { return false };
    mac.update(&Sha256::digest(hook.secret.reveal().as_bytes()));
    let Ok(mut theirs) = Hmac::<Sha256>::new_from_slice(hook.secret.reveal().as_bytes()) else { return false };
    theirs.update(&Sha256::digest(token.as_bytes()));
    mac.verify_slice(&theirs.finalize().into_bytes()).is_ok()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}
