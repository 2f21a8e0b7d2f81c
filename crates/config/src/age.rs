//! Public keys of age: `age1…`, which is Bech32 (BIP 173) of 32 bytes.

/// What each character stands for, five bits each.
const ALPHABET: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const HUMAN_PART: &str = "age";
/// What a secret key begins with.
pub(crate) const SECRET: &str = "AGE-SECRET-KEY";
/// `age1`, 32 bytes in 52 characters, and a checksum of six.
const LENGTH: usize = 62;
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];

/// Is it a public key? Answers with what is wrong with it; a text that may be a secret is not in the answer.
///
/// # Errors
/// What it is instead.
pub(crate) fn check_recipient(text: &str) -> Result<(), &'static str> {
    if text.to_ascii_uppercase().contains(SECRET) {
        return Err("that is a secret key, and only public ones (`age1…`) belong here");
    }
    let Some(data) = text.strip_prefix("age1") else {
        return Err(match text.starts_with("ssh-") {
            true => "SSH keys are not supported, only those of age (`age1…`)",
            false => "that is no public key of age, which begins with `age1`",
        });
    };
    let values: Option<Vec<u32>> = data.chars().map(|c| ALPHABET.find(c).and_then(|at| at.try_into().ok())).collect();
    match values {
        Some(values) if text.len() == LENGTH && checksum(&values) == 1 => Ok(()),
        Some(_) if text.len() > LENGTH => Err("that is too long for a public key of age; plugins are not supported"),
        _ => Err("that public key was not copied whole: its checksum is wrong"),
    }
}

fn checksum(values: &[u32]) -> u32 {
    let high = HUMAN_PART.bytes().map(|byte| u32::from(byte >> 5));
    let low = HUMAN_PART.bytes().map(|byte| u32::from(byte & 31));
    high.chain([0]).chain(low).chain(values.iter().copied()).fold(1, |sum, value| {
        let shifted = (sum & 0x01ff_ffff) << 5 ^ value;
        let taps = GENERATOR.iter().enumerate().filter(|(bit, _)| sum >> 25 >> bit & 1 == 1);
        taps.fold(shifted, |sum, (_, tap)| sum ^ tap)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";

    /// S1.16: a key that was copied wrongly would encrypt for nobody.
    #[test]
    fn every_wrong_character_is_found() {
        assert_eq!(check_recipient(KEY), Ok(()));
        for at in 4..KEY.len() {
            let other = if KEY.as_bytes()[at] == b'q' { "p" } else { "q" };
            let mut wrong = KEY.to_owned();
            wrong.replace_range(at..=at, other);
            assert!(check_recipient(&wrong).is_err(), "{wrong}");
            assert!(check_recipient(&KEY[..at]).is_err());
        }
    }
}
