use super::*;
use proptest::prelude::*;

fn file(name: &str, content: &str) -> Migration {
    Migration::new(Version::of(name).unwrap(), name, format!("m/{name}"), content)
}

fn row(file: &Migration) -> Row {
    Row {
        version: file.version.clone(),
        name: file.name.clone(),
        checksum: file.checksum.clone(),
        applied_at: "2026-11-23T07:58:14.000Z".into(),
        duration_ms: 4,
    }
}

fn words(files: &[Migration], rows: &[Row]) -> Vec<String> {
    match pending(files, rows) {
        Ok(pending) => pending.iter().map(|it| it.name.clone()).collect(),
        Err(conflicts) => conflicts.iter().map(Conflict::to_string).collect(),
    }
}

fn states(files: &[Migration], rows: &[Row]) -> Vec<(String, State)> {
    entries(files, rows).into_iter().map(|entry| (entry.name, entry.state)).collect()
}

/// S1.1: what is recorded is not applied again; the rest is, in order.
#[test]
fn what_is_not_recorded_is_pending() {
    let files = [file("1_a.sql", "a"), file("2_b.sql", "b"), file("10_c.sql", "c")];
    assert_eq!(words(&files, &[]), ["1_a.sql", "2_b.sql", "10_c.sql"]);
    assert_eq!(words(&files, &[row(&files[0])]), ["2_b.sql", "10_c.sql"]);
    assert!(words(&files, &files.each_ref().map(row)).is_empty());
    assert_eq!(states(&files, &[row(&files[0])])[0], ("1_a.sql".into(), State::Applied));
    assert_eq!(states(&files, &[row(&files[0])])[2], ("10_c.sql".into(), State::Pending));
}

/// S1.1: every disagreement is named, all at once, and nothing is pending then.
#[test]
fn every_disagreement_is_named() {
    let old =
        [file("1_a.sql", "a"), file("2_b.sql", "b"), file("3_c.sql", "c"), file("5_e.sql", "e"), file("9_z.sql", "z")];
    let rows = old.each_ref().map(row);
    let now = [
        file("1_a.sql", "A"),   // edited
        file("2_bee.sql", "b"), // renamed
        file("4_d.sql", "d"),   // late
        file("6_e.sql", "e"),   // renumbered
    ];
    let at = "(2026-11-23T07:58:14.000Z)";
    assert_eq!(
        words(&now, &rows),
        [
            format!("`m/1_a.sql` was edited after it was applied {at}"),
            format!("`m/2_bee.sql` was applied as `2_b.sql` {at} and renamed since"),
            format!("`3_c.sql` was applied {at} and its file is missing"),
            "`m/4_d.sql` is new but older than `9_z.sql`, which is already applied".to_owned(),
            format!("`m/6_e.sql` was applied as `5_e.sql` {at} and renamed since"),
            format!(
                "`9_z.sql` was applied {at} and is newer than every file here: the database is ahead of this release"
            ),
        ]
    );
    let states: Vec<_> = states(&now, &rows).into_iter().map(|(_, state)| state).collect();
    use State::{Changed, Missing, OutOfOrder, Renamed};
    assert_eq!(states, [Changed, Renamed, Missing, OutOfOrder, Renamed, Missing]);
}

#[test]
fn a_number_written_otherwise_is_a_renamed_file() {
    let applied = row(&file("0001_a.sql", "a"));
    assert_eq!(states(&[file("1_a.sql", "a")], &[applied]), [("1_a.sql".to_owned(), State::Renamed)]);
}

#[test]
fn another_file_under_an_applied_number_says_both_names() {
    let applied = row(&file("1_a.sql", "a"));
    let said = words(&[file("1_b.sql", "b")], &[applied]);
    assert_eq!(said, ["`m/1_b.sql` was edited after it was applied as `1_a.sql` (2026-11-23T07:58:14.000Z)"]);
}

proptest! {
    /// Whatever was applied of a directory from its front, the rest is pending and nothing is in conflict; applying it ends it.
    #[test]
    fn a_prefix_is_never_a_conflict(versions in prop::collection::btree_set(0u32..1000, 0..12), applied in 0usize..12) {
        let files: Vec<_> = versions.iter().map(|v| file(&format!("{v}_x.sql"), &v.to_string())).collect();
        let applied = applied.min(files.len());
        let mut rows: Vec<_> = files[..applied].iter().map(row).collect();
        let left: Vec<_> = pending(&files, &rows).unwrap().into_iter().cloned().collect();
        prop_assert_eq!(&left[..], &files[applied..]);
        rows.extend(left.iter().map(row));
        prop_assert!(pending(&files, &rows).unwrap().is_empty());
    }

    /// Anything pending is neither recorded nor older than what is; each file and each row appears in the status once.
    #[test]
    fn nothing_is_lost_or_applied_twice(
        files in prop::collection::btree_map(0u32..20, 0u8..3, 0..8),
        rows in prop::collection::btree_map(0u32..20, 0u8..3, 0..8),
    ) {
        let make = |all: std::collections::BTreeMap<u32, u8>| -> Vec<Migration> {
            all.into_iter().map(|(v, content)| file(&format!("{v}_x.sql"), &content.to_string())).collect()
        };
        let files = make(files);
        let rows: Vec<_> = make(rows).iter().map(row).collect();
        if let Ok(pending) = pending(&files, &rows) {
            for migration in pending {
                prop_assert!(rows.iter().all(|row| row.version < migration.version));
            }
        }
        let entries = entries(&files, &rows);
        prop_assert_eq!(entries.iter().filter(|it| it.applied_at.is_some()).count(), rows.len());
        let without_file = entries.iter().filter(|it| it.state == State::Missing).count();
        prop_assert_eq!(entries.len() - without_file, files.len());
    }
}
