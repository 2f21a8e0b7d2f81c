use super::*;
use crate::{
    ledger::{Conflict, State, entries, pending as to_apply},
    migration::Kind,
    script::Script,
};
use config::{MigrationPolicies, Tolerance};
use proptest::prelude::*;

fn file(name: &str, content: &str) -> Migration {
    let checksum = crate::style::plain::sha256(content);
    let shown = format!("m/{name}");
    Migration {
        version: Version::of(name).unwrap(),
        kind: Kind::Versioned,
        name: name.to_owned(),
        description: String::new(),
        stamps: vec![checksum.as_str().into()],
        checksum: checksum.into(),
        up: Script::whole(content, shown.as_str()),
        shown: shown.into(),
        down: None,
        compat: None,
    }
}

fn row(file: &Migration) -> Row {
    Row {
        version: Some(file.version.clone()),
        name: Some(file.name.clone()),
        stamp: Some(file.stamp().to_owned()),
        applied_at: Some("2026-11-23T07:58:14.000Z".into()),
        duration_ms: Some(4),
        end: End::Applied,
    }
}

fn recorded(file: &Migration, compat: Option<&str>) -> Recorded {
    Recorded {
        kind: file.kind,
        version: file.version.clone(),
        name: file.name.clone(),
        checksum: file.checksum.to_string(),
        applied_at: "2026-11-23T07:58:14.000Z".into(),
        duration_ms: 4,
        release: None,
        compat: compat.map(Version::from),
        down: false,
    }
}

fn with<T>(files: &[Migration], rows: &[Row], recorded: &[Recorded], act: impl Fn(&[Standing<'_>]) -> T) -> T {
    let directory = Directory {
        migrations: files.iter().filter(|file| file.kind == Kind::Versioned).cloned().collect(),
        repeatables: files.iter().filter(|file| file.kind == Kind::Repeatable).cloned().collect(),
    };
    let texts = BTreeMap::new();
    let sides = Sides { directory: &directory, rows, recorded, texts: &texts };
    act(&compare(sides, |_, _| Difference::Unknown))
}

fn pending_by(
    files: &[Migration],
    rows: &[Row],
    recorded: &[Recorded],
    policies: MigrationPolicies,
) -> Result<Vec<String>, Vec<Conflict>> {
    with(files, rows, recorded, |standings| {
        let pending = to_apply(standings, &policies, &crate::Goal::All, "plain")?;
        Ok(pending.iter().map(|it| it.name.clone()).collect())
    })
}

fn pending(files: &[Migration], rows: &[Row]) -> Result<Vec<String>, Vec<Conflict>> {
    pending_by(files, rows, &[], MigrationPolicies::default())
}

fn words(files: &[Migration], rows: &[Row]) -> Vec<String> {
    pending(files, rows).unwrap_or_else(|conflicts| conflicts.iter().map(Conflict::to_string).collect())
}

fn all(files: &[Migration], rows: &[Row]) -> Vec<crate::ledger::Entry> {
    with(files, rows, &[], entries)
}

fn states(files: &[Migration], rows: &[Row]) -> Vec<(String, State)> {
    all(files, rows).into_iter().map(|entry| (entry.name, entry.state)).collect()
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
    use State::{Changed, Missing, Newer, OutOfOrder, Renamed};
    assert_eq!(states, [Changed, Renamed, Missing, OutOfOrder, Renamed, Newer]);
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

/// Each policy lets through what it names, and nothing else.
#[test]
fn what_is_allowed_is_let_through() {
    let old = [file("1_a.sql", "a"), file("3_c.sql", "c"), file("9_z.sql", "z")];
    let rows = old.each_ref().map(row);
    let now = [file("1_a.sql", "A"), file("2_b.sql", "b"), file("4_d.sql", "d")];
    let by = |policies: MigrationPolicies| match pending_by(&now, &rows, &[], policies) {
        Ok(pending) => pending,
        Err(conflicts) => vec![conflicts.len().to_string()],
    };
    let (none, allow) = (MigrationPolicies::default(), Tolerance::Allow);
    assert_eq!(by(none), ["5"], "changed, late twice, missing, newer");
    assert_eq!(by(MigrationPolicies { changed: allow, ..none }), ["4"]);
    assert_eq!(by(MigrationPolicies { out_of_order: allow, ..none }), ["3"]);
    assert_eq!(by(MigrationPolicies { missing: allow, ..none }), ["4"]);
    assert_eq!(by(MigrationPolicies { newer: allow, ..none }), ["4"]);
    let all = MigrationPolicies { changed: allow, out_of_order: allow, missing: allow, newer: allow, strict: false };
    assert_eq!(by(all), ["2_b.sql", "4_d.sql"]);
}

/// A newer schema lets an older release run when it says so, and when that release knows what it names.
#[test]
fn a_newer_migration_says_which_releases_may_run_on_it() {
    let (known, newer) = ([file("1_a.sql", "a"), file("2_b.sql", "b")], file("3_c.sql", "c"));
    let rows: Vec<_> = known.iter().chain([&newer]).map(row).collect();
    let by = |floor: &str| pending_by(&known, &rows, &[recorded(&newer, Some(floor))], MigrationPolicies::default());
    assert_eq!(by("2"), Ok(Vec::new()));
    let said = by("3").unwrap_err()[0].to_string();
    assert!(said.ends_with("it says that a release must know 3 to run on it"), "{said}");
    assert!(pending(&known, &rows).is_err());
}

/// A ledger without checksums is compared by our history; without that it is not verified, and said so.
#[test]
fn what_was_kept_is_compared() {
    let (was, is) = (file("1_a.sql", "a"), file("1_a.sql", "b"));
    let bare = Row { stamp: None, name: None, ..row(&was) };
    let place = |file: &Migration, recorded: &[Recorded]| {
        with(std::slice::from_ref(file), std::slice::from_ref(&bare), recorded, |standings| standings[0].place.clone())
    };
    assert_eq!(place(&was, &[]), Where::Applied { unverified: true });
    assert_eq!(place(&was, &[recorded(&was, None)]), Where::Applied { unverified: false });
    assert_eq!(place(&is, &[recorded(&was, None)]), Where::Changed(Difference::Unknown));
}

/// Everything up to a baseline counts as applied.
#[test]
fn a_baseline_takes_everything_before_it_as_applied() {
    let files = [file("1_a.sql", "a"), file("2_b.sql", "b"), file("3_c.sql", "c")];
    let baseline = Row { version: Some("2".into()), end: End::Baseline, ..Row::default() };
    assert_eq!(words(&files, &[baseline]), ["3_c.sql"]);
}

/// Repeatable ones come last, and again when they have changed.
#[test]
fn a_repeatable_one_is_applied_again_when_it_changed() {
    let views = |content: &str| Migration { kind: Kind::Repeatable, ..file("0_views.sql", content) };
    let by = |content: &str, recorded: &[Recorded]| {
        pending_by(&[views(content), file("1_a.sql", "a")], &[], recorded, MigrationPolicies::default()).unwrap()
    };
    assert_eq!(by("a", &[]), ["1_a.sql", "0_views.sql"]);
    assert_eq!(by("a", &[recorded(&views("a"), None)]), ["1_a.sql"]);
    assert_eq!(by("b", &[recorded(&views("a"), None)]), ["1_a.sql", "0_views.sql"]);
}

/// What was begun and did not end stops everything until a person has looked.
#[test]
fn what_was_begun_stops_everything() {
    let files = [file("1_a.sql", "a"), file("2_b.sql", "b")];
    let begun = Row { end: End::Begun, ..row(&files[0]) };
    assert_eq!(words(&files, &[begun]), ["`1_a.sql` was begun and did not end: plain calls it dirty"]);
}

/// Unless it was us, and our journal knows how far it got: then it comes first, and is late for nobody.
#[test]
fn what_was_begun_by_us_is_gone_on_with() {
    let files = [file("1_a.sql", "a"), file("2_b.sql", "b"), file("3_c.sql", "c")];
    let begun = Row { end: End::Begun, ..row(&files[1]) };
    let after = |open: &[&str], rows: &[Row]| {
        with(&files, rows, &[], |standings| {
            let (mut standings, open) =
                (standings.to_vec(), open.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>());
            standings.iter_mut().for_each(|it| it.resume(&open));
            let pending = to_apply(&standings, &MigrationPolicies::default(), &crate::Goal::All, "plain");
            pending.map(|it| it.iter().map(|it| it.name.clone()).collect::<Vec<_>>()).map_err(|it| it.len())
        })
    };
    assert_eq!(after(&["2_b.sql"], &[row(&files[0]), begun.clone()]), Ok(vec!["2_b.sql".into(), "3_c.sql".into()]));
    assert_eq!(after(&["2_b.sql"], &[row(&files[0]), row(&files[2])]), Ok(vec!["2_b.sql".into()]));
    assert_eq!(after(&["3_c.sql"], &[row(&files[0]), begun]), Err(1));
    let applied: Vec<_> = files.iter().map(row).collect();
    assert_eq!(after(&["2_b.sql"], &applied), Ok(Vec::new()), "being undone is another matter");
}

proptest! {
    /// Whatever was applied of a directory from its front, the rest is pending and nothing is in conflict; applying it ends it.
    #[test]
    fn a_prefix_is_never_a_conflict(versions in prop::collection::btree_set(0u32..1000, 0..12), applied in 0usize..12) {
        let files: Vec<_> = versions.iter().map(|v| file(&format!("{v}_x.sql"), &v.to_string())).collect();
        let applied = applied.min(files.len());
        let mut rows: Vec<_> = files[..applied].iter().map(row).collect();
        let left = pending(&files, &rows).unwrap();
        let expected: Vec<_> = files[applied..].iter().map(|file| file.name.clone()).collect();
        prop_assert_eq!(left, expected);
        rows.extend(files[applied..].iter().map(row));
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
                let version = Version::of(&migration);
                prop_assert!(rows.iter().all(|row| row.version < version));
            }
        }
        let entries = all(&files, &rows);
        prop_assert_eq!(entries.iter().filter(|it| it.applied_at.is_some()).count(), rows.len());
        let without_file = entries.iter().filter(|it| matches!(it.state, State::Missing | State::Newer)).count();
        prop_assert_eq!(entries.len() - without_file, files.len());
    }
}
