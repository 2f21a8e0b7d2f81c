//! From what is known to the three answers.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod common;

use common::*;
use config::Dependency;
use database::ServerState;
use health::{Answer, Board, Migrations, Phase, Status};
use std::time::Duration;

/// Everything runs.
fn running() -> Board {
    let board = board(&[database("main"), redis("cache")]);
    passes(&board, "main");
    passes(&board, "cache");
    board.services(vec![service("api", "active", true)]);
    board.phase(Phase::Watch);
    board
}

type Change = fn(&Board);

/// S2.9: ok and degraded are 200, critical is 503; what makes which.
#[test]
fn what_makes_it_degraded_or_critical() {
    let cases: [(&str, Change, Status, &str); 13] = [
        ("nothing", |_| (), Status::Ok, ""),
        (
            "a required one is down",
            |it| fails(it, "main", ServerState::Down, "connection refused"),
            Status::Critical,
            "main is down: connection refused",
        ),
        (
            "an optional one is down",
            |it| fails(it, "cache", ServerState::Down, "connection refused"),
            Status::Degraded,
            "cache is down: connection refused",
        ),
        (
            "migrations failed, and it was told to go on",
            |it| it.migrations(Migrations::Degraded("2_x.sql".into())),
            Status::Degraded,
            "started without all migrations: 2_x.sql",
        ),
        (
            "migrations failed",
            |it| it.migrations(Migrations::Failed("2_x.sql".into())),
            Status::Critical,
            "migrations failed: 2_x.sql",
        ),
        ("migrations wait", |it| it.migrations(Migrations::Pending(2)), Status::Critical, "2 migrations pending"),
        ("migrations are done", |it| it.migrations(Migrations::Done), Status::Ok, ""),
        (
            "a service failed",
            |it| it.services(vec![service("api", "failed", false)]),
            Status::Critical,
            "api is failed",
        ),
        (
            "a service is parked",
            |it| it.services(vec![service("api", "parked", false)]),
            Status::Critical,
            "api is parked",
        ),
        (
            "a service runs and fails its check",
            |it| it.services(vec![service("api", "active", false)]),
            Status::Critical,
            "api runs and is not ready",
        ),
        ("a one-shot is done", |it| it.services(vec![service("seed", "inactive", true)]), Status::Ok, ""),
        ("it stops", |it| it.phase(Phase::Stopping), Status::Critical, "stopping"),
        ("a switch is off", |it| it.flag("scheduler", false), Status::Ok, ""),
    ];
    for (what, change, status, reason) in cases {
        let board = running();
        change(&board);
        let judgement = board.judgement();
        assert_eq!(judgement.status, status, "{what}");
        assert_eq!(judgement.reasons.join("; "), reason, "{what}");
        assert_eq!(judgement.ready, status != Status::Critical, "{what}");
    }
}

/// S3.5: 200 while migrations run, with the true state; 503 when a needed part is down once it runs.
#[test]
fn a_start_is_healthy_and_not_ready_and_a_lost_database_is_neither() {
    let board = board(&[database("main")]);
    let answers = |board: &Board| {
        let it = board.judgement();
        (it.healthy, it.ready, it.live)
    };
    assert_eq!(answers(&board), (true, false, true), "nobody was asked yet");
    fails(&board, "main", ServerState::Recovering, "the database system is starting up");
    assert_eq!(answers(&board), (true, false, true), "the gate waits");
    assert_eq!(board.report().db, Some(false));
    passes(&board, "main");
    board.phase(Phase::Migrate);
    board.migrations(Migrations::Running);
    assert_eq!(answers(&board), (true, false, true), "migrations run");
    board.migrations(Migrations::Done);
    board.phase(Phase::Start);
    board.services(vec![service("api", "activating", false)]);
    assert_eq!(answers(&board), (true, false, true), "a service starts");
    board.services(vec![service("api", "active", true)]);
    board.phase(Phase::Watch);
    assert_eq!(answers(&board), (true, true, true), "everything runs");
    fails(&board, "main", ServerState::Down, "connection refused");
    assert_eq!(answers(&board), (false, false, true), "the database is lost: mainstay will mend it, no restart helps");
    passes(&board, "main");
    board.services(vec![service("api", "failed", false)]);
    assert_eq!(answers(&board), (false, false, false), "a service failed for good");
}

/// A start that cannot succeed any more is not worth waiting for, whatever the phase.
#[test]
fn a_failure_for_good_is_unhealthy_in_every_phase() {
    for phase in Phase::ALL {
        let board = running();
        board.phase(phase);
        board.migrations(Migrations::Failed("2_x.sql:3".into()));
        assert!(!board.judgement().healthy, "{phase:?}");
    }
}

/// S3.5: every field, in order; the body in full.
#[tokio::test(start_paused = true)]
async fn the_body_in_full() {
    let board = running();
    let queues = vec![("events:p2p".to_owned(), 4), ("events:broadcast".to_owned(), 1)];
    board.asked("cache", &Ok(Answer { queues }), Duration::from_micros(1500));
    fails(&board, "main", ServerState::Recovering, "the database system is\nstarting up");
    board.migrations(Migrations::Done);
    board.flag("scheduler", true);
    tokio::time::advance(Duration::from_secs(90)).await;
    let expected = serde_json::json!({
        "ok": false, "status": "critical", "phase": "watch",
        "db": false, "redis": true, "queue_depth": 5, "version": "1.4.2",
        "time": "2026-09-21T14:13:20.000Z", "uptime_s": 90.0,
        "reasons": ["main is recovering: the database system is starting up"],
        "checks": [
            {"name": "main", "kind": "SQLite", "required": true, "state": "recovering", "for_s": 90.0, "verdict": "fail",
             "checked_s": 90.0, "latency_ms": 2.0, "reason": "the database system is starting up"},
            {"name": "cache", "kind": "Redis", "required": false, "state": "ready", "for_s": 90.0, "verdict": "pass",
             "checked_s": 90.0, "latency_ms": 1.5, "queues": {"events:broadcast": 1, "events:p2p": 4}},
        ],
        "services": [{"name": "api", "state": "active", "ready": true, "restarts": 0}],
        "migrations": {"state": "done", "pending": 0},
        "flags": {"scheduler": true},
    });
    assert_eq!(serde_json::to_string(&board.report()).unwrap(), expected.to_string());
}

/// The board needs no more than the gate's events to show a start.
#[test]
fn the_gates_events_are_followed() {
    let board = board(&[database("main")]);
    let waiting = report::Event::new("gate.waiting", "waiting for main: recovering, attempt 3")
        .with("target", "main")
        .with("state", "recovering")
        .with("reason", "not yet accepting connections (SQLSTATE 57P03)");
    board.follow(&waiting);
    let recovering = "main is recovering: not yet accepting connections (SQLSTATE 57P03)";
    assert_eq!(board.judgement().reasons[1], recovering);
    board.follow(&report::Event::new("gate.open", "main is ready").with("target", "main"));
    board.follow(&report::Event::new("service.ready", "api is ready").with("target", "main"));
    assert_eq!(board.report().db, Some(true));
    assert_eq!(board.judgement().reasons.len(), 1);
}

/// What there is none of is `null`, not `true`.
#[test]
fn without_databases_nothing_is_claimed_about_them() {
    let board = board(&[]);
    board.phase(Phase::Watch);
    let report = board.report();
    assert_eq!((report.ok, report.db, report.redis, report.queue_depth), (true, None, None, None));
}

/// No secret reaches the page, even in a server's own words, and no reason is endless.
#[test]
fn reasons_are_masked_and_short() {
    let app = app(vec![database("main")]);
    let board = Board::of(&app, std::sync::Arc::new(Noon));
    fails(&board, "main", ServerState::Denied, "no role \"hunter22\"");
    assert_eq!(board.judgement().reasons[1], "main is denied: no role \"***\"");
    fails(&board, "main", ServerState::Denied, &"ы".repeat(1000));
    assert!(board.report().checks[0].reason.as_ref().unwrap().chars().count() <= 301);
}

fn app(dependencies: Vec<Dependency>) -> config::App {
    let secret = config::Variable {
        name: "TOKEN".into(),
        about: None,
        default: None,
        example: None,
        secret: true,
        required: true,
        generate: false,
        aliases: Vec::new(),
    };
    config::App {
        name: "booking".into(),
        root: "/".into(),
        data: "/data".into(),
        keeps_data: true,
        contract: config::EnvContract { variables: vec![secret] },
        env: [("TOKEN".to_owned(), "hunter22".to_owned())].into(),
        dependencies,
        on_failure: config::OnFailure::Stop,
        migrations: None,
        services: Vec::new(),
        jobs: Vec::new(),
        scheduler: true,
        failsafe: false,
        health: config::Health { listen: None, tcp: None, metrics: config::Metrics::Off, version: None },
        logs: config::Logs::default(),
        backup: config::Backup {
            to: "/data/backups".into(),
            stays: true,
            s3: Vec::new(),
            databases: Vec::new(),
            recipients: Vec::new(),
            identity: None,
            rhythm: config::Rhythm::Off,
            keep: 10,
            daily: 0,
            weekly: 0,
            monthly: 0,
            yearly: 0,
            min_keep: 2,
            zone: jiff::tz::TimeZone::UTC,
            prunes: true,
            ground: None,
            programs: None,
            parallel_above: 10 << 30,
            jobs: None,
            stall: std::time::Duration::from_secs(600),
            stale: None,
        },
        journal: config::Journal::default(),
        deploy: None,
        proxy: None,
        roles: Vec::new(),
    }
}
