use super::*;
use crate::style::fixture::{Base, directory, record, table};

const NARROW: Refinery = Refinery { wide: false };
const WIDE: Refinery = Refinery { wide: true };

fn named(style: Refinery, name: &str) -> Option<(String, String)> {
    match style.read_name(name) {
        Named::Migration { version, description, part: Part::Up } => Some((version.text().to_owned(), description)),
        Named::Other => None,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn names_as_refinery_reads_them() {
    let some = |version: &str, description: &str| Some((version.to_owned(), description.to_owned()));
    assert_eq!(named(NARROW, "V1__initial.sql"), some("1", "initial"));
    assert_eq!(named(NARROW, "a/b/U0003__add_it__there.sql"), some("0003", "add_it__there"));
    assert_eq!(named(NARROW, "V2147483647__x.sql"), some("2147483647", "x"));
    assert_eq!(named(WIDE, "V20261124183000__größe.sql"), some("20261124183000", "größe"));
    for other in ["README.md", "V1__a.sql.bak", "mod.rs", "1__a.sql", "R__a.sql", "Views.sql", "V1__a.SQL"] {
        assert_eq!(named(NARROW, other), None, "{other}");
    }
}

#[test]
fn names_that_are_almost_right_are_told() {
    let message = |name: &str| match NARROW.read_name(name) {
        Named::Bad(Problem::Flaw { message, .. }) => message,
        other => panic!("{name}: {other:?}"),
    };
    assert_eq!(message("V3__with-dash.sql"), "refinery leaves `V3__with-dash.sql` alone: `-` is in its name");
    assert_eq!(message("V3_x.sql"), "refinery leaves `V3_x.sql` alone: two `_` have to follow the number");
    assert_eq!(message("v3__x.sql"), "refinery leaves `v3__x.sql` alone: its name is not `V1__what.sql`");
    assert_eq!(message("V3__.sql"), "refinery leaves `V3__.sql` alone: its name is not `V1__what.sql`");
    assert_eq!(message("V1.2__x.sql"), "refinery cannot read `1.2` as a whole number");
    assert_eq!(message("a/V1__x.rs"), "`V1__x.rs` is a migration written in Rust");
    assert!(message("V20261124183000__x.sql").contains("column of 32 bits"));
}

/// The first two of each are those of refinery's own tests (`migrations_broken`), the last two are what refinery_cli 0.10.0
/// wrote.
#[test]
fn stamps_are_refinerys_own() {
    let stamp = |style: Refinery, version: &str, name: &str, sql: &str| {
        let version = Version::from(version);
        let file =
            Stamped { raw: sql.as_bytes(), text: sql, sum: "", filled: sql, version: &version, description: name };
        style.stamps(&file)[0].clone()
    };
    let persons = "CREATE TABLE persons (\n    id int,\n    name varchar(255),\n    city varchar(255)\n);\n";
    let cars = "CREATE TABLE cars (\n    id int,\n    name varchar(255)\n);\n";
    assert_eq!(stamp(NARROW, "1", "initial", persons), "2959965718684201605");
    assert_eq!(stamp(NARROW, "2", "add_cars_table", cars), "8238603820526370208");
    assert_eq!(stamp(WIDE, "1", "initial", persons), "13938959368620441626");
    assert_eq!(stamp(WIDE, "02", "add_cars_table", cars), "5394706226941044339");
    let one_line = "CREATE TABLE persons (id int, name varchar(255), city varchar(255));\n";
    assert_eq!(stamp(NARROW, "1", "initial", one_line), "9435430460266820252");
    assert_eq!(stamp(NARROW, "3", "it_is_late", "create table ж (n int);\r\n"), "8988702696648377022");
}

#[test]
fn other_line_ends_are_no_other_file() {
    let version = Version::from("3");
    let text = "create table ж (n int);\n";
    let file =
        Stamped { raw: text.as_bytes(), text, sum: "", filled: text, version: &version, description: "it_is_late" };
    assert!(NARROW.stamps(&file).contains(&"8988702696648377022".to_owned()));
}

#[test]
fn the_table_tells_the_width() {
    let of = |kind| {
        let columns = [("version", kind), ("name", ""), ("applied_on", ""), ("checksum", "")];
        adopt(&table(&NARROW, Dialect::Postgres, &columns)).map(|style| format!("{style:?}"))
    };
    assert_eq!(of("integer"), Some(format!("{NARROW:?}")));
    assert_eq!(of("INT4"), Some(format!("{NARROW:?}")));
    assert_eq!(of("bigint"), Some(format!("{WIDE:?}")));
    assert_eq!(of("int8"), Some(format!("{WIDE:?}")));
    assert_eq!(of("text"), None);
    assert!(adopt(&table(&NARROW, Dialect::Sqlite, &[("version", "int4")])).is_none());
}

#[test]
fn only_u_files_may_be_late() {
    let files = directory(&NARROW, &[("V2__a.sql", ""), ("x/U1__b.sql", "")]);
    let late: Vec<bool> = files.migrations.iter().map(|file| NARROW.may_be_late(file)).collect();
    assert_eq!(late, [true, false]);
}

#[test]
fn rows_are_those_of_refinery() {
    let files = directory(&NARROW, &[("V01__initial.sql", "select 1;"), ("x/V2__more.sql", "select 2;")]);
    let [first, second] = files.migrations.as_slice() else { panic!("{files:?}") };
    for mut base in Base::both() {
        let table = table(&NARROW, base.dialect(), &[]);
        base.run(&NARROW.create(&table));
        base.run(&NARROW.insert(&table, &record(first)));
        base.run(&NARROW.baseline(&table, &[second]));
        let lines = base.lines("SELECT version, name, checksum FROM refinery_schema_history ORDER BY version");
        let expected = [format!("1|initial|{}", first.stamp()), format!("2|more|{}", second.stamp())];
        assert_eq!(lines, expected);
        let rows = base.rows(&NARROW, &table);
        let at = rows[0].applied_at.as_deref().unwrap();
        assert!(at.starts_with("20") && at.ends_with('Z') && at.contains('.') && at.contains('T'), "{at}");
        assert_eq!((&rows[1].version, rows[1].name.as_deref()), (&Some(Version::from("2")), Some("more")));
        base.run(&[format!("UPDATE {} SET checksum = 'x', name = 'y'", table.quoted())]);
        base.run(&NARROW.restamp(&table, second));
        let rows = base.rows(&NARROW, &table);
        assert_eq!((rows[1].stamp.as_deref(), rows[1].name.as_deref()), (Some(second.stamp()), Some("more")));
        base.run(&NARROW.delete(&table, first, None));
        assert_eq!(base.rows(&NARROW, &table).len(), 1);
    }
}

#[test]
fn a_new_file() {
    assert_eq!(NARROW.skeleton(&Version::from("3"), "add_users", &[])[0].0, "V3__add_users.sql");
    assert_eq!(NARROW.numbering(), Numbering::Count { width: 1 });
}
