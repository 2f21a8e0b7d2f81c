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

/// Issue 3, bad input: links that lead back double the way at every turn; they are not followed.
#[test]
fn links_that_lead_back_are_not_followed() {
    let dir = testkit::TempDir::new();
    dir.write("sub/2_b.sql", "");
    dir.write("1_a.sql", "");
    for (to, link) in [(".", "a"), (".", "b"), ("..", "sub/c"), ("../sub", "sub/d")] {
        std::os::unix::fs::symlink(to, dir.path().join(link)).unwrap();
    }
    assert_eq!(list(dir.path()).unwrap(), ["1_a.sql", "sub/2_b.sql"]);
}

/// Issue 3, bad input: files that are listed and cannot be read, or are far too large (50 MB), are told by their names.
#[test]
fn files_that_cannot_be_read_are_told() {
    use std::os::unix::{ffi::OsStrExt, fs::symlink};
    let dir = testkit::TempDir::new();
    dir.write("1_a.sql", "select 1;");
    symlink("nowhere", dir.path().join("2_b.sql")).unwrap();
    std::fs::File::create(dir.path().join(std::ffi::OsStr::from_bytes(b"3_\xff.sql"))).unwrap();
    std::fs::File::create(dir.path().join("4_big.sql")).unwrap().set_len(50 << 20).unwrap();
    let names = list(dir.path()).unwrap();
    let bad = match read(dir.path(), dir.path(), &names, &Plain, &BTreeMap::new()) {
        Err(MigrateError::BadFiles(bad)) => bad,
        other => panic!("{other:?}"),
    };
    let told: Vec<_> = bad.iter().map(|bad| (bad.name.as_str(), bad.finding().hint.unwrap_or_default())).collect();
    let lost =
        "it is a link that leads nowhere, or it was taken away just now: bring back what it leads to, or take it out";
    let big = "load data of that size with a tool of its own, not as a migration";
    let all = [("2_b.sql", lost), ("3_\u{fffd}.sql", "rename it"), ("4_big.sql", big)];
    assert_eq!(told, all.map(|(name, hint)| (name, hint.to_owned())));
    assert!(matches!(&bad[0].problem, Problem::Unreadable { kind: std::io::ErrorKind::NotFound, .. }));
}
