use super::*;
use crate::style::fixture::{Base, directory, is_sound, record, table, texts as texts_of, told};

fn read(text: &str) -> Result<Sections<'_>, Flaw> {
    Dbmate.read_text(Part::Both, text, &BTreeMap::new())
}

fn texts<'t>(text: &'t str, sections: &[Section]) -> Vec<(&'t str, Option<bool>)> {
    sections.iter().map(|it| (&text[it.range.clone()], it.transaction)).collect()
}

#[test]
fn a_migration_is_a_number_and_sql() {
    let named = |name| match Dbmate.read_name(name) {
        Named::Migration { version, description, part: Part::Both } => Some((version.text().to_owned(), description)),
        Named::Other => None,
        other => panic!("{other:?}"),
    };
    let some = |version: &str, description: &str| Some((version.to_owned(), description.to_owned()));
    assert_eq!(named("20261124183000_add_users.sql"), some("20261124183000", "add users"));
    assert_eq!(named("0001.sql"), some("0001", ""));
    assert_eq!(named("1add.sql"), some("1", "add"));
    assert_eq!(named("1_x.down.sql"), some("1", "x.down"));
    for other in ["x1.sql", "1_x.SQL", "1_x.sql.bak", ".sql", "README.md", "1"] {
        assert_eq!(named(other), None, "{other}");
    }
}

#[test]
fn sections_and_their_options() {
    let text = "-- about\n\n-- migrate:up transaction:false\ncreate a;\n--migrate:down\ndrop a;\n";
    let sections = read(text).unwrap();
    assert_eq!(texts(text, &sections.up), [("create a;\n", Some(false))]);
    assert_eq!(texts(text, &sections.down.unwrap()), [("drop a;\n", None)]);
    let text = "-- migrate:up the users, see https://x.y/z\na;\n--  migrate:down  transaction:true";
    let sections = read(text).unwrap();
    assert_eq!(
        (texts(text, &sections.up), texts(text, &sections.down.unwrap())),
        (vec![("a;\n", None)], vec![("", Some(true))])
    );
}

/// Several sections, since 2.29; undone from the last one on.
#[test]
fn several_sections() {
    let text = "-- migrate:up\n1\n-- migrate:down\n-1\n-- migrate:up transaction:false\n2\n-- migrate:down transaction:false\n-2\n";
    let sections = read(text).unwrap();
    assert_eq!(texts(text, &sections.up), [("1\n", None), ("2\n", Some(false))]);
    assert_eq!(texts(text, &sections.down.unwrap()), [("-2\n", Some(false)), ("-1\n", None)]);
    let files = directory(&Dbmate, &[("1_a.sql", text), ("2_b.sql", "-- migrate:up\n-- migrate:down")]);
    let doubts = Dbmate.doubts(&files.migrations[0]);
    assert!(
        doubts[0].starts_with("`1_a.sql` has 2 sections `-- migrate:up`; dbmate applies the first one"),
        "{doubts:?}"
    );
    assert!(Dbmate.doubts(&files.migrations[1]).is_empty());
}

/// What is refused, and where it points; dbmate 2.36 refuses the same, but for the options, which it passes over.
#[test]
fn flaws() {
    let cases = [
        ("create a;\n", "there is no line `-- migrate:up`", "create a;"),
        ("create a;\n-- migrate:up\n", "SQL stands before the line `-- migrate:up`", "create a;"),
        ("/* x */\n-- migrate:up\n-- migrate:down", "SQL stands before the line `-- migrate:up`", "/* x */"),
        ("-- nothing\n", "there is no line `-- migrate:up`", "-- nothing"),
        ("", "there is no line `-- migrate:up`", ""),
        ("-- migrate:up\na;\n", "there is no line `-- migrate:down` for it", "-- migrate:up"),
        ("-- migrate:down\n-- migrate:up\n", "`-- migrate:down` comes before `-- migrate:up`", "-- migrate:down"),
        ("-- migrate:up\n-- migrate:up x\n", "`-- migrate:up` follows on another one", "-- migrate:up x"),
        (
            "-- migrate:up\n-- migrate:down\n-- migrate:down\n",
            "`-- migrate:down` follows on another one",
            "-- migrate:down",
        ),
        ("-- migrate:upp\n", "`-- migrate:upp` is not read as a directive", "-- migrate:upp"),
        (" -- migrate:up\n", "`-- migrate:up` is not read as a directive", "-- migrate:up"),
        ("-- Migrate:Up\n", "`-- Migrate:Up` is not read as a directive", "-- Migrate:Up"),
        ("-- migrate up\n", "`-- migrate up` is not read as a directive", "-- migrate up"),
        ("--- migrate:up\n", "`--- migrate:up` is not read as a directive", "--- migrate:up"),
        ("-- migrate: up\n", "`-- migrate: up` is not read as a directive", "-- migrate: up"),
        ("-- migrate:up;\n", "`-- migrate:up;` is not read as a directive", "-- migrate:up;"),
        ("-- migrate:up\na;\n-- migrate:dwon\n", "`-- migrate:dwon` is not read as a directive", "-- migrate:dwon"),
        ("-- migrate:up transaction:flase\n", "`transaction:flase` is no option of dbmate", "transaction:flase"),
        ("-- migrate:up transaction: false\n", "`transaction:` is no option of dbmate", "transaction:"),
        ("-- migrate:up notransaction\n", "`notransaction` is no option of dbmate", "notransaction"),
        ("-- migrate:up timeout=5s\n", "`timeout=5s` is no option of dbmate", "timeout=5s"),
    ];
    for (text, message, place) in cases {
        assert_eq!(told(text, &read(text).unwrap_err()), (message.to_owned(), place.to_owned()), "{text}");
    }
    let comments =
        "-- migrate:up\n-- migrate users to the new table\n-- migrate: users first\n--\n-- migrated\n-- migrate:down\n";
    assert!(read(comments).is_ok());
}

proptest::proptest! {
    #[test]
    fn every_text_is_read_or_refused(text in texts_of(&[
        "-- migrate:up", "-- migrate:down", "-- migrate:up transaction:false", "-- migrate:down x:y", "--migrate:up ä", " -- migrate:up",
    ])) {
        is_sound(&Dbmate, &text);
    }
}

#[test]
fn its_table() {
    let of = |columns: &[(&str, &str)]| adopt(&table(&Dbmate, Dialect::Postgres, columns)).is_some();
    assert!(of(&[("version", "character varying")]) && of(&[("version", "character varying(255)")]));
    assert!(of(&[("version", "varchar(128)")]));
    assert!(!of(&[("version", "text")]) && !of(&[("version", "bigint")]) && !of(&[]));
    assert!(!of(&[("version", "character varying"), ("dirty", "boolean")]));
}

/// A row in another spelling is one that dbmate would not find.
#[test]
fn a_version_is_a_text() {
    let files = directory(
        &Dbmate,
        &[
            ("0001_a.sql", "-- migrate:up\n-- migrate:down"),
            ("10_b.sql", "-- migrate:up\n-- migrate:down"),
            ("9_c.sql", "-- migrate:up\n-- migrate:down"),
        ],
    );
    let names: Vec<_> = files.migrations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["0001_a.sql", "10_b.sql", "9_c.sql"]);
    let row = |version: &str| Row { version: Some(version.into()), ..Row::default() };
    let rows = Dbmate.expand(vec![row("1"), row("10"), row("99")], &files.migrations, &[]);
    let names: Vec<_> = rows.iter().map(|it| it.name.as_deref()).collect();
    assert_eq!(names, [Some("1"), None, None]);
}

#[test]
fn what_is_written_is_read_again() {
    let files = directory(
        &Dbmate,
        &[("0001_it's.sql", "-- migrate:up\n-- migrate:down"), ("2_b.sql", "-- migrate:up\n-- migrate:down")],
    );
    for mut base in Base::both() {
        let mut table = table(&Dbmate, base.dialect(), &[]);
        if base.dialect() == Dialect::Postgres {
            table.schema = Some("my ledger's".into());
        }
        for _ in 0..2 {
            base.run(&Dbmate.create(&table));
        }
        for migration in &files.migrations {
            base.run(&Dbmate.insert(&table, &record(migration)));
        }
        base.run(&Dbmate.delete(&table, &files.migrations[1], Some(&files.migrations[0])));
        assert_eq!(base.rows(&Dbmate, &table), [Row { version: Some("0001".into()), ..Row::default() }]);
        base.run(&Dbmate.baseline(&table, &[&files.migrations[1]]));
        assert_eq!(base.lines(&format!("SELECT version FROM {} ORDER BY 1", table.quoted())), ["0001", "2"]);
    }
}

#[test]
fn a_new_file_is_dbmates_own() {
    let files = Dbmate.skeleton(&"20261124183000".into(), "add_users", &[]);
    assert_eq!(
        files,
        [("20261124183000_add_users.sql".to_owned(), "-- migrate:up\n\n\n-- migrate:down\n\n".to_owned())]
    );
    assert!(read(&files[0].1).is_ok());
}
