use super::*;
use crate::postgres::{
    fixture::{Bench, LIMIT, dsn, eventually},
    guard::Guard,
};
use database::postgres::SqlError;
use futures_util::future::join_all;
use testkit::PgBouncer;
use tokio::time::sleep;

const KEY: i64 = -42;
const SETUP: &str = "create table work (n int, busy int, most int, done int); insert into work values (1, 0, 0, 0)";
const SHORT: Duration = Duration::from_millis(900);

async fn acquire(port: u16, name: &str, length: Duration) -> Guard {
    let keys = Keys { ours: KEY, theirs: &[], schema: "public" };
    Guard::acquire(&dsn(port), name, &keys, LIMIT, |_, _| {}, length).await.unwrap()
}

/// Takes the lock, works in two transactions, lets go; the table tells whether somebody else was at it as well.
async fn work(bench: &Bench, port: u16, name: &str) {
    let guard = acquire(port, name, LENGTH).await;
    let session = bench.open_at(port, name).await;
    for step in ["busy = busy + 1, most = greatest(most, busy + 1)", "busy = busy - 1, done = done + 1"] {
        let fence = guard.fence().unwrap_or_default();
        let sql = format!("begin; {fence}; update work set {step}; commit");
        session.client.batch_execute(&sql).await.unwrap();
        guard.check().await.unwrap();
        sleep(Duration::from_millis(20)).await;
    }
    assert!(guard.let_go().await);
}

fn worked(bench: &Bench) -> String {
    bench.cluster.psql("select busy, most, done from work")
}

/// Issue 3, proof: six at once through PgBouncer, one at a time.
#[tokio::test]
async fn six_takers_behind_a_pooler_work_one_at_a_time() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    let bouncer = PgBouncer::start(&bench.cluster);
    let names: Vec<_> = (0..6).map(|n| format!("mainstay-migrate/pooled:{n}")).collect();
    join_all(names.iter().map(|name| work(&bench, bouncer.port(), name))).await;
    assert_eq!(worked(&bench), "0|1|6");
    assert_eq!(bench.cluster.psql("select token, holder, expires_at from mainstay_lock"), "6||-infinity");
}

/// Those who come straight to the server and those who come by the pooler exclude each other.
#[tokio::test]
async fn direct_and_pooled_ones_exclude_each_other() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    let bouncer = PgBouncer::start(&bench.cluster);
    let ports = [bouncer.port(), bench.cluster.port()];
    let names: Vec<_> = (0..8).map(|n| format!("mainstay-migrate/mixed:{n}")).collect();
    // Several times each, so that either kind meets the other at work.
    let rounds = |(n, name): (usize, &String)| {
        let (bench, port, name) = (&bench, ports[n % 2], name.clone());
        async move {
            for _ in 0..3 {
                work(bench, port, &name).await;
            }
        }
    };
    join_all(names.iter().enumerate().map(rounds)).await;
    assert_eq!(worked(&bench), "0|1|24");
}

/// A holder that is killed is followed when its term is over, and not before.
#[tokio::test]
async fn a_killed_holder_is_followed_after_its_term() {
    let bench = Bench::start();
    let bouncer = PgBouncer::start(&bench.cluster);
    for port in [bouncer.port(), bench.cluster.port()] {
        let killed = acquire(bouncer.port(), "mainstay-migrate/killed:1", SHORT).await;
        let began = Instant::now();
        drop(killed);
        let next = acquire(port, "mainstay-migrate/next:1", SHORT).await;
        assert!(began.elapsed() >= SHORT / 2, "after {:?}", began.elapsed());
        next.check().await.unwrap();
        assert!(next.let_go().await);
    }
}

/// The term is renewed as long as the holder lives; those who wait see who it is.
#[tokio::test]
async fn a_living_holder_keeps_its_lease() {
    let bench = Bench::start();
    let bouncer = PgBouncer::start(&bench.cluster);
    let guard = acquire(bouncer.port(), "mainstay-migrate/living:1", SHORT).await;
    let keys = Keys { ours: KEY, theirs: &[], schema: "public" };
    for port in [bouncer.port(), bench.cluster.port()] {
        let refused = Guard::acquire(&dsn(port), "x", &keys, SHORT * 2, |_, _| {}, SHORT).await.map(drop);
        let Err(MigrateError::Locked { holder, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(holder.application.as_deref(), Some("mainstay-migrate/living:1"));
        assert!(holder.since >= Some(Duration::from_secs(1)), "{holder}");
        guard.check().await.unwrap();
    }
    assert!(guard.let_go().await);
}

/// A holder that cannot reach the server any more knows that its lease is over, without being told.
#[tokio::test]
async fn a_holder_that_is_cut_off_stops() {
    let bench = Bench::start();
    let bouncer = PgBouncer::start(&bench.cluster);
    let guard = acquire(bouncer.port(), "mainstay-migrate/cut:1", SHORT).await;
    bouncer.kill9();
    assert_eq!(guard.check().await.unwrap_err(), MigrateError::LockLost);
}

async fn taken(row: &Row, session: &Session, name: &str, length: Duration) -> Option<i64> {
    match row.take(session, &[], name, length).await.unwrap() {
        Attempt::Taken(token) => Some(token),
        Attempt::Held(_) => None,
    }
}

async fn code(session: &Session, sql: &str) -> String {
    let result = session.client.batch_execute(sql).await;
    let code = result.map_err(SqlError::from).err().map(|error| error.code).unwrap_or_default();
    session.client.batch_execute("rollback").await.unwrap();
    code
}

/// A holder that stalled past its term cannot commit once somebody else has taken over, by whichever way.
#[tokio::test]
async fn a_stalled_holder_is_fenced_off() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    let bouncer = PgBouncer::start(&bench.cluster);
    let (stalled, next) = (bench.open_at(bouncer.port(), "a").await, bench.open_at(bouncer.port(), "b").await);
    let row = Row::new("public", KEY);
    let old = taken(&row, &stalled, "a", Duration::from_millis(100)).await.unwrap();
    let write = format!("begin; {}; update work set done = 99; commit", row.fence(old, &[]));
    let new = eventually("the term is over", async || taken(&row, &next, "b", Duration::ZERO).await).await;
    assert_eq!(new, old + 1);
    assert_eq!(code(&stalled, &write).await, FENCED);
    assert!(!row.renew(&stalled, old, LENGTH).await.unwrap() && !row.give_back(&stalled, old).await.unwrap());
    assert_eq!(row.clear(&bench.open("direct").await).await.unwrap(), None);
    assert_eq!(code(&next, &write.replace(&format!("token = {old}"), &format!("token = {new}"))).await, FENCED);
    assert_eq!(worked(&bench), "0|0|0");
}

/// Who has passed the fence is waited for, however late it is: nobody takes over in the middle of a transaction. Its
/// renewal goes on meanwhile.
#[tokio::test]
async fn nobody_takes_over_in_the_middle_of_a_transaction() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    let bouncer = PgBouncer::start(&bench.cluster);
    let (slow, next) = (bench.open_at(bouncer.port(), "a").await, bench.open_at(bouncer.port(), "b").await);
    let direct = bench.open("direct").await;
    let row = Row::new("public", KEY);
    let token = taken(&row, &slow, "a", Duration::ZERO).await.unwrap();
    slow.client.batch_execute(&format!("begin; {}", row.fence(token, &[]))).await.unwrap();
    assert_eq!(taken(&row, &next, "b", LENGTH).await, None);
    assert_eq!(row.clear(&direct).await.unwrap().unwrap().application.as_deref(), Some("a"));
    assert!(row.renew(&next, token, Duration::ZERO).await.unwrap(), "the heart beats in another session");
    slow.client.batch_execute("update work set done = 7; commit").await.unwrap();
    assert_eq!(taken(&row, &next, "b", LENGTH).await, Some(token + 1));
    assert_eq!(worked(&bench), "0|0|7");
}

/// The adopted tool, which comes straight to the server, is seen in each transaction.
#[tokio::test]
async fn another_tool_keeps_us_out_of_its_way() {
    let bench = Bench::start();
    let bouncer = PgBouncer::start(&bench.cluster);
    let (session, tool) = (bench.open_at(bouncer.port(), "a").await, bench.open("tool").await);
    let row = Row::new("public", KEY);
    tool.client.batch_execute("select pg_advisory_lock(77)").await.unwrap();
    let Attempt::Held(holder) = row.take(&session, &[77], "a", LENGTH).await.unwrap() else { panic!("it is held") };
    assert_eq!(holder.application.as_deref(), Some("tool"));
    tool.client.batch_execute("select pg_advisory_unlock(77)").await.unwrap();
    let Attempt::Taken(token) = row.take(&session, &[77], "a", LENGTH).await.unwrap() else { panic!("it is free") };
    let fenced = format!("begin; {}", row.fence(token, &[77]));
    assert_eq!(code(&session, &fenced).await, "");
    tool.client.batch_execute("select pg_advisory_lock(77)").await.unwrap();
    assert_eq!(code(&session, &fenced).await, "55P03");
}

/// Whatever the schema is called, and whatever the server's defaults are.
#[tokio::test]
async fn odd_names_and_defaults_do_no_harm() {
    let bench = Bench::start();
    bench.cluster.psql("create schema \"o'd\\d \"\"name\"");
    bench.cluster.psql("alter role postgres set default_transaction_isolation = 'serializable'");
    bench.cluster.psql("alter role postgres set standard_conforming_strings = off");
    let session = bench.open("o'd\\").await;
    let row = Row::new("o'd\\d \"name", KEY);
    let token = taken(&row, &session, "o'd\\", LENGTH).await.unwrap();
    assert_eq!(code(&session, &format!("begin; {}", row.fence(token, &[]))).await, "");
    assert_eq!(code(&session, &format!("begin; {}", row.fence(token + 1, &[]))).await, FENCED);
    assert!(row.give_back(&session, token).await.unwrap());
}
