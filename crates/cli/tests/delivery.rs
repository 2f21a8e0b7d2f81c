//! Deliveries that end live: pushed over a path and over ssh, told by a webhook of GitHub or GitLab.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the people who push and the machine it runs on"
)]

#[path = "support/delivery.rs"]
mod delivery;
#[path = "support/pushed.rs"]
mod pushed;
#[path = "support/releases.rs"]
mod releases;
mod support;

use delivery::{SECRET, Sshd, ask, deliver, done, git, signature};
use pushed::Server;
use releases::Load;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Command, Stdio},
};
use support::{LIMIT, get};
use testkit::{find_component, free_port, wait_until};

/// What every push has to do, wherever it goes: the first one starts the application, the next takes over without a request lost and
/// is told while it happens, a bad one is a message and no refusal.
fn pushes_end_live(to: impl FnOnce(&Server) -> (String, Vec<(&'static str, String)>)) {
    let server = Server::new("build = [\"sh -c 'until test -e GO; do sleep 0.05; done'\"]\n", "", &[]);
    let site = &server.site;
    let go = site.path("go").display().to_string();
    let (to, env) = to(&server);
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let work = site.path("");
    site.commit("v1", "", &[("mainstay.toml", &site.edited("test -e GO", &format!("test -e {go}")))]);
    fs::write(&go, "").unwrap();
    let told = done(&git(&work, &["push", &to, "main"], &env));
    assert!(told.contains("remote: ") && told.contains("is live and stays"), "{told}");
    assert_eq!(site.version(), "v1");
    // Each step is heard when it is done, not in the end.
    fs::remove_file(&go).unwrap();
    let commit = site.commit("v2", "", &[]);
    let load = Load::on(site.port, 2);
    let mut push = Command::new(find_component("git"));
    push.args(["push", &to, "main"]).current_dir(&work).env_clear().stderr(Stdio::piped()).stdout(Stdio::null());
    push.env("PATH", "/usr/local/bin:/usr/bin:/bin").env("HOME", &work).envs(env.iter().copied());
    let mut push = push.spawn().unwrap();
    let mut lines = BufReader::new(push.stderr.take().unwrap()).lines().map_while(Result::ok);
    let heard: Vec<_> = lines.by_ref().take_while(|line| !line.contains("pass      check")).collect();
    assert!(heard.iter().any(|line| line.starts_with("remote:   pass      fetch")), "{heard:#?}");
    assert_eq!((site.version(), push.try_wait().unwrap()), ("v1".to_owned(), None));
    fs::write(&go, "").unwrap();
    let rest = lines.collect::<Vec<_>>().join("\n");
    assert!(push.wait().unwrap().success() && rest.contains("is live and stays"), "{rest}");
    assert_eq!(site.version(), "v2");
    load.all_answered_once(&site.path("seen"));
    let newest = server.releases()[0].clone();
    assert_eq!((newest["commit"].as_str(), newest["state"].as_str()), (Some(commit.as_str()), Some("confirmed")));
    assert!(newest["by"].as_str().is_some_and(|by| by.starts_with("git push by ")), "{newest}");
    // One that crashes: the branch holds it, and the release before serves on.
    let commit = site.commit("v3", "crash", &[]);
    let load = Load::on(site.port, 2);
    let told = done(&git(&work, &["push", &to, "main"], &env));
    assert!(told.contains("no database: I give up") && told.contains("remote: error: this push is not live"), "{told}");
    assert!(told.contains("exit code 1; `main` holds it all the same, and what ran before goes on"), "{told}");
    assert!(done(&git(&work, &["ls-remote", &to, "refs/heads/main"], &env)).starts_with(&commit));
    load.all_answered_once(&site.path("seen"));
    let newest = server.releases()[0].clone();
    assert_eq!((site.version(), newest["state"].as_str()), ("v2".to_owned(), Some("failed")));
    assert!(!server.path("data/releases").join(newest["id"].as_str().unwrap()).join("tree").exists());
    // A history that is pushed over is released as it is by now.
    site.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    let commit = site.commit("v4", "", &[]);
    assert!(!git(&work, &["push", &to, "main"], &env).status.success());
    let told = done(&git(&work, &["push", "--force", &to, "main"], &env));
    assert!(told.contains("(forced update)") && told.contains("is live and stays"), "{told}");
    assert_eq!((site.version(), server.releases()[0]["commit"].as_str()), ("v4".to_owned(), Some(commit.as_str())));
    // What was pushed over is still there to go back to.
    server.site.run(&["rollback", "--dir", "shop"]).code(0).stderr_has("is live again");
    assert_eq!(site.version(), "v2");
    let left = fs::read_dir(server.path("data/releases")).unwrap().flatten();
    let left: Vec<_> =
        left.map(|entry| entry.file_name()).filter(|it| it.display().to_string().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// S4.4, issue 6, point 4: over a path.
#[test]
fn a_push_over_a_path_ends_live() {
    pushes_end_live(|server| (server.repository().display().to_string(), Vec::new()));
}

/// S4.4, issue 6, proof: over ssh, to a server on this machine.
#[test]
fn a_push_over_ssh_ends_live() {
    let mut ssh = None;
    pushes_end_live(|server| {
        let ssh = ssh.insert(Sshd::start(&server.site.path("")));
        (ssh.url(&server.repository()), vec![("GIT_SSH_COMMAND", ssh.command.clone())])
    });
}

/// A server that runs `v1` and fetches from the work beside it when a webhook tells it to; with the port of the webhook.
fn told_by(provider: &str, on: &str) -> (Server, u16) {
    let port = free_port();
    let hook = format!(
        "[deploy.webhook]\nlisten = \"127.0.0.1:{port}\"\npath = \"/hooks/deploy\"\nsecret = \"{SECRET}\"\nprovider = \"{provider}\"\non = \"{on}\"\n"
    );
    let server = Server::new("", &hook, &["--repository", ".."]);
    let output = server.site.run(&["deploy", "--dir", "shop"]);
    assert_eq!(output.exit_code(), 0, "{}", output.raw_stderr);
    assert_eq!(server.site.version(), "v1");
    (server, port)
}

/// What a forge sends, of this commit and branch.
fn body(payload: &str, commit: &str, branch: &str) -> String {
    let documented = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";
    assert!(payload.contains(documented) && payload.contains("main"), "{payload}");
    let payload =
        payload.replace(documented, commit).replace("\"refs/heads/main\"", &format!("\"refs/heads/{branch}\""));
    payload
        .replace("\"ref\": \"main\"", &format!("\"ref\": \"{branch}\""))
        .replace("\"head_branch\": \"main\"", &format!("\"head_branch\": \"{branch}\""))
}

const GITHUB_PUSH: &str = include_str!("../../deploy/tests/payloads/github-push.json");
const GITHUB_RUN: &str = include_str!("../../deploy/tests/payloads/github-workflow-run.json");
const GITLAB_PUSH: &str = include_str!("../../deploy/tests/payloads/gitlab-push.json");
const GITLAB_PIPELINE: &str = include_str!("../../deploy/tests/payloads/gitlab-pipeline.json");

fn github(port: u16, event: &str, body: &str) -> (u16, String) {
    let headers = [
        ("X-GitHub-Event", event),
        ("X-Hub-Signature-256", &signature(body)),
        ("User-Agent", "GitHub-Hookshot/044aadd"),
    ];
    deliver(port, body, &headers)
}

fn gitlab(port: u16, event: &str, body: &str) -> (u16, String) {
    deliver(port, body, &[("X-Gitlab-Event", event), ("X-Gitlab-Token", SECRET), ("User-Agent", "GitLab/17.5.0")])
}

/// A body without an end, in pieces whose number nobody is told before; answers with the status.
fn endless(port: u16) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let head = format!(
        "POST /hooks/deploy HTTP/1.1\r\nHost: shop\r\nTransfer-Encoding: chunked\r\nX-Hub-Signature-256: {}\r\nX-GitHub-Event: push\r\nContent-Type: application/json\r\n\r\n",
        signature("")
    );
    stream.write_all(head.as_bytes()).unwrap();
    let piece = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    // 100 MB, of which no more than a few are taken.
    let sent = (0..1600).take_while(|_| stream.write_all(piece.as_bytes()).is_ok()).count();
    assert!(sent < 800, "{sent} pieces were taken");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// S2.16, S4.15: pushes that GitHub tells of end live; what is not signed, too large, of another branch or seen before does nothing;
/// of those that come while one is made, the newest wins.
#[test]
fn a_push_that_github_tells_of_ends_live() {
    let (server, port) = told_by("github", "push");
    let site = &server.site;
    let commit = site.commit("v2", "", &[]);
    let told = body(GITHUB_PUSH, &commit, "main");
    let wrong = [("X-GitHub-Event", "push"), ("X-Hub-Signature-256", &*signature("something else"))];
    assert_eq!(deliver(port, &told, &wrong).0, 401);
    let large = "POST /hooks/deploy HTTP/1.1\r\nHost: shop\r\nContent-Length: 104857600\r\n\r\n";
    assert_eq!(ask(port, large).0, 413);
    let status = endless(port);
    assert!(matches!(status, 413 | 0), "{status}");
    assert_eq!(
        github(port, "push", &body(GITHUB_PUSH, &commit, "feature")),
        (200, "only `main` is released\n".to_owned())
    );
    assert_eq!(github(port, "ping", "{\"zen\": \"Design for failure.\"}").0, 200);
    assert_eq!((server.releases().len(), site.version()), (1, "v1".to_owned()));
    let load = Load::on(site.port, 2);
    assert_eq!(github(port, "push", &told), (202, "`main` is released next\n".to_owned()));
    server.stays(&commit);
    load.all_answered_once(&site.path("seen"));
    assert_eq!(
        (site.version(), server.releases()[0]["by"].as_str()),
        ("v2".to_owned(), Some("webhook: push by octocat"))
    );
    assert_eq!(github(port, "push", &told), (200, "this delivery was seen before\n".to_owned()));
    // Two while one is made.
    let hold = site.path("go").display().to_string();
    let held = site
        .edited("[deploy]\n", &format!("[deploy]\nbuild = [\"sh -c 'until test -e {hold}; do sleep 0.05; done'\"]\n"));
    let first = site.commit("v3", "", &[("mainstay.toml", &held)]);
    assert_eq!(github(port, "push", &body(GITHUB_PUSH, &first, "main")).0, 202);
    wait_until(LIMIT, "it builds", || server.releases()[0]["commit"] == first.as_str());
    let second = site.commit("v4", "", &[]);
    assert_eq!(github(port, "push", &body(GITHUB_PUSH, &second, "main")).0, 202);
    let third = site.commit("v5", "", &[]);
    assert_eq!(github(port, "push", &body(GITHUB_PUSH, &third, "main")).0, 202);
    fs::write(&hold, "").unwrap();
    server.stays(&third);
    let commits: Vec<_> = server.releases().iter().map(|it| it["commit"].as_str().unwrap().to_owned()).collect();
    assert_eq!((site.version(), commits.len(), commits.contains(&second)), ("v5".to_owned(), 4, false));
    let events = site.run(&["events", "--dir", "shop"]);
    events.code(0).stdout_has("is left out: there is a newer one");
}

/// S2.16: what has passed GitHub's continuous integration ends live, and nothing else: not its push, no run that has failed, and no
/// newer commit than the one that has passed.
#[test]
fn a_run_that_github_tells_of_ends_live() {
    let (server, port) = told_by("github", "ci");
    let commit = server.site.commit("v2", "", &[]);
    server.site.commit("v3", "", &[]);
    let run = body(GITHUB_RUN, &commit, "main");
    assert_eq!(github(port, "push", &body(GITHUB_PUSH, &commit, "main")).0, 200);
    let failed = run.replace("\"conclusion\": \"success\"", "\"conclusion\": \"failure\"");
    assert_eq!(github(port, "workflow_run", &failed), (200, "it has not passed\n".to_owned()));
    let begun = run.replace("\"action\": \"completed\"", "\"action\": \"in_progress\"");
    assert_eq!(github(port, "workflow_run", &begun).0, 200);
    assert_eq!(server.releases().len(), 1);
    assert_eq!(github(port, "workflow_run", &run).0, 202);
    server.stays(&commit);
    assert_eq!(server.site.version(), "v2");
}

/// S2.16: pushes and pipelines that GitLab tells of end live.
#[test]
fn what_gitlab_tells_of_ends_live() {
    let (server, port) = told_by("gitlab", "push");
    let commit = server.site.commit("v2", "", &[]);
    let told = body(GITLAB_PUSH, &commit, "main");
    assert_eq!(deliver(port, &told, &[("X-Gitlab-Event", "Push Hook"), ("X-Gitlab-Token", "guessed")]).0, 401);
    assert_eq!(gitlab(port, "Push Hook", &body(GITLAB_PUSH, &commit, "other")).0, 200);
    assert_eq!(gitlab(port, "Push Hook", &told).0, 202);
    server.stays(&commit);
    assert_eq!(server.site.version(), "v2");
    drop(server);
    let (server, port) = told_by("gitlab", "ci");
    let commit = server.site.commit("v2", "", &[]);
    let passed = body(GITLAB_PIPELINE, &commit, "main");
    let failed = passed.replace("\"status\": \"success\",\n    \"detailed", "\"status\": \"failed\",\n    \"detailed");
    assert_eq!(gitlab(port, "Pipeline Hook", &failed), (200, "it has not passed\n".to_owned()));
    assert_eq!(gitlab(port, "Pipeline Hook", &passed).0, 202);
    server.stays(&commit);
    assert_eq!(get(server.site.port, "/version").unwrap().1.split(' ').next(), Some("v2"));
}

/// Gives away all repositories below a directory.
struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    fn of(base: &Path) -> Self {
        let port = free_port();
        let mut daemon = Command::new(find_component("git"));
        daemon.args(["daemon", "--export-all", "--reuseaddr", "--listen=127.0.0.1"]).arg(format!("--port={port}"));
        daemon.arg(format!("--base-path={}", base.display())).stderr(Stdio::null());
        // It does not go when git alone is told to.
        let child = daemon.process_group(0).spawn().unwrap();
        wait_until(LIMIT, "it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { child, port }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-TERM", "--", &format!("-{}", self.child.id())]).status();
        let _ = self.child.wait();
    }
}

/// Issue 6, point 3: of a repository elsewhere no more comes than is needed; what builds keep is there for the next one; a commit that
/// its branch does not hold any more is released as long as it can be had.
#[test]
fn a_repository_elsewhere_is_fetched_as_far_as_needed() {
    let server =
        Server::new("build = [\"sh -c 'echo built >> $MAINSTAY_CACHE/builds'\"]\n", "", &["--repository", ".."]);
    let site = &server.site;
    let daemon = Daemon::of(&site.path("..").canonicalize().unwrap());
    let name = site.test.path().file_name().unwrap().display().to_string();
    let url = format!("repository = \"git://127.0.0.1:{}/{name}\"\n", daemon.port);
    let file = fs::read_to_string(server.path("mainstay.toml")).unwrap();
    let file: String = file.lines().filter(|it| !it.starts_with("repository")).map(|it| format!("{it}\n")).collect();
    fs::write(server.path("mainstay.toml"), file + &url).unwrap();
    let first = site.commit("v1", "", &[]);
    let second = site.commit("v2", "", &[]);
    let deploy = |arguments: &[&str]| site.run(&[&["deploy", "--dir", "shop"], arguments].concat());
    // The mirror lies where a repository that is pushed to would lie.
    let count = || done(&git(&server.repository(), &["rev-list", "--all", "--count"], &[]));
    deploy(&[]).code(0);
    assert_eq!((site.version(), count()), ("v2".to_owned(), "1".to_owned()));
    deploy(&[&first]).code(0);
    assert_eq!((site.version(), count()), ("v1".to_owned(), "2".to_owned()));
    // Pushed over, and the old one is live no more; it was a release, so that it is kept.
    site.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    let third = site.commit("v3", "", &[]);
    site.git(&["reflog", "expire", "--expire=now", "--all"]);
    site.git(&["gc", "--quiet", "--prune=now"]);
    deploy(&[]).code(0);
    assert_eq!((site.version(), server.releases()[0]["commit"].as_str()), ("v3".to_owned(), Some(&*third)));
    deploy(&[&second]).code(0);
    assert_eq!(site.version(), "v2");
    deploy(&[&"0".repeat(40)]).code(2).stderr_has("there is no commit `0000");
    deploy(&["main~1"]).code(0);
    assert!(count().parse::<usize>().unwrap() > 4, "{}", count());
    assert_eq!(fs::read_to_string(server.path("data/releases/cache/builds")).unwrap().lines().count(), 5);
}
