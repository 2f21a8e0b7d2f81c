use super::*;
use crate::style::Plain;

fn file(name: &str, content: &[u8]) -> RawFile {
    RawFile { name: name.into(), dir: Path::new("").into(), content: Ok(content.into()) }
}

fn parsed(files: Vec<RawFile>) -> Result<Directory, MigrateError> {
    parse(files, Path::new("m"), &Plain, &BTreeMap::new())
}

/// S1.1: in order, and the order is the number's, not the text's.
#[test]
fn files_come_in_the_order_of_their_numbers() {
    let names = ["10_c.sql", "2_b.sql", "0001_a.sql", "2_b.down.sql", "1_a.ROLLBACK.SQL", "R__views.sql", "readme.md"];
    let files =
        names.map(|name| file(name, b"select 1;")).into_iter().filter(|file| file.name != "readme.md").collect();
    let directory = parsed(files).unwrap();
    let order: Vec<_> = directory.migrations.iter().map(|it| (it.name.as_str(), it.down.is_some())).collect();
    assert_eq!(order, [("0001_a.sql", true), ("2_b.sql", true), ("10_c.sql", false)]);
    assert_eq!(directory.repeatables[0].description, "views");
    assert!(directory.without_gaps().is_err());
}

#[test]
fn every_file_that_is_no_migration_is_named_at_once() {
    let files = vec![
        file("0001_a.sql", b"select 1;"),
        file("1_b.sql", b"select 1;"),
        file("init.sql", b""),
        file("3_latin.sql", b"-- caf\xe9"),
        file("4_nul.sql", b"a\0b"),
        RawFile { name: "5_dump.sql".into(), dir: Path::new("").into(), content: Err(Problem::TooLarge) },
        file("7_gone.down.sql", b"select 1"),
    ];
    let MigrateError::BadFiles(bad) = parsed(files).unwrap_err() else { panic!() };
    let problems: Vec<_> = bad.into_iter().map(|bad| (bad.name, bad.problem)).collect();
    assert_eq!(
        problems,
        [
            ("m/init.sql".into(), Problem::NoVersion),
            ("m/3_latin.sql".into(), Problem::NotUtf8 { byte: 6 }),
            ("m/4_nul.sql".into(), Problem::Nul { byte: 1 }),
            ("m/5_dump.sql".into(), Problem::TooLarge),
            ("m/7_gone.down.sql".into(), Problem::NoUp { version: "7".into() }),
            ("m/1_b.sql".into(), Problem::SameVersion { version: "1".into(), other: "m/0001_a.sql".into() }),
        ]
    );
}
