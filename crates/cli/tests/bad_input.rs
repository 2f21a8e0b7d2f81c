//! Everything that can be written, set or found wrongly: the whole of what is told, the exit code, and that nothing was half done.
//!
//! The cases are in `bad_input/*.txt`. A case begins with `## what is wrong`. Then, in order:
//! `### file NAME` writes what follows, `### rename OLD NEW`, `### env NAME=VALUE`, and `### run ARGUMENTS` runs mainstay and expects what
//! follows on standard error, with `exit CODE` as the last line. Standard output must stay empty, and afterwards there must be no file that
//! the case did not write itself, but for those of `### left NAME…`. `UPDATE=1` in the environment writes what was really told.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::TcpListener,
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    sync::Arc,
};
use support::{LIMIT, is_root, mainstay, names};
use testkit::{Cluster, TempDir, Test, find_component};

/// Broken TOML, unknown keys, wrong types, missing variables, circles, sections of later versions, `.env`: all at once, never a password.
#[test]
fn what_is_written_wrongly_is_told_with_its_place() {
    check("configuration.txt", &[]);
}

#[test]
fn what_is_typed_or_set_wrongly_is_told() {
    check("usage.txt", &[]);
}

/// S2.2: data directories that are not there, and ports and commands that cannot be had.
#[test]
fn what_the_machine_refuses_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let us: Vec<_> = std::env::args().collect();
    check(
        "machine.txt",
        &[
            ("{taken}", &taken.local_addr().unwrap().to_string()),
            ("{us}", &std::process::id().to_string()),
            ("{our-command}", &us.join(" ")),
        ],
    );
}

#[test]
fn damaged_sqlite_files_are_told() {
    check("sqlite.txt", &[]);
}

#[test]
fn a_cut_off_sqlite_file_is_told() {
    let test = mainstay().env("MAINSTAY_LOG_LEVEL", "error").file(
        "migrations/0001_much.sql",
        "create table much (text text);\n\
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 500)\n\
         insert into much select hex(randomblob(500)) from n;\n",
    );
    test.again().args(["migrate", "up", "--database", "sqlite:app.db", "--dir", "migrations"]).run().code(0);
    fs::File::options().write(true).open(test.path().join("app.db")).unwrap().set_len(100 * 1024).unwrap();
    test.args(["wait", "sqlite:app.db"]).run().code(2).stdout_is("").stderr_is(
        "
        error: `sqlite` cannot become ready by waiting
          seen: sqlite:[DIR]/app.db
          seen: down: [DIR]/app.db: the database is damaged: database disk image is malformed (SQLITE_CORRUPT)
          hint: restore it from a backup, or save what can be read with `sqlite3 FILE .recover`
        ",
    );
}

#[test]
fn migrations_that_cannot_be_applied_are_told() {
    check("migrations.txt", &[]);
}

#[test]
fn migrations_that_postgresql_refuses_are_told_and_nothing_of_them_is_kept() {
    let cluster = Cluster::start();
    check("postgres.txt", &[("{url}", &cluster.url())]);
    assert_eq!(cluster.psql("select to_regclass('before'), count(*) from schema_migrations"), "|0");
}

/// A wrong password is told after the second try; a missing role or database after a time in which it may yet be made.
#[test]
fn a_database_that_denies_us_is_told_whatever_is_wrong() {
    let cluster = Cluster::builder().password("r1ght-pass").start();
    let url = |user: &str, database: &str| cluster.url_of(user, database);
    check(
        "denied.txt",
        &[
            ("{wrong-password}", &url("app:wr0ng-pass", "app")),
            ("{no-password}", &url("app", "app")),
            ("{wrong-database}", &url("app:r1ght-pass", "nope")),
        ],
    );
}

/// Two that take their time, side by side.
#[test]
fn a_missing_role_or_database_ends_the_wait_after_a_while() {
    let cluster = Cluster::start();
    let wait = |user: &str, database: &str| {
        mainstay().args(["--log-level", "error", "wait", &cluster.url_of(user, database), "--interval", "5s"]).spawn()
    };
    let (role, database) = (wait("nobody", "postgres"), wait("postgres", "nope"));
    role.wait(LIMIT).code(2).stdout_is("").stderr_is(
        "
        error: `postgres` cannot become ready by waiting
          seen: postgres://nobody@127.0.0.1:[PORT]/postgres
          seen: denied: role \"nobody\" does not exist (SQLSTATE 28000)
          hint: create the role (`CREATE ROLE name LOGIN`), or let pg_hba.conf admit it from here
        ",
    );
    database.wait(LIMIT).code(2).stdout_is("").stderr_is(
        "
        error: `postgres` cannot become ready by waiting
          seen: postgres://postgres@127.0.0.1:[PORT]/nope
          seen: denied: database \"nope\" does not exist (SQLSTATE 3D000)
          hint: create the database (`createdb name`), or correct its name
        ",
    );
}

/// S2.2
#[test]
fn a_read_only_mount_is_told() {
    let dir = Arc::new(TempDir::new());
    let test = Test::within(find_component("unshare"), &dir).file("mainstay.toml", API).file("data/kept", "");
    let script = "mount --bind data data && mount -o remount,ro,bind data && exec \"$0\" up";
    let flags = if is_root() { "-m" } else { "-rm" };
    test.args([flags, "sh", "-c", script, env!("CARGO_BIN_EXE_mainstay")]).run().code(2).stdout_is("").stderr_is(
        "
        time=[WHEN] level=error event=step.failed msg=\"prepare: the data directory `[DIR]/data` cannot be written to\" step=prepare took=[TIME] reason=\"the data directory `[DIR]/data` cannot be written to\"
        error: the data directory `[DIR]/data` cannot be written to
          seen: the file system at `[DIR]/data` is mounted read-only
          hint: mount it read-write, or change `data`
        ",
    );
    assert_eq!(names(dir.path()), ["data", "data/kept", "mainstay.toml"]);
}

/// S2.2: root may write anywhere, so somebody else is asked to.
#[test]
fn a_data_directory_of_somebody_else_is_told() {
    if !is_root() {
        return a_data_directory_without_write_permission();
    }
    let dir = Arc::new(TempDir::new());
    // Somebody else cannot look into the directory that the program was built in.
    fs::copy(env!("CARGO_BIN_EXE_mainstay"), dir.path().join("mainstay")).unwrap();
    let test = Test::within(find_component("setpriv"), &dir).file("mainstay.toml", API).file("data/kept", "");
    let program = dir.path().join("mainstay").display().to_string();
    let flags = ["--reuid=65534", "--regid=65534", "--clear-groups", "--", &program, "up"];
    test.args(flags).run().code(2).stdout_is("").stderr_is(
        "
        time=[WHEN] level=error event=step.failed msg=\"prepare: the data directory `[DIR]/data` cannot be written to\" step=prepare took=[TIME] reason=\"the data directory `[DIR]/data` cannot be written to\"
        error: the data directory `[DIR]/data` cannot be written to
          seen: write to `[DIR]/data`: Permission denied (os error 13)
          seen: it belongs to user 0, and we are user 65534
          hint: run as its owner, or `chown 65534 [DIR]/data`
        ",
    );
    assert_eq!(names(dir.path()), ["data", "data/kept", "mainstay", "mainstay.toml"]);
}

fn a_data_directory_without_write_permission() {
    let test = mainstay().file("mainstay.toml", API).file("data/kept", "").args(["up"]);
    fs::set_permissions(test.path().join("data"), fs::Permissions::from_mode(0o555)).unwrap();
    test.run().code(2).stdout_is("").stderr_has("seen: write to `[DIR]/data`: Permission denied");
}

const API: &str = "[services.api]\ncommand = \"touch started\"\n";

/// Issue 4: a lock of another boot, whose number is somebody else's by now (ours), and one of nonsense block nobody and are not obeyed.
#[test]
fn a_lock_file_of_another_boot_is_none() {
    let stale = format!("pid={}\nsince=1\nboot=another\ncommand=mainstay up (shop)\n", std::process::id());
    for lock in [stale.as_str(), "pid=-1\n", "pid=99999999999999999999\nsince=soon\n", "\0\0nonsense", ""] {
        let test = mainstay().env("MAINSTAY_LOG_LEVEL", "error").file("data/run/mainstay.lock", lock);
        let test =
            test.file("mainstay.toml", "name = \"shop\"\n[services.api]\ncommand = \"true\"\nrestart = \"never\"\n");
        test.again().args(["ps"]).run().code(1).stdout_is("").stderr_is(NOBODY);
        test.args(["up"]).run().code(0).stdout_is("").stderr_is("");
    }
}

const NOBODY: &str = "
    error: `shop` is not running
      seen: nobody listens at `[DIR]/data/run/control.sock`
      hint: `mainstay up -d` starts it
";

/// Issue 4: a damaged journal ends nothing: whoever reads is told, and the next start puts it aside.
#[test]
fn a_damaged_journal_is_told_by_all_who_read_it() {
    let test = mainstay().env("MAINSTAY_LOG_LEVEL", "error").file("data/journal.db", "this is no database");
    let test = test.file("mainstay.toml", "name = \"shop\"\n[services.api]\ncommand = \"true\"\nrestart = \"never\"\n");
    for verb in ["events", "timeline", "history"] {
        test.again().args([verb]).run().code(3).stdout_is("").stderr_is(
            "
            error: the journal cannot be read
              seen: the file is damaged: file is not a database (SQLite error 26)
              seen: it is `[DIR]/data/journal.db`
              hint: `mainstay up` puts it aside and begins a new one; save what can be read with `sqlite3 FILE .recover`
            ",
        );
    }
    let output = test.again().args(["up"]).run();
    let kept =
        names(&test.path().join("data")).into_iter().find(|name| name.starts_with("journal.db.damaged-")).unwrap();
    output.code(0).stdout_is("").stderr_is(&format!(
        "time=[WHEN] level=error event=journal.damaged msg=\"the journal was damaged and is kept as `[DIR]/data/{kept}`; a new one is begun\" \
         reason=\"file is not a database (SQLite error 26)\"\n"
    ));
    test.again().args(["events", "--name", "start.done"]).run().code(0).stdout_has("`shop` is up after").stderr_is("");
    assert_eq!(test.read(&format!("data/{kept}")), "this is no database");
}

/// Issue 4: what is said over the socket and is no request is answered in whole sentences, and disturbs nobody.
#[test]
fn requests_that_are_none_are_answered() {
    let test = mainstay().file("mainstay.toml", "name = \"shop\"\n[services.api]\ncommand = \"sleep 1000\"\n");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("is up after", LIMIT);
    let socket = test.path().join("data/run/control.sock");
    let versions =
        format!("the running mainstay is {}, the one that asks of an unknown version", env!("CARGO_PKG_VERSION"));
    let post = |length: u64, body: &str| {
        format!("POST /v1/restart HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let ask = |what: &str| format!("{what} HTTP/1.1\r\nHost: x\r\n\r\n");
    let told = |status: &str, summary: &str, seen: &str| format!("{status}: {summary} ({seen})");
    let cases = [
        (post(1 << 30, "{}"), told("413 Payload Too Large", "the request is too long", "a request has 64 KiB at most")),
        (post(3, "{1}"), told("400 Bad Request", "the request is no order", "key must be a string at line 1 column 2")),
        (
            post(20, r#"{"services":["aip"]}"#),
            told("422 Unprocessable Entity", "there is no service `aip` here; there is `api`", ""),
        ),
        (ask("GET /v1/dance"), told("404 Not Found", "the running mainstay does not know `/v1/dance`", &versions)),
        (
            ask("GET /v7/ps"),
            told("400 Bad Request", "version 7 of the control protocol is not spoken here, but version 1", &versions),
        ),
        (ask("PUT /v1/ps"), told("405 Method Not Allowed", "`/v1/ps` is asked with GET", "")),
    ];
    for (request, wanted) in cases {
        assert_eq!(answer(&socket, &request), wanted, "{request}");
    }
    assert!(running.running());
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// `STATUS: SUMMARY (SEEN)` of the one problem that is answered.
fn answer(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.lines().next().unwrap().strip_prefix("HTTP/1.1 ").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((body["code"].as_u64(), body["problems"].as_array().map(Vec::len)), (Some(2), Some(1)), "{body}");
    let problem = &body["problems"][0];
    let seen: Vec<_> = problem["seen"].as_array().unwrap().iter().filter_map(|seen| seen.as_str()).collect();
    format!("{status}: {} ({})", problem["summary"].as_str().unwrap(), seen.join("; "))
}

/// S2.8, issue 4: a user who is neither the one that mainstay runs as nor root is told so, even where the mode of the socket lets
/// everybody in. Only root can be somebody else.
#[test]
fn a_stranger_at_the_socket_is_refused() {
    if !is_root() {
        return;
    }
    let test = mainstay().file("mainstay.toml", "name = \"shop\"\n[services.api]\ncommand = \"sleep 1000\"\n");
    let mut running = test.again().args(["up"]).spawn();
    running.wait_for_line("is up after", LIMIT);
    for dir in ["", "data", "data/run", "data/run/control.sock"] {
        fs::set_permissions(test.path().join(dir), fs::Permissions::from_mode(0o777)).unwrap();
    }
    let flags = ["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_mainstay"), "down"];
    let stranger = Test::within(find_component("setpriv"), &Arc::new(TempDir::new()));
    let dir = test.path().to_str().unwrap();
    let stranger = stranger.env("MAINSTAY_LOG_FORMAT", "human").hide(dir, "{dir}");
    stranger.args(flags).args(["--dir", dir]).run().code(2).stdout_is("").stderr_is(
        "
        error: only user 0, who runs this mainstay, and root may ask it
          seen: user 65534 asks
          hint: ask as that user: `sudo -u '#0' mainstay …`
        ",
    );
    assert!(running.running());
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// Runs the cases of a file and compares the file with what really happened.
#[track_caller]
fn check(file: &str, values: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad_input").join(file);
    let written = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let seen: String = split(&written, "## ").map(|case| happened(case, values)).collect();
    if std::env::var_os("UPDATE").is_some() {
        return fs::write(path, seen).unwrap();
    }
    let mut heading = "";
    for (wanted, seen) in written.lines().zip(seen.lines()) {
        heading = if seen.starts_with("##") { seen } else { heading };
        assert_eq!(seen, wanted, "in {file}, {heading}\n--- what really happened\n{seen}");
    }
    assert_eq!(seen.lines().count(), written.lines().count(), "{seen}");
}

/// The parts of a text that begin with a line of this mark.
fn split<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    let starts = text.match_indices(mark).map(|(at, _)| at).filter(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n');
    let starts: Vec<_> = starts.chain([text.len()]).collect();
    let parts: Vec<_> = starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
    parts.into_iter()
}

/// The case with what really happened in it.
fn happened(case: &str, values: &[(&str, &str)]) -> String {
    let mut test = mainstay().env("MAINSTAY_LOG_LEVEL", "error").secret("hunter2").secret("wr0ng-pass");
    for (name, value) in values {
        test = test.hide(*value, name);
    }
    let fill = |text: &str| values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
    let (heading, _) = case.split_once('\n').unwrap_or((case, ""));
    let mut seen = format!("{heading}\n");
    let mut expected = Vec::new();
    for step in split(case, "### ") {
        let (line, body) = step.split_once('\n').unwrap_or((step, ""));
        let _ = writeln!(seen, "{line}");
        match line["### ".len()..].split_once(' ').unwrap_or((line, "")) {
            ("file", name) => {
                test = test.file(name, &fill(body));
                secure(&test.path().join(name));
                seen += body;
            }
            ("rename", names) => {
                let (old, new) = names.split_once(' ').expect("an old name and a new one");
                fs::rename(test.path().join(old), test.path().join(new)).unwrap();
            }
            ("env", setting) => {
                let (name, value) = setting.split_once('=').expect("NAME=VALUE");
                test = test.env(name, fill(value));
            }
            ("left", names) => expected.extend(names.split(' ').map(str::to_owned)),
            ("run", arguments) => {
                let arguments: Vec<_> = arguments.split(' ').map(fill).collect();
                let output = test.again().args(arguments.iter().map(String::as_str)).run();
                output.stdout_is("");
                let _ = write!(seen, "{}exit {}\n\n", output.stderr, output.exit_code());
            }
            _ => panic!("`{line}` in `{heading}` is no step"),
        }
    }
    expected.extend(split(case, "### file ").map(|step| step["### file ".len()..].lines().next().unwrap().to_owned()));
    let unexpected: Vec<_> = names(test.path()).into_iter().filter(|name| !expected.contains(name)).collect();
    assert!(unexpected.is_empty(), "{heading}: {unexpected:?} was left\n{seen}");
    seen
}

/// Files of variables may hold secrets.
fn secure(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
