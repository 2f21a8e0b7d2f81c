use super::*;
use crate::{
    Problem,
    ledger::End,
    style::fixture::{Base, directory, record, table},
};

fn vars(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
}

#[test]
fn names_as_flyway_reads_them() {
    let named = |name: &str| match Flyway.read_name(name) {
        Named::Migration { version, description, part } => Some(format!("{} {description:?} {part:?}", version.text())),
        Named::Repeatable { description } => Some(format!("R {description:?}")),
        Named::Other => None,
        other => panic!("{name}: {other:?}"),
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(named("V1__add_users.sql"), some("1 \"add users\" Up"));
    assert_eq!(named("a/b/V1_2.03__x__y.sql"), some("1.2.03 \"x  y\" Up"));
    assert_eq!(named("V20261124183000.sql"), some("20261124183000 \"\" Up"));
    assert_eq!(named("U1.2__x.sql"), some("1.2 \"x\" Down"));
    assert_eq!(named("R__views_of_it.sql"), some("R \"views of it\""));
    for other in ["README.sql", "README.md", "v1__x.sql", "V1__x.SQL", "Views.sql", "x.conf", "R1__x.sql", "Back.sql"] {
        assert_eq!(named(other), None, "{other}");
    }
    for alone in ["beforeClean.sql", "afterInfo__x.sql", "afterRepair.sql", "beforeUndo.sql"] {
        assert_eq!(named(alone), None, "{alone}");
    }
}

#[test]
fn what_is_not_done_here_is_refused_with_a_word() {
    let message = |name: &str| match Flyway.read_name(name) {
        Named::Bad(Problem::Flaw { message, .. }) => message,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(message("a/V1__x.sql.conf"), "Flyway's settings for `V1__x.sql` are not read here");
    assert_eq!(message("V1_x.sql"), "Flyway leaves `V1_x.sql` alone: `1_x` is no version");
    assert_eq!(message("V1-x.sql"), "Flyway leaves `V1-x.sql` alone: `1-x` is no version");
    assert!(message("B3__all.sql").starts_with("it is a baseline migration of Flyway"));
    for callback in ["beforeMigrate", "afterEachMigrate__x", "afterMigrateError", "beforeConnect", "createSchema"] {
        let event = callback.trim_end_matches("__x");
        let expected = format!("it is Flyway's callback `{event}`, which mainstay does not run");
        assert_eq!(message(&format!("{callback}.sql")), expected);
    }
}

#[test]
fn versions_are_numbers_in_parts() {
    let files = directory(
        &Flyway,
        &[("V1_10__c.sql", ""), ("V1.9__b.sql", ""), ("V2__d.sql", ""), ("x/V1__a.sql", ""), ("R__z.sql", "")],
    );
    let versions: Vec<_> = files.migrations.iter().map(|it| it.version.text()).collect();
    assert_eq!((versions.as_slice(), files.repeatables.len()), (&["1", "1.9", "1.10", "2"][..], 1));
}

/// Computed by the formula of `ChecksumCalculator.java`; that two different files may share one is a fact of it.
#[test]
fn a_stamp_is_crc_32_of_the_lines() {
    let version = Version::from("1");
    let stamp = |text: &str| {
        let file = Stamped { raw: b"", text, sum: "", filled: "filled", version: &version, description: "" };
        Flyway.stamps(&file)
    };
    assert_eq!(stamp("create table a(i int);"), ["-731837914"]);
    assert_eq!(stamp("create table a(i int);\n"), ["-731837914"]);
    assert_eq!(stamp("create table\ra(i int);"), ["-982963741"]);
    assert_eq!(stamp("create tablea(i int);"), ["-982963741"]);
    let repeatable = Version::default();
    let file = Stamped {
        raw: b"",
        text: "x",
        sum: "",
        filled: "create table\na(i int);",
        version: &repeatable,
        description: "",
    };
    assert_eq!(Flyway.stamps(&file), ["-982963741"]);
}

#[test]
fn placeholders_come_from_the_environment() {
    let vars = vars(&[("FLYWAY_PLACEHOLDERS_OWNER", "app"), ("FLYWAY_PLACEHOLDERS_EMPTY", "")]);
    let read = |text: &'static str| Flyway.read_text(Part::Up, text, &vars).map(|it| it.text);
    assert_eq!(read("grant x to ${owner}; -- ${Empty}'${OWNER}'").unwrap(), "grant x to app; -- 'app'");
    assert!(matches!(read("no $1 {} here"), Ok(Cow::Borrowed(_))));
    let flaw = read("grant x to ${reader};").unwrap_err();
    assert_eq!((flaw.message.as_str(), flaw.range), ("the placeholder `reader` has no value", 11..20));
    assert_eq!(
        flaw.hint,
        "set FLYWAY_PLACEHOLDERS_READER, which Flyway reads too, or FLYWAY_PLACEHOLDER_REPLACEMENT=false if it is no placeholder"
    );
    assert_eq!(read("x ${y").unwrap_err().range, 2..4);
    assert!(read("${flyway:user}").unwrap_err().hint.starts_with("write the value itself"));
    let off = self::vars(&[("FLYWAY_PLACEHOLDER_REPLACEMENT", "FALSE")]);
    assert_eq!(Flyway.read_text(Part::Up, "${x}", &off).unwrap().text, "${x}");
}

/// The vector was computed by the formula of `PostgreSQLAdvisoryLockTemplate.java`.
#[test]
fn the_lock_is_flyways_own() {
    let mut of = table(&Flyway, Dialect::Postgres, &[]);
    assert_eq!(Flyway.co_locks(&of, "any"), [77_433_833_903_597]);
    of.schema = Some("app".into());
    assert_ne!(Flyway.co_locks(&of, "any"), [77_433_833_903_597]);
    assert_eq!(java_hash("hello"), 99_162_322);
}

#[test]
fn the_table_is_known_by_its_columns() {
    let columns: Vec<_> = COLUMNS.iter().map(|&name| (name, "")).collect();
    assert!(adopt(&table(&Flyway, Dialect::Postgres, &columns)).is_some());
    assert!(adopt(&table(&Flyway, Dialect::Postgres, &columns[1..])).is_none());
}

fn shown(base: &mut Base) -> Vec<String> {
    base.lines(
        "SELECT installed_rank, version, description, \"type\", script, checksum, execution_time, \
         CASE WHEN success THEN 'yes' ELSE 'no' END FROM flyway_schema_history ORDER BY installed_rank",
    )
}

#[test]
fn rows_are_those_of_flyway() {
    let files =
        directory(&Flyway, &[("V1_1__a.sql", "a"), ("x/V2__b.sql", "b"), ("U2__b.sql", ""), ("R__c_d.sql", "c")]);
    let ([a, b], [c]) = (files.migrations.as_slice(), files.repeatables.as_slice()) else { panic!("{files:?}") };
    for mut base in Base::both() {
        let table = table(&Flyway, base.dialect(), &[]);
        base.run(&Flyway.create(&table));
        base.run(&Flyway.mark_begun(&table, &record(a)));
        assert_eq!(base.rows(&Flyway, &table)[0].end, End::Begun);
        for migration in [a, c, b, c] {
            base.run(&Flyway.insert(&table, &record(migration)));
        }
        let expected = [
            "1|1.1|a|SQL|V1_1__a.sql|-390611389|7|yes",
            "2||c d|SQL|R__c_d.sql|112844655|7|yes",
            "3|2|b|SQL|x/V2__b.sql|1908338681|7|yes",
            "4||c d|SQL|R__c_d.sql|112844655|7|yes",
        ];
        assert_eq!(shown(&mut base), expected);
        let rows = base.rows(&Flyway, &table);
        assert_eq!((&rows[1].version, rows[1].name.as_deref()), (&None, Some("c d")));
        let at = rows[0].applied_at.as_deref().unwrap();
        assert!(at.starts_with("20") && at.ends_with('Z') && at.contains('T'), "{at}");
        base.run(&[format!("UPDATE {} SET checksum = 0, description = 'y' WHERE version IS NOT NULL", table.quoted())]);
        base.run(&Flyway.restamp(&table, b));
        let line = &shown(&mut base)[2];
        assert_eq!(line, expected[2]);
        base.run(&Flyway.delete(&table, b, Some(a)));
        base.run(&Flyway.delete(&table, c, None));
        assert_eq!(base.rows(&Flyway, &table).len(), 1);
    }
}

/// Baselines, made schemas, rows taken back by `repair` and by `undo`.
#[test]
fn rows_that_are_no_migrations() {
    for mut base in Base::both() {
        let table = table(&Flyway, base.dialect(), &[]);
        base.run(&Flyway.create(&table));
        let row = |rank: i32, version: &str, what: &str, kind: &str, success: &str| {
            format!(
                "INSERT INTO flyway_schema_history (installed_rank, version, description, \"type\", script, installed_by, \
                 execution_time, success) VALUES ({rank}, {version}, '{what}', '{kind}', '', '', 0, {success})"
            )
        };
        base.run(&[
            row(0, "NULL", "<< Flyway Schema Creation >>", "SCHEMA", "TRUE"),
            row(1, "'3'", "<< Flyway Baseline >>", "BASELINE", "TRUE"),
            row(2, "'4'", "gone", "SQL", "TRUE"),
            row(3, "NULL", "gone too", "SQL", "TRUE"),
            row(4, "'5'", "undone", "SQL", "TRUE"),
            row(5, "'4'", "gone", "DELETE", "TRUE"),
            row(6, "NULL", "gone too", "DELETE", "TRUE"),
            row(7, "'5'", "undone", "UNDO_SQL", "TRUE"),
            row(8, "'5'", "done again", "SQL", "TRUE"),
            row(9, "'6'", "failed", "SQL", "FALSE"),
        ]);
        let rows: Vec<_> =
            base.rows(&Flyway, &table).into_iter().map(|row| (row.name.unwrap_or_default(), row.end)).collect();
        let expected = [
            ("<< Flyway Baseline >>".to_owned(), End::Baseline),
            ("done again".to_owned(), End::Applied),
            ("failed".to_owned(), End::Begun),
        ];
        assert_eq!(rows, expected);
    }
}

#[test]
fn new_files_are_like_the_others() {
    let new = |version: &str, others: &[&str]| {
        let others: Vec<String> = others.iter().map(|&name| name.to_owned()).collect();
        let files = Flyway.skeleton(&Version::from(version), "add_it", &others);
        files.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(new("1", &[]), ["V1__add_it.sql"]);
    assert_eq!(new("1.10", &["V1.9__x.sql"]), ["V1.10__add_it.sql"]);
    assert_eq!(new("1.10", &["x/V1_9__x.sql"]), ["V1_10__add_it.sql"]);
    assert_eq!(new("2", &["V1__x.sql", "U1__x.sql"]), ["V2__add_it.sql", "U2__add_it.sql"]);
}

#[test]
fn long_names_are_cut_as_flyway_cuts_them() {
    let Named::Migration { description, .. } = Flyway.read_name(&format!("V1__{}.sql", "é".repeat(201))) else {
        panic!()
    };
    assert_eq!(description, format!("{}...", "é".repeat(197)));
}
