use super::*;
use crate::{
    ledger::Row,
    style::fixture::{Base, directory, is_sound, record, table, texts, told},
};

fn read(text: &str) -> Result<Sections<'_>, Flaw> {
    let vars = [("OWNER".to_owned(), "ada".to_owned())].into();
    Goose.read_text(Part::Both, text, &vars)
}

/// Up and down of a text that can be read.
fn both(text: &str) -> (String, Option<String>, Option<bool>) {
    let sections = read(text).unwrap();
    let [up] = sections.up.as_slice() else { panic!("{sections:?}") };
    let text = |range: &std::ops::Range<usize>| sections.text[range.clone()].to_owned();
    (text(&up.range), sections.down.map(|down| text(&down[0].range)), up.transaction)
}

#[test]
fn a_migration_is_a_number_and_a_name() {
    let named = |name| match Goose.read_name(name) {
        Named::Migration { version, description, part: Part::Both } => Some((version.text().to_owned(), description)),
        Named::Other => None,
        other => panic!("{other:?}"),
    };
    let some = |version: &str, description: &str| Some((version.to_owned(), description.to_owned()));
    assert_eq!(named("00001_add_users.sql"), some("00001", "add users"));
    assert_eq!(named("20261124183000_x.y.sql"), some("20261124183000", "x.y"));
    assert_eq!(named("1_.sql"), some("1", ""));
    for other in ["embed.go", "00001_x_test.go", "README.md", "1_x.SQL", "1_x.sql.bak"] {
        assert_eq!(named(other), None, "{other}");
    }
    for bad in [
        "init.sql",
        "1-x.sql",
        "1.sql",
        "0_x.sql",
        "-1_x.sql",
        "+1_x.sql",
        "9223372036854775808_x.sql",
        "_x.sql",
        "00001_x.go",
    ] {
        assert!(matches!(Goose.read_name(bad), Named::Bad(Problem::Flaw { .. })), "{bad}");
    }
}

#[test]
fn sections() {
    let text = "-- about\n\n-- +goose Up\ncreate a;\n\n-- +goose Down\ndrop a;\n";
    assert_eq!(both(text), ("create a;\n\n".into(), Some("drop a;\n".into()), None));
    assert_eq!(both("-- +goose up\na;"), ("a;".into(), None, None));
    assert_eq!(
        both("--+goose UP\na;\n--    +GOOSE down\n".replace("GOOSE", "goose").as_str()),
        ("a;\n".into(), Some("".into()), None)
    );
    let text = "-- +goose NO TRANSACTION\n-- +goose Up\na;\n-- +goose Down\nb;";
    let sections = read(text).unwrap();
    assert_eq!((sections.up[0].transaction, sections.down.unwrap()[0].transaction), (Some(false), Some(false)));
    let text = "-- +goose Up\n-- +goose StatementBegin\nselect 1; -- x\nselect 2\n-- +goose StatementEnd\nb; -- c;\n";
    assert!(both(text).0.starts_with("-- +goose StatementBegin\nselect 1;"));
    assert!(read(SKELETON).is_ok());
}

#[test]
fn variables_are_filled_in_where_it_says_so() {
    let text = "-- +goose Up\n-- for $OWNER\nselect '$OWNER $$';\n-- +goose ENVSUB ON\n-- for $1\nselect '${OWNER}',\n -- $OWNER\n'${X:-$$}';\n\
                -- +goose ENVSUB OFF\nselect '$1';\n-- +goose Down\n-- +goose ENVSUB ON\ndrop $OWNER;\n";
    let (up, down, _) = both(text);
    assert_eq!(
        up,
        "-- for $OWNER\nselect '$OWNER $$';\n-- +goose ENVSUB ON\n-- for $1\nselect 'ada',\n -- ada\n'$';\n\
         -- +goose ENVSUB OFF\nselect '$1';\n"
    );
    assert_eq!(down.unwrap(), "-- +goose ENVSUB ON\ndrop ada;\n");
}

/// What is refused, and where it points; goose refuses the same, or reads something else than was meant.
#[test]
fn flaws() {
    let up = "-- +goose Up\n";
    let cases = [
        ("", "there is no annotation `-- +goose Up`", ""),
        ("-- x\n", "there is no annotation `-- +goose Up`", "-- x"),
        ("a;\n", "SQL stands before `-- +goose Up`", "a;"),
        ("-- +goose Down\n", "`-- +goose Down` comes before `-- +goose Up`", "-- +goose Down"),
        (
            "-- +goose StatementBegin\n",
            "`-- +goose StatementBegin` comes before `-- +goose Up`",
            "-- +goose StatementBegin",
        ),
        ("-- +goose Up\n-- +goose UP\n", "there are two annotations `-- +goose Up`", "-- +goose UP"),
        ("-- +goose Upp\n", "goose knows no annotation `Upp`", "-- +goose Upp"),
        ("-- +goose\n", "goose knows no annotation ``", "-- +goose"),
        ("-- +goose Up +goose Down\n", "goose knows no annotation `Up +goose Down`", "-- +goose Up +goose Down"),
        ("  -- +goose Up\n", "`-- +goose Up` is not read as an annotation", "-- +goose Up"),
        ("-- goose Up\n", "`-- goose Up` is not read as an annotation", "-- goose Up"),
        ("-- +Goose Up\n", "`-- +Goose Up` is not read as an annotation", "-- +Goose Up"),
    ];
    let below = [
        ("-- +goose Down\n-- +goose Down\n", "there are two annotations `-- +goose Down`", "-- +goose Down"),
        ("a;\nb\nc -- x;\n\n", "a statement is not ended", "b\nc -- x;\n"),
        ("a\n-- +goose Down\n", "a statement is not ended", "a"),
        ("-- +goose StatementBegin\na;\n", "the end of this statement is missing", "-- +goose StatementBegin"),
        (
            "-- +goose StatementBegin\na;\n-- +goose Down\n",
            "the end of this statement is missing",
            "-- +goose StatementBegin",
        ),
        (
            "-- +goose StatementBegin\n-- +goose StatementBegin\n",
            "the end of this statement is missing",
            "-- +goose StatementBegin",
        ),
        (
            "-- +goose StatementEnd\n",
            "`-- +goose StatementEnd` has no `-- +goose StatementBegin`",
            "-- +goose StatementEnd",
        ),
        (
            "-- +goose StatementBegin\n-- x\n-- +goose StatementEnd\n",
            "there is no statement above `-- +goose StatementEnd`",
            "-- +goose StatementEnd",
        ),
        ("-- +goose ENVSUB ON\na ${B?no};\n", "its variables cannot be filled in: `$B`: no", "a ${B?no};"),
    ];
    let below = below.map(|(text, message, place)| (format!("{up}{text}"), message, place));
    let all = cases.map(|(text, message, place)| (text.to_owned(), message, place)).into_iter().chain(below);
    for (text, message, place) in all {
        assert_eq!(told(&text, &read(&text).unwrap_err()), (message.to_owned(), place.to_owned()), "{text}");
    }
    assert_eq!(read("-- +goose StatmentBegin\n").unwrap_err().hint, "did you mean `-- +goose StatementBegin`?");
    assert!(read("-- +goose Undo it\n").unwrap_err().hint.starts_with("there are: `Up`, `Down`"));
    assert!(read("-- +goose Up\n-- we use goose up here\na;").is_ok());
}

proptest::proptest! {
    #[test]
    fn every_text_is_read_or_refused(text in texts(&[
        "-- +goose Up", "-- +goose Down", "-- +goose StatementBegin", "-- +goose StatementEnd", "-- +goose NO TRANSACTION",
        "-- +goose ENVSUB ON", "-- +goose ENVSUB OFF", "-- +goose Ü",
    ])) {
        is_sound(&Goose, &text);
    }

    /// What is filled in has no variables any more, or they cannot be filled in; nothing else changes.
    #[test]
    fn a_text_without_signs_stays_as_it_is(text in "[^$\\\\\n]{0,40}") {
        proptest::prop_assert_eq!(fill::fill(&text, &BTreeMap::new()), Ok(text));
    }
}

#[test]
fn its_table() {
    let of = |columns: &[(&str, &str)]| adopt(&table(&Goose, Dialect::Postgres, columns)).is_some();
    let columns = [
        ("id", "integer"),
        ("version_id", "bigint"),
        ("is_applied", "boolean"),
        ("tstamp", "timestamp without time zone"),
    ];
    assert!(of(&columns) && !of(&columns[..3]));
}

#[test]
fn what_is_written_is_read_again() {
    let files = directory(
        &Goose,
        &[("00001_a.sql", "-- +goose Up"), ("2_b.sql", "-- +goose Up"), ("10_c.sql", "-- +goose Up")],
    );
    let [one, two, ten] = files.migrations.as_slice() else { panic!() };
    for mut base in Base::both() {
        let table = table(&Goose, base.dialect(), &[]);
        for _ in 0..2 {
            base.run(&Goose.create(&table));
        }
        for migration in [one, two, ten] {
            base.run(&Goose.insert(&table, &record(migration)));
        }
        base.run(&Goose.delete(&table, ten, Some(two)));
        // As goose wrote it before 2.1: rows are never deleted, the newest one counts.
        let yes = yes(base.dialect());
        let no = if yes == "1" { "0" } else { "false" };
        base.run(&[format!("INSERT INTO goose_db_version (version_id, is_applied) VALUES (2, {no}), (10, {yes}), (10, {no}), (10, {yes})")]);
        let rows = base.rows(&Goose, &table);
        let mut versions: Vec<_> = rows.iter().map(|row| row.version.clone().unwrap().text().to_owned()).collect();
        versions.sort();
        assert_eq!(versions, ["1", "10"]);
        let at = rows[0].applied_at.as_deref().unwrap();
        assert!(at.len() == "2026-11-24T18:30:00.000Z".len() && at.ends_with('Z') && at.as_bytes()[10] == b'T', "{at}");
        assert_eq!(
            rows[0],
            Row { version: rows[0].version.clone(), applied_at: Some(at.to_owned()), ..Row::default() }
        );
        let all = "SELECT id, version_id FROM goose_db_version ORDER BY id";
        assert_eq!(base.lines(all)[..3], ["1|0", "2|1", "3|2"]);
    }
}

#[test]
fn its_lock_is_the_checksum_of_its_name() {
    assert_eq!(
        Goose.co_locks(&table(&Goose, Dialect::Postgres, &[]), "x"),
        [i64::from(crate::style::crc::crc32(b"goose"))]
    );
}
