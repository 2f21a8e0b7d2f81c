//! Segments of System V shared memory, of which the kernel has only so many for all of the machine (`kernel.shmmni`, sysvipc(7)).

/// All of them (proc_sysvipc(5)): key, id, permissions, size, two processes, how many are attached.
const TABLE: &str = "/proc/sysvipc/shm";
const ATTACHED: usize = 6;
/// More is no table.
const MAX_BYTES: u64 = 16 << 20;

/// A segment, by its key and its id. Ids begin again when the machine starts, so both are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What it was made for.
    pub key: i64,
    /// Which one it is.
    pub id: i32,
}

impl Segment {
    /// How many processes use it; nothing when there is no such segment.
    pub fn attached(&self) -> Option<u64> {
        let table = crate::fs::read_to_string(TABLE.as_ref(), MAX_BYTES).ok()?;
        table.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let same = words.first()?.parse() == Ok(self.key) && words.get(1)?.parse() == Ok(self.id);
            words.get(ATTACHED).filter(|_| same)?.parse().ok()
        })
    }

    /// Removes it, unless somebody uses it. One that is not ours to remove stays.
    #[expect(unsafe_code, reason = "shmctl(2) is a C interface")]
    pub fn remove_unused(&self) {
        if self.attached() == Some(0) {
            // SAFETY: to remove a segment no buffer is read or written, and nobody has this one mapped.
            unsafe { libc::shmctl(self.id, libc::IPC_RMID, std::ptr::null_mut()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of our own: another test may make some, so it is known by its id.
    #[expect(unsafe_code, reason = "shmget(2) is a C interface")]
    fn new(key: i32) -> Segment {
        // SAFETY: makes a segment and maps nothing.
        let id = unsafe { libc::shmget(key, 56, libc::IPC_CREAT | libc::IPC_EXCL | 0o600) };
        assert!(id >= 0, "no segment");
        Segment { key: i64::from(key), id }
    }

    /// S1.16: what nobody uses goes, and one of the same id and another key is another one.
    #[test]
    fn unused_segments_are_removed() {
        let key = i32::try_from(std::process::id()).unwrap() | 0x4d00_0000;
        let segment = new(key);
        assert_eq!(segment.attached(), Some(0));
        let other = Segment { key: segment.key + 1, ..segment.clone() };
        assert_eq!(other.attached(), None);
        other.remove_unused();
        assert_eq!(segment.attached(), Some(0));
        segment.remove_unused();
        assert_eq!(segment.attached(), None);
    }
}
