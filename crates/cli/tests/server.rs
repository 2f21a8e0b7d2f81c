//! A server that is pushed to: set up, pushed to over a path and over ssh, told by a webhook.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the people who push and the machine it runs on"
)]

#[path = "support/delivery.rs"]
mod delivery;
mod support;

use delivery::{SECRET, Sshd, ask, deliver, done, git, signature};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};
use support::{LIMIT, app, mainstay, up};
use testkit::{Test, free_port};

/// A repository with one commit, whose only file is `file`.
fn commit(test: &Test, file: &str, text: &str) -> PathBuf {
    let work = test.path().join("work");
    fs::create_dir_all(&work).unwrap();
    fs::write(work.join(file), text).unwrap();
    done(&git(&work, &["init", "-q", "-b", "main"], &[]));
    done(&git(&work, &["add", "-A"], &[]));
    done(&git(&work, &["commit", "-q", "-m", "First"], &[]));
    work
}

fn server(test: &Test) -> PathBuf {
    test.again().args(["server", "init", "--dir", "shop"]).run().code(0);
    test.path().join("shop/data/releases/repository.git")
}

fn mode(path: PathBuf) -> u32 {
    fs::metadata(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode() & 0o777
}

/// S4.5, S4.11: directories, repository, hook, file and variables are made, secrets made up, once.
#[test]
fn a_server_is_set_up_once() {
    let test = mainstay().file("example", "PORT=8000\nSESSION_KEY=<generate>\n");
    let first = ["server", "init", "--dir", "shop", "--template", "example"];
    let told = test.again().args(first).run();
    told.code(0).stdout_has("made repository").stdout_has("made up a secret for `SESSION_KEY`");
    told.stdout_has("git push shop main");
    let shop = test.path().join("shop");
    let hook = shop.join("data/releases/repository.git/hooks/post-receive");
    for (path, expected) in [("data", 0o700), ("data/releases", 0o700), ("data/shared", 0o700), (".env", 0o600)] {
        assert_eq!(mode(shop.join(path)), expected, "{path}");
    }
    assert_eq!(mode(hook.clone()), 0o755);
    let site = test.read("shop/mainstay.toml");
    assert!(site.ends_with("name = \"shop\"\n\n[deploy]\nbranch = \"main\"\n"), "{site}");
    let variables = test.read("shop/.env");
    let secret = variables.lines().find_map(|line| line.strip_prefix("SESSION_KEY=")).unwrap().to_owned();
    assert_eq!(secret.len(), 64);
    let again = test.again().secret(&secret).args(first).run();
    again.code(0).stdout_has("kept repository").stdout_has("kept hook");
    assert!(!again.raw_stdout.contains("made"), "{}", again.raw_stdout);
    assert_eq!((test.read("shop/.env"), test.read("shop/mainstay.toml")), (variables, site));
}

/// S4.5: what the pushed commit declares is asked for when the server is set up again; what is somebody else's is left alone.
#[test]
fn a_server_learns_what_the_application_needs() {
    let test = mainstay();
    let repository = server(&test);
    let contract = "[env]\nTOKEN = { about = 'Bot token', secret = true, required = true }\nKEY = { secret = true, generate = true }\n";
    let work = commit(&test, "mainstay.toml", contract);
    // Nobody hears the hook of this one.
    done(&git(&work, &["push", "-q", repository.to_str().unwrap(), "main"], &[]));
    let told = test.again().args(["server", "init", "--dir", "shop"]).run();
    told.code(0).stdout_has("made up a secret for `KEY`").stdout_has("set `TOKEN` in ");
    assert!(test.read("shop/.env").contains("# Bot token\nTOKEN=\n"));
    fs::write(repository.join("hooks/post-receive"), "#!/bin/sh\n").unwrap();
    let told = test.again().args(["server", "init", "--dir", "shop"]).run();
    told.code(2).stderr_has("is somebody else's");
    assert_eq!(fs::read_to_string(repository.join("hooks/post-receive")).unwrap(), "#!/bin/sh\n");
    let other = test.again().args(["server", "init", "--dir", "shop", "--branch", "other"]).run();
    other.code(2).stderr_has("the site releases `main`, not `other`");
}

/// S4.4, S2.16: a push over a path is told how it goes; one that cannot be released is a message, and the branch is pushed all the same.
#[test]
fn a_push_is_told_what_becomes_of_it() {
    let test = mainstay();
    let repository = server(&test);
    let work = commit(&test, "app.txt", "no application");
    pushes(&work, repository.to_str().unwrap(), &[]);
    assert!(
        fs::read_dir(test.path().join("shop/data/releases"))
            .unwrap()
            .flatten()
            .all(|entry| { !entry.file_name().to_string_lossy().starts_with(".push-") })
    );
}

fn pushes(work: &Path, to: &str, env: &[(&str, &str)]) {
    let broken = done(&git(work, &["push", to, "main"], env));
    assert!(broken.contains("remote: error: this push is not live"), "{broken}");
    assert!(broken.contains("main -> main"), "{broken}");
    let head = done(&git(work, &["rev-parse", "main"], &[]));
    assert!(done(&git(work, &["ls-remote", to, "refs/heads/main"], env)).starts_with(&head));
    let other = done(&git(work, &["push", to, "main:feature"], env));
    assert!(other.contains("remote: `feature` is kept, and not released: that is `main`"), "{other}");
    done(&git(work, &["tag", "v1"], &[]));
    let tag = done(&git(work, &["push", to, "v1"], env));
    assert!(tag.contains("remote: `refs/tags/v1` is no branch: nothing is released"), "{tag}");
    let deleted = done(&git(work, &["push", to, ":feature"], env));
    assert!(deleted.contains("remote: `feature` is kept"), "{deleted}");
}

/// S4.4: the same over ssh.
#[test]
fn a_push_over_ssh_is_the_same() {
    let test = mainstay();
    let repository = server(&test);
    let work = commit(&test, "app.txt", "no application");
    let ssh = Sshd::start(test.path());
    pushes(&work, &ssh.url(&repository), &[("GIT_SSH_COMMAND", &ssh.command)]);
}

/// S2.16, S4.15: a signed delivery is taken at once and made into a release; others are refused; nothing of it ends what runs.
#[test]
fn a_webhook_makes_a_release() {
    let port = free_port();
    let config = format!(
        "[services.app]\ncommand = 'sleep 600'\n[health]\nlisten = '127.0.0.1:{port}'\n\
         [deploy]\nrepository = 'nowhere.git'\n[deploy.webhook]\nsecret = '${{WEBHOOK_SECRET}}'\n"
    );
    let test = app(&config).secret_env("WEBHOOK_SECRET", SECRET);
    let mut running = up(&test);
    let body = include_str!("../../deploy/tests/payloads/github-push.json");
    let signed = signature(body);
    let named = ("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958");
    let deliver = |port, body: &str, more: &[_]| deliver(port, body, &[&[("X-GitHub-Event", "push")], more].concat());
    assert_eq!(deliver(port, body, &[named]).0, 401);
    let wrong = format!("sha256={}", "0".repeat(64));
    assert_eq!(deliver(port, body, &[named, ("X-Hub-Signature-256", &wrong)]).0, 401);
    let huge = "POST /hooks/deploy HTTP/1.1\r\nHost: shop\r\nContent-Length: 104857600\r\n\r\n";
    assert_eq!(ask(port, huge).0, 413);
    assert_eq!(ask(port, "GET /hooks/deploy HTTP/1.1\r\nHost: shop\r\n\r\n").0, 405);
    let taken = deliver(port, body, &[named, ("X-Hub-Signature-256", &signed)]);
    assert_eq!(taken, (202, "`main` is released next\n".to_owned()));
    let again = deliver(port, body, &[("X-GitHub-Delivery", "other"), ("X-Hub-Signature-256", &signed)]);
    assert_eq!(again, (200, "this delivery was seen before\n".to_owned()));
    // There is no repository: the release fails, and is told where it can be seen why.
    running.wait_for_line("the release of `main` failed", LIMIT);
    assert!(!test.read("data/run/deploy.log").is_empty());
    assert_eq!(mode(test.path().join("data/run/webhook.json")), 0o600);
    assert_eq!(ask(port, "GET /healthz HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n").0, 200);
    assert!(running.running());
    // What was seen is known to the next life too.
    running.terminate();
    running.wait(LIMIT);
    let _running = up(&test);
    assert_eq!(deliver(port, body, &[("X-Hub-Signature-256", &signed)]).0, 200);
}
