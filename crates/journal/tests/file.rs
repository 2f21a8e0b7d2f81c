//! The journal on a real disk: written, read, broken, pruned.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use host::SystemClock;
use jiff::Timestamp;
use journal::{Journal, Life, Ours, Query, Reader, Record, Rules, Span, VERSION};
use report::{Event, Level, Verdict};
use rusqlite::Connection;
use std::{
    fs::{self, OpenOptions},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use testkit::{TempDir, wait_until};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const LIMIT: Duration = Duration::from_secs(30);

/// A journal in a directory of its own, and what it says of itself.
struct Kept {
    journal: Journal,
    path: PathBuf,
    told: UnboundedReceiver<Event>,
    number: u64,
}

fn rules() -> Rules {
    Rules::from(&config::Journal::default())
}

fn kept(path: &Path, rules: Rules) -> Kept {
    let (tell, told) = unbounded_channel();
    let life = Life { app: "shop".into(), version: "0".into(), begun: Timestamp::now(), pid: 7, ..Life::default() };
    let ours = Ours { path: path.to_owned(), rules, life, clock: Arc::new(SystemClock) };
    Kept { journal: Journal::begin(ours, tell).unwrap(), path: path.to_owned(), told, number: 0 }
}

impl Kept {
    fn note(&mut self, event: &Event) {
        self.note_at(event, Timestamp::now());
    }

    fn note_at(&mut self, event: &Event, at: Timestamp) {
        self.number += 1;
        self.journal.note(Record::of(event, self.number, at, str::to_owned));
    }

    async fn flush(&self) -> bool {
        self.journal.flush(LIMIT).await
    }

    fn texts(&self) -> Vec<String> {
        let reader = Reader::open(&self.path, Path::new("/tmp")).unwrap();
        reader.events(&Query::default(), usize::MAX).unwrap().into_iter().map(|it| it.text).collect()
    }

    /// What it says next, by the name of the event.
    async fn says(&mut self, name: &str) -> Event {
        let told = tokio::time::timeout(LIMIT, self.told.recv()).await.expect("it says something").unwrap();
        assert_eq!(told.name, name, "{}", told.text);
        told
    }
}

fn event(text: &str) -> Event {
    Event::new("test", text)
}

/// Issue 4, item 7: what is noted is read again, in order, with its level, fields and start; the file is private, and one at rest.
#[tokio::test]
async fn what_is_noted_is_read_again() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, rules());
    kept.note(&event("one").with("service", "api").with("n", 3).level(Level::Warn));
    kept.note(&event("two"));
    assert!(kept.flush().await);
    let reader = Reader::open(&path, dir.path()).unwrap();
    let records = reader.events(&Query::default(), usize::MAX).unwrap();
    assert_eq!(
        records.iter().map(|it| (it.start, it.number, it.text.as_str())).collect::<Vec<_>>(),
        [(1, 1, "one"), (1, 2, "two")]
    );
    assert_eq!((records[0].level, records[0].subject(), records[0].figure("n")), (Level::Warn, Some("api"), Some(3.0)));
    let warnings = Query { least: Some(Level::Warn), ..Query::default() };
    assert_eq!(reader.events(&warnings, 9).unwrap().len(), 1);
    assert_eq!(reader.events(&Query::default(), 1).unwrap()[0].text, "two");
    drop(reader);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    wait_until(LIMIT, "it is closed at rest", || !dir.path().join("journal.db-wal").exists());
    assert!(kept.journal.finish(LIMIT).await);
    let life = &Reader::open(&path, dir.path()).unwrap().lives(Timestamp::MIN, Timestamp::MAX).unwrap()[0];
    assert!(life.ended.is_some(), "{life:?}");
}

/// Checks that passed are figures alone; all others are told as well.
#[tokio::test]
async fn checks_that_passed_are_figures() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, rules());
    let check = |verdict: &str| event(verdict).with("target", "main").with("verdict", verdict).with("took", 0.5);
    let check = |verdict: &str| Event { name: "health.check", ..check(verdict) };
    let noon: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
    for (verdict, second) in [("pass", 0), ("pass", 60), ("fail", 120), ("pass", 121)] {
        kept.note_at(&check(verdict), noon + Duration::from_secs(second));
        assert!(kept.flush().await, "figures are added up over several batches");
    }
    assert_eq!(kept.texts(), ["fail"]);
    let hours = Reader::open(&path, dir.path()).unwrap().hours(noon, noon, Span::Hour).unwrap();
    let [hour] = &hours[..] else { panic!("{hours:?}") };
    assert_eq!((hour.subject.as_str(), hour.at), ("main", noon));
    let sums = ["check.pass", "check.fail", "time.up", "time.down"]
        .map(|name| (hour.figures[name].count, hour.figures[name].sum));
    assert_eq!(sums, [(3, 1.5), (1, 0.5), (2, 120.0), (1, 1.0)]);
}

/// Issue 4, bad input: a damaged file is kept under another name, and a new one is begun.
#[tokio::test]
async fn a_damaged_file_is_put_aside() {
    for damage in ["no database at all", ""] {
        let dir = TempDir::new();
        let path = dir.path().join("journal.db");
        if damage.is_empty() {
            let mut whole = kept(&path, rules());
            (0..500).for_each(|_| whole.note(&event(&"x".repeat(500))));
            assert!(whole.journal.finish(LIMIT).await);
            let mut file = OpenOptions::new().write(true).open(&path).unwrap();
            // Not the header, but the page with the tables, behind it.
            file.seek(SeekFrom::Start(100)).unwrap();
            file.write_all(&[0xff; 8000]).unwrap();
        } else {
            fs::write(&path, damage.repeat(100)).unwrap();
        }
        let mut kept = kept(&path, rules());
        kept.note(&event("new"));
        assert!(kept.flush().await);
        let told = kept.says("journal.damaged").await;
        assert_eq!(told.level, Level::Error);
        assert_eq!(kept.texts(), ["new"]);
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        let aside = names.iter().find(|name| name.starts_with("journal.db.damaged-")).unwrap();
        assert!(told.text.contains(aside.as_str()), "{} {names:?}", told.text);
        assert_eq!(kept.journal.condition().verdict, Verdict::Pass);
    }
}

/// Design, section 6: a file of a newer mainstay, or of somebody else, is refused, told once, and left as it is.
#[tokio::test]
async fn a_file_that_is_not_ours_to_write_is_left_alone() {
    for sql in [
        "PRAGMA application_id = 1836280428; PRAGMA user_version = 99; CREATE TABLE new (n)",
        "CREATE TABLE theirs (n)",
    ] {
        let dir = TempDir::new();
        let path = dir.path().join("journal.db");
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(&path).unwrap();
        let mut kept = kept(&path, rules());
        for _ in 0..3 {
            kept.note(&event("lost"));
            assert!(!kept.flush().await);
            wait_until(LIMIT, "it is given up", || kept.journal.condition().dropped == kept.number);
        }
        assert_eq!(kept.says("journal.broken").await.level, Level::Error);
        assert!(kept.told.try_recv().is_err(), "it is told once");
        let condition = kept.journal.condition();
        assert_eq!((condition.verdict, condition.dropped), (Verdict::Fail, 3));
        assert!(Reader::open(&path, dir.path()).is_err());
        assert!(kept.journal.finish(LIMIT).await);
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

/// A file that is removed while it is open, or at rest, is begun anew, and that is told.
#[tokio::test]
async fn a_file_that_was_removed_is_begun_anew() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, rules());
    for text in ["one", "two", "three"] {
        kept.note(&event(text));
        assert!(kept.flush().await);
        assert_eq!(kept.texts(), [text]);
        if text == "two" {
            wait_until(LIMIT, "it is closed", || !dir.path().join("journal.db-wal").exists());
        }
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(dir.path().join(format!("journal.db{ending}")));
        }
    }
    assert_eq!(kept.says("journal.replaced").await.level, Level::Warn);
    kept.says("journal.replaced").await;
}

/// Whoever holds the file is waited for; all that came meanwhile is there at the end.
#[tokio::test]
async fn a_locked_file_is_waited_for() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, rules());
    kept.note(&event("before"));
    assert!(kept.flush().await);
    let theirs = Connection::open(&path).unwrap();
    theirs.execute_batch("BEGIN IMMEDIATE").unwrap();
    kept.note(&event("meanwhile"));
    let told = kept.says("journal.broken").await;
    assert!(told.text.contains("locked"), "{}", told.text);
    assert_eq!(kept.journal.condition().verdict, Verdict::Fail);
    theirs.execute_batch("COMMIT").unwrap();
    kept.says("journal.back").await;
    assert!(kept.flush().await);
    assert_eq!(kept.texts(), ["before", "meanwhile"]);
}

/// Events that are too old go, and so do figures, by their own times; what is of a time that has not come yet goes too.
#[tokio::test]
async fn what_is_too_old_goes() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let day = Duration::from_secs(86_400);
    let now = Timestamp::now();
    let mut first = kept(&path, rules());
    for (text, age) in [("ancient", day * 100), ("old", day * 8), ("new", day * 6)] {
        first.note_at(&event(text).with("took", 1.0), now - age);
    }
    first.note_at(&event("from the future"), now + day * 400);
    assert!(first.journal.finish(LIMIT).await);
    let mut second = kept(&path, rules());
    second.note(&event("now"));
    assert!(second.flush().await);
    // What is of the future stands behind what is not too old: it goes when its turn comes, or when room is wanted.
    assert_eq!(second.texts(), ["new", "from the future", "now"]);
    let hours = Reader::open(&path, dir.path()).unwrap().hours(Timestamp::MIN, Timestamp::MAX, Span::Hour).unwrap();
    assert_eq!(hours.len(), 2, "{hours:?}");
}

async fn many(events: u64, max_size: u64) {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, Rules { max_size, ..rules() });
    let mut largest = 0;
    for number in 1..=events {
        kept.note(
            &event(&format!("event {number} of many, about as long as they are"))
                .with("service", "api")
                .with("n", number),
        );
        if number % 1000 == 0 {
            assert!(kept.flush().await);
            largest = largest.max(kept.journal.condition().bytes);
        }
    }
    assert!(kept.flush().await);
    assert_eq!(kept.journal.condition().dropped, 0);
    assert!(largest <= max_size + (1 << 20), "{largest}");
    let texts = kept.texts();
    assert_eq!(texts.last(), Some(&format!("event {events} of many, about as long as they are")));
    assert!(texts.len() > usize::try_from(max_size / 400).unwrap(), "{} are kept", texts.len());
    assert!(kept.journal.finish(LIMIT).await);
    let file = fs::metadata(&path).unwrap().len();
    assert!(file <= max_size, "{file}");
}

/// Issue 4, item 7: however many come, the file takes no more than it may, and shrinks.
#[tokio::test]
async fn many_events_stay_within_their_room() {
    many(60_000, 4 << 20).await;
}

/// The same with a million.
#[tokio::test]
#[ignore = "a million events take their time"]
async fn a_million_events_stay_within_their_room() {
    many(1_000_000, 20 << 20).await;
}

/// A file that grew under another rule shrinks to the new one.
#[tokio::test]
async fn a_smaller_limit_shrinks_the_file() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut first = kept(&path, rules());
    (0..40_000).for_each(|_| first.note(&event(&"x".repeat(300))));
    while !first.flush().await {}
    assert!(first.journal.finish(LIMIT).await);
    assert!(fs::metadata(&path).unwrap().len() > 1_000_000);
    let mut second = kept(&path, Rules { max_size: 1_000_000, ..rules() });
    second.note(&event("now"));
    assert!(second.flush().await);
    assert!(second.journal.finish(LIMIT).await);
    let len = fs::metadata(&path).unwrap().len();
    assert!(len < 1_000_000, "{len}");
    assert_eq!(second.texts().last().unwrap(), "now");
}

/// Readers never hold the writer up, however long they read.
#[tokio::test]
async fn a_reader_does_not_hold_the_writer_up() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, rules());
    kept.note(&event("one"));
    assert!(kept.flush().await);
    let theirs = Connection::open(&path).unwrap();
    theirs.execute_batch("BEGIN; SELECT * FROM events").unwrap();
    let seen: i64 = theirs.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
    kept.note(&event("two"));
    assert!(kept.flush().await);
    assert_eq!((seen, kept.texts().len()), (1, 2));
    assert!(kept.told.try_recv().is_err());
}

/// Whoever may read a copy, log and all, and write nothing beside it, reads it whole.
#[tokio::test]
async fn a_copy_that_may_not_be_written_to_is_read() {
    let dir = TempDir::new();
    let path = dir.path().join("journal.db");
    let mut kept = kept(&path, rules());
    kept.note(&event("one"));
    assert!(kept.flush().await);
    assert!(dir.path().join("journal.db-wal").exists());
    let copy = TempDir::new();
    for ending in ["", "-wal"] {
        let name = format!("journal.db{ending}");
        fs::copy(dir.path().join(&name), copy.path().join(&name)).unwrap();
    }
    for path in [copy.path().join("journal.db"), copy.path().to_owned()] {
        let mode = if path == copy.path() { 0o500 } else { 0o400 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let reader = Reader::open(&copy.path().join("journal.db"), dir.path()).unwrap();
    let texts: Vec<_> = reader.events(&Query::default(), 9).unwrap().into_iter().map(|it| it.text).collect();
    assert_eq!(texts, ["one"]);
    drop(reader);
    fs::set_permissions(copy.path(), fs::Permissions::from_mode(0o700)).unwrap();
}

/// Design, section 6: a file of each released version is read and gone on with, for ever.
#[tokio::test]
async fn a_file_of_each_version_is_gone_on_with() {
    for version in 1..=VERSION {
        let dir = TempDir::new();
        let path = dir.path().join("journal.db");
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/samples/version-{version}.sql"));
        let sql = fs::read_to_string(&sample).unwrap_or_else(|error| panic!("{}: {error}", sample.display()));
        Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
        let mut kept = kept(&path, Rules { keep: Duration::MAX, hourly: Duration::MAX, ..rules() });
        kept.note(&event("now"));
        assert!(kept.flush().await);
        assert_eq!(kept.texts(), ["gate: 1 dependency ready (2.0 s)", "`shop` is up after 2.1 s", "now"]);
        let reader = Reader::open(&path, dir.path()).unwrap();
        let start = reader.start(Some(1)).unwrap().unwrap();
        assert_eq!(
            (start.life.release.as_deref(), start.outcome.as_deref()),
            (Some("1.4.2"), Some("`shop` is up after 2.1 s"))
        );
        let hours = reader.hours(Timestamp::MIN, start.life.begun, Span::Hour).unwrap();
        assert_eq!((hours[0].subject.as_str(), hours[0].figures["check.pass"].count), ("main", 60));
        assert_eq!(reader.lives(Timestamp::MIN, Timestamp::MAX).unwrap().len(), 2);
    }
}
