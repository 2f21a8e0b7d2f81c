use super::*;
use crate::{
    sql::Dialect,
    style::fixture::{Base, directory, record, table},
};

#[test]
fn a_migration_is_a_number_and_a_name() {
    let named = |name| match Supabase.read_name(name) {
        Named::Migration { version, description, part: Part::Up } => Some((version.text().to_owned(), description)),
        Named::Other => None,
        other => panic!("{other:?}"),
    };
    let some = |version: &str, description: &str| Some((version.to_owned(), description.to_owned()));
    assert_eq!(named("20261124183000_add_users.sql"), some("20261124183000", "add_users"));
    assert_eq!(named("1_.sql"), some("1", ""));
    assert_eq!(named("20211209000000_init.sql"), some("20211209000000", "init"));
    for other in ["20211208235959_init.sql", "init.sql", "1-x.sql", "1_x.SQL", "1_x.sql.gz", "x_1.sql", "README.md"] {
        assert_eq!(named(other), None, "{other}");
    }
}

#[test]
fn its_table() {
    let of = |columns: &[(&str, &str)]| adopt(&table(&Supabase, Dialect::Postgres, columns)).is_some();
    assert!(of(&[("version", "text"), ("statements", "text[]"), ("name", "text")]));
    assert!(of(&[("version", "text"), ("statements", "text[]"), ("name", "text"), ("created_by", "text")]));
    assert!(!of(&[("version", "text"), ("name", "text")]) && !of(&[("version", "text")]));
    let mut strict =
        table(&Supabase, Dialect::Postgres, &[("version", "text"), ("statements", "text[]"), ("name", "text")]);
    strict.columns[2].needed = true;
    assert!(adopt(&strict).is_none());
}

#[test]
fn what_is_written_is_read_again() {
    let files = directory(&Supabase, &[("0001_a.sql", ""), ("2_it's.sql", "")]);
    let (mut base, table) = (Base::postgres(), table(&Supabase, Dialect::Postgres, &[]));
    for _ in 0..2 {
        base.run(&Supabase.create(&table));
    }
    let statements = ["select 'a\\b'", "-- {x}\nselect \"y\""];
    base.run(&Supabase.insert(&table, &Record { statements: &statements, ..record(&files.migrations[0]) }));
    base.run(&Supabase.baseline(&table, &[&files.migrations[1]]));
    let sql = "SELECT version, name, statements[1], statements[2], statements IS NULL FROM supabase_migrations.schema_migrations ORDER BY 1";
    assert_eq!(base.lines(sql), ["0001|a|select 'a\\b'|-- {x}\nselect \"y\"|f", "2|it's|||t"]);
    let names: Vec<_> = base.rows(&Supabase, &table).into_iter().filter_map(|row| row.name).collect();
    assert_eq!(names, ["0001_a.sql", "2_it's.sql"]);
    base.run(&Supabase.delete(&table, &files.migrations[1], None));
    base.run(&["UPDATE supabase_migrations.schema_migrations SET name = NULL".to_owned()]);
    assert_eq!(base.rows(&Supabase, &table), [Row { version: Some("0001".into()), ..Row::default() }]);
}

/// Only the version counts: a file may be given another name, but not its number in another spelling.
#[test]
fn a_version_is_a_text() {
    let files = directory(&Supabase, &[("0001_b.sql", ""), ("2_b.sql", "")]);
    let row =
        |version: &str, name: &str| Row { version: Some(version.into()), name: Some(name.into()), ..Row::default() };
    let rows = vec![row("1", "1_b.sql"), row("2", "2_a.sql"), row("3", "3_gone.sql")];
    let names: Vec<_> = Supabase.expand(rows, &files.migrations, &[]).into_iter().map(|it| it.name).collect();
    assert_eq!(names, [Some("1".to_owned()), None, Some("3_gone.sql".to_owned())]);
}
