use super::*;
use crate::{
    ledger::End,
    style::fixture::{Base, directory, record, table},
};

const FILES: [(&str, &str); 3] = [
    ("0001_init.sql", "create table t (n int);\n"),
    ("2_add_more_of_it.up.sql", "create table u (n int);\n"),
    ("2_add_more_of_it.down.sql", "drop table u;\n"),
];

fn names(files: &[&str]) -> Vec<String> {
    files.iter().map(|&name| name.to_owned()).collect()
}

#[test]
fn names_as_sqlx_reads_them() {
    let named = |name: &str| match Sqlx.read_name(name) {
        Named::Migration { version, description, part } => Some((version.text().to_owned(), description, part)),
        Named::Other => None,
        other => panic!("{name}: {other:?}"),
    };
    let some = |version: &str, description: &str, part| Some((version.to_owned(), description.to_owned(), part));
    assert_eq!(named("20261124183000_add_users.sql"), some("20261124183000", "add users", Part::Up));
    assert_eq!(named("1_a.up.sql"), some("1", "a", Part::Up));
    assert_eq!(named("1_a.down.sql"), some("1", "a", Part::Down));
    assert_eq!(named("01_up.sql"), some("01", "up", Part::Up));
    assert_eq!(named("1_.sql"), some("1", "", Part::Up));
    assert_eq!(named("1_a.sql.sql"), some("1", "a", Part::Up));
    for other in ["README.md", "1.sql", "1_a.SQL", "1_a.sql.bak", "1-a.sql"] {
        assert_eq!(named(other), None, "{other}");
    }
}

#[test]
fn names_that_sqlx_stumbles_over() {
    for bad in ["add_users.sql", "V1_a.sql", "_a.sql", "9223372036854775808_a.sql", "-1_a.sql", "1.2_a.sql"] {
        let Named::Bad(Problem::Flaw { message, .. }) = Sqlx.read_name(bad) else { panic!("{bad}") };
        assert!(message.starts_with("sqlx expects a whole number before the first `_`"), "{message}");
    }
}

/// sqlx 0.9 compares the first bytes and nothing else.
#[test]
fn a_directive_is_the_first_bytes() {
    let read = |text: &str| Sqlx.read_text(Part::Up, text, &BTreeMap::new()).unwrap().up[0].transaction;
    assert_eq!(read("-- no-transaction\nvacuum;"), Some(false));
    assert_eq!(read("-- no-transactions, please"), Some(false));
    for text in ["", "\n-- no-transaction", "--no-transaction", " -- no-transaction", "-- x\n-- no-transaction"] {
        assert_eq!(read(text), None, "{text:?}");
    }
    let down = Sqlx.read_text(Part::Down, "-- no-transaction\nx", &BTreeMap::new()).unwrap();
    assert!(down.up.is_empty() && down.down.unwrap()[0].transaction == Some(false));
}

/// The digest of "abc" is the example of FIPS 180-2; the others are what `sha384sum` says.
#[test]
fn a_stamp_is_sha_384_of_the_bytes() {
    let version = Version::from("1");
    let stamped = Stamped { raw: b"abc", text: "abc", sum: "", filled: "abc", version: &version, description: "" };
    let abc = "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7";
    let stamps = Sqlx.stamps(&stamped);
    assert_eq!((stamps[0].as_str(), stamps.len()), (abc, 2));
    let dos = Stamped { raw: b"a\r\n", text: "a\n", filled: "a\n", ..stamped };
    let stamps = Sqlx.stamps(&dos);
    assert_eq!(stamps[0], sha384(b"a\r\n"));
    for same in ["a\n", "\u{feff}a\n", "\u{feff}a\r\n", "a"] {
        assert!(stamps.contains(&sha384(same.as_bytes())), "{same:?}");
    }
    assert!(!stamps.contains(&sha384(b"b\n")));
}

/// The vector was computed by the formula of sqlx 0.9 for a database `mydb`.
#[test]
fn the_lock_is_sqlxs_own() {
    let mydb = Sqlx.co_locks(&table(&Sqlx, Dialect::Postgres, &[]), "mydb");
    assert_eq!(mydb, [293_176_876_009_260_204]);
    assert!(Sqlx.co_locks(&table(&Sqlx, Dialect::Sqlite, &[]), "mydb").is_empty());
}

#[test]
fn the_table_is_known_by_its_columns() {
    let columns: Vec<_> = COLUMNS.iter().map(|&name| (name, "")).collect();
    assert!(adopt(&table(&Sqlx, Dialect::Postgres, &columns)).is_some());
    assert!(adopt(&table(&Sqlx, Dialect::Postgres, &columns[..5])).is_none());
    assert!(adopt(&table(&Sqlx, Dialect::Sqlite, &[])).is_none());
}

#[test]
fn new_files_are_like_the_newest() {
    let version = Version::from("0003");
    let new = |others: &[&str]| {
        let files = Sqlx.skeleton(&version, "add_users", &names(others));
        files.into_iter().map(|(name, text)| format!("{name}: {text}")).collect::<String>()
    };
    assert_eq!(new(&[]), "0003_add_users.sql: -- Add migration script here\n");
    assert_eq!(new(&["1_a.up.sql", "1_a.down.sql", "2_b.sql"]), new(&[]));
    let both = "0003_add_users.up.sql: -- Add up migration script here\n\
                0003_add_users.down.sql: -- Add down migration script here\n";
    assert_eq!(new(&["1_a.sql", "2_b.down.sql", "2_b.up.sql", "x.sql"]), both);
}

#[test]
fn rows_are_those_of_sqlx() {
    let files = directory(&Sqlx, &FILES);
    let [init, more] = files.migrations.as_slice() else { panic!("{files:?}") };
    assert!(more.down.is_some());
    for mut base in Base::both() {
        let table = table(&Sqlx, base.dialect(), &[]);
        base.run(&Sqlx.create(&table));
        base.run(&Sqlx.mark_begun(&table, &record(init)));
        assert_eq!(base.rows(&Sqlx, &table)[0].end, End::Begun);
        base.run(&Sqlx.insert(&table, &record(init)));
        base.run(&Sqlx.baseline(&table, &[more]));
        let hex = if base.dialect() == Dialect::Postgres { "encode(checksum, 'hex')" } else { "lower(hex(checksum))" };
        let shown = format!(
            "SELECT version, description, CASE WHEN success THEN 'yes' ELSE 'no' END, {hex}, execution_time \
             FROM _sqlx_migrations ORDER BY version"
        );
        let expected =
            [format!("1|init|yes|{}|7000000", init.stamp()), format!("2|add more of it|yes|{}|-1", more.stamp())];
        assert_eq!(base.lines(&shown), expected);
        let rows = base.rows(&Sqlx, &table);
        assert_eq!(rows[0].version, Some(Version::from("0001")));
        assert_eq!((rows[0].stamp.as_deref(), rows[0].duration_ms), (Some(init.stamp()), Some(7)));
        assert_eq!((rows[1].duration_ms, rows[1].end), (None, End::Applied));
        let at = rows[0].applied_at.as_deref().unwrap();
        assert!(at.starts_with("20") && at.ends_with('Z') && at.contains('T'), "{at}");
        base.run(&[format!("UPDATE {} SET checksum = {}", table.quoted(), Table::literal(&table, "x"))]);
        base.run(&Sqlx.restamp(&table, more));
        assert_eq!(base.rows(&Sqlx, &table)[1].stamp.as_deref(), Some(more.stamp()));
        base.run(&Sqlx.delete(&table, more, None));
        assert_eq!(base.rows(&Sqlx, &table).len(), 1);
    }
}

/// sqlx does not mind when the words of a name change.
#[test]
fn another_description_is_no_other_migration() {
    let files = directory(&Sqlx, &FILES);
    let row = |version: &str| Row { version: Some(Version::from(version)), name: Some("x".into()), ..Row::default() };
    let rows = Sqlx.expand(vec![row("1"), row("3")], &files.migrations, &[]);
    assert_eq!((rows[0].name.as_deref(), rows[1].name.as_deref()), (None, Some("x")));
}
