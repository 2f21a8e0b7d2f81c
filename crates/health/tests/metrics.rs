//! The numbers of `/metrics`.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod common;

use common::*;
use database::ServerState;
use health::{Answer, BackupHealth, Migrations, NewestBackup, Phase, Reading, Usage, metrics};
use std::{collections::BTreeMap, time::Duration};

/// Reads the text format: each sample once, each family described before its samples.
fn parse(text: &str) -> BTreeMap<&str, f64> {
    let (mut samples, mut families) = (BTreeMap::new(), Vec::new());
    let body = text.strip_suffix("# EOF\n").expect("a whole answer");
    for line in body.lines() {
        if let Some(family) = line.strip_prefix("# TYPE ") {
            families.push(family.split(' ').next().unwrap());
        } else if !line.starts_with('#') {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = families.last().unwrap();
            assert!(name.starts_with(family), "{name} follows {family}");
            assert!(samples.insert(name, value.parse().unwrap()).is_none(), "{name} twice");
        }
    }
    samples
}

fn copies() -> BackupHealth {
    BackupHealth {
        database: "main".into(),
        verdict: report::Verdict::Fail,
        reason: None,
        stale: true,
        newest: Some(NewestBackup { taken: 1000.5, age: 7200.0, bytes: 4096, restore: Some(2.5) }),
        limit: Some(Duration::from_secs(3600)),
        copies: 3,
        verified: 2,
        failed_at: Some(900.0),
    }
}

/// S2.10: the documented names, with their labels and values.
#[tokio::test(start_paused = true)]
async fn names_labels_and_values() {
    let board = board(&[database("main"), redis("cache"), redis("jobs")]);
    tokio::time::advance(Duration::from_millis(1500)).await;
    passes(&board, "main");
    board.phase(Phase::Start);
    tokio::time::advance(Duration::from_millis(250)).await;
    board.phase(Phase::Watch);
    board.asked("cache", &Ok(Answer { queues: vec![("p2p".into(), 7)] }), Duration::from_millis(4));
    board.asked("jobs", &Ok(Answer { queues: vec![("p2p".into(), 8)] }), Duration::from_millis(4));
    fails(&board, "cache", ServerState::Down, "connection refused");
    fails(&board, "cache", ServerState::Unknown, "out of descriptors");
    let mut api = service("api", "active", true);
    api.restarts = 3;
    board.services(vec![api]);
    board.migrations(Migrations::Done);
    let (cpu, memory) = (Duration::from_millis(2500), Some(34 << 20));
    let usage = Usage { cpu, memory, open_files: Some(12), processes: 2, oom_kills: 1 };
    board.measure_by(move || BTreeMap::from([("api".to_owned(), usage), ("bot".to_owned(), Usage::default())]));
    let disk = |of: &str, free| Reading::gauge("mainstay_disk_free_bytes", "Free", free).labelled("of", of);
    board
        .read_by(move || vec![disk("data", 7), disk("main", 8), Reading::total("mainstay_journal_dropped", "Lost", 3)]);
    board.copies_by(|| vec![copies()]);
    let text = metrics(&board.measured());
    let samples = parse(&text);
    let expected = [
        ("mainstay_up", 1.0),
        ("mainstay_uptime_seconds", 1.75),
        (r#"mainstay_phase{phase="watch"}"#, 1.0),
        (r#"mainstay_phase{phase="gate"}"#, 0.0),
        (r#"mainstay_start_duration_seconds{step="gate"}"#, 1.5),
        (r#"mainstay_start_duration_seconds{step="start"}"#, 0.25),
        ("mainstay_migrations_pending", 0.0),
        (r#"mainstay_dependency_up{name="main",kind="SQLite"}"#, 1.0),
        (r#"mainstay_dependency_up{name="cache",kind="Redis"}"#, 0.0),
        (r#"mainstay_dependency_state{name="cache",state="unknown"}"#, 1.0),
        (r#"mainstay_dependency_state{name="cache",state="ready"}"#, 0.0),
        (r#"mainstay_dependency_latency_seconds{name="cache"}"#, 0.004),
        (r#"mainstay_dependency_checks_total{name="cache",verdict="pass"}"#, 1.0),
        (r#"mainstay_dependency_checks_total{name="cache",verdict="fail"}"#, 1.0),
        (r#"mainstay_dependency_checks_total{name="cache",verdict="could not verify"}"#, 1.0),
        (r#"mainstay_queue_length{dependency="jobs",name="p2p"}"#, 8.0),
        (r#"mainstay_service_up{service="api"}"#, 1.0),
        (r#"mainstay_service_restarts_total{service="api"}"#, 3.0),
        (r#"mainstay_service_cpu_seconds_total{service="api"}"#, 2.5),
        (r#"mainstay_service_memory_bytes{service="api"}"#, 35_651_584.0),
        (r#"mainstay_service_open_files{service="api"}"#, 12.0),
        (r#"mainstay_service_processes{service="api"}"#, 2.0),
        (r#"mainstay_service_oom_kills_total{service="api"}"#, 1.0),
        (r#"mainstay_service_processes{service="bot"}"#, 0.0),
        (r#"mainstay_disk_free_bytes{of="data"}"#, 7.0),
        (r#"mainstay_disk_free_bytes{of="main"}"#, 8.0),
        ("mainstay_journal_dropped_total", 3.0),
        (r#"mainstay_backup_stale{database="main"}"#, 1.0),
        (r#"mainstay_backup_verified_timestamp_seconds{database="main"}"#, 1000.5),
        (r#"mainstay_backup_verified_age_seconds{database="main"}"#, 7200.0),
        (r#"mainstay_backup_age_limit_seconds{database="main"}"#, 3600.0),
        (r#"mainstay_backup_size_bytes{database="main"}"#, 4096.0),
        (r#"mainstay_backup_restore_seconds{database="main"}"#, 2.5),
        (r#"mainstay_backup_copies{database="main"}"#, 3.0),
        (r#"mainstay_backup_verified_copies{database="main"}"#, 2.0),
        (r#"mainstay_backup_failure_timestamp_seconds{database="main"}"#, 900.0),
    ];
    for (name, value) in expected {
        assert_eq!(samples.get(name), Some(&value), "{name} in\n{text}");
    }
    let unseen = r#"mainstay_service_memory_bytes{service="bot"}"#;
    assert!(!samples.contains_key(unseen), "what does not run has no memory");
    let gone = r#"mainstay_queue_length{dependency="cache",name="p2p"}"#;
    assert!(!samples.contains_key(gone), "what a server that is down holds is not known");
    let states = samples.iter().filter(|(name, _)| name.starts_with("mainstay_dependency_state{name=\"main\""));
    assert_eq!(states.map(|(_, value)| value).sum::<f64>(), 1.0, "in exactly one state");
}
