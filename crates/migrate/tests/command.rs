//! An external command under our lock and our retries, as real processes.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use config::Target;
use migrate::{MigrateError, status};
use report::{Outcome, Stream};
use std::time::Duration;
use support::{Bench, postgres, until, within};
use testkit::{Cluster, TempDir};

/// Fails as alembic does, as often as the first argument says, then works.
const ALEMBIC: &str = r#"
tries=$(cat tries 2>/dev/null || echo 0)
echo $((tries + 1)) > tries
if [ "$tries" -lt "$1" ]; then
  echo "Traceback (most recent call last):" >&2
  echo "psycopg2.OperationalError: FATAL:  the database system is not yet accepting connections" >&2
  echo "DETAIL:  Consistent recovery state has not been yet reached." >&2
  exit 1
fi
echo "INFO  [alembic.runtime.migration] Running upgrade  -> $REVISION"
"#;

fn sqlite(dir: &TempDir) -> Target {
    Target::Sqlite(dir.path().join("app.db"))
}

/// S0.3, S0.4, S3.1: a command that meets a recovery is tried again, with its environment, and every line goes out.
#[tokio::test]
async fn a_command_that_meets_a_recovery_is_tried_again() {
    let cluster = Cluster::start();
    let mut bench = Bench::command(postgres(cluster.port(), "postgres"), &["sh", "-c", ALEMBIC, "alembic", "2"]);
    bench.env.insert("REVISION".into(), "ae10".into());
    let report = bench.up().await.unwrap();
    assert_eq!((report.attempts, report.applied.len()), (3, 0));
    let lines = bench.recorder.lines();
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert_eq!(lines[0], ("migrate".into(), Stream::Stderr, b"Traceback (most recent call last):".to_vec()));
    assert_eq!(lines[6].2, b"INFO  [alembic.runtime.migration] Running upgrade  -> ae10");
    let said = bench.texts();
    assert!(said[1].starts_with("migrations failed, attempt 1/3: `sh -c"), "{said:?}");
    assert!(
        said[1].contains("ended with exit code 1: psycopg2.OperationalError: FATAL:  the database system is not yet"),
        "{said:?}"
    );
    assert_eq!(cluster.psql("select count(*) from pg_locks where locktype = 'advisory'"), "0");
    assert_eq!(within(status(&bench.job())).await.unwrap().current, None);
}

/// S0.3: what cannot heal is not tried again, and its last lines are kept.
#[tokio::test]
async fn a_command_with_a_bug_fails_at_once() {
    let dir = TempDir::new();
    let bug = "echo connection refused; echo 'ERROR: syntax error at or near \"TABEL\"' >&2; exit 3";
    let bench = Bench::command(sqlite(&dir), &["sh", "-c", bug]);
    let error = bench.up().await.unwrap_err();
    assert_eq!(bench.course(), ["migrate.command"]);
    let finding = error.finding().to_string();
    assert!(finding.contains("ended with exit code 3") && finding.contains("TABEL"), "{finding}");
    assert_eq!(error.outcome(), Outcome::Failed);

    let missing = Bench::command(sqlite(&dir), &["no-such-alembic", "upgrade", "head"]);
    let error = missing.up().await.unwrap_err();
    assert!(matches!(error, MigrateError::Spawn { .. }), "{error}");
    assert_eq!(error.outcome(), Outcome::Misused);
}

/// An unknown reason is tried once more, then it is final.
#[tokio::test]
async fn a_riddle_is_tried_once_more() {
    let dir = TempDir::new();
    let bench = Bench::command(sqlite(&dir), &["sh", "-c", "echo boom; kill -TERM $$"]);
    let error = bench.up().await.unwrap_err();
    assert_eq!(bench.recorder.lines().len(), 2, "two of three attempts");
    assert!(error.to_string().contains("was ended by signal 15"), "{error}");
    assert!(error.to_string().contains("it failed like this before"), "{error}");
}

/// Two starters never run the command at once, on either database.
#[tokio::test]
async fn two_starters_run_the_command_one_after_the_other() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    for target in [postgres(cluster.port(), "postgres"), sqlite(&dir)] {
        let busy = TempDir::new();
        let script = format!("mkdir {0}/busy && sleep 0.3 && rmdir {0}/busy", busy.path().display());
        let starters: Vec<_> = (0..3).map(|_| Bench::command(target.clone(), &["sh", "-c", &script])).collect();
        for result in futures_util::future::join_all(starters.iter().map(Bench::up)).await {
            assert_eq!(result.unwrap().attempts, 1);
        }
    }
}

/// A command whose starter goes away is ended with it: it must not run on without the lock.
#[tokio::test]
async fn a_command_does_not_outlive_its_starter() {
    let dir = TempDir::new();
    let alive = dir.path().join("alive");
    let script = format!("touch {0}; sleep 100; touch {0}.late", alive.display());
    let bench = Bench::command(sqlite(&dir), &["sh", "-c", &script]);
    let started = async {
        until("the command runs", || alive.exists()).await;
    };
    let job = bench.job();
    tokio::select! {
        result = migrate::up(&job, &migrate::Goal::All) => panic!("{result:?}"),
        () = started => {}
    }
    let lock = dir.path().join("app.db.migrate-lock");
    until("the lock is free", || host::lock::InstanceLock::acquire(&lock, "test").is_ok()).await;
    let named = format!("touch {}", alive.display());
    until("the command is gone", || {
        !host::proc::all().iter().filter_map(|process| process.cmdline()).any(|line| line.contains(&named))
    })
    .await;
}

/// A descendant that keeps the output open does not hold up the start.
#[tokio::test]
async fn a_straggler_is_not_waited_for() {
    let dir = TempDir::new();
    let bench = Bench::command(sqlite(&dir), &["sh", "-c", "sleep 30 & echo done"]);
    let report = tokio::time::timeout(Duration::from_secs(20), bench.up()).await.expect("waits for the straggler");
    assert_eq!(report.unwrap().attempts, 1);
    assert_eq!(bench.recorder.lines()[0].2, b"done");
}
