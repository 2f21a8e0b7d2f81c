//! One migrator at a time: the key of the lock, who holds it, and how to wait for it. Pure.

mod holder;
mod ladder;
pub(crate) mod lease;
mod waiting;

pub use holder::{Activity, Holder};

pub(crate) use holder::session_name;

pub(crate) use ladder::{Ladder, Rung, Work as Strength};
pub(crate) use waiting::{Next, Waiting};

use sha2::{Digest, Sha256};

/// The key of PostgreSQL's advisory lock: the first eight bytes, big-endian, of the SHA-256 of
/// `mainstay migrate`, the database, the schema and `schema_migrations`, each followed by a zero byte.
///
/// Two schemas of one database don't wait for each other; everybody who migrates the same schema does, the external
/// command included.
pub(crate) fn key(database: &str, schema: &str) -> i64 {
    let mut hash = Sha256::new();
    for part in ["mainstay migrate", database, schema, crate::style::plain::TABLE] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0u64, |key, byte| key << 8 | u64::from(*byte)).cast_signed()
}

/// The key that each session at work shares for as long as the server has it. A process that is killed lets go of the lock
/// at once, but its session may still be at a statement, or have a COMMIT before it that was sent and not read yet. Whoever
/// gets the lock waits until nobody has this key.
pub(crate) fn work_key(ours: i64) -> i64 {
    !ours
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Releases that run side by side during an update must wait for each other: the key is a contract.
    #[test]
    fn the_key_never_changes() {
        assert_eq!(key("booking", "public"), KNOWN);
        assert_ne!(key("booking", "public"), key("booking", "other"));
        assert_ne!(key("a", "bc"), key("ab", "c"));
    }

    /// Worked out with another program's SHA-256.
    const KNOWN: i64 = -7489493668463270970;
}
