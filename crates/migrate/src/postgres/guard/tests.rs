use super::{
    session_lock::{KEEPALIVE, STAY},
    *,
};
use crate::postgres::{
    ask::query,
    fixture::{Bench, LIMIT, dsn, eventually},
    lease::LENGTH,
};
use testkit::{Cluster, PgBouncer};

const OURS: i64 = -7_489_493_668_463_270_970;
const NAME: &str = "mainstay-migrate/web-2:17/v42";

async fn acquire(port: u16, theirs: &[i64], limit: Duration) -> Result<Guard, MigrateError> {
    let keys = Keys { ours: OURS, theirs, schema: "public" };
    Guard::acquire(&dsn(port), NAME, &keys, limit, |_, _| {}, LENGTH).await
}

fn statement(holder: &Holder) -> Option<&str> {
    holder.activity.as_ref()?.statement.as_deref()
}

fn held(bench: &Bench) -> String {
    bench.cluster.psql(
        "select string_agg(((classid::bigint << 32) | objid::bigint)::text, ',' order by objid) from pg_locks \
         where locktype = 'advisory' and objsubid = 1",
    )
}

/// Issue 3, part 3: the pooler is told apart by the process that it announces.
#[tokio::test]
async fn a_pooler_is_told_apart() {
    let bench = Bench::start();
    let bouncer = PgBouncer::start(&bench.cluster);
    let direct = acquire(bench.cluster.port(), &[], LIMIT).await.unwrap();
    assert_eq!((direct.way(), direct.fence()), (Way::Direct, None));
    assert!(direct.let_go().await);
    let pooled = acquire(bouncer.port(), &[], LIMIT).await.unwrap();
    assert!(matches!(pooled.way(), Way::Pooled { announced, answers } if announced != answers));
    assert!(pooled.fence().is_some());
    assert!(pooled.let_go().await);
    assert_eq!(held(&bench), "", "nothing is left in the sessions of the pool");
}

/// The adopted tool's locks are taken as well, all or none, and given back.
#[tokio::test]
async fn other_tools_are_locked_out_too() {
    let bench = Bench::start();
    let (first, second) = (4_097_083_626, 293_176_876_009_260_204);
    let mut tool = bench.cluster.session("postgres", "postgres").unwrap();
    tool.query(&format!("select pg_advisory_lock({second})")).unwrap();
    let port = bench.cluster.port();
    let refused = acquire(port, &[first, second], Duration::from_millis(200)).await.map(drop).unwrap_err();
    let MigrateError::Locked { holder, .. } = &refused else { panic!("{refused}") };
    assert_eq!(holder.application.as_deref(), Some("testkit"), "the one that holds the second key");
    eventually("nothing else is held", async || (held(&bench) == second.to_string()).then_some(())).await;
    tool.query("select pg_advisory_unlock_all()").unwrap();
    let guard = acquire(port, &[first, second], LIMIT).await.unwrap();
    let taken = held(&bench);
    for key in [OURS, first, second] {
        assert!(taken.split(',').any(|held| held == key.to_string()), "{key} in {taken}");
    }
    assert!(guard.let_go().await);
    assert_eq!(held(&bench), "");
}

/// Issue 3, part 3: the holder is shown with host, process, release, since when it has the lock, and its statement.
#[tokio::test]
async fn the_holder_is_shown_with_its_statement() {
    let bench = Bench::start();
    bench.cluster.psql("create table busy (n int)");
    let guard = acquire(bench.cluster.port(), &[], LIMIT).await.unwrap();
    let (worker, asker, reader) = (bench.open(NAME).await, bench.open("asker").await, bench.open("reader").await);
    reader.client.batch_execute("begin; lock table busy").await.unwrap();
    let (altered, ()) = tokio::join!(worker.client.batch_execute("alter table busy\n add m int"), async {
        let holder = eventually("it has the lock for a second", async || {
            let holder = who(&asker, OURS).await.unwrap();
            (holder.since >= Some(Duration::from_secs(1)) && statement(&holder).is_some()).then_some(holder)
        })
        .await;
        assert_eq!(holder.application.as_deref(), Some(NAME));
        assert_eq!(statement(&holder), Some("alter table busy …"));
        let silent = holder.activity.as_ref().unwrap().silent.unwrap();
        assert!(silent < Duration::from_secs(20), "{holder}");
        guard.check().await.unwrap();
        let after = who(&asker, OURS).await.unwrap();
        assert!(after.since >= holder.since, "to look at the lock is not to take it anew: {after}");
        reader.client.batch_execute("rollback").await.unwrap();
    });
    altered.unwrap();
    assert!(guard.let_go().await);
    assert_eq!(who(&asker, OURS).await.unwrap(), Holder::default());
}

/// Time limits for sessions in general do not end the session of the lock.
#[tokio::test]
async fn the_lock_outlives_the_limits_of_the_server() {
    let cluster = Cluster::builder().conf("idle_session_timeout = 300ms").conf("statement_timeout = 5s").start();
    let bench = Bench::with(cluster);
    let guard = acquire(bench.cluster.port(), &[], LIMIT).await.unwrap();
    let other = bench.open("other").await;
    eventually("the other session was ended", async || other.client.is_closed().then_some(())).await;
    guard.check().await.unwrap();
    assert!(guard.let_go().await);
}

/// The server finds a dead holder by itself: it asks over TCP.
#[tokio::test]
async fn the_server_asks_whether_we_live() {
    let bench = Bench::start();
    let session = bench.open("x").await;
    assert_eq!(query(&session, "x", STAY).await.unwrap().len(), 4, "15 has no transaction_timeout");
    query(&session, "x", KEEPALIVE).await.unwrap();
    let sql = "SELECT string_agg(setting, ',' ORDER BY name) FROM pg_settings WHERE name LIKE 'tcp_%' OR name = 'client_connection_check_interval'";
    let rows = query(&session, "x", sql).await.unwrap();
    assert_eq!(rows[0].get(0), Some("10000,3,10,5,25000"));
}

/// A holder whose session was ended knows it.
#[tokio::test]
async fn a_lost_lock_is_noticed() {
    let bench = Bench::start();
    let guard = acquire(bench.cluster.port(), &[], LIMIT).await.unwrap();
    guard.check().await.unwrap();
    bench
        .cluster
        .psql(&format!("select pg_terminate_backend(pid) from pg_stat_activity where application_name = '{NAME}'"));
    assert_eq!(guard.check().await.unwrap_err(), MigrateError::LockLost);
    let next = acquire(bench.cluster.port(), &[], LIMIT).await.unwrap();
    assert!(guard.let_go().await, "what the server took back is no reason for a warning");
    next.check().await.unwrap();
}
