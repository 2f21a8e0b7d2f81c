//! The number of the lock that hosts share.

/// FNV-1a, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// The advisory lock of a job. The same on all hosts and in all versions.
pub fn lock_key(app: &str, job: &str) -> i64 {
    hash(&format!("mainstay schedule {app}/{job}"))
}

/// The advisory lock of an exclusive service, likewise.
pub fn service_key(app: &str, service: &str) -> i64 {
    hash(&format!("mainstay service {app}/{service}"))
}

fn hash(text: &str) -> i64 {
    text.bytes().fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_same_for_ever() {
        assert_eq!(lock_key("booking", "retrain"), lock_key("booking", "retrain"));
        assert_ne!(lock_key("booking", "retrain"), lock_key("booking", "report"));
        assert_ne!(lock_key("booking", "bot"), service_key("booking", "bot"));
    }
}
