//! Health: the pages, the plain port, the numbers, and `mainstay health` for a container's HEALTHCHECK.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::net::TcpStream;
use support::{LIMIT, get, mainstay, wait_for_page};
use testkit::{Cluster, Output, Redis, Running, Test, free_port, wait_until};

struct App {
    test: Test,
    health: u16,
    tcp: u16,
    metrics: u16,
}

/// A service that needs PostgreSQL and may do without Redis.
fn app(cluster: &Cluster, redis: &Redis) -> App {
    let (health, tcp, metrics) = (free_port(), free_port(), free_port());
    let text = format!(
        "name = \"shop\"\n[databases.main]\nurl = \"{}\"\nmonitor = {{ every = \"200ms\" }}\n\
         [dependencies.redis]\nurl = \"{}\"\nrequired = false\nmonitor = {{ every = \"200ms\" }}\n\
         [services.api]\ncommand = \"sleep 1000\"\nneeds = [\"main\", \"redis\"]\n\
         [health]\nlisten = \"127.0.0.1:{health}\"\ntcp = \"127.0.0.1:{tcp}\"\nmetrics = \"127.0.0.1:{metrics}\"\nversion = \"1.2.3\"\n",
        cluster.url(),
        redis.url()
    );
    App { test: mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", &text), health, tcp, metrics }
}

impl App {
    fn up(&self) -> Running {
        self.test.again().args(["up"]).spawn()
    }

    #[track_caller]
    fn health(&self, flags: &[&str]) -> Output {
        self.test.again().args(["health"]).args(flags.iter().copied()).run()
    }
}

/// S2.9, S3.5, S3.8: the exit codes of `mainstay health` from the gate to the loss of the database, as scripts and containers see them.
#[test]
fn health_as_exit_codes() {
    let ((cluster, gate), redis) = (Cluster::gated(), Redis::start());
    let app = app(&cluster, &redis);
    app.health(&[]).code(1).stdout_is("").stderr_has("error: mainstay does not answer");
    let mut running = app.up();
    running.wait_for_line("waiting for main: starting", LIMIT);
    app.health(&[]).code(75).stderr_is("").stdout_has("critical (gate): ");
    app.health(&["--probe"]).code(0);
    app.health(&["--probe", "--ready"]).code(1);
    gate.open();
    wait_for_page(&mut running, app.health, "/readyz", 200);
    wait_until(LIMIT, "all is well", || app.health(&[]).exit_code() == 0);
    app.health(&[]).stdout_is("ok\n").stderr_is("");
    app.health(&["--probe", "--ready"]).code(0);
    let json: serde_json::Value = serde_json::from_str(&app.health(&["--json"]).raw_stdout).unwrap();
    assert_eq!(
        (&json["status"], &json["version"], &json["db"], &json["redis"]),
        (&"ok".into(), &"1.2.3".into(), &true.into(), &true.into())
    );
    redis.kill9();
    wait_until(LIMIT, "it is degraded", || app.health(&[]).exit_code() == 3);
    app.health(&[]).stdout_has("degraded: redis ");
    app.health(&["--probe"]).code(0);
    cluster.kill9();
    wait_until(LIMIT, "it is critical", || app.health(&[]).exit_code() == 1);
    app.health(&[]).stdout_has("critical: main is down");
    app.health(&["--probe"]).code(1);
}

/// S2.9: a plain TCP port that accepts while the application is not critical.
#[test]
fn the_plain_port() {
    let (cluster, redis) = (Cluster::start(), Redis::start());
    let app = app(&cluster, &redis);
    let accepts = || TcpStream::connect(("127.0.0.1", app.tcp)).is_ok();
    let mut running = app.up();
    wait_for_page(&mut running, app.health, "/readyz", 200);
    assert!(accepts());
    cluster.kill9();
    wait_for_page(&mut running, app.health, "/healthz", 503);
    wait_until(LIMIT, "the port is closed", || !accepts());
    cluster.start_again();
    wait_until(LIMIT, "the port is open", accepts);
}

/// S2.10: numbers on a port of their own, and nowhere else unless asked for.
#[test]
fn metrics_on_a_port_of_their_own() {
    let (cluster, redis) = (Cluster::start(), Redis::start());
    let app = app(&cluster, &redis);
    let mut running = app.up();
    wait_for_page(&mut running, app.health, "/readyz", 200);
    let text = get(app.metrics, "/metrics").unwrap().1;
    for line in [
        "mainstay_up 1.0",
        "mainstay_service_up{service=\"api\"} 1.0",
        "mainstay_service_restarts_total{service=\"api\"} 0",
        "mainstay_service_oom_kills_total{service=\"api\"} 0",
        "# EOF",
    ] {
        assert!(text.lines().any(|seen| seen == line), "no `{line}` in\n{text}");
    }
    for name in ["cpu_seconds_total", "memory_bytes", "open_files", "processes"] {
        let line = format!("mainstay_service_{name}{{service=\"api\"}} ");
        let value =
            text.lines().find_map(|seen| seen.strip_prefix(&line)).unwrap_or_else(|| panic!("no `{line}` in\n{text}"));
        assert!(value.parse::<f64>().unwrap() > 0.0 || name == "cpu_seconds_total", "{line}{value}");
    }
    assert_eq!(get(app.health, "/metrics").map(|(status, _)| status), Some(404));
    assert_eq!(get(app.metrics, "/healthz").map(|(status, _)| status), Some(404));
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// S2.10: beside the health pages when that is wanted; off by default is the other test's matter.
#[test]
fn metrics_beside_health() {
    let health = free_port();
    let test = mainstay().args([
        "run",
        "--health-listen",
        &format!("127.0.0.1:{health}"),
        "--metrics",
        "on",
        "--",
        "sleep",
        "1000",
    ]);
    let mut running = test.spawn();
    wait_for_page(&mut running, health, "/readyz", 200);
    assert!(get(health, "/metrics").is_some_and(|(status, text)| status == 200 && text.contains("mainstay_up 1.0")));
}
