use super::{
    judge::Known,
    look::{File, LARGEST, Looked},
    rules::{LOCKS_TWO_TABLES, MIXED_TRANSACTION, OWN, Rules, SYNTAX, WRITE_WITHOUT_WHERE},
    size::{self, Sizes, TableSize},
    squawk,
    told::{Absence, Linted, Told, findings_of, linted},
};
use crate::{script::Script, sql::Name, style::Section};
use report::{Outcome, Severity};

const VERSION: u32 = 17;

fn rules() -> Rules {
    Rules::new(&[], &[]).unwrap()
}

fn with(rule: &str) -> Rules {
    Rules::new(&[rule.to_owned()], &[]).unwrap()
}

/// A pending file that runs in a transaction, unless it says otherwise.
fn file_of(sql: &str, transaction: Option<bool>) -> File {
    let sections = vec![Section { range: 0..sql.len(), transaction }];
    let script = Script::in_memory(sql, "7_x.sql".to_owned(), sections);
    File::stranger(script).unwrap()
}

fn looked(sql: &str) -> Looked {
    Looked::into(file_of(sql, None), &rules(), VERSION)
}

fn name(text: &str) -> Name {
    Name::of(text.split('.').map(str::to_owned).collect()).unwrap()
}

/// A server with the tables `few`, `many`, `heavy` and `none`, and an index of `many`.
fn known() -> Known {
    let size = |name_: &str, rows: u64, bytes: u64| {
        (name(name_), TableSize { name: name_.to_owned(), rows: Some(rows), bytes, empty: bytes == 0 })
    };
    let tables = [
        size("few", 9_999, 1 << 20),
        size("many", 2_300_000, 300 << 20),
        size("many_index", 2_300_000, 300 << 20),
        size("app.many", 2_300_000, 300 << 20),
        size("heavy", 12, 100 << 20),
        size("none", 0, 0),
    ];
    Known { sizes: Some(Sizes::from(tables)), fresh: Vec::new() }
}

fn told(sql: &str) -> Vec<Told> {
    findings_of(&looked(sql), &rules(), &known())
}

/// `severity rule line:column` of each.
fn short(told: &[Told]) -> Vec<String> {
    let short = |told: &Told| {
        let place = told.finding.place.as_ref();
        let place = place.map_or_else(String::new, |place| format!(" {}:{}", place.line, place.column));
        format!("{} {}{place}", told.finding.severity, told.rule.as_deref().unwrap_or("-"))
    };
    told.iter().map(short).collect()
}

/// Rules and places without any database.
fn found(sql: &str, transaction: Option<bool>, rules: &Rules) -> Vec<String> {
    let looked = Looked::into(file_of(sql, transaction), rules, VERSION);
    short(&findings_of(&looked, rules, &Known::default()))
}

#[track_caller]
fn assert_found(cases: &[(&str, &[&str])]) {
    for (sql, expected) in cases {
        assert_eq!(found(sql, None, &rules()), *expected, "{sql}");
    }
}

/// Rules of squawk, by codes that people write into their configuration.
#[test]
fn squawks_rules_by_their_names() {
    assert_found(&[
        ("create index on t (a);", &["warning require-concurrent-index-creation 1:1"]),
        ("drop index i;", &["warning require-concurrent-index-deletion 1:1"]),
        ("alter table t alter a type bigint;", &["warning changing-column-type 1:23"]),
        ("alter table t alter a set not null;", &["warning adding-not-nullable-field 1:23"]),
        ("alter table t add a int not null;", &["warning adding-required-field 1:15"]),
        ("alter table t add a int default 0;", &[]),
        ("alter table t add a uuid default gen_random_uuid();", &["warning adding-field-with-default 1:34"]),
        ("alter table t drop a;", &["warning ban-drop-column 1:15"]),
        ("drop table t;", &["warning ban-drop-table 1:1"]),
        ("alter table t rename a to b;", &["warning renaming-column 1:15"]),
        ("alter table t rename to u;", &["warning renaming-table 1:15"]),
        ("alter table t add constraint c check (a > 0);", &["warning constraint-missing-not-valid 1:15"]),
        ("alter table t add constraint c check (a > 0) not valid;", &[]),
        ("truncate t cascade;", &["warning ban-truncate-cascade 1:12"]),
    ]);
}

/// One constraint is told of once, by the rule that knows its kind.
#[test]
fn a_constraint_is_told_of_once() {
    assert_found(&[
        ("alter table t add constraint c unique (a);", &["warning disallowed-unique-constraint 1:19"]),
        (
            "alter table t add constraint c foreign key (a) references u (id);",
            &["warning adding-foreign-key-constraint 1:19"],
        ),
        ("alter table t add primary key (a);", &["warning adding-serial-primary-key-field 1:19"]),
    ]);
}

#[test]
fn what_our_runner_does_away_with_and_matters_of_taste_are_left_out_unless_asked_for() {
    let sql = "create table t (id serial primary key, name varchar(10), at timestamp, code char(3));\n\
               create index concurrently if not exists i on u (a);";
    assert_eq!(
        found(sql, None, &with("prefer-text-field")),
        ["warning prefer-text-field 1:45", "warning mixed-transaction 2:1"]
    );
    assert_eq!(found("create table t (a int);", None, &rules()), [""; 0]);
    assert_eq!(found("create index concurrently i on t (a);", None, &rules()), [""; 0]);
    let asked = found("alter table t add a text;", None, &with("require-timeout-settings"));
    assert_eq!(asked, ["warning require-lock-timeout 1:1", "warning require-statement-timeout 1:1"]);
}

#[test]
fn rules_are_taken_in_and_out_by_name() {
    let no = Rules::new(&[], &["ban-drop-table".to_owned(), SYNTAX.to_owned()]).unwrap();
    assert_eq!(found("drop table t;", None, &no), [""; 0]);
    assert_eq!(found("alter table table", None, &no), [""; 0]);
    assert_eq!(Rules::new(&["ban-drop-tables".to_owned()], &[]), Err("ban-drop-tables".to_owned()));
    let both = Rules::new(&["prefer-timestamptz".to_owned()], &["prefer-timestamp-tz".to_owned()]).unwrap();
    assert!(!both.has("prefer-timestamp-tz"));
    assert!(OWN.iter().all(|own| rules().has(own) && squawk::named(own).is_empty()));
}

/// S1.10: what would have to be known about the server is.
#[test]
fn the_version_decides() {
    let sql = "alter table t add a int default 0;";
    let at = |version| {
        short(&findings_of(&Looked::into(file_of(sql, None), &rules(), version), &rules(), &Known::default()))
    };
    assert_eq!((at(10), at(12)), (vec!["warning adding-field-with-default 1:33".to_owned()], vec![]));
}

#[test]
fn the_size_of_the_table_decides() {
    let cases: [(&str, &[&str]); 14] = [
        ("create index on many (a);", &["warning require-concurrent-index-creation 1:1"]),
        ("create index on app.\"many\" (a);", &["warning require-concurrent-index-creation 1:1"]),
        ("create index on heavy (a);", &["warning require-concurrent-index-creation 1:1"]),
        ("create index on FEW (a);", &["note require-concurrent-index-creation 1:1"]),
        ("create index on none (a);", &["note require-concurrent-index-creation 1:1"]),
        ("create index on nowhere (a);", &["warning require-concurrent-index-creation 1:1"]),
        ("drop index many_index;", &["warning require-concurrent-index-deletion 1:1"]),
        // Whoever uses a table does so whatever its size.
        ("alter table few drop a;", &["warning ban-drop-column 1:17"]),
        // One row is enough for it to fail.
        ("alter table few add a int not null;", &["warning adding-required-field 1:17"]),
        ("alter table none add a int not null;", &["note adding-required-field 1:18"]),
        ("update many set a = 1;", &["warning write-without-where 1:1"]),
        ("update few set a = 1;", &[]),
        ("alter table few add a int;\nalter table none add a int;", &["note locks-two-tables 2:1"]),
        ("alter table few add a int;\nalter table many add a int;", &["warning locks-two-tables 2:1"]),
    ];
    for (sql, expected) in cases {
        assert_eq!(short(&told(sql)), expected, "{sql}");
    }
}

#[test]
fn a_finding_names_the_size_it_rests_on() {
    let seen = |sql: &str| told(sql).remove(0).finding.seen;
    assert_eq!(seen("create index on many (a);"), ["`many` has about 2,300,000 rows, 300.0 MiB"]);
    assert_eq!(seen("create index on none (a);"), ["`none` is empty"]);
    let nowhere = "could not verify the size of `nowhere`: the database has no such table";
    assert_eq!(seen("create index on nowhere (a);"), [nowhere]);
    let told = told("create index on many (a);").remove(0);
    assert_eq!(told.tables[0].bytes, 300 << 20);
    assert_eq!(
        told.finding.to_string(),
        "warning: `require-concurrent-index-creation`: during normal index creation, table updates are blocked, but reads are \
         still allowed\n  --> 7_x.sql:1:1\n   |\n 1 | create index on many (a);\n   | ^^^^^^^^^^^^^^^^^^^^^^^^\n  seen: \
         `many` has about 2,300,000 rows, 300.0 MiB\n  hint: use `concurrently` to avoid blocking writes"
    );
}

/// A table that comes with the same files is nobody's yet.
#[test]
fn a_table_of_the_same_files_is_harmless() {
    let files = || {
        let first = File {
            text: crate::script::Text { shown: "6_x.sql".into(), ..file_of("create table App.t (a int);", None).text },
            ..file_of("create table App.t (a int);", None)
        };
        vec![
            first,
            file_of(
                "create index on t (a);\nalter table t drop a;\nalter table few add b int;\nalter table t add b int;",
                None,
            ),
        ]
    };
    let looked = |files: Vec<File>| files.into_iter().map(|file| Looked::into(file, &rules(), VERSION)).collect();
    let with_server = linted(VERSION, &rules(), looked(files()), Ok(known().sizes.unwrap()));
    assert_eq!(
        short(&with_server.findings),
        ["note require-concurrent-index-creation 1:1", "note ban-drop-column 2:15"]
    );
    assert_eq!(with_server.findings[0].finding.seen, ["`t` is made by `6_x.sql`, which is not applied yet"]);
    assert_eq!(with_server.outcome(), Outcome::Done);

    let mut applied = files();
    applied[0].pending = false;
    let with_server = linted(VERSION, &rules(), looked(applied), Ok(known().sizes.unwrap()));
    assert_eq!(with_server.outcome(), Outcome::Failed);

    // Nobody knows whether the other file is applied already.
    let alone = linted(
        VERSION,
        &rules(),
        looked(files()),
        Err(Absence { why: "connection refused".to_owned(), guessed: true }),
    );
    assert_eq!(alone.findings[0].finding.seen, ["connection refused"]);
    assert_eq!(alone.findings[1].finding.severity, Severity::Warning);
}

/// As many as there are of the rule, in a file that says nothing, one that wants a transaction and one that wants none.
fn mixed(sql: &str) -> [usize; 3] {
    [None, Some(true), Some(false)].map(|transaction| {
        found(sql, transaction, &rules()).iter().filter(|told| told.contains(MIXED_TRANSACTION)).count()
    })
}

/// The statements after which a file is not all or nothing. Where the file wants a transaction it cannot run at all.
#[test]
fn statements_that_want_no_transaction() {
    for statement in [
        "create index concurrently i on t (a)",
        "create unique index concurrently if not exists i on t (a)",
        "drop index concurrently i",
        "reindex table concurrently t",
        "alter table t detach partition p concurrently",
        "vacuum t",
        "create database d",
        "alter type mood add value 'calm'",
    ] {
        assert_eq!(mixed(&format!("{statement};\nselect 1;")), [1, 0, 0], "{statement}");
        assert_eq!(mixed(statement), [0, 0, 0], "{statement}");
    }
    assert_eq!(mixed("create index i on t (a);\nselect 1;"), [0, 0, 0]);
    let told = told("select 1;\ncreate index concurrently i on t (a);").remove(0);
    assert_eq!((told.finding.place.as_ref().unwrap().line, &told.finding.summary), (2, &"`mixed-transaction`: `CREATE INDEX CONCURRENTLY` cannot run in a transaction, so this file is not all or nothing".to_owned()));
    let wanted = found("create index concurrently i on t (a)", Some(true), &rules());
    assert_eq!(wanted, ["error cannot-run 1:1"]);
}

#[test]
fn a_new_value_of_an_enum_is_not_used_before_its_commit() {
    let add = "alter type app.mood add value 'it''s';\n";
    let cases: [(String, &[&str]); 6] = [
        (format!("{add}insert into t (m) values ('it''s');"), &["warning enum-value-used 2:27"]),
        (format!("{add}do $$begin perform 'it''s'::app.mood; end$$;"), &["warning enum-value-used 2:4"]),
        (format!("{add}insert into t (m) values ('its');"), &[]),
        (format!("{add}alter type app.mood add value 'b' after 'it''s';"), &[]),
        (format!("insert into t (m) values ('it''s');\n{add}"), &[]),
        (format!("create type app.mood as enum ('a');\n{add}insert into t (m) values ('it''s');"), &[]),
    ];
    for (sql, expected) in &cases {
        assert_eq!(found(sql, Some(true), &rules()), *expected, "{sql}");
        assert!(!found(sql, Some(false), &rules()).iter().any(|told| told.contains("enum")), "{sql}");
    }
    // The runner ends the transaction after it.
    assert_eq!(found(&cases[0].0, None, &rules()), ["warning mixed-transaction 1:1"]);
}

#[test]
fn writes_of_whole_tables() {
    assert_found(&[
        ("update t set a = 1;", &["warning write-without-where 1:1"]),
        ("with x as (select 1 from y) delete from only app.t;", &["warning write-without-where 1:1"]),
        ("update t set a = 1 where b;", &[]),
        ("delete from t using u where t.id = u.id;", &[]),
        ("insert into t select * from u;", &[]),
        ("create table t (a int);\nupdate t set a = 1;", &[]),
    ]);
    let about = told("update only app.many m set a = 1;").remove(0);
    assert_eq!(about.finding.seen, ["`app.many` has about 2,300,000 rows, 300.0 MiB"]);
    assert!(about.finding.summary.contains("`app.many`"), "{about:?}");
}

#[test]
fn two_tables_are_not_locked_in_one_transaction() {
    let two = ["warning locks-two-tables 2:1"];
    assert_found(&[
        ("alter table a add x int;\nalter table b add x int;", &two),
        ("lock table a;\ntruncate b;", &two),
        ("alter table a add x int;\nalter table A add y int;\nalter table app.a add z int;", &[]),
        ("lock table a in share mode;\nalter table b add x int;", &[]),
        ("alter table a validate constraint c;\nalter table b add x int;", &[]),
        ("alter table a alter x set statistics 100;\nalter table b add x int;", &[]),
        ("create table a (x int);\nalter table a add y int;\nalter table b add x int;", &[]),
    ]);
    let split = found("alter table a add x int;\nalter table b add x int;", Some(false), &rules());
    assert_eq!(split, [""; 0]);
    let one = found("drop table a, b;", None, &rules());
    assert!(one.iter().any(|told| told.contains(LOCKS_TWO_TABLES)), "{one:?}");
}

#[test]
fn what_up_would_refuse_is_an_error() {
    assert_found(&[
        ("select 1;\ncommit;", &["error cannot-run 2:1"]),
        ("begin;\nselect 1;\ncommit;", &[]),
        ("select 'a\n", &["error cannot-run 1:8"]),
        // Its rows are no SQL.
        ("copy t from stdin;\n1\t'a\n\\.\ndrop table t;", &["warning ban-drop-table 4:1"]),
        ("select 1;\n\\i other.sql\n", &["error cannot-run 2:1"]),
        ("create table t (a int", &["warning syntax-error 1:22"]),
    ]);
}

#[test]
fn there_should_be_a_way_back() {
    let file = File { wants_down: true, ..file_of("select 1;", None) };
    let told = findings_of(&Looked::into(file, &rules(), VERSION), &rules(), &known());
    assert_eq!(short(&told), ["note missing-down"]);
    assert!(super::look::Usage::of(&crate::style::Plain).has_downs);
}

/// What was made and not written is refused by `up`, if it is ours; comments alone are a slip, or say so. Of neither is a way
/// back wanted.
#[test]
fn a_file_should_do_something() {
    for (text, found) in [
        ("\n", &["error cannot-run"][..]),
        ("-- later\n;", &["warning no-statement"]),
        ("-- squawk-ignore-file no-statement\n-- nothing to do", &[]),
        ("select 1;", &[]),
    ] {
        let told = findings_of(&Looked::into(file_of(text, None), &rules(), VERSION), &rules(), &known());
        assert_eq!(short(&told), found, "{text}");
    }
}

/// As squawk has it: on the same line, the line before, or for the whole file; our rules as well.
#[test]
fn comments_leave_findings_out() {
    assert_found(&[
        ("-- squawk-ignore ban-drop-table\ndrop table t;", &[]),
        ("-- squawk-ignore ban-drop-table, locks-two-tables\ndrop table t, u;", &[]),
        ("drop table t; -- squawk-ignore ban-drop-table", &[]),
        ("-- squawk-ignore ban-drop-table\n\ndrop table t;", &["warning ban-drop-table 3:1"]),
        ("-- squawk-ignore ban-drop-column\ndrop table t;", &["warning ban-drop-table 2:1"]),
        ("-- squawk-ignore-file write-without-where\nselect 1;\nupdate t set a = 1;", &[]),
        ("-- squawk-ignore-file\nselect 1;\ndrop table t;", &[]),
        (
            "-- squawk-ignore ban-drop-tables\ndrop table t;",
            &["warning unused-ignore 1:18", "warning ban-drop-table 2:1"],
        ),
    ]);
}

/// Both directions in one file: the one that undoes is not looked at, and the comments between them speak for the file.
#[test]
fn only_the_sections_that_migrate_are_looked_at() {
    let sql = "-- squawk-ignore-file ban-drop-table\n-- migrate:up\ndrop table é; drop index i;\n-- migrate:down\ndrop schema s;\n";
    let (start, end) = (sql.find("drop table é").unwrap(), sql.find("-- migrate:down").unwrap());
    let mut file = file_of(sql, None);
    file.script.sections = vec![Section { range: start..end, transaction: None }];
    let found = findings_of(&Looked::into(file, &rules(), VERSION), &rules(), &known());
    assert_eq!(short(&found), ["warning require-concurrent-index-deletion 3:15"]);
}

/// Something that a hand never wrote neither takes the memory nor the stack.
#[test]
fn data_and_depth_are_said_not_to_be_looked_at() {
    let large = format!("select '{}';", "x".repeat(LARGEST));
    let deep = format!("select {}1{};", "(".repeat(100_000), ")".repeat(100_000));
    let looked: Vec<_> = [&*large, &*deep].into_iter().map(looked).collect();
    let linted = linted(VERSION, &rules(), looked, Ok(Sizes::new()));
    let why: Vec<_> = linted.findings.iter().map(|told| told.finding.summary.as_str()).collect();
    assert_eq!(
        why,
        ["could not verify `7_x.sql`: it is larger than 1.0 MiB", "could not verify `7_x.sql`: it is nested too deep"]
    );
    assert_eq!((linted.files, linted.outcome()), (0, Outcome::Degraded));
    let edge = format!("select {}1{};", "(".repeat(200), ")".repeat(200));
    assert_eq!(found(&edge, None, &rules()), [""; 0]);
}

#[test]
fn the_answer_counts() {
    let none = linted(VERSION, &rules(), Vec::new(), Ok(Sizes::new()));
    assert_eq!((none.to_string().as_str(), none.outcome()), ("0 files looked at: nothing found\n", Outcome::Done));
    let one = linted(VERSION, &rules(), vec![looked("update many set a = 1;")], Ok(known().sizes.unwrap()));
    assert!(one.to_string().ends_with("\n\n1 file looked at: 1 warning\n"), "{one}");
    let json = serde_json::to_value(&one).unwrap();
    let told = &json["findings"][0];
    assert_eq!(
        (&json["files"], &json["postgres"], &told["rule"]),
        (&1.into(), &VERSION.into(), &WRITE_WITHOUT_WHERE.into())
    );
    assert_eq!((&told["severity"], &told["place"]["line"]), (&"warning".into(), &1.into()));
    assert_eq!(told["tables"], serde_json::json!([{ "name": "many", "rows": 2_300_000, "bytes": 300 << 20 }]));
    assert_eq!(Linted::unverified("it is an SQLite".to_owned()).outcome(), Outcome::Degraded);
}

#[test]
fn the_servers_answer_is_read() {
    let names = [name("a"), name("b"), name("c")];
    let cells = |texts: [&str; 5]| texts.map(|text| Some(text.to_owned())).to_vec();
    let rows = [
        vec![Some("1s".to_owned())],
        cells(["0", "1200", "f", "8192000", "4096000"]),
        cells(["1", "0", "t", "16384", "8192"]),
        cells(["2", "0", "t", "8192", "0"]),
    ];
    let sizes = size::answer(&names, &rows);
    let told: Vec<_> = sizes.values().map(|it| (it.rows, it.bytes, it.empty)).collect();
    assert_eq!(told, [(Some(1200), 8_192_000, false), (None, 16384, false), (Some(0), 8192, true)]);
}

proptest::proptest! {
    /// Whatever a file holds, the linter survives it, and points into the file.
    #[test]
    fn any_text_is_survived(
        words in proptest::collection::vec(proptest::sample::select(vec![
            "alter", "table", "t", "add", "column", "(", ")", ";", "'", "$$", "--", "\n", "/*", "create", "index", "concurrently", "é",
            "type", "value", "update", "set", "=", "drop", ",", "\"", "E'", ".", "where", "constraint", "references", "default", "::",
            "squawk-ignore", "-- squawk-ignore-file", "do", "reindex", "vacuum", "lock",
        ]), 0..40)
    ) {
        let sql = words.join(" ");
        for told in told(&sql) {
            let line = told.finding.place.map_or(0, |place| place.line);
            proptest::prop_assert!(line > 0 && line <= sql.matches('\n').count() + 1 || sql.trim().is_empty() || told.rule.as_deref() == Some("no-statement"));
        }
    }
}
