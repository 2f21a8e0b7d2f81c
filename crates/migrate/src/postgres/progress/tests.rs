use super::*;
use crate::postgres::fixture::{Bench, eventually};
use proptest::prelude::*;

fn row(phase: &str, sessions: (u64, u64), blocks: (u64, u64), tuples: (u64, u64), bytes: (u64, u64)) -> String {
    let rows = [(Unit::Sessions, sessions), (Unit::Blocks, blocks), (Unit::Tuples, tuples), (Unit::Bytes, bytes)];
    choose(phase, &rows.map(|(unit, (done, total))| (unit, done, total))).to_string()
}

#[test]
fn a_line_says_how_far_it_is() {
    let none = (0, 0);
    let rows = [
        (
            row("building index: loading tuples in tree", (2, 2), (900, 900), (1_200_000, 2_500_000), none),
            "[####......] 48 % building index: loading tuples in tree (1.2 of 2.5 million tuples)",
        ),
        (
            row("building index: scanning table", (2, 2), (300, 400), none, none),
            "[#######...] 75 % building index: scanning table (300 of 400 blocks)",
        ),
        (
            row("waiting for writers before build", (1, 3), (400, 400), none, none),
            "[###.......] 33 % waiting for writers before build (1 of 3 sessions)",
        ),
        (row("waiting for old snapshots", none, (400, 400), none, none), "waiting for old snapshots"),
        (row("initializing", none, none, none, none), "initializing"),
        (
            row("VACUUM: scanning heap", none, (25_000, 50_000), none, none),
            "[#####.....] 50 % VACUUM: scanning heap (25.0 of 50.0 thousand blocks)",
        ),
        (row("COPY FROM", none, none, (77, 0), (1024, 4096)), "[##........] 25 % COPY FROM (1.0 KiB of 4.0 KiB)"),
        (row("COPY FROM", none, none, (77, 0), (2048, 0)), "COPY FROM (2.0 KiB)"),
        (
            row("CLUSTER: writing new heap", none, (9, 9), (500, 0), none),
            "[##########] 100 % CLUSTER: writing new heap (9 of 9 blocks)",
        ),
    ];
    for (line, expected) in rows {
        assert_eq!(line, expected);
    }
}

#[test]
fn thirteen_knows_nothing_of_copies() {
    assert!(!sql(13, 7).contains("progress_copy") && sql(14, 7).contains("progress_copy") && !sql(14, 7).contains('$'));
}

proptest! {
    /// Estimates may be too low: never more than all, and a full bar only at the end.
    #[test]
    fn the_bar_is_never_too_long(done: u64, total: u64) {
        let progress = Progress { phase: "x".into(), done, total, unit: Unit::Blocks };
        let line = progress.to_string();
        prop_assert_eq!(line.starts_with('['), total > 0);
        prop_assert!(total == 0 || line.find(']') == Some(CELLS + 1), "{}", line);
        prop_assert!(progress.share().is_none_or(|share| (0.0..=1.0).contains(&share)));
    }
}

/// Issue 3, part 5: an index that waits for a writer shows it, on a real server.
#[tokio::test]
async fn an_index_that_is_being_built_shows_its_phase() {
    let bench = Bench::start();
    bench.cluster.psql("create table busy (n int)");
    let writer = bench.open("writer").await;
    writer.client.batch_execute("begin; insert into busy values (1)").await.unwrap();
    let (worker, asker) = (bench.open("worker").await, bench.open("asker").await);
    let pid = worker.backend_pid.unwrap();
    assert_eq!(progress(&asker, pid).await.unwrap(), None);
    let (built, seen) = tokio::join!(worker.client.batch_execute("create index concurrently on busy (n)"), async {
        let seen = eventually("the index waits", async || {
            progress(&asker, pid).await.unwrap().filter(|progress| progress.total > 0)
        })
        .await;
        writer.client.batch_execute("commit").await.unwrap();
        seen
    });
    built.unwrap();
    assert_eq!(seen.to_string(), "[..........] 0 % waiting for writers before build (0 of 1 sessions)");
}

/// The other views give the same columns: seen while the session is stopped in the middle by a slow trigger.
#[tokio::test]
async fn a_copy_shows_its_bytes() {
    let bench = Bench::start();
    bench.cluster.psql(
        "create table busy (n int); create table gate (); \
         create function halt() returns trigger language plpgsql as 'begin lock table gate; return new; end'; \
         create trigger halt before insert on busy for each row execute function halt()",
    );
    let file = bench.cluster.data_dir().join("rows");
    std::os::unix::fs::symlink(bench.cluster.data_dir().join("PG_VERSION"), &file).unwrap();
    let holder = bench.open("holder").await;
    holder.client.batch_execute("begin; lock table gate").await.unwrap();
    let (worker, asker) = (bench.open("worker").await, bench.open("asker").await);
    let pid = worker.backend_pid.unwrap();
    let copy = format!("copy busy from '{}'", file.display());
    let (copied, seen) = tokio::join!(worker.client.batch_execute(&copy), async {
        let seen = eventually("the copy is halted", async || {
            progress(&asker, pid).await.unwrap().filter(|progress| progress.done > 0)
        })
        .await;
        holder.client.batch_execute("rollback").await.unwrap();
        seen
    });
    copied.unwrap();
    assert_eq!(seen.to_string(), "[##########] 100 % COPY FROM (3 B of 3 B)");
}
