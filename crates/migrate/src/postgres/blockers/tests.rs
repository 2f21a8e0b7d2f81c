use super::*;
use crate::postgres::fixture::{Bench, eventually};

const SQL: &str = "lock table busy in access share mode";

/// The working session waits for the table; the one who asks is another.
async fn held_up(bench: &Bench, begin: &str, names: &[&str]) -> (Vec<Blocker>, Option<Wanted>) {
    let mut holders = Vec::new();
    for name in names {
        let holder = bench.open(name).await;
        holder.client.batch_execute(&format!("begin; {begin}")).await.unwrap();
        holders.push(holder);
    }
    let (worker, asker) = (bench.open("worker").await, bench.open("asker").await);
    let pid = worker.backend_pid.unwrap();
    let found = async {
        let found = eventually("the worker waits", async || {
            let found = blockers(&asker, pid).await.unwrap();
            (found.len() >= names.len()).then_some(found)
        })
        .await;
        let wanted = wanted(&asker, pid).await.unwrap();
        drop(holders);
        (found, wanted)
    };
    let (altered, found) = tokio::join!(worker.client.batch_execute("alter table busy add m int"), found);
    altered.unwrap();
    assert_eq!(blockers(&asker, pid).await.unwrap(), []);
    assert_eq!(super::wanted(&asker, pid).await.unwrap(), None);
    found
}

/// Issue 3, part 5: pid, application, role, age and statement, and in words what it is.
#[tokio::test]
async fn who_holds_a_table_is_named() {
    let bench = Bench::start();
    bench.cluster.psql("create table busy (n int)");
    let (found, wanted) = held_up(&bench, SQL, &["pg_dump"]).await;
    let [dump] = &found[..] else { panic!("{found:?}") };
    assert_eq!((dump.kind, dump.user.as_str(), dump.application.as_str()), (Kind::Dump, "postgres", "pg_dump"));
    let text = dump.to_string();
    let words = format!(
        "held up by process {} (role `postgres`, this is pg_dump, `begin; lock table busy in access share mode`, in a transaction for ",
        dump.pid
    );
    assert!(text.starts_with(&words), "{text}");
    let wanted = wanted.unwrap();
    assert_eq!(wanted.to_string(), "AccessExclusiveLock on `busy`");
}

#[tokio::test]
async fn two_sessions_hold_it_up_and_the_older_comes_first() {
    let bench = Bench::start();
    bench.cluster.psql("create table busy (n int)");
    let (found, _) = held_up(&bench, SQL, &["psql", "mainstay-migrate/web-2:17"]).await;
    let kinds: Vec<_> = found.iter().map(|blocker| (blocker.application.as_str(), blocker.kind)).collect();
    assert_eq!(kinds, [("psql", Kind::IdleInTransaction), ("mainstay-migrate/web-2:17", Kind::Migration)]);
    assert!(
        found[0].to_string().contains("(`psql`, role `postgres`, idle in transaction, `begin; lock"),
        "{}",
        found[0]
    );
}

/// A transaction that was prepared has no process.
#[tokio::test]
async fn a_prepared_transaction_is_told_apart() {
    let bench = Bench::with(testkit::Cluster::builder().conf("max_prepared_transactions = 2").start());
    bench.cluster.psql("create table busy (n int)");
    bench.cluster.session("postgres", "postgres").unwrap().query("begin; lock busy; prepare transaction 'p'").unwrap();
    let (worker, asker) = (bench.open("worker").await, bench.open("asker").await);
    let pid = worker.backend_pid.unwrap();
    let (altered, ()) = tokio::join!(worker.client.batch_execute("alter table busy add m int"), async {
        let found = eventually("the worker waits", async || blockers(&asker, pid).await.unwrap().pop()).await;
        assert_eq!(found.to_string(), "held up by a prepared transaction (see `pg_prepared_xacts`)");
        asker.client.batch_execute("rollback prepared 'p'").await.unwrap();
    });
    altered.unwrap();
}

/// A role without rights sees the process and its name, and nothing is made up about the rest.
#[tokio::test]
async fn what_the_server_does_not_show_is_left_out() {
    let bench = Bench::start();
    bench.cluster.psql("create table busy (n int); create role plain login; alter table busy owner to plain; grant all on schema public to plain");
    let holder = bench.open("pg_dump").await;
    holder.client.batch_execute("begin; lock table busy in access share mode").await.unwrap();
    let (worker, asker) = (bench.open_as("plain", "worker").await, bench.open_as("plain", "asker").await);
    let pid = worker.backend_pid.unwrap();
    let (altered, found) = tokio::join!(worker.client.batch_execute("alter table busy add m int"), async {
        let found = eventually("the worker waits", async || blockers(&asker, pid).await.unwrap().pop()).await;
        holder.client.batch_execute("rollback").await.unwrap();
        found
    });
    altered.unwrap();
    assert_eq!((found.kind, found.in_transaction), (Kind::Dump, None));
    assert!(found.to_string().ends_with("this is pg_dump, `<insufficient privilege>`)"), "{found}");
}

#[test]
fn what_it_is_comes_from_the_servers_columns() {
    let rows = [
        (
            ("7", "", "autovacuum worker", "active", "autovacuum: VACUUM public.a (to prevent wraparound)"),
            Kind::Autovacuum { wraparound: true },
        ),
        (
            ("7", "", "autovacuum worker", "active", "autovacuum: VACUUM public.a"),
            Kind::Autovacuum { wraparound: false },
        ),
        (("7", "pg_dump", "client backend", "idle in transaction", ""), Kind::Dump),
        (("7", "web", "client backend", "idle in transaction (aborted)", ""), Kind::IdleInTransaction),
        (("7", "web", "client backend", "active", "select 1"), Kind::Other),
        (("0", "", "", "", ""), Kind::Prepared),
    ];
    for ((pid, application, backend, state, query), expected) in rows {
        assert_eq!(kind(pid, application, backend, state, query), expected, "{query}");
    }
}
