//! `mainstay backup` and `mainstay restore`, on real databases.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use rusqlite::Connection;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use support::{LIMIT, mainstay, names};
use testkit::{Cluster, Output, Running, Signal, Test, Tmux, find_component, wait_until};

/// With a directory for proofs that nobody else uses.
fn program() -> Test {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human");
    let ground = test.path().join("ground");
    fs::create_dir(&ground).unwrap();
    fs::set_permissions(&ground, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let ground = ground.display().to_string();
    test.env("TMPDIR", &ground)
}

fn run(test: &Test, arguments: &[&str]) -> Output {
    test.again().args(arguments.iter().copied()).run()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.raw_stdout).unwrap_or_else(|error| panic!("{error}: {}", output.raw_stdout))
}

/// A copy of `url`; the directory that it lies in.
fn take(test: &Test, url: &str) -> PathBuf {
    let taken = run(test, &["backup", "now", "--database", url, "--to", "backups"]);
    taken.code(0).stderr_has("is VERIFIED");
    test.path().join(taken.raw_stdout.trim())
}

fn list(test: &Test, url: &str) -> Value {
    json(run(test, &["backup", "list", "--database", url, "--to", "backups", "--json"]).code(0))
}

fn states(test: &Test, url: &str) -> Vec<String> {
    let list = list(test, url);
    list["copies"].as_array().unwrap().iter().map(|copy| copy["state"].as_str().unwrap().to_owned()).collect()
}

fn sqlite(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(LIMIT).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection
}

fn shop(test: &Test) -> Connection {
    let connection = sqlite(&test.path().join("app.db"));
    connection
        .execute_batch(
            "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, price REAL, picture BLOB); CREATE TABLE word (w TEXT PRIMARY KEY, n) WITHOUT ROWID; \
             CREATE INDEX by_name ON item (name); CREATE VIRTUAL TABLE found USING fts5 (text); \
             CREATE VIEW cheap AS SELECT * FROM item WHERE price < 5; CREATE TRIGGER t AFTER DELETE ON item BEGIN SELECT 1; END; \
             INSERT INTO word VALUES ('a', NULL); INSERT INTO found VALUES ('hello'); PRAGMA user_version = 7; \
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
             INSERT INTO item SELECT i, 'n' || i, i / 7.0, randomblob(40) FROM n;",
        )
        .unwrap();
    connection
}

fn rows(path: &Path, table: &str) -> i64 {
    Connection::open(path).unwrap().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// S1.16, S2.14: a copy of SQLite is VERIFIED, other programs can check it and restore it, and nobody else can read it.
#[test]
fn a_copy_of_sqlite_is_verified_and_needs_no_mainstay() {
    let test = program();
    let _open = shop(&test);
    let copy = take(&test, "sqlite:app.db");
    let mut files = names(&copy);
    files.sort();
    assert_eq!(files, ["SHA256SUMS", "database.sqlite.zst", "manifest.json"]);
    for file in files {
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(copy.join(file)).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }
    let checked = Command::new("sha256sum").arg("-c").arg("SHA256SUMS").current_dir(&copy).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    assert_eq!(states(&test, "sqlite:app.db"), ["VERIFIED"]);
    let list = list(&test, "sqlite:app.db");
    assert!(list["exposure"][0]["lose"].as_f64().unwrap() < 600.0, "{list}");
    run(&test, &["backup", "list", "--database", "sqlite:app.db", "--to", "backups"])
        .code(0)
        .stdout_has("app.db: if the disk dies now: lose ");
    assert_eq!(names(&test.path().join("ground")), [""; 0]);
}

/// S1.16: a copy ends beside a writer who never rests, and is what the database was at one instant.
#[test]
fn a_copy_ends_beside_a_busy_writer() {
    let test = program();
    let connection = shop(&test);
    let done = Arc::new(AtomicBool::new(false));
    let (path, stop) = (test.path().join("app.db"), done.clone());
    let writer = thread::spawn(move || {
        let (connection, mut longest, mut number) = (sqlite(&path), Duration::ZERO, 0);
        while !stop.load(Ordering::SeqCst) {
            let begun = Instant::now();
            connection.execute("INSERT INTO item (name) VALUES ('new')", []).unwrap();
            longest = longest.max(begun.elapsed());
            number += 1;
        }
        (number, longest)
    });
    for _ in 0..3 {
        take(&test, "sqlite:app.db");
    }
    done.store(true, Ordering::SeqCst);
    let (number, longest) = writer.join().unwrap();
    drop(connection);
    assert!(number > 100, "{number} writes, the longest {longest:?}");
    assert_eq!(states(&test, "sqlite:app.db"), ["VERIFIED"; 3]);
}

/// S1.16: a restore makes what the copy shows, keeps what was there, and can be undone.
#[test]
fn a_restore_of_sqlite_can_be_undone() {
    let test = program();
    let connection = shop(&test);
    let path = test.path().join("app.db");
    let copy = take(&test, "sqlite:app.db");
    connection.execute("DELETE FROM item WHERE id > 10", []).unwrap();
    let id = copy.file_name().unwrap().to_str().unwrap().to_owned();
    let short = id[16..].to_lowercase();
    let named = format!("backups/{id}");
    let restore = ["restore", &named, "--database", "sqlite:app.db", "--to", "backups", "--yes"];

    // This very test has it open.
    run(&test, &restore).code(75).stderr_has("`").stderr_has("is in use").stderr_has("has it open");
    assert_eq!(states(&test, "sqlite:app.db"), ["VERIFIED"], "nothing was done");
    drop(connection);

    run(&test, &restore).code(0).stderr_has(&format!("kept as `app.db_before_{short}`"));
    assert_eq!(rows(&path, "item"), 3000);
    assert_eq!(rows(&test.path().join(format!("app.db_before_{short}")), "item"), 10);
    assert_eq!(states(&test, "sqlite:app.db"), ["not verified", "VERIFIED"], "the safety copy");

    let undo = ["restore", "--undo", "--database", "sqlite:app.db", "--to", "backups", "--yes"];
    run(&test, &undo).code(0).stderr_has("restore: undone");
    assert_eq!(rows(&path, "item"), 10);
    assert_eq!(rows(&test.path().join(format!("app.db_undone_{short}")), "item"), 3000);
    run(&test, &undo).code(2).stderr_has("no restore of `app.db` is known that could be undone");
}

/// S1.16: who is not there to be asked has to name what is replaced.
#[test]
fn a_restore_is_refused_until_its_target_is_named() {
    let test = program();
    drop(shop(&test));
    take(&test, "sqlite:app.db");
    let test = test.file(
        "mainstay.toml",
        "name = \"shop\"\n[databases.main]\nurl = \"sqlite:app.db\"\n[backup]\nto = \"backups\"\nkeep = 3\n",
    );
    run(&test, &["backup", "now"]).code(0);
    run(&test, &["restore"]).code(2).stderr_has("standard input is no terminal").stderr_has("--yes --target app.db");
    run(&test, &["restore", "--yes"]).code(2).stderr_has("does not say which database is replaced");
    run(&test, &["restore", "--yes", "--target", "bot.db"]).code(2).stderr_has("`app.db` would be replaced");
    assert!(!names(test.path()).iter().any(|name| name.contains("_before_")));
    run(&test, &["restore", "--yes", "--target", "app.db"]).code(0);
}

/// S1.16: after the loss of the disk there is nothing but the copies.
#[test]
fn a_lost_database_comes_back() {
    let test = program();
    drop(shop(&test));
    take(&test, "sqlite:app.db");
    for name in names(test.path()).iter().filter(|name| name.starts_with("app.db")) {
        fs::remove_file(test.path().join(name)).unwrap();
    }
    run(&test, &["restore", "latest", "--database", "sqlite:app.db", "--to", "backups", "--yes"]).code(0);
    assert_eq!(rows(&test.path().join("app.db"), "item"), 3000);
}

/// S1.16: a copy that was cut off or changed at any of 64 places is found, and nothing is replaced by it.
#[test]
fn damage_is_found_wherever_it_is() {
    let test = program();
    drop(shop(&test));
    let copy = take(&test, "sqlite:app.db");
    let file = copy.join("database.sqlite.zst");
    let whole = fs::read(&file).unwrap();
    let verify = |code: i32| {
        run(&test, &["backup", "verify", copy.to_str().unwrap(), "--database", "sqlite:app.db", "--to", "backups"])
            .code(code);
    };
    for at in 0..64 {
        let place = whole.len() * at / 64;
        match at % 2 {
            0 => fs::write(&file, &whole[..place]).unwrap(),
            _ => {
                let mut changed = whole.clone();
                changed[place] ^= 0x10;
                fs::write(&file, changed).unwrap();
            }
        }
        verify(1);
        assert_eq!(states(&test, "sqlite:app.db"), ["FAILED"], "at {at}/64");
    }
    let restore = ["restore", copy.to_str().unwrap(), "--database", "sqlite:app.db", "--to", "backups", "--yes"];
    run(&test, &restore).code(1).stderr_has("is damaged").stderr_has("nothing was changed");
    fs::write(&file, whole).unwrap();
    verify(0);
    assert_eq!(states(&test, "sqlite:app.db"), ["VERIFIED"]);
}

/// S1.16: a VERIFIED copy whose file was cut off or is gone since is FAILED for whoever lists, restores and removes, though nobody has
/// verified it anew.
#[test]
fn a_glance_finds_a_copy_without_its_files() {
    let test = program();
    drop(shop(&test));
    let older = take(&test, "sqlite:app.db");
    let newer = take(&test, "sqlite:app.db");
    assert_eq!(states(&test, "sqlite:app.db"), ["VERIFIED", "VERIFIED"]);
    let file = newer.join("database.sqlite.zst");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[1..]).unwrap();
    assert_eq!(states(&test, "sqlite:app.db"), ["FAILED", "VERIFIED"], "one byte is missing");
    fs::remove_file(&file).unwrap();
    assert_eq!(states(&test, "sqlite:app.db"), ["FAILED", "VERIFIED"], "all of it is");
    let id = older.file_name().unwrap().to_str().unwrap();
    let restore = ["restore", "latest", "--database", "sqlite:app.db", "--to", "backups", "--yes"];
    run(&test, &restore).code(0).stderr_has(id);
}

/// S1.16: a manifest of a later version is shown, kept, and never used.
#[test]
fn what_another_mainstay_wrote_is_kept() {
    let test = program();
    drop(shop(&test));
    let copy = take(&test, "sqlite:app.db");
    let manifest = fs::read_to_string(copy.join("manifest.json")).unwrap();
    fs::write(copy.join("manifest.json"), manifest.replacen("\"version\": 1", "\"version\": 2", 1)).unwrap();
    assert_eq!(states(&test, "sqlite:app.db"), ["unreadable"]);
    for _ in 0..2 {
        take(&test, "sqlite:app.db");
    }
    let prune = ["backup", "prune", "--keep", "1", "--database", "sqlite:app.db", "--to", "backups", "--yes"];
    run(&test, &prune).code(0);
    assert!(copy.is_dir());
    let restore = ["restore", copy.to_str().unwrap(), "--database", "sqlite:app.db", "--to", "backups", "--yes"];
    run(&test, &restore).code(1).stderr_has("its manifest has version 2").stderr_has("it is kept");
}

/// S2.14: what writers wrote while a copy was taken is carried over into the database by us, not left to the next writer, who would have
/// to wait for all of it.
#[test]
fn a_copy_leaves_no_long_log_to_the_next_writer() {
    let test = program();
    let writer = shop(&test);
    writer.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    writer.execute_batch("INSERT INTO item SELECT id + 10000, name, price, randomblob(900) FROM item").unwrap();
    // The file alone, without its log.
    let written = |name: &str| {
        let file = test.path().join(name);
        fs::copy(test.path().join("app.db"), &file).unwrap();
        sqlite(&file).query_row("SELECT count(*) FROM item", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(written("before.db"), 3000);
    take(&test, "sqlite:app.db");
    assert_eq!(written("after.db"), 6000);
}

/// S1.16: a copy of PostgreSQL is restored while it is still being written, encrypted or not, and that is a proof of the stored bytes; one
/// that is looked at later is restored from them.
#[test]
fn a_copy_is_restored_while_it_is_written() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    let recipient = ["--recipient", "age1cm5h3yqw288xcuvfyep36ntdpjjurjeaerj9w6w8ektqrs9q4ayss35du6"];
    let how = |copy: &Path| {
        let manifest: Value = serde_json::from_slice(&fs::read(copy.join("manifest.json")).unwrap()).unwrap();
        let checks = manifest["checks"].as_array().unwrap();
        checks.iter().find(|check| check["subject"] == "restore").unwrap()["seen"].as_str().unwrap().to_owned()
    };
    for more in [&[][..], &recipient[..]] {
        let now = ["backup", "now", "--database", &url, "--to", "backups"];
        let taken = run(&test, &[&now[..], more].concat());
        let copy = test.path().join(taken.code(0).stderr_has("is VERIFIED").raw_stdout.trim());
        let seen = how(&copy);
        assert!(seen.contains("on a server of its own") && seen.contains("while it was written"), "{seen}");
    }
    let copy = take(&test, &url);
    run(&test, &["backup", "verify", copy.to_str().unwrap(), "--database", &url, "--to", "backups"]).code(0);
    let seen = how(&copy);
    assert!(!seen.contains("while it was written"), "{seen}");
    assert_eq!(names(&test.path().join("ground")), [""; 0]);
}

/// S1.16: on a terminal a line shows how far a copy has come, and is gone when it is done.
#[test]
fn a_bar_shows_how_far_a_copy_has_come() {
    let test = program();
    let connection = shop(&test);
    connection
        .execute_batch("INSERT INTO item SELECT NULL, 'x', i.id, randomblob(9000) FROM item AS i, item AS j LIMIT 4000")
        .unwrap();
    let ground = test.path().join("ground").display().to_string();
    let tmux = Tmux::start(test.path(), &[("TMPDIR", &ground)], 120, 20);
    let us = env!("CARGO_BIN_EXE_mainstay");
    tmux.type_line(&format!("{us} backup now --database sqlite:app.db --to backups; echo code=$?"));
    let words = ["copying", "compressing", "reading back", "restoring", "comparing"];
    tmux.wait_for("a bar", |screen| screen.contains('%') && words.iter().any(|word| screen.contains(word)));
    let screen = tmux.wait_for("the end", |screen| screen.contains("code=0"));
    assert!(words.iter().all(|word| !screen.contains(&format!("{word} "))), "{screen}");
}

/// S2.14: what is free is given back where it is worth it, and the planner is told about the rest; PostgreSQL needs none of that.
#[test]
fn vacuum_gives_back_what_is_free() {
    let test = program();
    let connection = shop(&test);
    let vacuum = ["backup", "vacuum", "--database", "sqlite:app.db", "--to", "backups"];
    run(&test, &vacuum).code(0).stderr_has("which is not worth a rewrite");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(number("SELECT count(*) FROM sqlite_stat1 WHERE idx = 'by_name'"), 1);
    connection.execute_batch("DELETE FROM item WHERE id > 100").unwrap();
    let before = number("PRAGMA page_count");
    let swept = json(run(&test, &[&vacuum[..], &["--json"]].concat()).code(0));
    assert_eq!(
        (swept[0]["vacuum"]["rewritten"].as_bool(), number("PRAGMA freelist_count")),
        (Some(true), 0),
        "{swept:#}"
    );
    assert!(number("PRAGMA page_count") < before / 2, "{swept:#}");
    assert_eq!((number("SELECT count(*) FROM item"), number("SELECT count(*) FROM pragma_integrity_check")), (100, 1));
    let elsewhere = ["backup", "vacuum", "--database", "postgres://localhost/app", "--to", "backups"];
    run(&test, &elsewhere).code(2).stderr_has("there is no SQLite database to vacuum");
}

/// S2.14: the job is due when `[backup]` says so.
#[test]
fn vacuum_is_a_job() {
    let test = program();
    drop(shop(&test));
    let file = "name = \"shop\"\n[databases.main]\nurl = \"sqlite:app.db\"\n[backup]\nschedule = \"off\"\nvacuum = \"40 3 * * 0\"\n";
    fs::write(test.path().join("mainstay.toml"), file).unwrap();
    run(&test, &["schedule", "vacuum", "-n", "1"]).code(0).stdout_has("vacuum:").stdout_has("40 3 * * 0");
    run(&test, &["schedule", "run", "vacuum"]).code(0).stderr_has("which is not worth a rewrite");
}

/// S2.14: rotation keeps the last ones, and what is shown first is what is done.
#[test]
fn what_prune_shows_is_what_it_does() {
    let test = program();
    drop(shop(&test));
    let copies: Vec<_> = (0..5).map(|_| take(&test, "sqlite:app.db")).collect();
    let prune = |more: &[&str]| {
        let flags = ["backup", "prune", "--keep", "2", "--database", "sqlite:app.db", "--to", "backups", "--json"];
        run(&test, &[&flags[..], more].concat())
    };
    let shown = json(prune(&["--dry-run"]).code(0));
    assert_eq!(copies.iter().filter(|copy| copy.is_dir()).count(), 5);
    prune(&[]).code(1).stderr_has("3 of 5 VERIFIED copies").stderr_has("would go at once, so none was removed");
    assert_eq!(copies.iter().filter(|copy| copy.is_dir()).count(), 5);
    let done = json(prune(&["--yes"]).code(0));
    assert_eq!(shown[0]["remove"], done[0]["remove"]);
    let left: Vec<_> = copies.iter().map(|copy| copy.is_dir()).collect();
    assert_eq!(left, [false, false, false, true, true]);
}

/// S1.16: two at once: one takes it, the other is told who does; and what a killed one leaves is no copy.
#[test]
fn one_at_a_time_and_nothing_half_done() {
    let test = program();
    drop(shop(&test));
    let now = ["backup", "now", "--database", "sqlite:app.db", "--to", "backups"];
    let stopped = test.again().env("MAINSTAY_FAILPOINT", "stop:backup.running").args(now).spawn();
    let lies = || names(&test.path().join("backups")).iter().any(|name| name.ends_with(".part"));
    testkit::wait_until(LIMIT, "a copy is begun", lies);
    run(&test, &now)
        .code(75)
        .stderr_has("another backup or restore of this database is at work")
        .stderr_has("process ");
    drop(stopped);
    for place in ["running", "written", "checksummed", "stored", "read-back", "restored", "compared"] {
        let killed = test.again().env("MAINSTAY_FAILPOINT", format!("kill:backup.{place}")).args(now).run();
        killed.code(137);
        let verified = states(&test, "sqlite:app.db").iter().filter(|state| *state == "VERIFIED").count();
        assert_eq!(verified, usize::from(place == "compared"), "{place}");
    }
    take(&test, "sqlite:app.db");
    let left = names(&test.path().join("backups"));
    assert!(!left.iter().any(|name| name.contains(".part") || name.contains(".scratch")), "{left:?}");
}

/// S1.16: whoever is killed in the middle of a restore leaves a whole database under the name, the old one or the new one; and what
/// was replaced is known, and can be put back.
#[test]
fn a_restore_that_is_killed_leaves_a_whole_database() {
    for place in ["restore.compared", "restore.begun", "restore.linked", "restore.renamed"] {
        let test = program();
        let connection = shop(&test);
        take(&test, "sqlite:app.db");
        connection.execute("DELETE FROM item WHERE id > 10", []).unwrap();
        drop(connection);
        let on = ["--database", "sqlite:app.db", "--to", "backups", "--yes"];
        let restore = [&["restore", "latest"], &on[..]].concat();
        let undo = [&["restore", "--undo"], &on[..]].concat();
        test.again().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).args(restore.clone()).run();
        let expected = if place == "restore.renamed" { 3000 } else { 10 };
        assert_eq!(rows(&test.path().join("app.db"), "item"), expected, "{place}");
        let listed = run(&test, &["backup", "list", "--database", "sqlite:app.db", "--to", "backups"]);
        assert_eq!(listed.raw_stderr.contains("was cut off"), place != "restore.compared", "{}", listed.raw_stderr);
        let undone = run(&test, &undo);
        match place {
            "restore.renamed" => undone.code(0).stderr_has("cut off after the exchange").stderr_has("restore: undone"),
            "restore.compared" => undone.code(2).stderr_has("no restore of `app.db` is known"),
            _ => undone.code(2).stderr_has("was cut off before anything was exchanged"),
        };
        assert_eq!(rows(&test.path().join("app.db"), "item"), 10, "{place}");
        let kept = names(test.path());
        assert!(!kept.iter().any(|name| name.starts_with("app.db_before_")), "{place}: {kept:?}");
        run(&test, &restore).code(0);
        assert_eq!(rows(&test.path().join("app.db"), "item"), 3000, "{place}");
    }
}

/// A database with most of what there is.
const ZOO: &str = r"
    CREATE SCHEMA sales AUTHORIZATION app; CREATE TYPE mood AS ENUM ('ok', 'bad'); CREATE DOMAIN pos AS int CHECK (value > 0);
    CREATE TABLE sales.item (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE, m mood, p pos, d double precision,
        ts timestamptz DEFAULT now(), j jsonb, by bytea, arr int[], g int GENERATED ALWAYS AS (p * 2) STORED, price money, iv interval);
    INSERT INTO sales.item (name, m, p, d, j, by, arr, price, iv) SELECT 'n' || i, 'ok', i, i / 3.0, jsonb_build_object('i', i),
        decode(md5(i::text), 'hex'), array[i, i + 1], i::numeric::money, i * interval '1 hour' FROM generate_series(1, 2000) i;
    CREATE TABLE ev (at date, v int) PARTITION BY RANGE (at); CREATE TABLE ev_1 PARTITION OF ev FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
    CREATE TABLE ev_2 PARTITION OF ev DEFAULT; INSERT INTO ev SELECT '2026-01-01'::date + i % 365, i FROM generate_series(1, 1000) i;
    CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent); INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
    CREATE VIEW v AS SELECT id, name FROM sales.item; CREATE MATERIALIZED VIEW mv AS SELECT count(*) c FROM sales.item;
    CREATE FUNCTION f (int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1'; CREATE TABLE fk (i bigint); ALTER TABLE fk ADD FOREIGN KEY (i) REFERENCES sales.item (id) NOT VALID;
    CREATE INDEX ON sales.item (d DESC) WHERE d > 10; GRANT SELECT ON sales.item TO reader; COMMENT ON TABLE sales.item IS 'x';
    CREATE SEQUENCE s START -5 INCREMENT -1; SELECT nextval('s'); CREATE TABLE nocols (); INSERT INTO nocols DEFAULT VALUES;
    CREATE UNLOGGED TABLE ul (i int); INSERT INTO ul VALUES (1); CREATE TABLE rls (i int); ALTER TABLE rls ENABLE ROW LEVEL SECURITY;
    CREATE POLICY pp ON rls USING (i > 0); SELECT lo_from_bytea(0, '\x0102'); ALTER TABLE sales.item OWNER TO app;
    CREATE TRIGGER tr BEFORE UPDATE ON parent FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();";

fn zoo(cluster: &Cluster) -> String {
    cluster.psql("CREATE ROLE app LOGIN");
    cluster.psql("CREATE ROLE reader");
    cluster.psql("CREATE DATABASE shop OWNER app");
    cluster.psql("ALTER DATABASE shop SET app.mode = 'it''s'");
    cluster.psql("GRANT CONNECT ON DATABASE shop TO reader");
    cluster.psql_in("shop", ZOO);
    cluster.url_of("postgres", "shop")
}

/// S1.16: a copy of PostgreSQL with every kind of thing in it is VERIFIED on a server of its own, of which nothing is left; the real
/// one gets no other database.
#[test]
fn a_copy_of_postgresql_is_verified_on_a_server_of_its_own() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    let databases = || cluster.psql("SELECT datname FROM pg_database ORDER BY 1");
    let before = databases();
    let copy = take(&test, &url);
    assert_eq!(databases(), before);
    assert_eq!(names(&test.path().join("ground")), [""; 0]);
    assert_eq!(names(&copy), ["SHA256SUMS", "database.dump.zst", "globals.sql", "manifest.json"]);
    let manifest: Value = serde_json::from_slice(&fs::read(copy.join("manifest.json")).unwrap()).unwrap();
    assert_eq!(manifest["content"]["tables"]["sales.item"]["rows"], 2000, "{manifest}");
    assert_eq!(manifest["content"]["sequences"]["sales.item_id_seq"]["last"], 2000);
    assert!(manifest["proof"]["ground"].as_str().unwrap().starts_with("a server of its own"), "{manifest}");
    let verify = ["backup", "verify", "latest", "--database", &url, "--to", "backups"];
    run(&test, &verify).code(0).stdout_has("pass").stdout_has("rows as in the source at that instant");
}

/// S1.16: while others write, the copy is what the database was at one instant, to the row.
#[test]
fn a_copy_of_postgresql_is_exact_under_load() {
    let cluster = Arc::new(Cluster::start());
    let (test, url) = (program(), zoo(&cluster));
    let done = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let (cluster, done) = (cluster.clone(), done.clone());
            thread::spawn(move || {
                let mut session = cluster.session("postgres", "shop").unwrap();
                while !done.load(Ordering::SeqCst) {
                    session.query("INSERT INTO sales.item (d) VALUES (random()); UPDATE parent SET a = a + 1; SELECT nextval('s'); INSERT INTO ev VALUES ('2026-01-01', 1)").unwrap();
                }
            })
        })
        .collect();
    take(&test, &url);
    take(&test, &url);
    done.store(true, Ordering::SeqCst);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
}

/// S1.16: what was made of the copy takes the name while clients come and go, none of them is refused, and it can be undone.
#[test]
fn a_restore_of_postgresql_refuses_nobody_and_can_be_undone() {
    let cluster = Arc::new(Cluster::start());
    let (test, url) = (program(), zoo(&cluster));
    let copy = take(&test, &url);
    cluster.psql_in("shop", "DELETE FROM sales.item WHERE id > 10");
    let idle = cluster.session("postgres", "shop").unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let clients = {
        let (cluster, done) = (cluster.clone(), done.clone());
        thread::spawn(move || {
            let mut refused = Vec::new();
            while !done.load(Ordering::SeqCst) {
                match cluster.session("postgres", "shop") {
                    Ok(_) => {}
                    Err(error) => refused.push(error),
                }
            }
            refused
        })
    };
    let id = copy.file_name().unwrap().to_str().unwrap();
    let short = id[16..].to_lowercase();
    run(&test, &["restore", id, "--database", &url, "--to", "backups", "--yes"])
        .code(0)
        .stderr_has(&format!("kept as `shop_before_{short}`"));
    done.store(true, Ordering::SeqCst);
    let refused = clients.join().unwrap();
    // Who was let in by the old name a moment before is ended, as the idle session was; nobody is turned away for good.
    assert!(refused.iter().all(|error| ["57P01", "3D000"].contains(&error.sqlstate.as_str())), "{refused:?}");
    drop(idle);
    let rows = |database: &str| cluster.psql_in(database, "SELECT count(*) FROM sales.item");
    assert_eq!((rows("shop"), rows(&format!("shop_before_{short}"))), ("2000".to_owned(), "10".to_owned()));
    let like = "SELECT pg_get_userbyid(datdba), (SELECT string_agg(g::text, ' ' ORDER BY g::text) FROM aclexplode(datacl) g), \
                (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid) FROM pg_database d WHERE datname = ";
    let of = |database: &str| cluster.psql(&format!("{like}'{database}'"));
    assert_eq!(of("shop"), of(&format!("shop_before_{short}")));

    run(&test, &["restore", "--undo", "--database", &url, "--to", "backups", "--yes"]).code(0);
    assert_eq!((rows("shop"), rows(&format!("shop_undone_{short}"))), ("10".to_owned(), "2000".to_owned()));
}

/// S1.16: a session that we may not end is no reason to fail: the exchange waits until it leaves. Found in a review: an owner who is no
/// superuser met the workers of autovacuum.
#[test]
fn a_restore_of_postgresql_waits_for_sessions_that_it_may_not_end() {
    let cluster = Cluster::start();
    cluster.psql("CREATE ROLE keeper LOGIN CREATEDB");
    cluster.psql("CREATE DATABASE shop OWNER keeper");
    let mut keeper = cluster.session("keeper", "shop").unwrap();
    keeper.query("CREATE SCHEMA mine; CREATE TABLE mine.item AS SELECT 1 AS id").unwrap();
    let (test, url) = (program(), cluster.url_of("keeper", "shop"));
    take(&test, &url);
    keeper.query("DELETE FROM mine.item").unwrap();
    let above = cluster.session("postgres", "shop").unwrap();
    let restore = test
        .again()
        .args(["restore", "latest", "--database", &url, "--to", "backups", "--yes", "--no-safety-copy"])
        .spawn();
    let waits =
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%ALTER DATABASE%RENAME%' AND pid <> pg_backend_pid()";
    wait_until(LIMIT, "the exchange waits", || cluster.psql(waits) == "1");
    wait_until(LIMIT, "the keeper's own session is ended", || keeper.query("SELECT 1").is_err());
    drop(above);
    restore.wait(LIMIT).code(0);
    assert_eq!(cluster.psql_in("shop", "SELECT count(*) FROM mine.item"), "1");
}

/// S1.16: whoever is killed in the middle of a restore has changed nothing, and the next one sweeps what is left.
#[test]
fn a_restore_of_postgresql_that_is_killed_changes_nothing() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    take(&test, &url);
    cluster.psql_in("shop", "DELETE FROM sales.item WHERE id > 10");
    let restore = ["restore", "latest", "--database", &url, "--to", "backups", "--yes", "--no-safety-copy"];
    for place in ["restore.created", "restore.compared"] {
        test.again().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).args(restore).run();
        assert_eq!(cluster.psql_in("shop", "SELECT count(*) FROM sales.item"), "10", "{place}");
    }
    run(&test, &restore).code(0);
    assert_eq!(cluster.psql_in("shop", "SELECT count(*) FROM sales.item"), "2000");
    let left = cluster.psql("SELECT count(*) FROM pg_database WHERE datname LIKE 'mainstay%'");
    assert_eq!(left, "0");
}

/// S1.16: whoever is killed between the exchange and writing that down leaves no database that nobody knows of: it is told, and can be
/// put back; the same when that is cut off.
#[test]
fn a_restore_of_postgresql_that_is_cut_off_can_be_undone() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    take(&test, &url);
    cluster.psql_in("shop", "DELETE FROM sales.item WHERE id > 10");
    let on = ["--database", &url, "--to", "backups", "--yes"];
    let (restore, undo) = ([&["restore", "latest", "--no-safety-copy"], &on[..]], [&["restore", "--undo"], &on[..]]);
    let (restore, undo) = (restore.concat(), undo.concat());
    let killed = |place: &str, arguments: &[&str]| {
        let killed = test.again().env("MAINSTAY_FAILPOINT", format!("kill:{place}")).args(arguments.to_vec()).run();
        assert_eq!(killed.exit_code(), 137, "{place}: {}", killed.raw_stderr);
    };
    let items = || cluster.psql_in("shop", "SELECT count(*) FROM sales.item");
    killed("restore.begun", &restore);
    run(&test, &["backup", "list", "--database", &url, "--to", "backups"]).code(0).stderr_has("was cut off");
    run(&test, &undo).code(2).stderr_has("was cut off before anything was exchanged");
    run(&test, &undo).code(2).stderr_has("no restore of `shop` is known");
    killed("restore.renamed", &restore);
    assert_eq!(items(), "2000");
    run(&test, &["backup", "list", "--database", &url, "--to", "backups"]).code(0).stderr_has("`shop_before_");
    run(&test, &undo).code(0).stderr_has("cut off after the exchange");
    assert_eq!(items(), "10");
    run(&test, &restore).code(0);
    assert_eq!(items(), "2000");
    killed("restore.undoing", &undo);
    assert_eq!(items(), "2000");
    killed("restore.undone", &undo);
    assert_eq!(items(), "10");
    run(&test, &undo)
        .code(2)
        .stderr_has("cut off when it was done")
        .stderr_has("had been undone when that was cut off");
}

/// S1.16: a lost server: roles come back from `globals.sql`, and until they are there nothing is made.
#[test]
fn a_lost_server_comes_back_elsewhere() {
    let (lost, fresh) = (Cluster::start(), Cluster::start());
    let test = program();
    let copy = take(&test, &zoo(&lost));
    drop(lost);
    let url = fresh.url_of("postgres", "shop");
    let restore = ["restore", "latest", "--database", &url, "--to", "backups", "--yes"];
    run(&test, &restore).code(2).stderr_has("needs the role `app` or `reader`").stderr_has("globals.sql");
    let globals = fs::read_to_string(copy.join("globals.sql")).unwrap();
    let roles: String = globals
        .lines()
        .filter(|line| !line.contains("ROLE postgres") && !line.starts_with('\\'))
        .map(|line| format!("{line}\n"))
        .collect();
    fresh.psql(&roles);
    run(&test, &restore).code(0);
    assert_eq!(fresh.psql_in("shop", "SELECT count(*) FROM sales.item"), "2000");
}

/// S1.16: without mainstay: the commands of the manual, on a server of another kind of user.
#[test]
fn a_copy_of_postgresql_needs_no_mainstay() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    let copy = take(&test, &url);
    let unpacked = copy.join("database.dump");
    let zst = fs::File::open(copy.join("database.dump.zst")).unwrap();
    let zstd = Command::new("zstd").args(["-d", "-c"]).stdin(zst).stdout(fs::File::create(&unpacked).unwrap()).status();
    assert!(zstd.unwrap().success());
    cluster.psql("CREATE DATABASE again");
    let restored = Command::new(find_component("pg_ctl").with_file_name("pg_restore"))
        .args(["--exit-on-error", "-d", &cluster.url_of("postgres", "again")])
        .arg(&unpacked)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(restored.status.success(), "{restored:?}");
    assert_eq!(cluster.psql_in("again", "SELECT count(*) FROM sales.item"), "2000");
}

/// S1.16, issue 5, point 2: a database that is large is copied and restored by several processes; its copy is VERIFIED, whole, restored by
/// us, and by PostgreSQL alone where it lies, and a damaged file of it is found. Encrypted it is the same.
#[test]
fn a_large_copy_of_postgresql_is_made_by_several() {
    let cluster = Cluster::start();
    let (test, url) = (several(program()), zoo(&cluster));
    let public = key(&test, "one.key");
    let on = ["--database", &url, "--to", "backups"];
    let plain = take(&test, &url);
    let mut files = names(&plain);
    files.retain(|name| !name.ends_with(".dat.gz"));
    files.sort();
    // The large object is one of them, in its own form.
    assert_eq!(files, ["SHA256SUMS", "blobs.toc", "globals.sql", "manifest.json", "toc.dat"]);
    shell(&plain, "sha256sum --quiet -c SHA256SUMS");
    let encrypted = run(&test, &[&["backup", "now", "--recipient", &public], &on[..]].concat());
    encrypted.code(0).stderr_has("is VERIFIED");
    let encrypted = test.path().join(encrypted.raw_stdout.trim());
    assert!(names(&encrypted).contains(&"toc.dat.age".to_owned()), "{:?}", names(&encrypted));
    let verify = |copy: &Path| {
        run(&test, &[&["backup", "verify", copy.to_str().unwrap(), "--identity", "one.key"], &on[..]].concat())
    };
    let items = |database: &str| cluster.psql_in(database, "SELECT count(*), sum(length(by)) FROM sales.item");
    let whole = items("shop");
    for copy in [&plain, &encrypted] {
        verify(copy).code(0).stdout_has("rows as in the source at that instant");
        cluster.psql_in("shop", "DELETE FROM sales.item WHERE id > 10");
        let restore = ["restore", copy.to_str().unwrap(), "--identity", "one.key", "--yes", "--no-safety-copy"];
        run(&test, &[&restore[..], &on].concat()).code(0);
        assert_eq!(items("shop"), whole);
    }
    cluster.psql("CREATE DATABASE again");
    let restored = Command::new(find_component("pg_ctl").with_file_name("pg_restore"))
        .args(["--exit-on-error", "--jobs=2", "-d", &cluster.url_of("postgres", "again")])
        .arg(&plain)
        .output()
        .unwrap();
    assert!(restored.status.success(), "{restored:?}");
    assert_eq!(items("again"), whole);
    let beside = names(plain.parent().unwrap());
    assert!(beside.iter().all(|name| !name.contains("opened") && !name.contains("scratch")), "{beside:?}");
    let largest = |copy: &Path| {
        let files = names(copy)
            .into_iter()
            .map(|name| copy.join(name))
            .filter(|path| path.to_string_lossy().contains(".dat.gz"));
        files.max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
    };
    for copy in [&plain, &encrypted] {
        let file = largest(copy);
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        verify(copy).code(1).stdout_has("its checksum is another one");
    }
    assert_eq!(names(&test.path().join("ground")), [""; 0]);
}

/// Every database is a large one.
fn several(test: Test) -> Test {
    test.env("MAINSTAY_BACKUP_PARALLEL_ABOVE", "0").env("MAINSTAY_BACKUP_JOBS", "2")
}

/// S1.16: the same under load: what is VERIFIED is exact to the row. Where somebody changes the form of a table meanwhile, before which several
/// processes give up, one does it. A copy that is killed in the middle leaves nothing, and so does one whose `pg_dump` hangs.
#[test]
fn a_large_copy_is_exact_under_load() {
    let cluster = Arc::new(Cluster::start());
    let (test, url) = (several(program()), zoo(&cluster));
    let (done, alters) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let writer = {
        let (cluster, done, alters) = (cluster.clone(), done.clone(), alters.clone());
        thread::spawn(move || {
            let mut session = cluster.session("postgres", "shop").unwrap();
            while !done.load(Ordering::SeqCst) {
                let write =
                    "INSERT INTO sales.item (d) VALUES (random()); UPDATE parent SET a = a + 1; SELECT nextval('s')";
                session.query(write).unwrap();
                if alters.load(Ordering::SeqCst) {
                    session.query("ALTER TABLE child ALTER COLUMN b SET DEFAULT 1").unwrap();
                    thread::sleep(std::time::Duration::from_millis(100));
                }
            }
        })
    };
    let by_several = |copy: &Path| names(copy).contains(&"toc.dat".to_owned());
    assert!(by_several(&take(&test, &url)));
    alters.store(true, Ordering::SeqCst);
    take(&test, &url);
    done.store(true, Ordering::SeqCst);
    writer.join().unwrap();
    let now = ["backup", "now", "--database", &url, "--to", "backups"];
    test.again().env("MAINSTAY_FAILPOINT", "kill:backup.written").args(now).run().code(137);
    let bin = find_component("pg_ctl").parent().unwrap().to_owned();
    let major = bin.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
    let hangs = test.path().join("bin");
    fs::create_dir_all(&hangs).unwrap();
    let script =
        format!("#!/bin/sh\ncase \"$1\" in --version) echo 'pg_dump (PostgreSQL) {major}'; exit 0;; esac\nsleep 600\n");
    fs::write(hangs.join("pg_dump"), script).unwrap();
    fs::set_permissions(hangs.join("pg_dump"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let stuck =
        test.again().env("MAINSTAY_BACKUP_PROGRAMS", hangs.display().to_string()).env("MAINSTAY_BACKUP_STALL", "2s");
    run(&stuck, &now).code(1).stderr_has("`pg_dump` wrote nothing for [TIME]");
    let copy = take(&test, &url);
    assert_eq!(names(copy.parent().unwrap()).iter().filter(|name| name.ends_with(".part")).count(), 0);
}

/// S1.16: `pg_dump` that is missing, fails, is killed, hangs, writes nothing or not enough: no copy, told why; the old ones stay.
#[test]
fn a_pg_dump_that_fails_leaves_no_copy() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    let good = take(&test, &url);
    let real = find_component("pg_ctl").parent().unwrap().to_owned();
    let faults = [
        ("echo 'out of luck' >&2; exit 1", 1, "`pg_dump` ended with exit code 1", "out of luck"),
        ("printf PGDMP; kill -9 $$", 1, "`pg_dump` was ended by signal 9", ""),
        ("exit 0", 1, "`pg_dump` wrote nothing", ""),
        ("echo hello; exit 0", 1, "`pg_dump` wrote something that is no archive", ""),
        ("printf PGDMP; sleep 600", 1, "`pg_dump` wrote nothing for [TIME]", ""),
    ];
    for (script, code, told, more) in faults {
        let bin = test.path().join("bin");
        fs::create_dir_all(&bin).unwrap();
        let version = "case \"$1\" in --version) echo 'pg_dump (PostgreSQL) 15.1'; exit 0;; esac";
        let major = real.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let version = version.replace("15.1", major);
        let program = bin.join("pg_dump");
        fs::write(&program, format!("#!/bin/sh\n{version}\n{script}\n")).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let test =
            test.again().env("MAINSTAY_BACKUP_PROGRAMS", bin.display().to_string()).env("MAINSTAY_BACKUP_STALL", "2s");
        let output = run(&test, &["backup", "now", "--database", &url, "--to", "backups"]);
        output.code(code).stderr_has(told).stderr_has(more);
        assert_eq!(states(&test, &url), ["VERIFIED"], "{script}");
        fs::remove_file(&program).unwrap();
        let missing = run(&test, &["backup", "now", "--database", &url, "--to", "backups"]);
        missing.code(2).stderr_has("no `pg_dump` of that version or a newer one is installed");
    }
    assert!(good.is_dir());
    assert_eq!(names(good.parent().unwrap()).iter().filter(|name| name.ends_with(".part")).count(), 0);
}

/// S1.16: without the programs of a server the proof is made beside the database; where that is forbidden, it says so: exit code 3.
#[test]
fn what_cannot_be_proven_is_called_so() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    let real = find_component("pg_ctl").parent().unwrap().to_owned();
    let bin = test.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    for name in ["pg_dump", "pg_dumpall", "pg_restore"] {
        std::os::unix::fs::symlink(real.join(name), bin.join(name)).unwrap();
    }
    let test = test.again().env("MAINSTAY_BACKUP_PROGRAMS", bin.display().to_string());
    let copy = take(&test, &url);
    let manifest: Value = serde_json::from_slice(&fs::read(copy.join("manifest.json")).unwrap()).unwrap();
    assert!(manifest["proof"]["ground"].as_str().unwrap().starts_with("a database beside"), "{manifest}");
    assert_eq!(cluster.psql("SELECT count(*) FROM pg_database WHERE datname LIKE 'mainstay%'"), "0");

    cluster.psql("CREATE DATABASE own OWNER app");
    cluster.session("app", "own").unwrap().query("CREATE TABLE t (i int); INSERT INTO t VALUES (1)").unwrap();
    let url = cluster.url_of("app", "own");
    let output = run(&test, &["backup", "now", "--database", &url, "--to", "backups"]);
    output
        .code(3)
        .stderr_has("could not verify: no `initdb` of PostgreSQL")
        .stderr_has("permission denied to create database");
}

/// S1.16: what `[backup]` asks for is a job that runs this very program, and is told as due.
#[test]
fn the_scheduled_copy_is_a_job() {
    let test = program().file(
        "mainstay.toml",
        "name = \"shop\"\n[databases.main]\nurl = \"sqlite:app.db\"\n[backup]\ntimezone = \"Europe/Berlin\"\n",
    );
    drop(shop(&test));
    run(&test, &["schedule"]).code(0).stdout_has("backup: every day at 02:00, Europe/Berlin (`0 2 * * *`)");
    run(&test, &["schedule", "run", "backup"]).code(0).stderr_has("is VERIFIED");
    let list = json(run(&test, &["backup", "list", "--json"]).code(0));
    assert_eq!(
        (&list["copies"][0]["why"], &list["copies"][0]["state"]),
        (&"scheduled".into(), &"VERIFIED".into()),
        "{list}"
    );
}

/// S1.16: a restore that differs from the source in one row is no proof, and nothing is replaced by it; nor is one that needs what
/// is not here, and that is called so.
#[test]
fn what_differs_or_cannot_be_restored_is_no_proof() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    let copy = take(&test, &url);
    let file = copy.join("manifest.json");
    let whole = fs::read_to_string(&file).unwrap();
    let verify = ["backup", "verify", copy.to_str().unwrap(), "--database", &url, "--to", "backups"];

    fs::write(&file, whole.replacen("\"rows\": 2000", "\"rows\": 2001", 1)).unwrap();
    run(&test, &verify).code(1).stderr_has("FAILED: table `sales.item`: was 2001 rows, is 2000 rows");
    let restore =
        ["restore", copy.to_str().unwrap(), "--database", &url, "--to", "backups", "--yes", "--no-safety-copy"];
    run(&test, &restore).code(1).stderr_has("is not what the source was").stderr_has("nothing was changed");
    assert_eq!(cluster.psql("SELECT count(*) FROM pg_database WHERE datname ~ 'mainstay|before'"), "0");

    fs::write(&file, whole.replacen("\"plpgsql\": \"\"", "\"plpgsql\": \"\", \"nosuch\": \"\"", 1)).unwrap();
    run(&test, &verify).code(3).stderr_has("could not verify: the extension `nosuch` is not installed here");
    assert_eq!(states(&test, &url), ["could not verify"]);
    fs::write(&file, whole).unwrap();
    run(&test, &verify).code(0);
}

/// S1.16: whoever changes the form of tables meanwhile waits for the copy, and the copy is exact.
#[test]
fn a_table_that_is_altered_meanwhile_is_copied_whole() {
    let cluster = Arc::new(Cluster::start());
    let (test, url) = (program(), zoo(&cluster));
    let done = Arc::new(AtomicBool::new(false));
    let changes = {
        let (cluster, done) = (cluster.clone(), done.clone());
        thread::spawn(move || {
            let mut session = cluster.session("postgres", "shop").unwrap();
            // `pg_dump` has to begin between two changes, and how long that takes depends on what else the machine does.
            let mut rests = [150, 600, 300, 2400, 150, 1200].into_iter().cycle().map(Duration::from_millis);
            while !done.load(Ordering::SeqCst) {
                session.query("ALTER TABLE parent ADD COLUMN x int DEFAULT 1; UPDATE parent SET x = 2").unwrap();
                session.query("ALTER TABLE parent DROP COLUMN x; CREATE TABLE fleeting AS SELECT 1 AS i").unwrap();
                session.query("DROP TABLE fleeting").unwrap();
                thread::sleep(rests.next().unwrap());
            }
        })
    };
    for _ in 0..3 {
        take(&test, &url);
    }
    done.store(true, Ordering::SeqCst);
    changes.join().unwrap();
}

/// The public key that `backup key new` answers with; the secret one is in `file`.
fn key(test: &Test, file: &str) -> String {
    run(test, &["backup", "key", "new", file]).code(0).raw_stdout.trim().to_owned()
}

/// Runs a line of the manual where copies lie.
fn shell(dir: &Path, line: &str) -> String {
    let output = Command::new("sh").args(["-euc", line]).current_dir(dir).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{line}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// S1.16: an encrypted copy is VERIFIED where no secret key is; either key opens it, also without mainstay; nobody else does.
#[test]
fn an_encrypted_copy_of_sqlite_is_verified_and_opened_by_either_key() {
    let test = program();
    let _open = shop(&test);
    let (one, two, other) = (key(&test, "one.key"), key(&test, "two.key"), key(&test, "other.key"));
    let now = ["backup", "now", "--database", "sqlite:app.db", "--to", "backups"];
    let taken = run(&test, &[&now[..], &["--recipient", &one, "--recipient", &two]].concat());
    taken.code(0).stderr_has("is VERIFIED");
    let copy = test.path().join(taken.raw_stdout.trim());
    let mut files = names(&copy);
    files.sort();
    assert_eq!(files, ["SHA256SUMS", "database.sqlite.zst.age", "manifest.json"]);
    let file = fs::read(copy.join("database.sqlite.zst.age")).unwrap();
    assert!(file.starts_with(b"age-encryption.org/v1\n"));

    // Without a key nothing is known, and nothing is taken from what was proven.
    let verify = ["backup", "verify", "latest", "--database", "sqlite:app.db", "--to", "backups"];
    run(&test, &verify)
        .code(3)
        .stdout_has("could not verify  decrypt: it is encrypted for `age1")
        .stdout_has("no key was given");
    let wrong = run(&test, &[&verify[..], &["--identity", "other.key"]].concat());
    wrong.code(3).stdout_has(&format!("the key that was given is that of `{other}`"));
    assert_eq!(states(&test, "sqlite:app.db"), ["VERIFIED"]);
    for file in ["one.key", "two.key"] {
        run(&test, &[&verify[..], &["--identity", file]].concat()).code(0).stdout_has("decrypt: there is a key");
    }

    let restore = ["restore", "latest", "--database", "sqlite:app.db", "--to", "backups", "--yes"];
    drop(_open);
    let refused = run(&test, &restore);
    refused.code(2).stderr_has("cannot be read").stderr_has("without it the copy is lost");
    fs::remove_file(test.path().join("app.db")).unwrap();
    run(&test, &[&restore[..], &["--identity", "two.key"]].concat()).code(0);
    assert_eq!(rows(&test.path().join("app.db"), "item"), 3000);

    // Nor is a safety copy of what is there written for everybody to read.
    run(&test, &[&restore[..], &["--identity", "two.key"]].concat()).code(0);
    let list = list(&test, "sqlite:app.db");
    let safety = list["copies"].as_array().unwrap().iter().find(|copy| copy["why"] == "before a restore").unwrap();
    assert!(test.path().join(safety["path"].as_str().unwrap()).join("database.sqlite.zst.age").is_file(), "{list}");

    let line =
        "sha256sum -c SHA256SUMS && age -d -i ../../../../one.key database.sqlite.zst.age | zstd -q -d -o plain.db";
    shell(&copy, line);
    assert_eq!(rows(&copy.join("plain.db"), "item"), 3000);
}

/// S1.16: a damaged encrypted file is found without a key; a key that is there is never written over.
#[test]
fn damage_of_an_encrypted_copy_is_found_without_a_key() {
    let test = program();
    let _open = shop(&test);
    let public = key(&test, "one.key");
    let before = fs::read(test.path().join("one.key")).unwrap();
    run(&test, &["backup", "key", "new", "one.key"]).code(2).stderr_has("choose another name");
    assert_eq!(fs::read(test.path().join("one.key")).unwrap(), before);
    let now = ["backup", "now", "--database", "sqlite:app.db", "--to", "backups", "--recipient", &public];
    let taken = run(&test, &now);
    taken.code(0).stderr_has("with its secret key they are lost");
    let file = test.path().join(taken.raw_stdout.trim()).join("database.sqlite.zst.age");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let verify = ["backup", "verify", "latest", "--database", "sqlite:app.db", "--to", "backups"];
    run(&test, &verify).code(1).stdout_has("FAILED").stdout_has("its checksum is another one");
}

/// S1.16: an encrypted copy of PostgreSQL, roles and all, is restored by the very commands of the recovery kit, without mainstay.
#[test]
fn the_recovery_kit_restores_postgresql_without_mainstay() {
    kit_restores(&program(), "database.dump.zst.age");
}

/// S1.16: the same with a copy that several processes have made, its large objects among it.
#[test]
fn the_recovery_kit_restores_a_large_copy_without_mainstay() {
    kit_restores(&several(program()), "toc.dat.age");
}

fn kit_restores(test: &Test, file: &str) {
    let (cluster, fresh) = (Cluster::start(), Cluster::start());
    let url = zoo(&cluster);
    let (one, two) = (key(test, "one.key"), key(test, "two.key"));
    let now = ["backup", "now", "--database", &url, "--to", "backups", "--recipient", &one, "--recipient", &two];
    let taken = run(test, &now);
    taken.code(0).stderr_has("is VERIFIED");
    let copy = test.path().join(taken.raw_stdout.trim());
    assert!(names(&copy).contains(&file.to_owned()), "{:?}", names(&copy));
    let kit = run(test, &["backup", "key", "kit", "--database", &url, "--to", "backups", "--identity", "two.key"]);
    let page = kit.code(0).raw_stdout.clone();
    let secret: String = page.lines().filter(|line| line.starts_with("AGE-SECRET-KEY-")).collect();
    assert_eq!(page.matches("AGE-SECRET-KEY-").count(), 1);

    // Elsewhere, with nothing but the page and the copy.
    let away = testkit::TempDir::new();
    fs::write(away.path().join("backup.key"), secret).unwrap();
    let commands: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let script = commands.join("\n").replace("psql postgres ", "psql -q postgres >/dev/null 2>&1 ");
    let bin = find_component("pg_ctl").parent().unwrap().display().to_string();
    let script =
        format!("export PATH=\"{bin}:$PATH\" PGHOST=127.0.0.1 PGUSER=postgres PGPORT={}\n{script}", fresh.port());
    shell(away.path(), &script);
    let content = "SELECT (SELECT count(*) FROM sales.item), (SELECT count(*) FROM pg_largeobject)";
    assert_eq!(fresh.psql_in("shop", content), cluster.psql_in("shop", content));
    assert_eq!(fresh.psql("SELECT count(*) FROM pg_roles WHERE rolname IN ('app', 'reader')"), "2");
}

/// S1.16: a recovery kit whose key does not open the newest copy says so.
#[test]
fn a_kit_with_the_wrong_key_says_so() {
    let test = program();
    let _open = shop(&test);
    let (one, _) = (key(&test, "one.key"), key(&test, "other.key"));
    let at = ["--database", "sqlite:app.db", "--to", "backups"];
    run(&test, &[&["backup", "now", "--recipient", &one][..], &at].concat()).code(0);
    let kit = |file: &str| run(&test, &[&["backup", "key", "kit", "--identity", file][..], &at].concat());
    assert!(!kit("one.key").code(0).raw_stderr.contains("does not open"));
    kit("other.key").code(0).stderr_has("the key does not open");
    run(&test, &[&["backup", "key", "kit"][..], &at].concat())
        .code(2)
        .stderr_has("no file with a secret key was named");
}

/// S1.16: a lost row is copied back out of a copy of PostgreSQL, which cannot be written to, and of which nothing is left.
#[test]
fn a_lost_row_comes_back_from_an_opened_copy_of_postgresql() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    take(&test, &url);
    cluster.psql_in("shop", "DELETE FROM sales.item WHERE id = 7");
    let psql = find_component("pg_ctl").with_file_name("psql").display().to_string();
    let at = ["--database", &url, "--to", "backups"];
    let open =
        |before: &[&str], sql: &str| run(&test, &[&["open"][..], &at, before, &["--", &psql, "-qAtXc", sql]].concat());
    let row = open(&[], "COPY (SELECT * FROM sales.item WHERE id = 7) TO STDOUT");
    row.code(0).stderr_has("open: `shop` as of ").stderr_has("it is gone afterwards");
    assert!(row.raw_stdout.starts_with("7\t"), "{}", row.raw_stdout);
    open(&["--as-of", "0s"], "DELETE FROM sales.item").code(1).stderr_has("read-only transaction");
    open(&["--as-of", "1000d"], "SELECT 1").code(2).stderr_has("there is no VERIFIED copy of `shop` from ");
    assert_eq!(cluster.psql_in("shop", "SELECT count(*) FROM sales.item"), "1999");
    assert_eq!(names(&test.path().join("ground")), [""; 0]);

    // The server may be what was lost.
    cluster.stop_immediate();
    open(&[], "SELECT count(*) FROM sales.item").code(0).stdout_has("2000");
}

/// S1.16: a copy of SQLite is opened for a command, or by its URL until a signal comes; whatever happens nothing is left of it.
#[test]
fn a_copy_of_sqlite_is_opened_and_gone_afterwards() {
    let test = program();
    let open = shop(&test);
    take(&test, "sqlite:app.db");
    open.execute("DELETE FROM item", []).unwrap();
    let at = ["open", "--database", "sqlite:app.db", "--to", "backups"];
    let ground = test.path().join("ground");
    let shell = test.again().args(at).stdin("SELECT count(*) FROM item; DELETE FROM item;").run();
    shell.stdout_has("3000").stderr_has("readonly database");
    assert_eq!(names(&ground), [""; 0]);
    let failed = run(&test, &[&at[..], &["--", "sh", "-c", "test -r \"${DATABASE_URL#sqlite:}\" && exit 7"]].concat());
    failed.code(7);
    run(&test, &[&at[..], &["--", "not-there"]].concat()).code(2).stderr_has("the copy cannot be looked into");
    assert_eq!(names(&ground), [""; 0]);

    let mut running = test.again().args(at.iter().copied().chain(["--url"])).spawn();
    running.wait_for_line("it is gone afterwards", LIMIT);
    running.wait_for_line("sqlite:", LIMIT);
    assert_eq!(names(&ground).len(), 2, "{:?}", names(&ground));
    running.terminate();
    running.wait(LIMIT).code(0);
    assert_eq!(names(&ground), [""; 0]);
    assert_eq!(rows(&test.path().join("app.db"), "item"), 0);
}

/// What `pg_dump` of the server says of a database: another's view of it than ours.
fn dumped(cluster: &Cluster, database: &str) -> String {
    let output = Command::new(find_component("pg_dump")).arg(cluster.url_of("postgres", database)).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    // A new word each time.
    text.lines()
        .filter(|line| !line.starts_with("\\restrict") && !line.starts_with("\\unrestrict"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// S1.16: every type and every kind of thing comes back: `pg_dump` sees no difference between the source and what was restored.
#[test]
fn everything_comes_back_as_pg_dump_sees_it() {
    let (cluster, elsewhere) = (Cluster::start(), Cluster::start());
    for server in [&cluster, &elsewhere] {
        server.psql("CREATE ROLE app LOGIN");
        server.psql("CREATE ROLE reader");
    }
    cluster.psql("CREATE DATABASE shop");
    cluster.psql_in("shop", include_str!("backup_samples/everything.sql"));
    let before = dumped(&cluster, "shop");
    assert!(before.contains("a large object") && before.contains("FOREIGN TABLE"), "{before}");
    let test = program();
    let copy = take(&test, &cluster.url_of("postgres", "shop"));
    let copy = copy.display().to_string();
    for server in [&elsewhere, &cluster] {
        let url = server.url_of("postgres", "shop");
        run(&test, &["restore", &copy, "--database", &url, "--to", "backups", "--yes", "--other"]).code(0);
        let after = dumped(server, "shop");
        let differs = before.lines().zip(after.lines()).find(|(one, other)| one != other);
        assert!(before == after, "{differs:?}");
    }
}

/// S1.16: in the shell of an opened copy Ctrl-C ends the question and not the shell; after it nothing of the copy is left.
#[test]
fn the_keys_of_a_terminal_reach_the_shell_of_an_opened_copy() {
    let cluster = Cluster::start();
    let (test, url) = (program(), zoo(&cluster));
    take(&test, &url);
    let ground = test.path().join("ground").display().to_string();
    let tmux = Tmux::start(test.path(), &[("TMPDIR", &ground)], 120, 40);
    let us = env!("CARGO_BIN_EXE_mainstay");
    tmux.type_line(&format!("{us} open --database '{url}' --to backups; echo code=$?"));
    tmux.wait_for("a prompt", |screen| screen.contains("shop=#"));
    tmux.type_line("select pg_sleep(600) \\g");
    // It has to be at work before it can be cancelled.
    tmux.type_line("");
    tmux.wait_for("the question", |screen| screen.contains("pg_sleep(600) \\g"));
    tmux.press(&["C-c"]);
    tmux.wait_for("the end of the question", |screen| screen.contains("canceling statement") || screen.contains("^C"));
    tmux.type_line("select count(*) || ' rows' from sales.item \\g");
    tmux.wait_for("an answer", |screen| screen.contains("2000 rows"));
    tmux.type_line("\\q");
    tmux.wait_for("the end", |screen| screen.contains("code=0"));
    assert_eq!(names(&test.path().join("ground")), [""; 0]);
}

/// A copy of `app.db` that has stopped in the middle, and a migration that waits to be applied.
fn stopped_copy() -> (Test, Running) {
    let config = "name = \"shop\"\n[databases.main]\nurl = \"sqlite:app.db\"\n[migrations]\ndir = \"migrations\"\n[backup]\nto = \"backups\"\nschedule = \"off\"\n";
    let test =
        program().file("mainstay.toml", config).file("migrations/1_next.sql", "CREATE TABLE next (id integer);\n");
    shop(&test);
    let mut copy = test.again().env("MAINSTAY_FAILPOINT", "stop:backup.written").args(["backup", "now"]).spawn();
    let stat = format!("/proc/{}/stat", copy.pid());
    wait_until(LIMIT, "the copy stops", || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    assert!(copy.running());
    (test, copy)
}

/// S1.16: a migration, a restore and a second copy wait until a copy is done, and say for whom; when the time is up, that is no failure.
#[test]
fn a_database_is_changed_by_one_at_a_time() {
    let (test, copy) = stopped_copy();
    for verb in [&["backup", "now"][..], &["restore", "--undo", "--yes", "--target", "app.db"]] {
        let output = run(&test, &[&["--log-level", "error"], verb, &["--timeout", "300ms"]].concat());
        output.code(75).stderr_is(
            "
            error: something else is at work on `main`, and [TIME] were up
              seen: `mainstay backup now` (pid [PID], since [WHEN])
              hint: wait until it is done, then try again; --timeout says how long is waited
            ",
        );
    }
    let mut migration = test.again().args(["migrate", "up"]).spawn();
    migration.wait_for_line("main: waits for `mainstay backup now` (pid ", LIMIT);
    assert_eq!(rows(&test.path().join("app.db"), "sqlite_master WHERE name = 'next'"), 0);
    copy.signal(Signal::CONT);
    copy.wait(LIMIT).code(0).stderr_has("is VERIFIED");
    migration.wait(LIMIT).code(0);
    assert_eq!(rows(&test.path().join("app.db"), "sqlite_master WHERE name = 'next'"), 1);
    assert!(names(&test.path().join("data/run")).iter().all(|name| !name.starts_with("database-")));
}

/// S1.16: who is killed keeps nobody waiting, and a start without anything to migrate waits for nobody.
#[test]
fn a_lock_does_not_outlive_its_holder() {
    let (test, mut copy) = stopped_copy();
    copy.kill9();
    run(&test, &["migrate", "up", "--timeout", "5s"]).code(0);
    run(&test, &["backup", "now", "--timeout", "5s"]).code(0);
    let mut copy = test.again().env("MAINSTAY_FAILPOINT", "stop:backup.written").args(["backup", "now"]).spawn();
    let stat = format!("/proc/{}/stat", copy.pid());
    wait_until(LIMIT, "the copy stops", || fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    let config = test.read("mainstay.toml") + "[services.a]\ncommand = \"true\"\nrestart = \"never\"\n";
    let test = test.file("mainstay.toml", &config);
    run(&test, &["up"]).code(0);
    copy.kill9();
}

/// S1.16: what looks into a copy and does not hear that it should end is killed: after a while, or when it is told again; nothing is left.
#[test]
fn what_does_not_leave_an_opened_copy_is_killed() {
    let test = program();
    drop(shop(&test));
    take(&test, "sqlite:app.db");
    let deaf = ["--", "sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 1; done"];
    for times in [2, 1] {
        let open = [&["open", "--database", "sqlite:app.db", "--to", "backups"], &deaf[..]].concat();
        let mut opened = test.again().args(open).spawn();
        opened.wait_for_line("deaf", LIMIT);
        let begun = Instant::now();
        for _ in 0..times {
            opened.terminate();
            thread::sleep(Duration::from_millis(200));
        }
        opened.wait(LIMIT).code(137);
        assert_eq!(begun.elapsed() >= Duration::from_secs(9), times == 1);
        assert_eq!(names(&test.path().join("ground")), [""; 0]);
    }
}
