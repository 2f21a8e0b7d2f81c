//! The question to SQLite, asked of real files in every state.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use config::Access;
use database::{
    Patience, ServerState,
    sqlite::{Empty, ask, open},
};
use rusqlite::Connection;
use std::{io::Write, path::Path};
use testkit::TempDir;

fn filled(dir: &TempDir) -> std::path::PathBuf {
    let path = dir.path().join("app.db");
    let connection = open(&path).unwrap();
    connection.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY, y TEXT)").unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t SELECT i, hex(randomblob(40)) FROM n";
    connection.execute_batch(many).unwrap();
    connection.execute_batch("CREATE INDEX ty ON t (y); PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    path
}

fn damage(path: &Path, at: u64, bytes: &[u8]) {
    use std::io::Seek;
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.seek(std::io::SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

/// S2.14: WAL, `synchronous=NORMAL`, `busy_timeout=5000`, `foreign_keys=ON`.
#[test]
fn opened_as_production_needs_it() {
    let dir = TempDir::new();
    let connection = open(&dir.path().join("app.db")).unwrap();
    let text =
        |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, String>(0)).unwrap();
    let number =
        |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(text("journal_mode"), "wal");
    assert_eq!((number("synchronous"), number("busy_timeout"), number("foreign_keys")), (1, 5000, 1));
}

#[test]
fn many_may_open_at_once() {
    let dir = TempDir::new();
    let path = dir.path().join("app.db");
    let starters: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn({
                let path = path.clone();
                move || open(&path).map(drop)
            })
        })
        .collect();
    for starter in starters {
        starter.join().unwrap().unwrap();
    }
}

/// A reader does not let the journal mode be changed, and SQLite does not wait for it: we do.
#[test]
fn a_reader_does_not_keep_us_out() {
    let dir = TempDir::new();
    let path = dir.path().join("app.db");
    let reader = Connection::open(&path).unwrap();
    reader.execute_batch("CREATE TABLE t (x); BEGIN; SELECT * FROM t").unwrap();
    reader.query_row("SELECT count(*) FROM t", [], |_| Ok(())).unwrap();
    let opener = std::thread::spawn(move || open(&path).map(drop));
    std::thread::park_timeout(std::time::Duration::from_millis(200));
    reader.execute_batch("COMMIT").unwrap();
    drop(reader);
    opener.join().unwrap().unwrap();
}

#[test]
fn a_sound_file_is_ready() {
    let dir = TempDir::new();
    let facts = ask(&filled(&dir), Access::ReadWrite).unwrap();
    assert_eq!(
        (facts.state, facts.empty, facts.note, facts.objects, facts.checked),
        (ServerState::Ready, None, None, 2, true)
    );
    let facts = ask(&dir.path().join("app.db"), Access::ReadOnly).unwrap();
    assert_eq!(facts.state, ServerState::ReadOnly);
}

/// S2.14: a write-ahead log that nobody carries over is told, and the way of writing is a fact.
#[test]
fn a_long_log_is_told() {
    let dir = TempDir::new();
    let path = filled(&dir);
    let facts = ask(&path, Access::ReadWrite).unwrap();
    assert_eq!((facts.journal_mode.as_deref(), facts.log_bytes, facts.note), (Some("wal"), 0, None));
    // Somebody keeps it from being removed when we close the last connection.
    let held = open(&path).unwrap();
    held.execute_batch("INSERT INTO t VALUES (NULL, 'x')").unwrap();
    let log = std::fs::OpenOptions::new().write(true).open(dir.path().join("app.db-wal")).unwrap();
    log.set_len(300 << 20).unwrap();
    let facts = ask(&path, Access::ReadWrite).unwrap();
    assert_eq!((facts.state, facts.log_bytes), (ServerState::Ready, 300 << 20));
    let note = facts.note.unwrap();
    assert!(note.contains("app.db has 300.0 MiB: somebody reads without ever ending"), "{note}");
}

#[test]
fn nothing_is_created_by_asking() {
    let dir = TempDir::new();
    let path = dir.path().join("app.db");
    let facts = ask(&path, Access::ReadWrite).unwrap();
    assert_eq!((facts.state, facts.empty, facts.note), (ServerState::Ready, Some(Empty::Missing), None));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert_eq!(ask(&path, Access::ReadOnly).unwrap_err().state, ServerState::Down);
}

/// A lost volume looks like a valid empty database: it is said loudly.
#[test]
fn an_empty_file_is_not_passed_over() {
    let dir = TempDir::new();
    let path = dir.write("app.db", "");
    let facts = ask(&path, Access::ReadWrite).unwrap();
    assert_eq!((facts.state, facts.empty), (ServerState::Ready, Some(Empty::Empty)));
    assert!(facts.note.unwrap().ends_with("is an empty file: lost volume?"));
}

#[test]
fn damage_is_found() {
    let dir = TempDir::new();
    let path = filled(&dir);
    damage(&path, 3 * 4096 + 8, &[0x5a; 2000]);
    let refusal = ask(&path, Access::ReadWrite).unwrap_err();
    assert_eq!(
        (refusal.state, refusal.patience, refusal.code.as_deref()),
        (ServerState::Down, Patience::None, Some("SQLITE_CORRUPT"))
    );
    assert!(refusal.hint.unwrap().contains("backup"));
}

#[test]
fn a_truncated_file_is_damaged() {
    let dir = TempDir::new();
    let path = filled(&dir);
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(9000).unwrap();
    let refusal = ask(&path, Access::ReadWrite).unwrap_err();
    assert_eq!((refusal.state, refusal.patience), (ServerState::Down, Patience::None), "{refusal}");
}

#[test]
fn another_file_is_not_a_database() {
    let dir = TempDir::new();
    let refusal =
        ask(&dir.write("app.db", &"this is a letter, not a database\n".repeat(40)), Access::ReadWrite).unwrap_err();
    assert_eq!((refusal.patience, refusal.code.as_deref()), (Patience::None, Some("SQLITE_NOTADB")), "{refusal}");
    let refusal = ask(dir.path(), Access::ReadWrite).unwrap_err();
    assert!(refusal.message.contains("is a directory"), "{refusal}");
}

#[test]
fn a_locked_file_is_worth_waiting_for() {
    let dir = TempDir::new();
    let path = filled(&dir);
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();
    let refusal = ask(&path, Access::ReadWrite).unwrap_err();
    assert_eq!(
        (refusal.state, refusal.patience, refusal.code.as_deref()),
        (ServerState::Starting, Patience::Deadline, Some("SQLITE_BUSY"))
    );
    drop(holder);
    assert!(ask(&path, Access::ReadWrite).is_ok());
}

/// /proc is not writable even for root.
#[test]
fn a_directory_that_is_not_writable_is_named() {
    let refusal = ask(Path::new("/proc/app.db"), Access::ReadWrite).unwrap_err();
    assert_eq!((refusal.state, refusal.patience), (ServerState::ReadOnly, Patience::None));
    assert!(refusal.message.contains("/proc") && refusal.to_string().contains("this is uid"), "{refusal}");
}

#[test]
fn a_missing_directory_has_a_grace() {
    let dir = TempDir::new();
    let refusal = ask(&dir.path().join("none/app.db"), Access::ReadWrite).unwrap_err();
    assert_eq!(refusal.state, ServerState::Down);
    assert!(
        matches!(refusal.patience, Patience::Grace(_)) && refusal.message.contains("there is no directory"),
        "{refusal}"
    );
}
