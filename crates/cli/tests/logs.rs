//! The lines of services in files, and `mainstay logs`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::{Command, Stdio},
};
use support::{LIMIT, is_root, mainstay, names};
use testkit::{Cluster, Test, wait_until};

/// An application whose services write with `scripts`, once.
fn app(scripts: &[(&str, &str)], settings: &str) -> Test {
    let service = |(name, script): &(&str, &str)| {
        format!("[services.{name}]\ncommand = [\"sh\", \"{name}.sh\"]\nrestart = \"never\"\n# {}\n", script.len())
    };
    let services: String = scripts.iter().map(service).collect();
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human");
    let test = test.file("mainstay.toml", &format!("name = \"shop\"\n{services}[logs]\n{settings}"));
    scripts.iter().fold(test, |test, (name, script)| test.file(&format!("{name}.sh"), script))
}

/// Every line of the files, by `mainstay logs --json`.
fn kept(test: &Test) -> Vec<Value> {
    let output = test.again().args(["logs", "--json"]).run();
    output.code(0);
    output.raw_stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn messages(lines: &[Value], service: &str) -> Vec<String> {
    let own = lines.iter().filter(|line| line["service"] == service);
    own.map(|line| line["msg"].as_str().unwrap().to_owned()).collect()
}

/// Ten children that write as fast as they can; every line says whose it is and the how-manieth.
fn ten_children(lines: usize, settings: &str) -> Test {
    let names: Vec<_> = (0..10).map(|number| format!("s{number}")).collect();
    let script = format!(
        "exec awk -v s=$0 'BEGIN {{ for (i = 1; i <= {lines}; i++) print s, \"line\", i, \"of many, as long as most\" }}'"
    );
    let scripts: Vec<_> = names.iter().map(|name| (name.as_str(), script.as_str())).collect();
    app(&scripts, settings)
}

#[track_caller]
fn nothing_is_lost(test: &Test, lines: usize) {
    let output = test.again().args(["logs", "--json"]).spawn().wait(10 * LIMIT);
    output.code(0);
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for line in output.raw_stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let service = line["service"].as_str().unwrap();
        let number = next.entry(service.to_owned()).or_default();
        *number += 1;
        assert_eq!(line["msg"], format!("{service}.sh line {number} of many, as long as most"));
    }
    assert_eq!(next.values().copied().collect::<Vec<_>>(), [lines; 10]);
}

/// S2.11, S4.12: of ten children that write at full speed no line is lost, split or out of order, over many files.
#[test]
fn ten_children_at_full_speed_lose_nothing() {
    let test = ten_children(10_000, "max_size = \"200KB\"\nkeep = 1000\n");
    let output = test.again().args(["up"]).run();
    output.code(0);
    assert_eq!(output.raw_stdout.lines().count(), 100_000, "all of them are shown too");
    nothing_is_lost(&test, 10_000);
    let files = names(&test.path().join("data/logs"));
    assert!(files.len() > 50, "{files:?}");
}

/// S2.11: the same with a million.
#[test]
#[ignore = "a million lines take their time"]
fn a_million_lines_of_ten_children_at_full_speed() {
    let test = ten_children(100_000, "max_size = \"2MB\"\nkeep = 1000\necho = false\n");
    test.again().args(["up"]).spawn().wait(10 * LIMIT).code(0).stdout_is("");
    nothing_is_lost(&test, 100_000);
}

/// S2.11: as raw files hold the lines alone, and drop nothing either.
#[test]
fn raw_files_hold_the_lines_alone() {
    let test = app(&[("api", "printf 'one\\r\\n\\377\\000two\\n\\nend'")], "format = \"raw\"\n");
    test.again().args(["up"]).run().code(0);
    assert_eq!(fs::read(test.path().join("data/logs/api.log")).unwrap(), b"one\n\xff\0two\n\nend\n");
}

/// S2.11: when mainstay is killed in the middle, what has reached the files is there: from the first line on, without a gap, and the next start
/// goes on behind it.
#[test]
fn a_killed_mainstay_loses_nothing_that_it_wrote() {
    let script = "exec awk 'BEGIN { for (i = 1; ; i++) print \"line\", i }'";
    let test = app(&[("a", script), ("b", script)], "max_size = \"500KB\"\nkeep = 1000\necho = false\n");
    let mut running = test.again().args(["up"]).spawn();
    let dir = test.path().join("data/logs");
    let files = |service: &str| names(&dir).iter().filter(|name| name.starts_with(service)).count();
    wait_until(LIMIT, "several files of both are written", || files("a") > 3 && files("b") > 3);
    running.kill9();
    let check = |test: &Test| {
        let lines = kept(test);
        for service in ["a", "b"] {
            let own: Vec<_> = messages(&lines, service).into_iter().take_while(|text| text != "again").collect();
            let whole = own.iter().filter(|text| !text.starts_with('{'));
            let numbered = whole.zip(1..).all(|(text, number)| *text == format!("line {number}"));
            assert!(numbered && own.len() > 1000, "{service} has {}", own.len());
        }
        lines
    };
    check(&test);
    let again = test.again().file("a.sh", "echo again").file("b.sh", "echo again");
    again.again().args(["up"]).run().code(0);
    let lines = check(&again);
    assert_eq!([messages(&lines, "a").last().unwrap(), messages(&lines, "b").last().unwrap()], ["again", "again"]);
}

/// S2.11: bytes, lines of a megabyte, and a last line without its end are kept as they were.
#[test]
fn binary_and_very_long_lines_are_kept_whole() {
    let script = "printf 'a\\000\\377\\n'; head -c 1000000 /dev/zero | tr '\\000' x; printf '\\nno end'";
    let test = app(&[("api", script)], "max_size = \"100KB\"\n");
    test.again().args(["up"]).run().code(0);
    let lines = kept(&test);
    assert_eq!((lines[0]["msg"].as_str().unwrap(), lines[0]["base64"].as_str().unwrap()), ("a\0\u{fffd}", "YQD/"));
    assert_eq!(lines[1]["msg"].as_str().unwrap(), "x".repeat(1_000_000));
    assert_eq!(lines[2]["msg"], "no end");
    let bytes = Command::new(env!("CARGO_BIN_EXE_mainstay"))
        .args(["logs", "-n", "3"])
        .current_dir(test.path())
        .output()
        .unwrap();
    assert!(bytes.stdout.windows(4).any(|some| some == b"a\0\xff\n"), "shown as they were written");
}

/// S2.11: secrets are taken out of the files as well; each line has the release.
#[test]
fn secrets_are_masked_and_the_release_is_told() {
    let test = app(&[("api", "echo \"the token is $API_TOKEN\"")], "")
        .env("API_TOKEN", "s3cret-t0ken")
        .env("MAINSTAY_RELEASE", "1.4.2");
    test.again().args(["up"]).run().code(0).stdout_is("api      | the token is ***\n");
    let text = fs::read_to_string(test.path().join("data/logs/api.log")).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((line["msg"].as_str(), line["release"].as_str()), (Some("the token is ***"), Some("1.4.2")));
    assert_eq!(test.again().args(["logs", "--release", "1.4.1"]).run().raw_stdout, "");
    assert_eq!(test.again().args(["logs", "--release", "1.4.2"]).run().raw_stdout.lines().count(), 1);
}

/// S2.11: a disk that is full from the first line on: the service runs to its end, every line is shown, and it is told.
#[test]
fn a_full_disk_ends_nothing() {
    let test = app(&[("api", "echo one; echo two")], "");
    fs::create_dir_all(test.path().join("data/logs")).unwrap();
    symlink("/dev/full", test.path().join("data/logs/api.log")).unwrap();
    let output = test.again().args(["up"]).run();
    output.code(0).stdout_is("api      | one\napi      | two\n");
    output.stderr_has(
        "error: the lines of api cannot be kept: write `[DIR]/data/logs/api.log`: No space left on device (os error 28); \
         the service goes on",
    );
}

/// An application whose log file takes no more than a pipe does: a disk that hangs.
fn on_a_hanging_disk(script: &str, settings: &str) -> Test {
    let test = app(&[("api", script)], &format!("buffer = \"64KB\"\necho = false\n{settings}"));
    fs::create_dir_all(test.path().join("data/logs")).unwrap();
    let made = Command::new("mkfifo").arg(test.path().join("data/logs/api.log")).status().unwrap();
    assert!(made.success());
    test
}

/// S2.11: when the disk hangs, services wait once the buffer is full, which is told; mainstay does not wait, and nothing is lost.
#[test]
fn a_hanging_disk_is_waited_for() {
    // More than the pipes and the buffer hold together.
    let script = "awk 'BEGIN { for (i = 1; i <= 200000; i++) print \"line\", i }'; touch ended";
    let test = on_a_hanging_disk(script, "format = \"raw\"\n");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("warn: services wait until their lines are written: the disk is slower than they are", LIMIT);
    assert!(!test.path().join("ended").exists());
    let pipe = fs::File::open(test.path().join("data/logs/api.log")).unwrap();
    let lines = BufReader::new(pipe).lines().take(200_000).map(Result::unwrap);
    assert!(lines.eq((1..=200_000).map(|number| format!("line {number}"))));
    running.wait(LIMIT).code(0);
}

/// S2.11: with `drop` nobody waits, not even at the end; that lines are missing is told.
#[test]
fn nobody_waits_for_a_hanging_disk_with_drop() {
    let script = "for i in $(seq 40000); do echo line $i; done; touch ended";
    let test = on_a_hanging_disk(script, "when_full = \"drop\"\n");
    let output = test.again().args(["up"]).run();
    output.code(0).stderr_has("warn: the last lines of the services are not in their files: the disk is too slow");
    assert!(test.path().join("ended").exists());
}

/// A disk of 300 kB in a mount namespace of its own; `$1` is mainstay. It is filled, then there is room again.
const SCRIPT: &str = r#"
mount -t tmpfs -o size=300k none data || exit 90
"$1" up & mainstay=$!
until grep -q 'cannot be kept' told; do sleep 0.05; done
mount -o remount,size=20m data || exit 91
touch more
wait $mainstay; echo "exit $?"
cp -r data/logs kept
"#;

/// S2.11: a disk that becomes full while a service writes, and has room again later: it is told both times, what is missing is counted to the
/// line and marked at its place. Only root can make such a disk; for others `/dev/full` in the tests of the crate is all.
#[test]
fn a_disk_that_was_full_for_a_while() {
    if !is_root() {
        return;
    }
    let service = "awk 'BEGIN { for (i = 1; i <= 5000; i++) print \"line\", i }'
until test -e more; do sleep 0.05; done
until grep -q 'kept again' told; do sleep 0.05; done; echo the end";
    let test = app(&[("api", service)], "compress = false\n")
        .script("disk.sh", &format!("#!/bin/sh\nexec 2>told\n{SCRIPT}"))
        .below("data");
    let line = format!("cd '{}' && exec ./disk.sh '{}'", test.path().display(), env!("CARGO_BIN_EXE_mainstay"));
    let unshare =
        Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin").env("MAINSTAY_LOG_FORMAT", "human");
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(0).stdout_has("exit 0");
    let told = test.read("told");
    assert!(told.contains("the lines of api cannot be kept") && told.contains("No space left on device"), "{told}");
    let text = fs::read_to_string(test.path().join("kept/api.log")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (ours, theirs): (Vec<&Value>, Vec<_>) = lines.iter().partition(|line| line["stream"] == "mainstay");
    // A short line may still find room where a long one did not, so there may be several gaps.
    let gap = |line: &&Value| line["msg"].as_str().unwrap().split(' ').nth(2).unwrap().parse::<usize>().unwrap();
    let missing: Vec<usize> = ours.iter().map(gap).collect();
    assert_eq!(theirs.len() + missing.iter().sum::<usize>(), 5001, "{told}");
    for missing in missing {
        assert!(
            told.contains(&format!("the lines of api are kept again; missing in its file: {missing} line")),
            "{told}"
        );
    }
    assert_eq!(theirs.last().unwrap()["msg"], "the end");
}

/// S2.11: `run` keeps nothing by itself, for a container's lines belong to whoever runs it; a directory is enough to have it otherwise.
#[test]
fn run_keeps_lines_only_where_it_is_told() {
    let test = mainstay().args(["run", "--", "echo", "hello"]);
    test.run().code(0).stdout_is("hello\n");
    assert!(names(test.path()).is_empty());
    let kept = test.env("MAINSTAY_LOGS_DIR", "kept");
    kept.run().code(0).stdout_is("hello\n");
    assert!(kept.read("kept/app.log").contains("\"msg\":\"hello\""));
    kept.again().args(["logs"]).run().code(0).stdout_is("[WHEN] app | hello\n");
}

/// Two services with old files, compressed and not, a torn line and lines of ours.
fn written() -> Test {
    let line = |at: &str, service: &str, rest: &str| {
        format!("{{\"time\":\"2026-11-24T{at}Z\",\"service\":\"{service}\",\"stream\":\"stdout\",{rest}}}\n")
    };
    let api = line("10:00:00.000001", "api", "\"level\":\"info\",\"release\":\"1\",\"msg\":\"INFO up\"")
        + &line("10:00:02.000000", "api", "\"level\":\"error\",\"release\":\"1\",\"msg\":\"ERROR it broke\"")
        + &line("10:00:02.000000", "api", "\"release\":\"1\",\"msg\":\"  in this place\"");
    let now = line("10:00:04.000000", "api", "\"level\":\"warn\",\"release\":\"2\",\"msg\":\"WARN slow\"")
        + "{\"time\":\"2026-11-24T10:0\n"
        + &line("10:00:06.000000", "api", "\"release\":\"2\",\"msg\":\"done\"");
    let worker = "2026-11-24 10:00:01,500 INFO raw\nand on\n2026-11-24 10:00:05,000 ERROR raw\n";
    let test = app(&[("api", ""), ("worker", "")], "");
    let test = test.file("data/logs/api.log.20261124T100003.000000Z", &api).file("data/logs/api.log", &now);
    let test = test.file("data/logs/worker.log", worker).file("data/logs/other.txt", "not a log");
    fs::set_permissions(test.path().join("data/logs/api.log"), fs::Permissions::from_mode(0o600)).unwrap();
    test
}

#[track_caller]
fn shown(test: &Test, arguments: &[&str]) -> String {
    let output = test.again().args(["logs"]).args(arguments.iter().copied()).run();
    output.code(0).stderr_is("");
    let short = |line: &str| line.replacen("2026-11-24T10:00:0", "", 1) + "\n";
    output.raw_stdout.lines().map(short).collect()
}

/// S2.11: several services by time, whatever their files look like.
#[test]
fn several_services_are_merged_by_time() {
    let all = "\
0.000Z api    | INFO up
1.500Z worker | 2026-11-24 10:00:01,500 INFO raw
1.500Z worker | and on
2.000Z api    | ERROR it broke
2.000Z api    |   in this place
4.000Z api    | WARN slow
4.000Z api    | {\"time\":\"2026-11-24T10:0
5.000Z worker | 2026-11-24 10:00:05,000 ERROR raw
6.000Z api    | done
";
    let test = written();
    assert_eq!(shown(&test, &[]), all);
    assert_eq!(shown(&test, &["worker", "api"]), all);
    let last: Vec<_> = all.lines().skip(6).collect();
    assert_eq!(shown(&test, &["-n", "3"]), last.join("\n") + "\n");
    assert_eq!(shown(&test, &["-n", "0"]), "");
    let json = test.again().args(["logs", "api", "-n", "1", "--json"]).run();
    assert_eq!(
        json.raw_stdout,
        "{\"time\":\"2026-11-24T10:00:06.000000Z\",\"service\":\"api\",\"stream\":\"stdout\",\"release\":\"2\",\"msg\":\"done\"}\n"
    );
}

/// S2.11, S1.13: by time, text, level and release.
#[test]
fn only_what_is_asked_for_is_shown() {
    let test = written();
    assert_eq!(
        shown(&test, &["--since", "2026-11-24 10:00:05", "--until", "2026-11-24T10:00:05.5Z"]),
        "5.000Z worker | 2026-11-24 10:00:05,000 ERROR raw\n"
    );
    assert_eq!(shown(&test, &["--grep", "^(INFO|d.ne)"]), "0.000Z api    | INFO up\n6.000Z api    | done\n");
    assert_eq!(
        shown(&test, &["--errors"]),
        "2.000Z api    | ERROR it broke\n2.000Z api    |   in this place\n5.000Z worker | 2026-11-24 10:00:05,000 ERROR raw\n"
    );
    assert_eq!(shown(&test, &["api", "--level", "warn", "--release", "2"]), "4.000Z api | WARN slow\n");
}

/// S2.11: `-f` shows lines as they come, also of a service that begins only then, and ends with Ctrl-C.
#[test]
fn who_follows_sees_lines_as_they_come() {
    let wait = "until test -e go; do sleep 0.02; done; for i in $(seq 2000); do echo line $i; done";
    let test = app(&[("api", wait), ("late", wait)], "max_size = \"20KB\"\nkeep = 1000\necho = false\n");
    let follower = test.again().args(["logs", "-f"]).spawn();
    let mut up = test.again().args(["up"]).spawn();
    up.wait_for_line("is up after", LIMIT);
    let test = test.file("go", "");
    up.wait(LIMIT).code(0);
    wait_until(LIMIT, "all lines are shown", || follower.stdout().lines().count() == 4000);
    follower.interrupt();
    let output = follower.wait(LIMIT);
    output.code(130).stderr_is("");
    for service in ["api", "late"] {
        let own = output
            .raw_stdout
            .lines()
            .filter_map(|line| line.split_once(&format!("{service:<4} | ")))
            .map(|(_, text)| text);
        assert!(own.eq((1..=2000).map(|number| format!("line {number}")).collect::<Vec<_>>()), "{service}");
    }
    drop(test);
}

/// S2.11: who has seen enough ends it quietly, also when nothing comes any more.
#[test]
fn a_closed_output_ends_it_quietly() {
    let test = written();
    for arguments in [["logs", "-n", "100"], ["logs", "-f", "--json"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_mainstay"))
            .args(arguments)
            .current_dir(test.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        wait_until(LIMIT, "it ends", || child.try_wait().unwrap().is_some());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""), "{first}");
    }
}

/// S2.11: files of somebody else are told, and the rest is shown.
#[test]
fn a_file_that_may_not_be_read_is_told() {
    let test = written();
    fs::remove_file(test.path().join("data/logs/worker.log")).unwrap();
    symlink("worker.log", test.path().join("data/logs/worker.log")).unwrap();
    let output = test.again().args(["logs", "-n", "1"]).run();
    output.code(3).stdout_is("[WHEN] api    | done\n").stderr_is(
        "
        warning: some lines cannot be shown
          seen: open `[DIR]/data/logs/worker.log`: Too many levels of symbolic links (os error 40)
          hint: run as the user that mainstay runs as
        ",
    );
}

/// S1.13: the own log of a PostgreSQL on this machine, also while it is down to nobody, merged with the lines of a service.
#[test]
fn the_log_of_the_database_is_shown_too() {
    let cluster = Cluster::start();
    let settings = format!("[databases.main]\nurl = \"{}\"\n", cluster.url());
    let test = app(&[("api", "")], &settings);
    let all = test.again().args(["logs", "--database", "main"]).run();
    all.code(0).stdout_has("database system is ready to accept connections").stderr_is("");
    let grep =
        test.again().args(["logs", "--database", "main", "--grep", "ready to accept", "-n", "1", "--json"]).run();
    let line: Value = serde_json::from_str(&grep.raw_stdout).unwrap();
    assert_eq!((line["service"].as_str(), line["level"].as_str()), (Some("main"), Some("info")));
    let test = test.file("data/logs/api.log", "one\n");
    let both = test.again().args(["logs", "api", "--database", "main"]).run();
    both.code(0).stdout_has("api  | one").stdout_has("main | ");
}

/// S1.13: whoever follows the log of a PostgreSQL goes on with its next file.
#[test]
fn the_next_file_of_the_database_is_followed() {
    let collected =
        "logging_collector = on\nlog_directory = 'log'\nlog_filename = 'server-%f.log'\n".replace("%f", "%Y%m%d%H%M%S");
    let cluster = Cluster::builder().conf(collected).start();
    let test = app(&[("api", "")], &format!("[databases.main]\nurl = \"{}\"\n", cluster.url()));
    let mut following = test.again().args(["logs", "-f", "--database", "main"]).spawn();
    following.wait_for_line("database system is ready to accept connections", LIMIT);
    let files = || fs::read_dir(cluster.data_dir().join("log")).unwrap().count();
    wait_until(LIMIT, "it writes to another file", || {
        cluster.psql("select pg_rotate_logfile()");
        files() > 1
    });
    cluster.psql("do $$ begin raise warning 'after the rotation'; end $$");
    following.wait_for_line("after the rotation", LIMIT);
}

/// S2.11: what the other tests rely on: files are ours alone.
#[test]
fn nobody_else_reads_the_files() {
    let test = app(&[("api", "echo one")], "");
    test.again().args(["up"]).run().code(0);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let logs = test.path().join("data/logs");
    assert_eq!((mode(&logs), mode(&logs.join("api.log"))), (0o700, 0o600));
}
