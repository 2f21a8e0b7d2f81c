//! The control file, `global/pg_control`. Layout: `ControlFileData` in `src/include/catalog/pg_control.h` of
//! PostgreSQL; the fields that are read here lie at the same places since version 11.

use super::Lsn;

/// What the control file says. It is written at checkpoints and changes of state only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlFile {
    /// Given by `initdb`.
    pub system_identifier: u64,
    /// What the cluster was doing when the file was written.
    pub state: ClusterState,
    /// When it was written, in seconds since 1970.
    pub written: i64,
    /// The last checkpoint.
    pub checkpoint: Lsn,
    /// Where recovery begins.
    pub redo: Lsn,
    /// The timeline of the last checkpoint.
    pub timeline: u32,
}

/// What a cluster is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterState {
    /// Made by `initdb`, never run.
    Starting,
    /// Shut down.
    ShutDown,
    /// A standby that is shut down.
    ShutDownInRecovery,
    /// Shutting down.
    ShuttingDown,
    /// Replays its log after a crash.
    InCrashRecovery,
    /// Replays an archive, or follows a primary.
    InArchiveRecovery,
    /// Runs; or has crashed and has not begun to recover.
    InProduction,
}

/// `PG_CONTROL_VERSION` of PostgreSQL 11, 12, 13 to 17, and 18.
const KNOWN: [u32; 4] = [1100, 1201, 1300, 1800];

impl ControlFile {
    /// How much of the file is looked at, in bytes.
    pub const LENGTH: u64 = 52;

    /// Reads the first bytes of `global/pg_control`; none when they are too few or of an unknown version.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if !KNOWN.contains(&u32_at(bytes, 8)?) {
            return None;
        }
        Some(Self {
            system_identifier: u64_at(bytes, 0)?,
            state: state(u32_at(bytes, 16)?)?,
            written: i64::from_ne_bytes(*bytes.get(24..)?.first_chunk()?),
            checkpoint: Lsn(u64_at(bytes, 32)?),
            redo: Lsn(u64_at(bytes, 40)?),
            timeline: u32_at(bytes, 48)?,
        })
    }
}

/// `DBState`.
fn state(number: u32) -> Option<ClusterState> {
    let states = [
        ClusterState::Starting,
        ClusterState::ShutDown,
        ClusterState::ShutDownInRecovery,
        ClusterState::ShuttingDown,
        ClusterState::InCrashRecovery,
        ClusterState::InArchiveRecovery,
        ClusterState::InProduction,
    ];
    states.get(usize::try_from(number).ok()?).copied()
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_panics_and_unknown_versions_are_none(bytes: Vec<u8>, version in 1801u32..) {
            let _ = ControlFile::parse(&bytes);
            let mut file = vec![0; 100];
            file[8..12].copy_from_slice(&version.to_ne_bytes());
            prop_assert_eq!(ControlFile::parse(&file), None);
        }
    }
}
