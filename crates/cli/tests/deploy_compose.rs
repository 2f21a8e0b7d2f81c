//! Releases whose services Docker Compose runs: each has images of its own, containers are replaced one after the other, and go back
//! without a build.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "support/stand_in.rs"]
mod stand_in;
mod support;

use stand_in::Site;
use std::{
    fs,
    os::unix::process::CommandExt,
    process::{Child, Command},
};
use support::{LIMIT, mainstay};
use testkit::{Test, wait_until};

/// docker(1) with Compose as a plug-in: images and containers are files in `STATE`. What becomes of a container stands in the file `does` of
/// the commit that it is made of. Writes down what changes something.
const DOCKER: &str = r#"#!/usr/bin/env python3
import json, os, sys
state, args = os.environ["STATE"], sys.argv[1:]
def path(*parts): return os.path.join(state, *parts)
def note(text): open(path("calls"), "a").write(text + "\n")
def fail(text): print(text, file=sys.stderr); sys.exit(1)
def read(name): return json.load(open(path(name))) if os.path.exists(path(name)) else {}
def write(name, value): json.dump(value, open(path(name), "w"))
if os.path.exists(path("dead")) and args[0] != "compose": fail("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.")
if args == ["compose", "version", "--short"]: print("2.24.5"); sys.exit()
if args[0] == "version": print("27.0"); sys.exit()
if args[0] == "compose":
    options, files, rest = {}, [], args[1:]
    while rest[0].startswith("--"):
        if rest[0] == "--file": files.append(rest[1])
        else: options[rest[0]] = rest[1]
        rest = rest[2:]
    verb, rest, where = rest[0], rest[1:], options["--project-directory"]
    does = open(os.path.join(where, "does")).read().strip()
    version = open(os.path.join(where, "version")).read().strip()
    over = json.load(open(files[1])) if len(files) > 1 else {"services": {}}
    text = open(files[0]).read()
    if verb == "config":
        if "services:" not in text: fail(f"yaml: line 1: {os.path.basename(files[0])} has no services")
        print("db\nweb\nworker")
    elif verb == "build":
        note(f"build {' '.join(rest)} {version}")
        if does == "unbuilt": fail("failed to solve: exit code: 3")
        images = read("images")
        for name in rest:
            if name == "web": images[over["services"][name]["image"]] = version
        write("images", images)
    elif verb == "pull": note(f"pull {rest[0]}")
    elif verb == "up":
        name, service = rest[-1], over["services"][rest[-1]]
        note(f"up {' '.join(rest[:-1])} {name} {version} {options['--project-name']}")
        image = service.get("image")
        if image and image not in read("images"): fail("no such image: " + image)
        ill = does == "never" and name == "web"
        there = read("c-" + name)
        if not there or there["Config"]["Labels"] != service["labels"]: write("c-" + name, {"Id": "id-" + name, "RestartCount": 0, "Config": {"Labels": service["labels"]},
            "State": {"Status": "running", "ExitCode": 0, "OOMKilled": False,
                **({"Health": {"Status": "unhealthy" if ill else "healthy", "Log": [{"Output": "no prices"}]}} if name == "web" else {})}})
        open(path("env"), "w").write(open(options["--env-file"]).read())
    sys.exit()
if args[0] == "ps":
    name = [word for word in args if "compose.service=" in word][0].split("=")[-1]
    if os.path.exists(path("c-" + name)): print("id-" + name)
elif args[0] == "inspect": print(json.dumps([read("c-" + word[3:]) for word in args if word.startswith("id-")]))
elif args[:2] == ["image", "inspect"]: sys.exit(args[-1] not in read("images"))
elif args[:2] == ["image", "rm"]:
    images = read("images"); gone = images.pop(args[-1], None); write("images", images)
    if gone: note("forget " + gone)
elif args[0] == "logs": print("all is well")
elif args[0] == "stop": note("stop " + args[-1])
elif args[0] == "rm": os.remove(path("c-" + args[-1][3:]))
"#;

const CONFIG: &str = "name = \"shop\"\n[deploy]\ndriver = \"compose\"\nservices = [\"web\", \"worker\"]\nwatch = \"1s\"\ndrain = \"7s\"\n\
    smoke = [{ command = [\"sh\", \"-c\", \"test \\\"$(cat does)\\\" != smoke\"] }]\n";

const COMPOSE: &str =
    "services:\n  web:\n    build: .\n  worker:\n    image: shop/worker\n  db:\n    image: postgres:15\n";

fn site() -> Site {
    let site = Site::new(CONFIG, &[("docker", DOCKER)]);
    site.commit("v1", "", &[("compose.yaml", COMPOSE)]);
    site
}

fn up(name: &str, version: &str) -> String {
    format!("up --detach --no-deps --no-build --timeout 7 {name} {version} shop")
}

/// S1.7, S4.6, issue 6, point 6: images are built and named once, only the named services are replaced, and a rollback builds nothing.
#[test]
fn services_are_replaced_and_databases_are_let_alone() {
    let site = site();
    fs::write(site.path(".env"), "GREETING=hello\n").unwrap();
    fs::write(site.path(".gitignore"), "data/\nbin/\nstate/\n.env\n").unwrap();
    let output = site.run(&["deploy", "--dry-run"]);
    output.code(0).stdout_has("would    build      images of web, worker");
    output.code(0).stdout_has("would    switch     replaced one after the other: web, worker");
    assert!(site.calls().is_empty());
    let output = site.run(&["deploy"]);
    output.code(0).stderr_has("`web` replaced, healthy after").stderr_has("the service `worker` has no health check");
    let expected = ["build web worker v1".to_owned(), "pull worker".to_owned(), up("web", "v1"), up("worker", "v1")];
    assert_eq!(site.calls(), expected);
    assert_eq!(fs::read_to_string(site.path("state/env")).unwrap(), "GREETING=hello\n");
    fs::write(site.path(".env"), "GREETING=bye\n").unwrap();
    site.commit("v2", "", &[]);
    site.deploy();
    assert_eq!(site.states(), ["confirmed", "superseded"]);
    site.calls();
    site.run(&["deploy"]).code(0).stderr_has("is live already");
    site.run(&["rollback"]).code(0).stderr_has("is live again");
    assert_eq!(site.calls(), [up("web", "v1"), up("worker", "v1")]);
    assert_eq!(fs::read_to_string(site.path("state/env")).unwrap(), "GREETING=hello\n");
    assert_eq!(
        (site.current().as_deref(), site.states()),
        (Some("v1"), vec!["rolled-back".into(), "confirmed".into()])
    );
}

/// S0.7, issue 6, points 5 and 6: whichever way it is bad, the images of the release before are brought up again, and its own go.
#[test]
fn a_bad_one_is_taken_back() {
    let site = site();
    site.deploy();
    site.calls();
    site.commit("unbuilt", "unbuilt", &[]);
    let output = site.run(&["deploy"]);
    output.code(1).stderr_has("failed to solve: exit code: 3").stderr_has("has served all the time");
    assert_eq!(site.calls(), ["build web worker unbuilt"]);
    for (does, what) in [("never", "it is unhealthy: no prices"), ("smoke", "smoke check")] {
        site.commit(does, does, &[]);
        site.run(&["deploy"]).code(1).stderr_has(what).stderr_has("is live again");
        let calls = site.calls();
        assert_eq!(calls[calls.len() - 3..], [up("web", "v1"), up("worker", "v1"), format!("forget {does}")], "{does}");
        assert_eq!((site.current().as_deref(), site.states()[0].as_str()), (Some("v1"), "rolled-back"), "{does}");
    }
}

/// S0.7, issue 6, point 6: a container that Docker once started again is none that does not start. Found in a review.
#[test]
fn the_way_back_forgives_old_restarts() {
    let site = site();
    site.deploy();
    let worker = site.path("state/c-worker");
    let text = fs::read_to_string(&worker).unwrap();
    fs::write(&worker, text.replace("\"RestartCount\": 0", "\"RestartCount\": 3")).unwrap();
    site.commit("never", "never", &[]);
    site.run(&["deploy"]).code(1).stderr_has("is live again");
    assert_eq!((site.current().as_deref(), site.states()[0].as_str()), (Some("v1"), "rolled-back"));
}

/// Issue 6, points 6 and 7: half of a switch is put right by the next release.
#[test]
fn a_switch_that_was_broken_off_is_put_right() {
    let site = site();
    site.deploy();
    site.commit("v2", "", &[]);
    site.killed_in_switch("deploy");
    site.calls();
    site.run(&["deploy"]).code(0).stderr_has("a switch was broken off: release");
    let calls = site.calls();
    assert_eq!(calls[..2], [up("web", "v1"), up("worker", "v1")]);
    assert_eq!(calls[calls.len() - 2..], [up("web", "v2"), up("worker", "v2")]);
    assert_eq!(site.states(), ["confirmed", "abandoned", "superseded"]);
}

/// Issue 6, point 6: what is wrong is told before anything is touched.
#[test]
fn what_is_wrong_is_told_first() {
    let site = site();
    fs::write(site.path("state/dead"), "").unwrap();
    let output = site.run(&["deploy"]);
    output.code(75).stderr_has("no Docker engine answers").stderr_has("Cannot connect to the Docker daemon");
    fs::remove_file(site.path("state/dead")).unwrap();
    site.commit("v2", "", &[("compose.yaml", "nothing: 1\n")]);
    let output = site.run(&["deploy"]);
    output.code(2).stderr_has("`compose.yaml` is not understood by Compose").stderr_has("yaml: line 1");
    let config = CONFIG.replace("\"web\"", "\"wbe\"");
    site.commit("v3", "", &[("compose.yaml", COMPOSE), ("mainstay.toml", &config)]);
    let output = site.run(&["deploy"]);
    output
        .code(2)
        .stderr_has("there is no service `wbe` in `compose.yaml`")
        .stderr_has("there is `db`, `web` or `worker`");
    let config = CONFIG.replace("[deploy]", "[deploy]\ncompose = \"prod.yaml\"");
    site.commit("v4", "", &[("mainstay.toml", &config)]);
    site.run(&["deploy"]).code(2).stderr_has("there is no `prod.yaml` in the commit");
    assert!(site.calls().is_empty());
}

/// An engine of our own, in a network of its own.
struct Engine {
    child: Child,
    dir: Test,
}

impl Engine {
    fn start() -> Self {
        let dir = mainstay();
        let at = |name: &str| dir.path().join(name).display().to_string();
        let mut command = Command::new("unshare");
        command.args(["--net", "sh", "-c", "ip link set lo up; exec dockerd \"$@\" > /dev/null 2>&1", "dockerd"]);
        command.args(["--data-root", &at("data"), "--exec-root", &at("exec"), "--pidfile", &at("pid")]);
        command.args(["--host", &format!("unix://{}", at("docker.sock"))]).process_group(0);
        let child = command.spawn().expect("util-linux is installed");
        let engine = Self { child, dir };
        wait_until(LIMIT, "apt-get install docker.io docker-compose iptables iproute2: an engine answers", || {
            engine.docker(&["version"]).is_some()
        });
        engine
    }

    fn host(&self) -> String {
        format!("unix://{}", self.dir.path().join("docker.sock").display())
    }

    fn docker(&self, arguments: &[&str]) -> Option<String> {
        let output = Command::new("docker").args(arguments).env("DOCKER_HOST", self.host()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// A variable or a file of the container of the service.
    fn seen(&self, command: &str) -> String {
        let id = self.docker(&["ps", "--quiet", "--filter", "label=com.docker.compose.service=web"]).unwrap();
        self.docker(&["exec", &id, "/usr/bin/sh", "-c", command]).unwrap_or_default()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.child.wait();
    }
}

/// An image of nothing, in which the programs of this machine run.
const DOCKERFILE: &str = "FROM scratch\nCOPY root/ /\nCOPY version does /\nCMD [\"/usr/bin/python3\", \"-c\", \"import signal, sys, time; \
    signal.signal(15, lambda *_: sys.exit()); open('/does').read().strip() == 'crash' and sys.exit('no prices'); time.sleep(1000)\"]\n";

const REAL: &str = "version: \"2.4\"\nservices:\n  web:\n    build: .\n    network_mode: none\n    volumes: [\"/usr:/usr:ro\"]\n    environment: [GREETING, \"DATABASE_URL=postgres://shop:${PASSWORD}@db/shop\"]\n\
    \x20   healthcheck: {test: [\"CMD\", \"/usr/bin/test\", \"!\", \"-s\", \"/does\"], interval: 1s, retries: 2}\n";

/// S0.7, S1.7, S4.14, issue 6, points 5 to 7: with a real engine a first release, whose containers know their own addresses, a second, one that is not built, one that is never healthy, one
/// that crashes, one whose deployer is killed in the middle of the switch, and the way back.
#[test]
#[ignore = "needs root, and an engine of its own"]
fn a_real_engine_runs_what_is_current() {
    let engine = Engine::start();
    let config =
        "name = \"shop\"\n[deploy]\ndriver = \"compose\"\nservices = [\"web\"]\nwatch = \"2s\"\ndrain = \"2s\"\n";
    let mut site = Site::new(config, &[]);
    let home = site.path("data/home").display().to_string();
    site.test = std::mem::replace(&mut site.test, mainstay()).env("DOCKER_HOST", engine.host()).env("HOME", home);
    fs::create_dir_all(site.path("root")).unwrap();
    for name in ["bin", "lib", "lib64"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), site.path("root").join(name)).unwrap();
    }
    let files = [
        ("Dockerfile", DOCKERFILE),
        ("compose.yaml", REAL),
        (".gitignore", "data/\nbin/\nstate/\n.env\n!root/bin\n"),
        (".dockerignore", "data\n.git\n"),
    ];
    fs::write(site.path(".env"), "GREETING='it is $5'\nPASSWORD=hidden\n").unwrap();
    site.commit("v1", "", &files);
    let seen = || engine.seen("cat /version; echo \"$GREETING\"").replace('\n', " ");
    site.run_long(&["deploy"]).code(0);
    assert_eq!(seen(), "v1it is $5");
    assert_eq!(engine.seen("echo $DATABASE_URL"), "postgres://shop:hidden@db/shop");
    fs::write(site.path(".env"), "GREETING=bye\n").unwrap();
    site.commit("v2", "", &[]);
    site.run_long(&["deploy"]).code(0).stderr_has("`web` replaced, healthy after");
    assert_eq!(seen(), "v2bye");
    site.commit("unbuilt", "", &[("Dockerfile", "FROM scratch\nCOPY nowhere /\n")]);
    site.run_long(&["deploy"]).code(1).stderr_has("has served all the time");
    for does in ["never", "crash"] {
        site.commit(does, does, &[("Dockerfile", DOCKERFILE)]);
        site.run_long(&["deploy"])
            .code(1)
            .stderr_has("the service `web` does not become healthy")
            .stderr_has("is live again");
        assert_eq!((seen().as_str(), site.states()[0].as_str()), ("v2bye", "rolled-back"), "{does}");
    }
    site.commit("v3", "", &[]);
    let killed = site
        .test
        .again()
        .args(["deploy"])
        .env("MAINSTAY_FAILPOINT", "kill:deploy.switch.part")
        .spawn()
        .wait(10 * LIMIT);
    assert_ne!(killed.exit_code(), 0);
    assert_eq!(seen(), "v3bye");
    site.commit("v4", "never", &[]);
    site.run_long(&["deploy"]).code(1).stderr_has("a switch was broken off: release").stderr_has("is live again");
    assert_eq!(seen(), "v2bye");
    site.run_long(&["rollback"]).code(0);
    assert_eq!(seen(), "v1it is $5");
    engine.docker(&["ps", "--all", "--quiet"]).unwrap().lines().for_each(|id| {
        engine.docker(&["rm", "--force", id]);
    });
}
