//! The gate in front of real PostgreSQL servers, and of fake ones where a real one cannot be timed.

mod around;

use around::{context, dependency, limited};
use config::Access;
use database::ServerState;
use probe::{Facts, GateError, Opened, gate::Reason, wait, wait_all};
use report::{Finding, Outcome, Recorder};
use std::{path::Path, time::Duration};
use testkit::{Answer, Cluster, FakePostgres, Reaction};

const LONG: Duration = Duration::from_secs(40);

async fn gate(url: &str, limit: Duration, journal: &Recorder) -> Result<Opened, GateError> {
    limited(wait(&dependency(url, limit), &context(Path::new("/")), journal)).await
}

/// Resolves when `journal` has a sentence with `part`.
async fn told(journal: &Recorder, part: &str) {
    let heard = async {
        while !journal.texts().iter().any(|text| text.contains(part)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    limited(heard).await;
}

/// Lines that refused connections have left in the server's log.
fn refusals_in(log: &str) -> usize {
    log.lines().filter(|line| line.contains("FATAL") && line.contains("the database system is")).count()
}

/// S0.1: a server that recovers is waited for, and the first write after the gate works.
#[tokio::test]
async fn recovery_is_waited_for() {
    let cluster = Cluster::recovering_for(4);
    let journal = Recorder::default();
    let opened = gate(&cluster.url(), LONG, &journal).await.unwrap();
    cluster.psql("CREATE TABLE t (); DROP TABLE t");
    let texts = journal.texts();
    assert!(texts[0].starts_with("waiting for main: "), "{texts:#?}");
    assert!(texts[0].contains(", attempt 1, ") && texts[0].contains("(SQLSTATE 57P03)"), "{texts:#?}");
    assert!(texts.last().unwrap().starts_with("main is ready (PostgreSQL 15."), "{texts:#?}");
    let lines = refusals_in(&cluster.log());
    assert!(lines as f64 <= opened.took.as_secs_f64() + 2.0, "{lines} lines in {:?}", opened.took);
}

/// S0.8: real crash recovery, held in its middle: the line says how far it is, and the end is noticed.
#[tokio::test]
async fn crash_recovery_is_shown_and_its_end_noticed() {
    let (cluster, held) = Cluster::crashed_and_held();
    let journal = Recorder::default();
    let (url, waiting) = (cluster.url(), journal.texts());
    assert!(waiting.is_empty());
    let release = async {
        told(&journal, " % of 0/").await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        let before = refusals_in(&cluster.log());
        held.release();
        before
    };
    let (opened, before) = tokio::join!(gate(&url, LONG, &journal), release);
    opened.unwrap();
    cluster.psql("CREATE TABLE t (); DROP TABLE t");
    let after = refusals_in(&cluster.log());
    assert!(before <= 4 && after - before <= 8, "{before} lines before the release, {after} after");
}

/// Nobody listens; then somebody does.
#[tokio::test]
async fn a_server_that_is_started_later_is_noticed() {
    for over_socket in [false, true] {
        let cluster = Cluster::start();
        let url = if over_socket { cluster.socket_url() } else { cluster.url() };
        cluster.stop_fast();
        let journal = Recorder::default();
        let start = async {
            told(&journal, "waiting for main: down").await;
            cluster.start_again_nowait();
        };
        let (opened, ()) = tokio::join!(gate(&url, LONG, &journal), start);
        opened.unwrap();
        assert_eq!(cluster.psql("SELECT 1"), "1");
    }
}

/// Never early: the server that a container image starts for its first-start scripts listens on its socket only, and is
/// stopped again before the real one starts.
#[tokio::test]
async fn the_server_of_a_first_start_script_is_not_the_one() {
    let cluster = Cluster::start();
    cluster.stop_fast();
    cluster.start_again_with(&["-c", "listen_addresses="]);
    cluster.wait_ready(LONG);
    let (journal, url) = (Recorder::default(), cluster.socket_url());
    let scripts = async {
        told(&journal, "it answers on its unix socket only").await;
        cluster.stop_fast();
        cluster.start_again_nowait();
    };
    let (opened, ()) = tokio::join!(gate(&url, LONG, &journal), scripts);
    let Facts::Postgres(facts) = opened.unwrap().ready.facts else { panic!("facts of a PostgreSQL") };
    assert!(!facts.socket_only_by_command_line, "{facts:?}");
}

/// Never early: a standby answers, but is not what a writer needs.
#[tokio::test]
async fn a_standby_is_not_ready_for_writers() {
    let standby = Cluster::standby();
    let journal = Recorder::default();
    let error = gate(&standby.url(), Duration::from_secs(2), &journal).await.unwrap_err();
    assert_eq!(
        (error.reason, error.outcome(), error.refusal.state),
        (Reason::TimedOut, Outcome::NotYet, ServerState::ReadOnly)
    );
    let finding = Finding::from(&error).to_string();
    assert!(finding.contains("hint: ") && finding.contains("read-only"), "{finding}");
    let mut reader = dependency(&standby.url(), LONG);
    reader.access = Access::ReadOnly;
    let opened = limited(wait(&reader, &context(Path::new("/")), &journal)).await.unwrap();
    assert!(opened.ready.what.ends_with(", standby"), "{}", opened.ready.what);
}

#[tokio::test]
async fn a_promotion_is_noticed() {
    let standby = Cluster::standby();
    let journal = Recorder::default();
    let url = standby.url();
    let promote = async {
        told(&journal, "waiting for main: read-only").await;
        standby.promote();
    };
    let (opened, ()) = tokio::join!(gate(&url, LONG, &journal), promote);
    opened.unwrap();
}

/// A remote server: nothing of it can be seen but its answers.
#[tokio::test]
async fn refused_n_times_then_ready() {
    let row = vec!["f".into(), "off".into(), "1700000000000000".into(), "60000".into(), "150018".into()];
    let facts = Reaction::Rows(vec!["a", "b", "c", "d", "e"], vec![row]);
    let answers = [Answer::recovering(), Answer::recovering(), Answer::recovering(), Answer::Ready];
    let server = FakePostgres::start(answers).on("pg_is_in_recovery", facts);
    let journal = Recorder::default();
    let opened = gate(&server.url(), LONG, &journal).await.unwrap();
    assert_eq!((server.connections().len(), opened.took < Duration::from_secs(5)), (4, true), "{:?}", opened);
}

/// Never early: an open port that says nothing is not ready.
#[tokio::test]
async fn an_open_port_that_says_nothing_is_not_ready() {
    let server = FakePostgres::start([Answer::Silent]);
    let mut silent = dependency(&server.url(), Duration::from_millis(1500));
    silent.wait.attempt_timeout = Duration::from_millis(300);
    let journal = Recorder::default();
    let error = limited(wait(&silent, &context(Path::new("/")), &journal)).await.unwrap_err();
    assert_eq!((error.reason, error.refusal.state), (Reason::TimedOut, ServerState::Unreachable));
    assert!(
        error.elapsed >= Duration::from_millis(1500) && error.elapsed < Duration::from_secs(3),
        "{:?}",
        error.elapsed
    );
}

/// A wrong password is told after two tries, and never shown.
#[tokio::test]
async fn a_wrong_password_ends_it_soon() {
    let cluster = Cluster::builder().password("right").start();
    let url = format!("postgres://app:hunter2@127.0.0.1:{}/postgres", cluster.port());
    let journal = Recorder::default();
    let error = gate(&url, LONG, &journal).await.unwrap_err();
    assert_eq!((error.reason, error.attempts, error.outcome()), (Reason::Hopeless, 2, Outcome::Misused));
    let all = format!("{}{error:?}{error}{:?}", Finding::from(&error), journal.events());
    assert!(all.contains("28P01") && !all.contains("hunter2"), "{all}");
}

/// Somebody may just be creating the database.
#[tokio::test]
async fn a_database_may_be_created_in_its_grace() {
    let cluster = Cluster::start();
    let journal = Recorder::default();
    let url = cluster.url_of("postgres", "later");
    let create = async {
        told(&journal, "(SQLSTATE 3D000)").await;
        cluster.create_database("later");
    };
    let (opened, _) = tokio::join!(gate(&url, LONG, &journal), create);
    opened.unwrap();
}

/// The first hopeless dependency ends the waiting for all; all ready is ready.
#[tokio::test]
async fn several_are_awaited_at_once() {
    let cluster = Cluster::start();
    let silent = FakePostgres::start([Answer::Silent]);
    let (good, slow) = (dependency(&cluster.url(), LONG), dependency(&silent.url(), LONG));
    let (ctx, journal) = (context(Path::new("/nowhere")), Recorder::default());
    let opened = limited(wait_all(&[&good, &good], &ctx, &journal)).await.unwrap();
    assert_eq!(opened.len(), 2);
    let mut hopeless = dependency(&cluster.url_of("postgres", "x"), LONG);
    hopeless.wait.policy.limit = Some(Duration::from_millis(200));
    let errors = limited(wait_all(&[&good, &hopeless, &hopeless], &ctx, &journal)).await.unwrap_err();
    assert_eq!(errors.iter().map(|error| error.reason).collect::<Vec<_>>(), [Reason::TimedOut; 2]);
    let closed = Cluster::builder().password("right").start();
    let denied = dependency(&format!("postgres://app:wrong@127.0.0.1:{}/postgres", closed.port()), LONG);
    let errors = limited(wait_all(&[&slow, &denied], &ctx, &journal)).await.unwrap_err();
    assert_eq!((errors.len(), errors[0].reason), (1, Reason::Hopeless));
}
