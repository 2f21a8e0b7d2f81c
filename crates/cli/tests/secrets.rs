//! Passwords and other secrets are not in any output of any verb, not on any page, not in the list of processes.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::fs;
use support::{LIMIT, get, mainstay, names, wait_for_page};
use testkit::{Cluster, Running, Test, free_port};

/// What a person might choose; every character that URLs, shells, TOML and logs trip over.
const PASSWORD: &str = "p@ss:w/rd%20 \"'$x#é";
const TOKEN: &str = "123456:AAH-\"quoted\"\\and\tmore";

/// The password as it has to be written in a URL.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Says aloud what it should not, on both streams, also in a line without an end.
const TELL: &str = "#!/bin/sh
printf '%s\\n' \"$TOKEN\" \"$DATABASE_URL\"
printf '%s' \"$APP_PASSWORD $TOKEN\" >&2
case $1 in for-long) exec sleep 1000;; and-fail) exit 3;; esac
";

/// An application whose service and migration say aloud what they should not.
fn chatty(url: &str) -> Test {
    let toml = "name = \"chatty\"\n\
        [env]\nTOKEN = { about = \"Token of the bot\", secret = true, required = true }\nDATABASE_URL = { secret = true }\n\
        [databases.main]\nurl = \"${DATABASE_URL}\"\nwait = \"30s\"\n\
        [migrations]\ncommand = \"./tell\"\n\
        [services.api]\ncommand = \"./tell for-long\"\nneeds = [\"main\"]\n";
    mainstay()
        .file("mainstay.toml", toml)
        .script("tell", TELL)
        .env("DATABASE_URL", url)
        .secret_env("TOKEN", TOKEN)
        .secret_env("APP_PASSWORD", PASSWORD)
        .secret(&encoded(PASSWORD))
        .secret(&encoded(TOKEN))
        .secret("AAH-")
}

/// S1.17, S2.3: the password with all its characters opens the database, and nothing prints it: no verb, no format, no page.
#[test]
fn secrets_do_not_print() {
    let cluster = Cluster::builder().password(PASSWORD).start();
    let url = cluster.url_of(&format!("app:{}", encoded(PASSWORD)), "app");
    let health = free_port();
    let test = chatty(&url).env("MAINSTAY_HEALTH_LISTEN", format!("127.0.0.1:{health}"));
    for format in ["human", "logfmt", "json"] {
        let test = test.again().env("MAINSTAY_LOG_FORMAT", format).env("MAINSTAY_LOG_LEVEL", "debug");
        // What they answer is the same in every format.
        for verb in VERBS.iter().filter(|_| format == "human") {
            test.again().args(verb.split(' ')).run();
        }
        test.again().args(["wait", &url]).run().code(0);
        test.again().args(["migrate", "status", "--database", &url, "--dir", "."]).run();
        test.again().args(["run", "--database", &url, "--", "./tell", "and-fail"]).run().code(3);
        let mut running = test.again().args(["up"]).spawn();
        let page = wait_for_page(&mut running, health, "/readyz", 200);
        let pages = ["/healthz", "/livez", "/metrics"].map(|path| get(health, path).unwrap().1).concat();
        assert_hidden(&(page + &pages));
        assert_hidden(&command_lines(&running));
        running.terminate();
        running.wait(LIMIT).code(0);
    }
    for name in names(test.path()) {
        assert_hidden(&fs::read_to_string(test.path().join(name)).unwrap_or_default());
    }
}

const VERBS: [&str; 12] = [
    "wait",
    "wait --json-please",
    "migrate up",
    "migrate up --json",
    "migrate status",
    "migrate status --json",
    "env check",
    "env check --json",
    "env example",
    "env docs",
    "up --dry-run",
    "up --dry-run --json",
];

/// Errors quote what was seen, but not that.
#[test]
fn secrets_do_not_print_in_errors() {
    let cluster = Cluster::builder().password("another one").start();
    let wrong = cluster.url_of(&format!("app:{}", encoded(PASSWORD)), "app");
    let nobody = format!("postgres://app:{}@127.0.0.1:{}/app", encoded(PASSWORD), free_port());
    let bad = format!("postgres://app:{}@127.0.0.1:port/app", encoded(PASSWORD));
    let raw = format!("postgres://app:{PASSWORD}@127.0.0.1:5432/app?sslmode=maybe");
    for url in [&wrong, &nobody, &bad, &raw] {
        let test = chatty(url).env("MAINSTAY_DATABASES_MAIN_WAIT", "200ms");
        for verb in ["wait", "migrate up", "migrate status --json", "env check", "up --dry-run", "up --dry-run --json"]
        {
            test.again().args(verb.split(' ')).run();
        }
        assert_ne!(test.again().args(["up"]).run().exit_code(), 0);
        assert_ne!(test.again().args(["wait", url, "--timeout", "200ms"]).run().exit_code(), 0);
        assert_ne!(
            test.again().args(["run", "--database", url, "--timeout", "200ms", "--", "true"]).run().exit_code(),
            0
        );
        assert_ne!(
            test.again()
                .args(["migrate", "up", "--database", url, "--dir", "m", "--timeout", "200ms"])
                .run()
                .exit_code(),
            0
        );
    }
    let inline = format!(
        "[databases.main]\nurl = \"postgres://app:{}@127.0.0.1:5432/app?sslmode=maybe\"\nwait = 3\n",
        encoded(PASSWORD)
    );
    chatty(&wrong).file("mainstay.toml", &inline).args(["up"]).run().code(2);
    let broken =
        format!("[databases.main]\nurl = \"postgres://app:{}@127.0.0.1:5432/app\nwait = 3\n", encoded(PASSWORD));
    chatty(&wrong).file("mainstay.toml", &broken).args(["up"]).run().code(2);
}

#[track_caller]
fn assert_hidden(text: &str) {
    for secret in [PASSWORD, TOKEN, &encoded(PASSWORD), "AAH-"] {
        assert!(!text.contains(secret), "`{secret}` is in\n{text}");
    }
}

/// The command lines of mainstay and its children, as everybody on the machine may read them.
fn command_lines(running: &Running) -> String {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.pid())).unwrap_or_default();
    assert!(!children.is_empty(), "there are no services");
    let pids = children.split_whitespace().map(str::to_owned).chain([running.pid().to_string()]);
    pids.map(|pid| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default()).collect()
}
