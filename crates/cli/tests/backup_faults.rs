//! Copies on disks that are full or that lie.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};
use support::{is_root, mainstay, names};
use testkit::{Cluster, Output, Test, find_component};

/// A disk for the copies in a mount namespace of its own; `$1` is mainstay. After a copy of little, one of 1 MB that cannot be
/// compressed, on ever larger disks until one is large enough.
const SCRIPT: &str = r#"
now() { "$1" backup now --database sqlite:app.db --to backups; echo "exit $?"; find backups -name '.?*' -not -name .lock; }
mount -t tmpfs -o size=400k none backups || exit 90
now "$1"
mv big.db app.db.new; cat app.db.new > app.db; rm app.db.new
size=200
while [ $size -lt 4000 ]; do
  size=$((size + 100))
  mount -o remount,size=${size}k backups || exit 91
  now "$1" > out; cat out
  "$1" backup list --database sqlite:app.db --to backups --json > list.json || exit 92
  cp list.json "list-$size.json"
  if grep -q '^exit 0$' out; then exit 0; fi
done
exit 93
"#;

/// S1.16: a full disk at whatever point of a copy or of its proof: it is told, nothing half done is left, the copy before stays VERIFIED,
/// and once there is room the next one is VERIFIED too. Only root can make such a disk.
#[test]
fn a_full_disk_costs_no_copy() {
    if !is_root() {
        return;
    }
    let test = mainstay().script("disk.sh", &format!("#!/bin/sh{SCRIPT}")).below("backups");
    let dir = test.path().to_owned();
    make(&dir.join("app.db"), 10);
    let line = format!("cd '{}' && exec ./disk.sh '{}'", dir.display(), env!("CARGO_BIN_EXE_mainstay"));
    let path = "/usr/local/bin:/usr/bin:/bin";
    // The database that grows has to be the same one.
    fs::copy(dir.join("app.db"), dir.join("big.db")).unwrap();
    make(&dir.join("big.db"), 1_000_000);
    let unshare = Test::new("/usr/bin/unshare").env("PATH", path).env("MAINSTAY_LOG_FORMAT", "human");
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(0);
    let lines: Vec<_> =
        output.raw_stdout.lines().filter(|line| line.starts_with("exit ") || line.contains("/.")).collect();
    assert!(lines.iter().all(|line| line.starts_with("exit ")), "something is left: {lines:?}");
    assert!(lines.len() > 5, "{lines:?}");
    assert_eq!((lines[0], lines[lines.len() - 1]), ("exit 0", "exit 0"));
    assert!(lines[1..lines.len() - 1].iter().all(|line| *line != "exit 0"), "{lines:?}");
    let mut sizes: Vec<PathBuf> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    sizes.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with("list-"));
    for path in sizes {
        let list: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let copies = list["copies"].as_array().unwrap();
        assert_eq!(copies.last().unwrap()["state"], "VERIFIED", "the first one, in {}: {list}", path.display());
    }
}

fn make(path: &std::path::Path, bytes: usize) {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(&format!(
            "CREATE TABLE IF NOT EXISTS item (id INTEGER PRIMARY KEY, x BLOB); INSERT INTO item (x) VALUES (randomblob({bytes}));"
        ))
        .unwrap();
}

/// S1.16: a copy of PostgreSQL that was cut off or changed at any of 64 places is found before anything is made of it.
#[test]
fn damage_of_a_copy_of_postgresql_is_found_wherever_it_is() {
    let cluster = Cluster::start();
    cluster.psql("CREATE TABLE item AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 2000) AS i");
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human");
    let url = cluster.url();
    let taken = test.again().args(["backup", "now", "--unproven", "--database", &url, "--to", "backups"]).run();
    let copy = test.path().join(taken.code(0).raw_stdout.trim());
    let file = copy.join("database.dump.zst");
    let whole = fs::read(&file).unwrap();
    for at in 0..64 {
        let place = whole.len() * at / 64;
        let mut changed = whole.clone();
        match at % 2 {
            0 => changed.truncate(place),
            _ => changed[place] ^= 0x10,
        }
        fs::write(&file, changed).unwrap();
        let path = copy.to_str().unwrap();
        let verified = test.again().args(["backup", "verify", path, "--database", &url, "--to", "backups"]).run();
        assert_eq!(verified.exit_code(), 1, "at {at}/64: {}", verified.raw_stderr);
    }
    let restore = ["restore", copy.to_str().unwrap(), "--database", &url, "--to", "backups", "--yes"];
    test.again().args(restore).run().code(1).stderr_has("is damaged").stderr_has("nothing was changed");
}

fn run(test: &Test, arguments: &[&str]) -> Output {
    test.again().args(arguments.iter().copied()).run()
}

fn states(test: &Test, url: &str) -> Vec<String> {
    let list = run(test, &["backup", "list", "--database", url, "--to", "backups", "--json"]);
    let list: Value = serde_json::from_str(&list.code(0).raw_stdout).unwrap();
    list["copies"].as_array().unwrap().iter().map(|copy| copy["state"].as_str().unwrap().to_owned()).collect()
}

/// With a directory for proofs that nobody else uses.
fn with_ground() -> Test {
    let test = mainstay().env("MAINSTAY_LOG_FORMAT", "human");
    let ground = test.path().join("ground");
    fs::create_dir(&ground).unwrap();
    fs::set_permissions(&ground, PermissionsExt::from_mode(0o777)).unwrap();
    let ground = ground.display().to_string();
    test.env("TMPDIR", &ground)
}

/// S1.16: whoever is killed while a copy of PostgreSQL is taken or proven leaves none that counts too early; the next run sweeps files,
/// servers and directories, and is VERIFIED.
#[test]
fn a_copy_of_postgresql_that_is_killed_does_not_count() {
    let cluster = Cluster::start();
    cluster.psql("CREATE TABLE item AS SELECT i AS id, md5(i::text) AS name FROM generate_series(1, 2000) AS i");
    let (test, url) = (with_ground(), cluster.url());
    let now = ["backup", "now", "--database", &url, "--to", "backups"];
    let mut segments = Vec::new();
    for place in ["running", "written", "checksummed", "stored", "read-back", "restored", "compared"] {
        let killed = test.again().env("MAINSTAY_FAILPOINT", format!("kill:backup.{place}")).args(now).run();
        killed.code(137);
        segments.extend(segment_of_a_server(&test));
        let verified = states(&test, &url).iter().filter(|state| *state == "VERIFIED").count();
        assert_eq!(verified, usize::from(place == "compared"), "{place}");
    }
    run(&test, &now).code(0).stderr_has("is VERIFIED");
    let left = names(&test.path().join("backups"));
    assert!(!left.iter().any(|name| name.contains(".part") || name.contains(".scratch")), "{left:?}");
    assert_eq!(names(&test.path().join("ground")), [""; 0], "no server and no directory of a proof is left");
    assert!(!segments.is_empty(), "no server was killed with its proof");
    assert_eq!(segments_in_use(&segments), [""; 0], "shared memory of a killed server is left");
    assert_eq!(cluster.psql("SELECT count(*) FROM pg_stat_activity WHERE application_name ~ 'mainstay|pg_dump'"), "0");
}

/// Key and id of the shared memory of the server that a killed proof has left, as its postmaster wrote them down.
fn segment_of_a_server(test: &Test) -> Option<String> {
    let ground = test.path().join("ground");
    let files = names(&ground).into_iter().map(|name| ground.join(name).join("data/postmaster.pid"));
    let text = files.filter_map(|file| fs::read_to_string(file).ok()).next()?;
    Some(text.lines().nth(6)?.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn segments_in_use(of: &[String]) -> Vec<String> {
    let table = fs::read_to_string("/proc/sysvipc/shm").unwrap();
    let used = table.lines().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "));
    used.filter(|segment| of.contains(segment)).collect()
}

/// The copies and what they are proven on lie on disks of their own, ever larger; `$1` is mainstay, `$2` the URL.
const FULL: &str = r#"
now() { "$1" backup now --database "$2" --to backups; echo "exit $?"; find backups ground -name '.?*' -not -name .lock; ls ground; }
look() { "$1" backup list --database "$2" --to backups --json > "list-$3.json" || exit 91; }
cp -a backups/. kept/
for size in 100 300 600 4000; do
  mount -t tmpfs -o size=${size}k none backups || exit 92
  cp -a kept/. backups/
  now "$1" "$2"
  look "$1" "$2" "copies-$size"
  umount backups
done
for size in 2 25 45 300; do
  mount -t tmpfs -o size=${size}m,mode=777 none ground || exit 93
  # Of the last one others have taken all but a little.
  [ $size = 300 ] && head -c 290m /dev/zero > ground/others
  now "$1" "$2"
  rm -f ground/others
  umount ground
done
"#;

/// S1.16: a full disk under the copies or under the proof of one of PostgreSQL: told, nothing half done is left, no copy is called
/// VERIFIED that is not, the one before stays, and with room the next one is. Only root can make such disks.
#[test]
fn a_full_disk_costs_no_copy_of_postgresql() {
    if !is_root() {
        return;
    }
    let cluster = Cluster::start();
    cluster.psql("CREATE TABLE item (id int, name text)");
    let (url, program) = (cluster.url(), env!("CARGO_BIN_EXE_mainstay"));
    let test = with_ground().script("disk.sh", &format!("#!/bin/sh{FULL}"));
    fs::create_dir_all(test.path().join("kept")).unwrap();
    run(&test, &["backup", "now", "--database", &url, "--to", "backups"]).code(0);
    // More than the last copy lets one expect.
    cluster.psql("INSERT INTO item SELECT i, md5(i::text) || md5((i + 1)::text) FROM generate_series(1, 30000) AS i");
    let dir = test.path().display().to_string();
    let line = format!("cd '{dir}' && exec ./disk.sh '{program}' '{url}'");
    let unshare = Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let unshare = unshare.env("MAINSTAY_LOG_FORMAT", "human").env("TMPDIR", format!("{dir}/ground"));
    // The application has its name from the directory that this runs in.
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(0);
    let lines: Vec<_> = output.raw_stdout.lines().filter(|line| !line.starts_with("backups/")).collect();
    // Where there is no room for a server of its own, the proof is made beside the database.
    let copies = ["exit 1", "exit 1", "exit 1", "exit 0"];
    let expected = [&copies[..], &["exit 0"; 4], &["others"]].concat();
    assert_eq!(lines, expected, "something is left, or told wrongly: {}", output.raw_stderr);
    for (size, copies) in [(100, 1), (300, 1), (600, 1), (4000, 2)] {
        let list: Value = serde_json::from_str(&test.read(&format!("list-copies-{size}.json"))).unwrap();
        let all = list["copies"].as_array().unwrap();
        let verified = all.iter().filter(|copy| copy["state"] == "VERIFIED").count();
        assert_eq!((all.len(), verified), (copies, copies), "{size}: {list}");
    }
}

/// S1.16: what is known to be too little room is told before anything is read, with what is free and what is needed.
#[test]
fn too_little_room_is_told_before() {
    if !is_root() {
        return;
    }
    let test = mainstay().below("backups");
    let dir = test.path().display().to_string();
    make(&test.path().join("app.db"), 1_000_000);
    let program = env!("CARGO_BIN_EXE_mainstay");
    let line = format!(
        "cd '{dir}' && mount -t tmpfs -o size=200k none backups && exec '{program}' --log-level error backup now --database sqlite:app.db --to backups"
    );
    let unshare = Test::new("/usr/bin/unshare").env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let output = unshare.args(["-m", "sh", "-c", &line]).run();
    output.code(1).stdout_is("").stderr_has("KiB free, about 1.7 MiB needed");
    output.stderr_has(
        "hint: make room (`mainstay backup prune`), or choose another directory: `to` in `[backup]`, or --to",
    );
}

/// S1.16: programs that are older than the server are refused, for they cannot read all that is there.
#[test]
fn older_programs_are_refused() {
    let cluster = Cluster::start();
    let test = with_ground().script("bin/pg_dump", "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n");
    let test = test.env("MAINSTAY_BACKUP_PROGRAMS", "bin");
    let major = cluster.psql("SHOW server_version_num")[..2].to_owned();
    let output =
        run(&test, &["--log-level", "error", "backup", "now", "--database", &cluster.url(), "--to", "backups"]);
    output.code(2).stdout_is("");
    output.stderr_has(&format!(
        "error: the server is PostgreSQL {major}, and no `pg_dump` of that version or a newer one is installed"
    ));
    output.stderr_has("bin/pg_dump").stderr_has(&format!("apt-get install postgresql-client-{major}"));
    assert_eq!(states(&test, &cluster.url()), [""; 0]);
}

/// S1.16: a copy of another database, a manifest that is damaged and a key that does not fit: refused whole, and nothing is changed.
#[test]
fn what_does_not_fit_is_not_restored() {
    let test = with_ground();
    let key = |name: &str| run(&test, &["backup", "key", "new", name]).code(0).raw_stdout.trim().to_owned();
    let (public, _) = (key("right.key"), key("wrong.key"));
    for name in ["app.db", "crm.db"] {
        make(&test.path().join(name), 1000);
    }
    let take = |url: &str, more: &[&str]| {
        let taken = run(&test, &[&["backup", "now", "--database", url, "--to", "backups"], more].concat());
        taken.code(0).raw_stdout.trim().to_owned()
    };
    let (ours, theirs) = (take("sqlite:app.db", &[]), take("sqlite:crm.db", &[]));
    let sealed = take("sqlite:app.db", &["--recipient", &public]);
    let id = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let restore = |copy: &str, more: &[&str]| {
        let flags =
            ["--log-level", "error", "restore", copy, "--database", "sqlite:app.db", "--to", "backups", "--yes"];
        let test = test.again().hide(id(copy), "[ID]").hide(public.clone(), "[KEY]");
        test.args([&flags[..], more].concat()).run()
    };
    let before = fs::read(test.path().join("app.db")).unwrap();
    restore(&theirs, &[]).code(2).stderr_is(
        "
        error: the copy `[ID]` is of another database
          seen: it is of `sqlite:[DIR]/crm.db`, and `sqlite:[DIR]/app.db` would be replaced
          hint: name another copy; or say --other if that is meant
        ",
    );
    let wrong = restore(&sealed, &["--identity", "wrong.key"]);
    wrong
        .code(2)
        .stderr_has("error: the copy `[ID]` cannot be read")
        .stderr_has("it is encrypted for `[KEY]`, and the key that was given is that of `age1");
    restore(&sealed, &[]).code(2).stderr_has("and no key was given").stderr_has("hint: say --identity FILE");
    fs::write(test.path().join(&ours).join("manifest.json"), "{\"version\": 1, \"id\": ").unwrap();
    restore(&ours, &[])
        .code(1)
        .stderr_has("error: the copy in `[DIR]/")
        .stderr_has("its manifest is damaged: EOF while parsing");
    assert_eq!(states(&test, "sqlite:app.db").iter().filter(|state| *state == "unreadable").count(), 1);
    assert_eq!(fs::read(test.path().join("app.db")).unwrap(), before, "nothing was changed");
    restore(&sealed, &["--identity", "right.key"]).code(0);
}

/// The programs of the server in a directory of their own: `initdb` notes each time that it makes something, and `postgres` fails once
/// when it is told to.
fn noted(test: &Test) -> String {
    let (bin, ground) = (test.path().join("bin"), test.path().join("ground"));
    fs::create_dir(&bin).unwrap();
    for name in ["pg_dump", "pg_dumpall", "pg_restore", "initdb", "postgres"] {
        let act = match name {
            "initdb" => format!("echo made >> '{}/made'", ground.display()),
            "postgres" => format!("rm '{}/fail' 2>/dev/null && exit 1", ground.display()),
            _ => ":".to_owned(),
        };
        let real = find_component(name).display().to_string();
        let script = format!("#!/bin/sh\ncase \"$1\" in --version) ;; *) {act} ;; esac\nexec '{real}' \"$@\"\n");
        let program = bin.join(name);
        fs::write(&program, script).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o755)).unwrap();
    }
    bin.display().to_string()
}

/// S1.16: what `initdb` makes for a proof is made once, and kept for us alone. When it is damaged, or no server comes of it, it is made
/// anew, and the copy is VERIFIED all the same.
#[test]
fn a_server_for_a_proof_is_made_once() {
    let cluster = Cluster::start();
    cluster.psql("CREATE TABLE item AS SELECT i AS id FROM generate_series(1, 100) AS i");
    let (test, url) = (with_ground(), cluster.url());
    let (cache, ground, bin) = (test.path().join("cache"), test.path().join("ground"), noted(&test));
    let test = test.env("XDG_CACHE_HOME", cache.display().to_string()).env("MAINSTAY_BACKUP_PROGRAMS", bin);
    let copy = |made: usize, why: &str| {
        run(&test, &["backup", "now", "--database", &url, "--to", "backups"]).code(0).stderr_has("is VERIFIED");
        assert_eq!(fs::read_to_string(ground.join("made")).unwrap().lines().count(), made, "{why}");
    };
    copy(1, "there was none");
    let shelf = cache.join("mainstay");
    let [name] = names(&shelf).try_into().unwrap();
    let template = shelf.join(name);
    assert_eq!(fs::metadata(&template).unwrap().permissions().mode() & 0o777, 0o600);
    copy(1, "there was one");
    let mut content = fs::read(&template).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&template, &content).unwrap();
    copy(2, "it was damaged");
    fs::write(&template, &content[..middle]).unwrap();
    copy(3, "it was cut");
    copy(3, "it was mended");
    fs::set_permissions(&template, PermissionsExt::from_mode(0o666)).unwrap();
    copy(4, "anybody could have changed it");
    fs::write(ground.join("fail"), "").unwrap();
    copy(5, "no server came of it");
    assert_eq!(names(&shelf).len(), 1);
    assert_eq!(names(&ground), ["made"]);
}

/// S1.16: whatever value of a row is another one, the hash of its table is, also where the server takes both for equal.
#[test]
fn no_change_of_a_value_is_overlooked() {
    let cluster = Cluster::start();
    cluster.psql("CREATE TYPE mood AS ENUM ('sad', 'glad')");
    cluster.psql("CREATE DOMAIN rate AS numeric");
    cluster.psql(
        "CREATE TABLE item (id int, flag bool, number numeric, rate rate, real float8, name text, kind varchar(9), padded bpchar, \
         at timestamptz, span interval, data jsonb, raw bytea, mood mood, list int[], plain json, \"Odd \"\"name\" text)",
    );
    cluster.psql("CREATE TABLE nothing ()");
    cluster.psql("INSERT INTO item VALUES (1), (2)");
    let (test, url) = (with_ground(), cluster.url());
    let hash = || {
        let taken = run(&test, &["backup", "now", "--unproven", "--database", &url, "--to", "backups"]);
        let path = test.path().join(taken.code(0).raw_stdout.trim()).join("manifest.json");
        let manifest: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        manifest["content"]["tables"]["public.item"]["hash"].as_str().unwrap().to_owned()
    };
    let first = hash();
    let mut seen = vec![first.clone()];
    let changes = [
        "flag = false",
        "number = 1.0, rate = 1.0",
        "number = 1.00",
        "rate = 1.00",
        "real = 0",
        "real = '-0'",
        "name = ''",
        "name = 'a', kind = 'b'",
        "name = 'b', kind = 'a'",
        "padded = 'a'",
        "padded = 'a '",
        "at = '2026-01-01'",
        "at = at + interval '1 microsecond'",
        "span = '1 day'",
        "span = '24 hours'",
        "data = '{\"a\": 1.0}', plain = '{\"a\":1}'",
        "data = '{\"a\": 1.00}'",
        "plain = '{\"a\": 1}'",
        "raw = ''",
        "mood = 'sad'",
        "mood = 'glad'",
        "list = '{}'",
        "list = '{null}'",
        "\"Odd \"\"name\" = ''",
    ];
    for change in changes {
        cluster.psql(&format!("UPDATE item SET {change} WHERE id = 1"));
        let now = hash();
        assert!(!seen.contains(&now), "{change}");
        seen.push(now);
    }
    cluster.psql("DELETE FROM item");
    // In another order: the first one lies behind now.
    cluster.psql("INSERT INTO item VALUES (2), (1)");
    assert_eq!(hash(), first);
}
