//! Versions that a tool compares as texts: `1` and `0001` are two of them.

use crate::{Migration, Version, ledger::Row};
use std::collections::BTreeMap;

/// Rows next to files. A row that the tool would not find, because its file now spells the number in another way, bears the old
/// number as its name, so that the file counts as renamed. A name that the tool never looks at is left out.
pub(super) fn spelled(mut rows: Vec<Row>, files: &[Migration]) -> Vec<Row> {
    let spelled: BTreeMap<&Version, &str> = files.iter().map(|file| (&file.version, file.version.text())).collect();
    for row in &mut rows {
        let Some(version) = &row.version else { continue };
        if let Some(now) = spelled.get(version) {
            row.name = (*now != version.text()).then(|| version.text().to_owned());
        }
    }
    rows
}
