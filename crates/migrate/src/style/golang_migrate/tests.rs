use super::*;
use crate::style::fixture::{Base, directory, record, table};

fn row(version: &str, end: End) -> Row {
    Row { version: Some(version.into()), end, ..Row::default() }
}

fn shown(rows: &[Row]) -> Vec<(&str, End)> {
    rows.iter().map(|row| (row.version.as_ref().unwrap().text(), row.end)).collect()
}

fn files(versions: &[&str]) -> Vec<Migration> {
    let files: Vec<_> = versions.iter().map(|version| (format!("{version}_x.up.sql"), String::new())).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    directory(&GolangMigrate, &files).migrations
}

#[test]
fn a_migration_is_a_number_and_a_direction() {
    let named = |name| match GolangMigrate.read_name(name) {
        Named::Migration { version, description, part } => Some((version.text().to_owned(), description, part)),
        Named::Other => None,
        other => panic!("{other:?}"),
    };
    let some = |version: &str, description: &str, part| Some((version.to_owned(), description.to_owned(), part));
    assert_eq!(named("000001_add_users.up.sql"), some("000001", "add users", Part::Up));
    assert_eq!(named("1085649617_x.down.sql"), some("1085649617", "x", Part::Down));
    assert_eq!(named("1_x.up.json"), some("1", "x", Part::Up));
    assert_eq!(named("1_x.down.y.up.sql"), some("1", "x.down.y", Part::Up));
    assert_eq!(named("1_.up."), some("1", "", Part::Up));
    for other in
        ["1_x.sql", "x.up.sql", "1-x.up.sql", "1_x.up", "18446744073709551616_x.up.sql", "1_x.UP.sql", "README.md"]
    {
        assert_eq!(named(other), None, "{other}");
    }
}

/// What stands around the whole file is left to whoever runs it.
#[test]
fn a_file_is_one_section() {
    let text = "BEGIN;\nselect 1;\nCOMMIT;\n";
    let read = |part| GolangMigrate.read_text(part, text, &BTreeMap::new()).unwrap();
    assert_eq!(&text[read(Part::Up).up[0].range.clone()], text);
    let down = read(Part::Down);
    assert!(down.up.is_empty() && down.down.is_some_and(|down| down == [Section::whole(text)]));
}

#[test]
fn its_table() {
    let of = |columns: &[(&str, &str)]| adopt(&table(&GolangMigrate, Dialect::Postgres, columns)).is_some();
    assert!(of(&[("version", "bigint"), ("dirty", "boolean")]) && of(&[("version", "uint64"), ("dirty", "bool")]));
    assert!(!of(&[("version", "text"), ("dirty", "boolean")]) && !of(&[("version", "bigint")]));
}

/// One row stands for all up to it, whether there are files for them or not.
#[test]
fn one_row_stands_for_many() {
    let files = files(&["1", "2", "003", "10"]);
    let expand = |rows: Vec<Row>, recorded: &[&str]| {
        let recorded: Vec<Version> = recorded.iter().map(|it| Version::from(*it)).collect();
        GolangMigrate.expand(rows, &files, &recorded)
    };
    assert_eq!(expand(vec![], &[]), []);
    let applied = End::Applied;
    assert_eq!(shown(&expand(vec![row("3", applied)], &[])), [("1", applied), ("2", applied), ("3", applied)]);
    assert_eq!(shown(&expand(vec![row("2", End::Begun)], &[])), [("1", applied), ("2", End::Begun)]);
    assert_eq!(shown(&expand(vec![row("5", applied)], &[]))[3], ("5", applied));
    assert_eq!(shown(&expand(vec![row("-1", End::Begun)], &[])), [("1", End::Begun)]);
}

/// golang-migrate passes over a file that comes late; our history knows better (superplane#4812).
#[test]
fn a_file_that_came_late_is_not_taken_for_applied() {
    let files = files(&["1", "2", "3", "4", "5"]);
    let recorded = ["2", "4"].map(Version::from);
    let rows = GolangMigrate.expand(vec![row("5", End::Applied)], &files, &recorded);
    let versions: Vec<_> = shown(&rows).into_iter().map(|(version, _)| version).collect();
    // 1 was applied before us, 5 after us, by golang-migrate itself.
    assert_eq!(versions, ["1", "2", "4", "5"]);
    // Undone by golang-migrate: what our history has beyond the row does not count.
    let rows = GolangMigrate.expand(vec![row("3", End::Applied)], &files, &recorded);
    assert_eq!(shown(&rows).len(), 3);
}

#[test]
fn what_is_written_is_read_again() {
    let files = files(&["1", "0002", "3"]);
    for mut base in Base::both() {
        let (style, table) = (GolangMigrate, table(&GolangMigrate, base.dialect(), &[]));
        let read = |base: &mut Base| {
            base.rows(&style, &table)
                .iter()
                .map(|row| (row.version.clone().unwrap().text().to_owned(), row.end))
                .collect::<Vec<_>>()
        };
        let only = |version: &str, end| vec![(version.to_owned(), end)];
        for _ in 0..2 {
            base.run(&style.create(&table));
        }
        base.run(&style.insert(&table, &record(&files[0])));
        assert_eq!(read(&mut base), only("1", End::Applied));
        base.run(&style.mark_begun(&table, &record(&files[1])));
        assert_eq!(read(&mut base), only("2", End::Begun));
        base.run(&style.insert(&table, &record(&files[1])));
        assert_eq!(read(&mut base), only("2", End::Applied));
        base.run(&style.baseline(&table, &[&files[2], &files[0]]));
        assert_eq!(read(&mut base), only("3", End::Applied));
        // Late: the row is about the newest one, whatever becomes of the late one.
        base.run(&style.mark_begun(&table, &record(&files[1])));
        assert_eq!(read(&mut base), only("3", End::Applied));
        base.run(&style.mark_begun(&table, &record(&files[2])));
        base.run(&style.insert(&table, &record(&files[1])));
        assert_eq!(read(&mut base), only("3", End::Begun));
        base.run(&style.insert(&table, &record(&files[2])));
        assert_eq!(read(&mut base), only("3", End::Applied));
        base.run(&style.delete(&table, &files[2], Some(&files[1])));
        assert_eq!(read(&mut base), only("2", End::Applied));
        base.run(&style.delete(&table, &files[1], Some(&files[0])));
        base.run(&style.delete(&table, &files[0], None));
        assert_eq!(read(&mut base), []);
    }
}

/// As it writes it itself: the text of the table, and no quotes around the name.
#[test]
fn sqlite_keeps_the_same_text() {
    let [_, mut base] = Base::both();
    base.run(&GolangMigrate.create(&table(&GolangMigrate, Dialect::Sqlite, &[])));
    assert_eq!(
        base.lines("SELECT sql FROM sqlite_master ORDER BY type DESC"),
        [
            "CREATE TABLE schema_migrations (version uint64,dirty bool)",
            "CREATE UNIQUE INDEX version_unique ON schema_migrations (version)",
        ]
    );
}

/// The first vector is golang-migrate's own (`database/util_test.go`), the others were computed by its formula.
#[test]
fn its_locks() {
    assert_eq!(key(&["database_name"]), 1_764_327_054);
    let table = table(&GolangMigrate, Dialect::Postgres, &[]);
    assert_eq!(GolangMigrate.co_locks(&table, "mydb"), [616_192_132, 2_103_762_914]);
}

#[test]
fn new_files() {
    let names: Vec<_> =
        GolangMigrate.skeleton(&"20261124183000".into(), "add_users", &[]).into_iter().map(|it| it.0).collect();
    assert_eq!(names, ["20261124183000_add_users.up.sql", "20261124183000_add_users.down.sql"]);
}
