use super::{
    explain::{Unexplained, explain},
    *,
};
use crate::{
    engine::Cells,
    sql::Dialect,
    style::{
        Column,
        fixture::{Base, directory, record},
        plain::sha256,
    },
};

/// Columns, rows and what is said of them.
type Case = (&'static [&'static str], &'static [&'static [&'static str]], &'static str);

const FILES: [&str; 4] = ["0001_init.sql", "0002_add_users.sql", "0003_views.sql", "0003_views.down.sql"];

/// Columns as `name type`, with `!` when a value is needed.
fn table(dialect: Dialect, columns: &[&str]) -> Table {
    let column = |text: &&str| {
        let (name, kind) = text.split_once(' ').unwrap_or((text, "text"));
        Column { name: name.into(), kind: kind.trim_end_matches('!').into(), needed: kind.ends_with('!') }
    };
    let schema = (dialect == Dialect::Postgres).then(|| "public".to_owned());
    Table { schema, name: "schema_migrations".into(), columns: columns.iter().map(column).collect(), dialect }
}

/// `-` is NULL.
fn rows(rows: &[&[&str]]) -> Vec<Cells> {
    rows.iter().map(|row| row.iter().map(|&cell| (cell != "-").then(|| cell.to_owned())).collect()).collect()
}

fn files<'a>(names: &[&'a str]) -> Vec<File<'a>> {
    names.iter().map(|name| File { name, bytes: Some(name.as_bytes()) }).collect()
}

fn reading(columns: &[&str], cells: &[&[&str]]) -> Result<String, String> {
    let diy = explain(&table(Dialect::Postgres, columns), &rows(cells), &files(&FILES));
    diy.map(|diy| diy.told()).map_err(|why| why.to_string())
}

/// The shapes that are seen in public code, each with the sentence that people see.
#[test]
fn every_row_is_explained() {
    let cases: [Case; 9] = [
        (
            &["filename text!", "applied_at timestamp with time zone!"],
            &[&["0001_init.sql", "2026-11-24 18:30:00+00"], &["0002_add_users.sql", "2026-11-24 18:30:01+00"]],
            "`filename` holds the file's name, 2 of 2 rows explained",
        ),
        (
            &["name text!", "applied_at integer!"],
            &[&["0002_add_users", "1764000000"], &["0001_init", "1764000000"]],
            "`name` holds the file's name without its ending, 2 of 2 rows explained",
        ),
        (
            &["version text!", "applied_at timestamp with time zone"],
            &[&["0001", "-"], &["0002", "-"]],
            "`version` holds the file's number as it is written, 2 of 2 rows explained",
        ),
        (
            &["version integer!", "filename text!", "applied_at text!"],
            &[&["1", "0001_init.sql", "2026-11-24T18:30:00.1Z"]],
            "`filename` holds the file's name, 1 of 1 rows explained; `version` the file's number",
        ),
        (
            &["version integer!", "name text!", "applied_at date"],
            &[&["1", "init", "2026-11-24"], &["2", "add users", "2026-11-24"]],
            "`version` holds the file's number, 2 of 2 rows explained; \
             `name` what follows the number in the file's name, in words",
        ),
        (
            &["id integer", "filename text!", "applied_at timestamp without time zone"],
            &[&["1", "0001_init.sql", "2026-11-24 18:30:00"]],
            "`filename` holds the file's name, 1 of 1 rows explained",
        ),
        (
            &["id integer", "migration_name character varying(255)!"],
            &[&["1", "0001_init.sql"], &["3", "0003_views.sql"]],
            "`migration_name` holds the file's name, 2 of 2 rows explained",
        ),
        (
            &["id integer!", "name text!", "success boolean!"],
            &[&["1", "0001_init", "t"]],
            "`name` holds the file's name without its ending, 1 of 1 rows explained; `id` the file's number",
        ),
        (
            &["version bigint!", "description text"],
            &[&["1", "by hand"]],
            "`version` holds the file's number, 1 of 1 rows explained",
        ),
    ];
    for (columns, cells, told) in cases {
        assert_eq!(reading(columns, cells).as_deref(), Ok(told), "{columns:?}");
    }
}

#[test]
fn what_is_not_explained_is_named() {
    let cases: [Case; 9] = [
        (&["batch integer!"], &[&["1"]], "none of its columns can say which file a row is about"),
        (
            &["filename text!"],
            &[],
            "it has no rows, which would tell what its columns mean: let its own runner apply the first file",
        ),
        (
            &["filename text!"],
            &[&["0001_init.sql"], &["0009_gone.sql"]],
            "no file explains 1 row in `filename`: `0009_gone.sql`",
        ),
        (
            &["filename text!"],
            &[&["0001_init.sql"], &["0001_init.sql"]],
            "no file explains 1 row in `filename`: `0001_init.sql`",
        ),
        (
            &["version text!"],
            &[&["a"], &["b"], &["c"], &["d"], &["-"]],
            "no file explains 5 rows in `version`: `a`, `b`, `c` and 2 more",
        ),
        (
            &["filename text!"],
            &[&["0003_views.down.sql"]],
            "no file explains 1 row in `filename`: `0003_views.down.sql`",
        ),
        (
            &["filename text!", "batch integer!"],
            &[&["0001_init.sql", "7"]],
            "the column `batch`: nobody here knows how `7` came about",
        ),
        (
            &["filename text!", "checksum text"],
            &[&["0001_init.sql", "abc"]],
            "the column `checksum`: nobody here knows how `abc` came about",
        ),
        (
            &["filename text!", "success boolean!"],
            &[&["0001_init.sql", "f"]],
            "the column `success`: nobody here knows how `f` came about",
        ),
    ];
    for (columns, cells, why) in cases {
        assert_eq!(reading(columns, cells).as_ref().map_err(String::as_str), Err(why), "{columns:?}");
    }
}

/// `10` in a row is the number and the digits alike; the next file would decide.
#[test]
fn two_readings_that_part_are_refused() {
    let table = table(Dialect::Postgres, &["version text!"]);
    let explained = |names: &[&str]| explain(&table, &rows(&[&["10"]]), &files(names)).map(|diy| diy.told());
    assert!(explained(&["10_a.sql", "11_b.sql"]).is_ok());
    let refused = explained(&["10_a.sql", "011_b.sql"]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`version` may hold the file's number as it is written or the file's number, which is not the same for `011_b.sql`"
    );
}

#[test]
fn a_checksum_is_proven_by_a_row() {
    let table = table(Dialect::Postgres, &["filename text!", "checksum text!"]);
    let told = |checksums: [&str; 2], files: &[File<'_>]| {
        let cells = rows(&[&["0001_init.sql", checksums[0]], &["0002_add_users.sql", checksums[1]]]);
        explain(&table, &cells, files).map(|diy| diy.told()).map_err(|why| why.to_string())
    };
    let sha = sha256("0001_init.sql");
    let told_sha = "`filename` holds the file's name, 2 of 2 rows explained; `checksum` its SHA-256";
    // The second one was edited since: that is told by the comparison of files and ledger.
    assert_eq!(told([&sha, &sha256("edited")], &files(&FILES)).as_deref(), Ok(told_sha));
    let md5 = "2a4ff0a4b4e9b6b8a3a2c1f9f6b5a1d7";
    assert!(told([md5, md5], &files(&FILES)).unwrap_err().contains("nobody here knows how `2a4ff0"));
    // With `\r\n` in a file that no row is about, it matters which bytes are taken.
    let mut dos = files(&FILES);
    dos[2].bytes = Some(b"a\r\n");
    let refused = told([&sha, &sha256("0002_add_users.sql")], &dos).unwrap_err();
    assert!(refused.starts_with("`checksum` may hold the checksum of the bytes or that of the text"), "{refused}");
    // A row about such a file decides.
    dos[1].bytes = Some(b"b\r\n");
    assert!(told(["-", &sha256("b\n")], &dos).is_ok());
}

#[test]
fn names_need_no_number() {
    let version = |name: &str| match key::read_name(name) {
        Named::Migration { version, part, .. } => format!("{version} {part:?}"),
        other => format!("{other:?}"),
    };
    assert_eq!(version("init.sql"), "init Up");
    assert_eq!(version("init.down.sql"), "init Down");
    assert_eq!(version("0001_init.up.sql"), "0001 Up");
    assert_eq!(version("init.txt"), "Other");
}

/// Rows of a file that is gone still have a version.
#[test]
fn rows_are_brought_to_the_versions_of_files() {
    let cells = rows(&[&["0001_init"], &["0004_gone"]]);
    let mut known = files(&FILES);
    known.push(File { name: "0004_gone.sql", bytes: None });
    let diy = explain(&table(Dialect::Sqlite, &["name text!"]), &cells, &known).unwrap();
    let directory = directory(&diy, &[("0001_init.sql", "a")]);
    let rows = cells.iter().map(|cells| Row::of(&[cells[0].clone()])).collect();
    let versions: Vec<_> =
        diy.expand(rows, &directory.migrations, &[]).into_iter().filter_map(|row| row.version).collect();
    assert_eq!(versions.iter().map(Version::text).collect::<Vec<_>>(), ["0001", "0004"]);
}

/// A table of each kind in each database: what we write is what stands there already, for the next file.
#[test]
fn rows_are_like_those_that_are_there() {
    let text = "select 1;";
    let sum = sha256(text);
    let cases = [
        (
            "version int primary key, name text not null, checksum text not null, applied_at timestamp not null default current_timestamp",
            format!("(version, name, checksum) values (1, '0001_init', '{sum}')"),
            "version, name, checksum",
            format!("1|0001_init|{sum}\n2|0002_more|{sum}"),
        ),
        (
            "filename text primary key, applied_at bigint not null, applied boolean not null",
            "values ('0001_init.sql', 1764000000, true)".to_owned(),
            "filename, applied_at > 1764000000, applied",
            "0001_init.sql|no|yes\n0002_more.sql|yes|yes".to_owned(),
        ),
        (
            "migration varchar(255) not null, executed_at text not null",
            "values ('0001', '2026-11-24 18:30:00')".to_owned(),
            "migration, length(executed_at)",
            "0001|19\n0002|19".to_owned(),
        ),
        (
            "name text not null, applied_at text not null",
            "values ('0001_init.sql', '2026-11-24T18:30:00.123Z')".to_owned(),
            "name, length(applied_at)",
            "0001_init.sql|24\n0002_more.sql|24".to_owned(),
        ),
    ];
    for (columns, first, shown, expected) in &cases {
        for mut base in Base::both() {
            base.run(&[
                format!("create table schema_migrations ({columns})"),
                format!("insert into schema_migrations {first}"),
            ]);
            let described: Vec<String> = columns.split(", ").map(|it| described(it, base.dialect())).collect();
            let described: Vec<&str> = described.iter().map(String::as_str).collect();
            let table = table(base.dialect(), &described);
            let cells = base.ask(&explain::question(&table));
            let names = ["0001_init.sql", "0002_more.sql"];
            let files: Vec<_> = names.iter().map(|name| File { name, bytes: Some(text.as_bytes()) }).collect();
            let diy = explain(&table, &cells, &files).unwrap_or_else(|why| panic!("{columns}: {why}"));
            let directory = directory(&diy, &names.map(|name| (name, text)));
            base.run(&diy.insert(&table, &record(&directory.migrations[1])));
            let lines = base.lines(&format!("select {shown} from schema_migrations order by 1")).join("\n");
            let lines = lines.replace("|t", "|yes").replace("|f", "|no");
            let numbers = expected.replace("|no", "|0").replace("|yes", "|1");
            assert!(lines == *expected || lines == numbers, "{columns}: {lines}");
            let rows = diy.expand(base.rows(&diy, &table), &directory.migrations, &[]);
            assert!(
                rows.iter().all(|row| directory.migrations.iter().any(|it| Some(&it.version) == row.version.as_ref()))
            );
            let at =
                rows.iter().filter_map(|row| row.applied_at.as_deref()).all(|at| at.contains('T') && at.ends_with('Z'));
            assert!(at, "{columns}: {rows:?}");
            base.run(&diy.restamp(&table, &directory.migrations[0]));
            base.run(&diy.delete(&table, &directory.migrations[0], None));
            assert_eq!(base.lines("select count(*) from schema_migrations"), ["1"], "{columns}");
        }
    }
}

/// As the database would describe the column.
fn described(column: &str, dialect: Dialect) -> String {
    let mut words = column.split(' ');
    let (name, kind) = (words.next().unwrap(), words.next().unwrap());
    let kind = match (dialect, kind) {
        (Dialect::Postgres, "int") => "integer",
        (Dialect::Postgres, "timestamp") => "timestamp without time zone",
        (_, kind) => kind,
    };
    let key = column.contains("primary key");
    let needed = match dialect {
        Dialect::Postgres => key || (column.contains("not null") && !column.contains("default")),
        Dialect::Sqlite => !key && column.contains("not null") && !column.contains("default"),
    };
    format!("{name} {kind}{}", if needed { "!" } else { "" })
}

#[test]
fn no_rows_and_no_candidates_are_two_things() {
    let refused = |columns: &[&str]| explain(&table(Dialect::Sqlite, columns), &[], &[]).unwrap_err();
    assert_eq!(refused(&["name text"]), Unexplained::NoRows);
    assert_eq!(refused(&["batch int"]), Unexplained::NoCandidate);
    assert!(is_candidate(&table(Dialect::Sqlite, &["id integer"])));
}

/// Without `AUTOINCREMENT` it cannot be seen whether SQLite counts; 1, 2, 3 is what it would give.
#[test]
fn numbers_that_sqlite_counts_are_left_to_it() {
    let columns = ["id integer", "filename text!"];
    let told = |ids: [&str; 2]| {
        let cells = rows(&[&[ids[0], "0001_init.sql"], &[ids[1], "0003_views.sql"]]);
        explain(&table(Dialect::Sqlite, &columns), &cells, &files(&FILES)).map(|diy| diy.told()).unwrap()
    };
    assert_eq!(told(["1", "2"]), "`filename` holds the file's name, 2 of 2 rows explained");
    assert_eq!(told(["1", "3"]), "`filename` holds the file's name, 2 of 2 rows explained; `id` the file's number");
}
