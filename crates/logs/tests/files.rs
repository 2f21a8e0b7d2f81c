//! The thread that writes, with real files: rotation, what is missing, what is found again.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use config::{LogFormat, Logs, WhenFull};
use host::SystemClock;
use jiff::Timestamp;
use logs::{FileName, Files, Filter, Follower, History, Line, Origin, Ours};
use proptest::{collection::vec, prelude::*};
use report::{Event, Level, Stream};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    sync::Arc,
    time::Duration,
};
use testkit::{TempDir, wait_for, wait_until};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const LIMIT: Duration = Duration::from_secs(30);

fn settings(dir: &Path) -> Logs {
    Logs { enabled: true, dir: dir.join("logs"), compress: false, ..Logs::default() }
}

fn start(logs: &Logs) -> (Files, UnboundedReceiver<Event>) {
    let (tell, events) = unbounded_channel();
    let ours = Ours { logs: logs.clone(), release: Some("7".into()), clock: Arc::new(SystemClock) };
    (Files::start(ours, tell).unwrap(), events)
}

fn finish(files: &Files) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert!(runtime.block_on(files.finish(LIMIT)));
}

fn lines(logs: &Logs, services: &[&str]) -> Vec<Line> {
    let services: Vec<_> = services.iter().map(|it| (*it).to_owned()).collect();
    let history = History::of(&logs.dir, &services);
    let lines = history.lines(&Filter::default()).collect();
    assert!(history.problems().is_empty(), "{:?}", history.problems());
    lines
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
}

fn names(logs: &Logs) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(&logs.dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// S2.11, S4.12: bytes, streams, release and level; nobody else may read the files.
#[test]
fn what_services_write_is_found_again() {
    let dir = TempDir::new();
    let logs = settings(dir.path());
    let (files, _events) = start(&logs);
    files.take("api", Stream::Stdout, b"INFO one\n\xff\x00two\n\n");
    files.take("bot", Stream::Stderr, "ошибка\n".as_bytes());
    finish(&files);
    let seen = lines(&logs, &["api"]);
    let bytes: Vec<_> = seen.iter().map(|line| line.bytes.as_slice()).collect();
    assert_eq!(bytes, [b"INFO one".as_slice(), b"\xff\x00two", b""]);
    assert_eq!(
        (seen[0].level, seen[0].origin, seen[0].release.as_deref()),
        (Some(Level::Info), Origin::Stdout, Some("7"))
    );
    assert_eq!(lines(&logs, &["bot"])[0].origin, Origin::Stderr);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&logs.dir), mode(&logs.dir.join("api.log"))), (0o700, 0o600));
    assert_eq!(names(&logs), ["api.log", "bot.log"]);
}

/// S2.11: whole lines, in order, none lost, over many files; no file is larger than it may be, and not more are kept.
#[test]
fn files_are_put_aside_between_two_lines() {
    for format in [LogFormat::Json, LogFormat::Raw] {
        let dir = TempDir::new();
        let logs = Logs { format, max_size: 5000, keep: 1000, ..settings(dir.path()) };
        let (files, _events) = start(&logs);
        let wanted: Vec<_> = (0..3000).map(|number| format!("line {number} {}", "x".repeat(number % 50))).collect();
        for some in wanted.chunks(70) {
            files.take("api", Stream::Stdout, (some.join("\n") + "\n").as_bytes());
        }
        finish(&files);
        assert_eq!(texts(&lines(&logs, &["api"])), wanted);
        let sizes: Vec<_> = names(&logs).iter().map(|name| fs::metadata(logs.dir.join(name)).unwrap().len()).collect();
        assert!(sizes.len() > 10 && sizes.iter().all(|size| (1..=5000).contains(size)), "{sizes:?}");
        let last = History::of(&logs.dir, &["api".to_owned()]).last(5, &Filter::default());
        assert_eq!(texts(&last), wanted[2995..]);
        let (files, _events) = start(&Logs { keep: 2, ..logs.clone() });
        wait_until(LIMIT, "old files are removed at the start", || names(&logs).len() == 3);
        drop(files);
    }
}

/// S2.11: a line that is larger than a file has a file of its own.
#[test]
fn a_line_that_is_too_large_for_any_file_is_kept_whole() {
    let dir = TempDir::new();
    let logs = Logs { max_size: 5000, keep: 1000, ..settings(dir.path()) };
    let (files, _events) = start(&logs);
    let large = "x".repeat(1_000_000);
    files.take("api", Stream::Stdout, format!("before\n{large}\nafter\n").as_bytes());
    finish(&files);
    assert_eq!(texts(&lines(&logs, &["api"])), ["before", &large, "after"]);
    assert_eq!(names(&logs).len(), 3);
}

/// S2.11: what was put aside is compressed a moment later, and read like before; half a file of a killed one is removed.
#[test]
fn what_was_put_aside_is_compressed() {
    let dir = TempDir::new();
    let logs = Logs { max_size: 5000, keep: 1000, compress: true, ..settings(dir.path()) };
    fs::create_dir(&logs.dir).unwrap();
    let half = FileName::aside("api", Timestamp::UNIX_EPOCH).compressed();
    fs::write(logs.dir.join(format!("{half}.tmp")), "half").unwrap();
    fs::write(logs.dir.join("mine.log.1"), "not yours").unwrap();
    let (files, _events) = start(&logs);
    let wanted: Vec<_> = (0..500).map(|number| format!("line {number}")).collect();
    files.take("api", Stream::Stdout, (wanted.join("\n") + "\n").as_bytes());
    wait_until(LIMIT, "all but the newest are compressed", || {
        let names = names(&logs);
        names.len() > 5
            && names.iter().all(|name| name.ends_with(".zst") || ["api.log", "mine.log.1"].contains(&name.as_str()))
    });
    finish(&files);
    assert_eq!(texts(&lines(&logs, &["api"])), wanted);
    let zst = names(&logs).into_iter().find(|name| name.ends_with(".zst")).unwrap();
    assert_eq!(fs::metadata(logs.dir.join(zst)).unwrap().permissions().mode() & 0o777, 0o600);
}

/// S2.11: a line that was cut off by a kill is closed by the next start; both are found.
#[test]
fn no_line_is_glued_to_one_that_was_cut_off() {
    let dir = TempDir::new();
    let logs = settings(dir.path());
    fs::create_dir(&logs.dir).unwrap();
    fs::write(logs.dir.join("api.log"), "{\"time\":\"2026-11-24T10:00:00.000000Z\",\"serv").unwrap();
    let (files, _events) = start(&logs);
    files.take("api", Stream::Stdout, b"after\n");
    finish(&files);
    assert_eq!(texts(&lines(&logs, &["api"])), ["{\"time\":\"2026-11-24T10:00:00.000000Z\",\"serv", "after"]);
}

/// S2.11: on a full disk everything goes on; it is told, and the file says how many lines are missing once it can be written again.
#[test]
fn a_full_disk_is_told_and_counted() {
    let dir = TempDir::new();
    let logs = settings(dir.path());
    fs::create_dir(&logs.dir).unwrap();
    symlink("/dev/full", logs.dir.join("api.log")).unwrap();
    let (files, mut events) = start(&logs);
    files.take("api", Stream::Stdout, b"one\ntwo\n");
    let broken = wait_for(LIMIT, "it is told", || events.try_recv().ok());
    assert_eq!((broken.name, broken.level), ("logs.broken", Level::Error));
    assert!(broken.text.contains("No space left on device"), "{}", broken.text);
    files.take("api", Stream::Stdout, b"three\n");
    files.take("bot", Stream::Stdout, b"others are kept\n");
    fs::remove_file(logs.dir.join("api.log")).unwrap();
    let mended = wait_for(LIMIT, "it is told that it works again", || events.try_recv().ok());
    assert_eq!(mended.name, "logs.mended");
    assert_eq!(mended.field("missing"), Some(&3u64.into()));
    files.take("api", Stream::Stdout, b"four\n");
    finish(&files);
    let seen = lines(&logs, &["api"]);
    assert_eq!((seen[0].origin, seen[0].level), (Origin::Mainstay, Some(Level::Warn)));
    let gap =
        "missing here: 3 lines, for they could not be written: write `[FILE]`: No space left on device (os error 28)";
    let gap = gap.replace("[FILE]", &logs.dir.join("api.log").display().to_string());
    assert_eq!(texts(&seen), [gap, "four".to_owned()]);
    assert_eq!(texts(&lines(&logs, &["bot"])), ["others are kept"]);
}

/// S2.11: what somebody else moves away is begun anew.
#[test]
fn a_file_that_was_moved_away_is_begun_anew() {
    let dir = TempDir::new();
    let logs = settings(dir.path());
    let (files, _events) = start(&logs);
    files.take("api", Stream::Stdout, b"old\n");
    let path = logs.dir.join("api.log");
    wait_until(LIMIT, "it is written", || path.exists());
    fs::rename(&path, dir.path().join("elsewhere")).unwrap();
    wait_until(LIMIT, "there is a new one", || {
        files.take("api", Stream::Stdout, b"new\n");
        path.exists()
    });
    finish(&files);
    assert!(fs::read_to_string(dir.path().join("elsewhere")).unwrap().contains("old"));
    assert_eq!(texts(&lines(&logs, &["api"])).last().unwrap(), "new");
}

/// S2.11: who follows gets a great deal in parts, each so great that it can be kept, and misses nothing.
#[test]
fn a_great_deal_is_followed_in_parts() {
    let dir = TempDir::new();
    let logs = Logs { max_size: 1 << 30, ..settings(dir.path()) };
    let (files, _events) = start(&logs);
    files.take("api", Stream::Stdout, b"before\n");
    wait_until(LIMIT, "it is written", || logs.dir.join("api.log").metadata().is_ok_and(|facts| facts.len() > 0));
    let mut follower = Follower::behind(&logs.dir, History::of(&logs.dir, &["api".to_owned()]), true);
    let block = "some line or other, of no importance\n".repeat(1000);
    for _ in 0..200 {
        files.take("api", Stream::Stdout, block.as_bytes());
    }
    finish(&files);
    let (filter, mut parts) = (Filter::default(), Vec::new());
    while parts.is_empty() || follower.is_behind() {
        parts.push(follower.more(&filter).len());
    }
    assert_eq!(parts.iter().sum::<usize>(), 200_000, "{parts:?}");
    assert!(parts.len() > 1, "{parts:?}");
}

/// S2.11: with `drop`, what is in the file and what is counted is all there was; the places are marked.
#[test]
fn what_is_left_out_is_counted_to_the_line() {
    let dir = TempDir::new();
    let logs = Logs { when_full: WhenFull::Drop, buffer: 70_000, ..settings(dir.path()) };
    let (files, mut events) = start(&logs);
    let block: String = (0..1000).map(|_| "some line or other, of no importance\n").collect();
    for _ in 0..200 {
        files.take("api", Stream::Stdout, block.as_bytes());
    }
    finish(&files);
    drop(files);
    let mut told = 0;
    while let Some(event) = events.blocking_recv() {
        assert_eq!(event.name, "logs.dropped");
        told += event.text.split(' ').next().unwrap().parse::<u64>().unwrap();
    }
    let seen = lines(&logs, &["api"]);
    let (ours, theirs): (Vec<_>, Vec<_>) = seen.into_iter().partition(|line| line.origin == Origin::Mainstay);
    let gap = |line: &String| line.split(' ').nth(3).unwrap().parse::<u64>().unwrap();
    let counted: u64 = texts(&ours).iter().map(gap).sum();
    assert_eq!((theirs.len() as u64 + counted, told), (200_000, counted));
}

/// S2.11: `-f` sees every line once and in order, while files are put aside and removed behind it.
#[test]
fn who_follows_misses_nothing() {
    let dir = TempDir::new();
    let logs = Logs { max_size: 5000, keep: 1000, compress: true, ..settings(dir.path()) };
    let (files, _events) = start(&logs);
    files.take("api", Stream::Stdout, b"before\n");
    wait_until(LIMIT, "it is written", || logs.dir.join("api.log").metadata().is_ok_and(|facts| facts.len() > 0));
    let history = History::of(&logs.dir, &["api".to_owned()]);
    let filter = Filter::default();
    let mut seen = texts(&history.last(10, &filter));
    let mut follower = Follower::behind(&logs.dir, history, true);
    let numbers: Vec<_> = (0..4000).map(|number| format!("line {number}")).collect();
    for some in numbers.chunks(37) {
        files.take("api", Stream::Stdout, (some.join("\n") + "\n").as_bytes());
        seen.extend(texts(&follower.more(&filter)));
    }
    files.take("new", Stream::Stdout, b"a service that was not there\n");
    finish(&files);
    seen.extend(texts(&follower.more(&filter)));
    let theirs = seen.iter().position(|line| line.starts_with("a service")).map(|at| seen.remove(at));
    assert!(theirs.is_some());
    assert_eq!(seen[0], "before");
    assert_eq!(seen[1..], numbers);
}

/// S2.11: only what is asked for, also of files that need not be opened.
#[test]
fn times_choose_files() {
    let dir = TempDir::new();
    let logs = settings(dir.path());
    fs::create_dir(&logs.dir).unwrap();
    let at = |second| Timestamp::from_second(second).unwrap();
    let json = |second: i64| {
        let mut out = Vec::new();
        let line = |bytes: &[u8]| Line::read(bytes, "api", at(second));
        line(format!("at {second}").as_bytes()).write_json(&mut out);
        out
    };
    fs::write(logs.dir.join(FileName::aside("api", at(10)).to_string()), [json(5), json(9)].concat()).unwrap();
    fs::write(logs.dir.join(FileName::aside("api", at(20)).to_string()), [json(11), json(19)].concat()).unwrap();
    fs::write(logs.dir.join("api.log"), [json(21), json(25)].concat()).unwrap();
    let history = History::of(&logs.dir, &["api".to_owned()]);
    let asked = |since: Option<i64>, until: Option<i64>| {
        let filter = Filter { since: since.map(at), until: until.map(at), ..Filter::default() };
        let lines: Vec<_> = history.lines(&filter).collect();
        assert_eq!(history.last(100, &filter), lines);
        texts(&lines).join(", ")
    };
    assert_eq!(asked(None, None), "at 5, at 9, at 11, at 19, at 21, at 25");
    assert_eq!(asked(Some(9), Some(21)), "at 9, at 11, at 19, at 21");
    assert_eq!(asked(Some(20), None), "at 21, at 25");
    assert_eq!(asked(None, Some(10)), "at 5, at 9");
    let file = FileName::aside("api", at(10)).to_string();
    fs::set_permissions(logs.dir.join(&file), fs::Permissions::from_mode(0o000)).unwrap();
    assert_eq!(asked(Some(15), None), "at 19, at 21, at 25");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// S2.11: however lines come and however small the files are, each comes back once, whole and in order, and no file is larger than it
    /// may be unless it holds one line alone.
    #[test]
    fn rotation_keeps_every_line(
        blocks in vec((any::<bool>(), vec(vec(any::<u8>().prop_map(|byte| if byte == b'\n' { 0xff } else { byte }), 0..300), 1..8)), 1..30),
        max_size in 300u64..4000, raw: bool,
    ) {
        let dir = TempDir::new();
        let format = if raw { LogFormat::Raw } else { LogFormat::Json };
        let logs = Logs { format, max_size, keep: 1000, ..settings(dir.path()) };
        let (files, _events) = start(&logs);
        let mut wanted: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
        for (first, lines) in &blocks {
            let service = if *first { "a" } else { "b" };
            let block: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
            files.take(service, Stream::Stdout, &block);
            wanted.entry(service).or_default().extend(lines.iter().cloned());
        }
        finish(&files);
        for (service, wanted) in wanted {
            let seen: Vec<_> = lines(&logs, &[service]).into_iter().map(|line| line.bytes).collect();
            prop_assert_eq!(seen, wanted);
        }
        for name in names(&logs) {
            let text = fs::read(logs.dir.join(name)).unwrap();
            prop_assert!(text.ends_with(b"\n"));
            prop_assert!(text.len() as u64 <= max_size || text.iter().filter(|byte| **byte == b'\n').count() == 1);
        }
    }
}
