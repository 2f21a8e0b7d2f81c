//! The control file, `global/pg_control`. Layout: `ControlFileData` in `src/include/catalog/pg_control.h` of
//! PostgreSQL; the fields that are read here lie at the same places since version 11.

use super::Lsn;

/// How much of the control file is looked at, in bytes; it has 8 kB.
pub const CONTROL_FILE: u64 = 8192;

/// `PG_CONTROL_VERSION` of PostgreSQL 11, 12, 13 to 17, and 18.
const KNOWN: [u32; 4] = [1100, 1201, 1300, 1800];

/// Where recovery begins to replay, from the content of the control file; none when it is too short or of an unknown
/// version. (The file is written at checkpoints and when the server changes its state.)
pub fn redo_start(control_file: &[u8]) -> Option<Lsn> {
    let version = u32::from_ne_bytes(*control_file.get(8..)?.first_chunk()?);
    let redo = u64::from_ne_bytes(*control_file.get(40..)?.first_chunk()?);
    KNOWN.contains(&version).then_some(Lsn(redo))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn nothing_panics_and_unknown_versions_are_none(bytes: Vec<u8>, version in 1801u32..) {
            let _ = redo_start(&bytes);
            let mut file = vec![0; 100];
            file[8..12].copy_from_slice(&version.to_ne_bytes());
            prop_assert_eq!(redo_start(&file), None);
        }
    }
}
