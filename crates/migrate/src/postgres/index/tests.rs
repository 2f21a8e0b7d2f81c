use super::*;
use crate::{
    postgres::{
        fixture::{Bench, eventually},
        resolve::{Happened, resolved},
    },
    sql::Nature,
};

fn named(schema: Option<&str>, object: &str) -> Name {
    Name { schema: schema.map(str::to_owned), object: object.to_owned() }
}

fn busy() -> Name {
    named(None, "Busy \"one\"")
}

fn create_index(index: &str) -> Nature {
    Nature::CreateIndexConcurrently { name: Some(named(None, index)), table: busy() }
}

const SETUP: &str = "create table \"Busy \"\"one\"\"\" (n int); insert into \"Busy \"\"one\"\"\" values (1), (1)";
const TABLE: &str = "\"Busy \"\"one\"\"\"";

/// A failed build leaves an invalid index, which is found and dropped; then the build succeeds.
#[tokio::test]
async fn an_invalid_index_is_found_and_dropped() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    let session = bench.open("worker").await;
    assert_eq!(state(&session, &busy(), "Ix").await.unwrap(), IndexState::Absent);
    let create = format!("create unique index concurrently \"Ix\" on {TABLE} (n)");
    session.client.batch_execute(&create).await.unwrap_err();
    let lone = create_index("Ix");
    assert_eq!(state(&session, &busy(), "Ix").await.unwrap(), IndexState::Invalid);
    assert_eq!(resolved(&session, &lone).await.unwrap(), Happened::No);
    assert_eq!(invalid(&session, &busy()).await.unwrap(), ["Ix"]);
    drop_invalid(&session, &busy(), "Ix", Some(Duration::from_secs(5))).await.unwrap();
    assert_eq!(invalid(&session, &busy()).await.unwrap(), Vec::<String>::new());
    session.client.batch_execute(&create.replace("unique ", "")).await.unwrap();
    assert_eq!(state(&session, &busy(), "Ix").await.unwrap(), IndexState::Valid);
    assert_eq!(state(&session, &named(Some("public"), &busy().object), "Ix").await.unwrap(), IndexState::Valid);
    assert_eq!(resolved(&session, &lone).await.unwrap(), Happened::Yes);
    assert_eq!(bench.cluster.psql("show lock_timeout"), "0");
}

#[tokio::test]
async fn a_name_that_something_else_has_is_told_apart() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    bench.cluster.psql("create table other (n int); create index other_n on other (n)");
    let session = bench.open("worker").await;
    let other = IndexState::OtherTable { table: "other".into() };
    assert_eq!(state(&session, &busy(), "other_n").await.unwrap(), other);
    assert_eq!(state(&session, &busy(), "other").await.unwrap(), IndexState::Taken);
    assert_eq!(state(&session, &named(None, "no'where"), "x").await.unwrap(), IndexState::Absent);
}

/// An index that another session builds is not taken for a leftover, also by a role that may not see that session's work.
#[tokio::test]
async fn an_index_that_somebody_builds_is_left_alone() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    bench.cluster.psql("create role plain login");
    let writer = bench.open("writer").await;
    writer.client.batch_execute(&format!("begin; delete from {TABLE}")).await.unwrap();
    let builder = bench.open("builder").await;
    let (mine, plain) = (bench.open("asker").await, bench.open_as("plain", "asker").await);
    let create = format!("create index concurrently ix on {TABLE} (n)");
    let (built, ()) = tokio::join!(builder.client.batch_execute(&create), async {
        let expected = IndexState::Building { pid: builder.backend_pid.unwrap() };
        for asker in [&mine, &plain] {
            eventually("it is being built", async || {
                let state = state(asker, &busy(), "ix").await.unwrap();
                (state == expected).then_some(()).or_else(|| {
                    assert_eq!(state, IndexState::Absent);
                    None
                })
            })
            .await;
            assert_eq!(invalid(asker, &busy()).await.unwrap(), Vec::<String>::new());
        }
        let lone = create_index("ix");
        assert_eq!(resolved(&mine, &lone).await.unwrap(), Happened::CannotTell);
        writer.client.batch_execute("commit").await.unwrap();
    });
    built.unwrap();
    assert_eq!(state(&plain, &busy(), "ix").await.unwrap(), IndexState::Valid);
}

/// Dropping waits no longer than it may.
#[tokio::test]
async fn dropping_gives_up_in_time() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    let session = bench.open("worker").await;
    session.client.batch_execute(&format!("create unique index concurrently ix on {TABLE} (n)")).await.unwrap_err();
    let reader = bench.open("reader").await;
    reader.client.batch_execute(&format!("begin; lock table {TABLE}")).await.unwrap();
    let error = drop_invalid(&session, &busy(), "ix", Some(Duration::from_millis(20))).await.unwrap_err();
    assert!(error.to_string().contains("55P03"), "{error}");
    reader.client.batch_execute("rollback").await.unwrap();
    assert_eq!(state(&session, &busy(), "ix").await.unwrap(), IndexState::Invalid);
}

#[test]
fn leftovers_of_reindex_are_known_by_name() {
    for name in ["ix_ccnew", "ix_ccold", "ix_ccnew1", "ix_ccold12"] {
        assert!(is_leftover(name), "{name}");
    }
    for name in ["ix", "ix_ccnew_b", "ccnew", "ix1"] {
        assert!(!is_leftover(name), "{name}");
    }
}

/// A reindex that fails leaves its new index behind, and it is named.
#[tokio::test]
async fn a_broken_reindex_leaves_a_name_that_is_found() {
    let bench = Bench::start();
    bench.cluster.psql(SETUP);
    bench.cluster.psql(&format!(
        "create function f(n int) returns int language plpgsql immutable as 'begin return n; end'; create index ix on {TABLE} (f(n)); \
         create or replace function f(n int) returns int language plpgsql immutable as 'begin return 1 / 0; end'"
    ));
    let session = bench.open("worker").await;
    session.client.batch_execute("reindex index concurrently ix").await.unwrap_err();
    let found = invalid(&session, &busy()).await.unwrap();
    assert_eq!(found, ["ix_ccnew"]);
    assert!(found.iter().all(|name| is_leftover(name)));
}

/// Issue 3, part 4: what was lost on the way is looked up and not guessed.
#[tokio::test]
async fn what_a_lost_statement_has_done_is_seen_in_the_catalog() {
    let bench = Bench::start();
    bench.cluster.psql("create type mood as enum ('so''so')");
    bench.cluster.psql("create database \"made\"");
    bench.cluster.psql("create table t (n int); create index kept on t (n)");
    let session = bench.open("worker").await;
    let value =
        |schema, value: &str| Nature::AlterTypeAddValue { type_name: named(schema, "mood"), value: value.to_owned() };
    let database = |name| named(None, name);
    let rows = [
        (value(None, "so'so"), Happened::Yes),
        (value(None, "glad"), Happened::No),
        (value(Some("nowhere"), "so'so"), Happened::No),
        (Nature::CreateDatabase { name: database("made") }, Happened::Yes),
        (Nature::CreateDatabase { name: database("not") }, Happened::No),
        (Nature::DropDatabase { name: database("made") }, Happened::No),
        (Nature::DropDatabase { name: database("not") }, Happened::Yes),
        (Nature::DropIndexConcurrently { names: vec![named(Some("public"), "kept")] }, Happened::No),
        (Nature::DropIndexConcurrently { names: vec![named(None, "dropped"), named(None, "kept")] }, Happened::No),
        (Nature::DropIndexConcurrently { names: vec![named(None, "dropped")] }, Happened::Yes),
        (Nature::CreateIndexConcurrently { name: None, table: named(None, "t") }, Happened::CannotTell),
        (Nature::DetachConcurrently, Happened::CannotTell),
        (Nature::Vacuum, Happened::No),
    ];
    for (statement, expected) in rows {
        assert_eq!(resolved(&session, &statement).await.unwrap(), expected, "{statement:?}");
    }
}
