//! The verbs beside `up` and `status`, on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use config::Target;
use migrate::{Back, Goal, MigrateError, Truth, Version, await_schema, baseline, by_hand, down, redo, repair, verify};
use retry::{Backoff, Policy};
use std::time::Duration;
use support::{Bench, names, postgres, until, within};
use testkit::Cluster;

/// The same on a PostgreSQL of its own and on an SQLite file.
async fn on_both(act: impl AsyncFn(&mut Bench)) {
    let cluster = Cluster::start();
    let mut bench = Bench::new(postgres(cluster.port(), "postgres"));
    act(&mut bench).await;
    let mut bench = Bench::new(Target::Sqlite("unused".into()));
    bench.target = Target::Sqlite(bench.dir.path().join("app.db"));
    act(&mut bench).await;
}

async fn states(bench: &Bench) -> Vec<String> {
    let status = within(migrate::status(&bench.job())).await.unwrap();
    status.migrations.iter().map(|entry| format!("{} {}", entry.state, entry.name)).collect()
}

fn three(bench: &Bench) {
    bench.file("1_a.sql", "create table a (n int);").file("1_a.down.sql", "drop table a;");
    bench.file("2_b.sql", "create table b (n int);").file("2_b.down.sql", "drop table b;");
    bench.file("3_c.sql", "create table c (n int);").file("3_c.down.sql", "drop table c;");
}

/// Up to a version, one by one, and back; what undoes a file is kept, so that it need not be here.
#[tokio::test]
async fn there_and_back() {
    on_both(async |bench: &mut Bench| {
        three(bench);
        let one = within(migrate::up(&bench.job(), &Goal::One)).await.unwrap();
        assert_eq!(names(&one), ["1_a.sql"]);
        let two = within(migrate::up(&bench.job(), &Goal::To("2".into()))).await.unwrap();
        assert_eq!(names(&two), ["2_b.sql"]);
        assert_eq!(names(&bench.up().await.unwrap()), ["3_c.sql"]);
        for name in ["3_c.sql", "3_c.down.sql"] {
            std::fs::remove_file(bench.dir.path().join("migrations").join(name)).unwrap();
        }
        let error = within(redo(&bench.job())).await.unwrap_err();
        assert!(matches!(error, MigrateError::NoWayBack { .. }), "{error}");
        assert_eq!(names(&within(down(&bench.job(), &Back::Steps(1))).await.unwrap()), ["3_c.sql"]);
        let (undone, applied) = within(redo(&bench.job())).await.unwrap();
        assert_eq!((names(&undone), names(&applied)), (vec!["2_b.sql"], vec!["2_b.sql"]));
        assert_eq!(names(&within(down(&bench.job(), &Back::All)).await.unwrap()), ["2_b.sql", "1_a.sql"]);
        assert_eq!(states(bench).await, ["pending 1_a.sql", "pending 2_b.sql"]);
    })
    .await;
}

/// Issue 3, verbs: what cannot be applied again is not undone either, for with it goes what it holds.
#[tokio::test]
async fn what_could_not_be_applied_again_is_not_undone() {
    on_both(async |bench: &mut Bench| {
        three(bench);
        bench.up().await.unwrap();
        for broken in ["create table c (n int, t text default 'x);", "", "create table c (n int); commit;"] {
            bench.file("3_c.sql", broken);
            let error = within(redo(&bench.job())).await.unwrap_err();
            assert!(matches!(error, MigrateError::BadFiles(_)), "{broken}: {error}");
            assert_eq!(states(bench).await, ["applied 1_a.sql", "applied 2_b.sql", "changed 3_c.sql"]);
        }
        bench.file("3_c.sql", "create table c (n int, m int);").file("1_a.sql", "create table a (n bigint);");
        let error = within(redo(&bench.job())).await.unwrap_err();
        assert!(matches!(error, MigrateError::Conflicts(_)), "{error}");
        assert_eq!(states(bench).await, ["changed 1_a.sql", "applied 2_b.sql", "changed 3_c.sql"]);
        bench.file("1_a.sql", "create table a (n int);");
        let (_, applied) = within(redo(&bench.job())).await.unwrap();
        assert_eq!(names(&applied), ["3_c.sql"]);
    })
    .await;
}

/// Issue 3, verbs: a version that is nowhere is a slip, and does not stand for all that is before or behind it.
#[tokio::test]
async fn a_goal_that_is_nowhere_is_refused() {
    on_both(async |bench: &mut Bench| {
        three(bench);
        for slip in ["20261130", "v2"] {
            let error = within(migrate::up(&bench.job(), &Goal::To(slip.into()))).await.unwrap_err();
            assert!(matches!(error, MigrateError::NoSuchVersion { .. }), "{slip}: {error}");
            assert!(within(migrate::pending(&bench.job(), &Goal::To(slip.into()))).await.is_err());
        }
        assert_eq!(states(bench).await, ["pending 1_a.sql", "pending 2_b.sql", "pending 3_c.sql"]);
        bench.up().await.unwrap();
        let error = within(down(&bench.job(), &Back::To("0.5".into()))).await.unwrap_err();
        assert!(matches!(error, MigrateError::NoSuchVersion { .. }), "{error}");
        assert_eq!(states(bench).await, ["applied 1_a.sql", "applied 2_b.sql", "applied 3_c.sql"]);
        assert_eq!(names(&within(down(&bench.job(), &Back::To("002".into()))).await.unwrap()), ["3_c.sql"]);
        assert_eq!(names(&within(down(&bench.job(), &Back::To("0".into()))).await.unwrap()), ["2_b.sql", "1_a.sql"]);
    })
    .await;
}

/// A baseline takes files as applied, and `verify` finds them as they are; `repair` takes a row out again.
#[tokio::test]
async fn a_baseline_and_a_repair() {
    on_both(async |bench: &mut Bench| {
        three(bench);
        let taken = within(baseline(&bench.job(), &Version::from("2"))).await.unwrap();
        assert_eq!(taken.len(), 2);
        assert!(within(baseline(&bench.job(), &Version::from("9"))).await.is_err());
        assert_eq!(names(&bench.up().await.unwrap()), ["3_c.sql"]);
        let verified = within(verify(&bench.job())).await.unwrap();
        assert_eq!((verified.passed, verified.failed.len(), verified.unverified.len()), (3, 0, 0), "{verified:?}");
        let truth = Truth { forget: vec!["3".into()], ..Truth::default() };
        let shown = within(repair(&bench.job(), &truth, false)).await.unwrap();
        assert!(shown.fixes.len() == 1 && !shown.done);
        assert_eq!(states(bench).await[2], "applied 3_c.sql", "nothing was done yet");
        assert!(within(repair(&bench.job(), &truth, true)).await.unwrap().done);
        assert_eq!(states(bench).await[2], "pending 3_c.sql");
    })
    .await;
}

/// `1_a.sql` that became `0001_a.sql` is the same migration, to undo it and to repair its row.
#[tokio::test]
async fn a_number_may_be_spelled_otherwise() {
    on_both(async |bench: &mut Bench| {
        let rename = |from: &str, to: &str| {
            for ending in ["sql", "down.sql"] {
                let path = |stem: &str| bench.dir.path().join(format!("migrations/{stem}.{ending}"));
                std::fs::rename(path(from), path(to)).unwrap();
            }
        };
        bench.file("1_a.sql", "create table a (n int);").file("1_a.down.sql", "drop table a;");
        bench.up().await.unwrap();
        rename("1_a", "0001_a");
        assert_eq!(states(bench).await, ["renamed 0001_a.sql"]);
        assert!(within(repair(&bench.job(), &Truth::default(), true)).await.unwrap().done);
        assert_eq!(states(bench).await, ["applied 0001_a.sql"]);

        rename("0001_a", "01_a");
        assert_eq!(names(&within(down(&bench.job(), &Back::All)).await.unwrap()), ["01_a.sql"]);
        assert_eq!(states(bench).await, ["pending 01_a.sql"]);
        assert_eq!(names(&bench.up().await.unwrap()), ["01_a.sql"]);
        let verified = within(verify(&bench.job())).await.unwrap();
        assert_eq!((verified.passed, verified.failed.len()), (1, 0), "{verified:?}");
    })
    .await;
}

/// S1.15: one file by hand, of the directory or of its own; the same file twice only where it is no migration.
#[tokio::test]
async fn one_file_by_hand() {
    on_both(async |bench: &mut Bench| {
        three(bench);
        let second = bench.dir.path().join("migrations/2_b.sql");
        assert_eq!(names(&within(by_hand(&bench.job(), &second)).await.unwrap()), ["2_b.sql"]);
        let error = within(by_hand(&bench.job(), &second)).await.unwrap_err();
        assert!(matches!(error, MigrateError::AlreadyApplied { .. }), "{error}");
        let loose = bench.dir.write("fix.sql", "insert into b values (1);");
        for _ in 0..2 {
            assert_eq!(names(&within(by_hand(&bench.job(), &loose)).await.unwrap()), ["fix.sql"]);
        }
        assert_eq!(states(bench).await, ["out of order 1_a.sql", "applied 2_b.sql", "pending 3_c.sql"]);
    })
    .await;
}

/// S1.1: a file into which nothing has been written yet is not taken for a migration, nor for a way back; nothing before it is
/// applied either.
#[tokio::test]
async fn a_file_that_is_not_written_yet() {
    on_both(async |bench: &mut Bench| {
        bench.file("1_a.sql", "create table a (n int);").file("1_a.down.sql", "").file("2_b.sql", " \n");
        let refused = |error: MigrateError| {
            let finding = error.finding().to_string();
            assert!(finding.starts_with("error: `migrations/2_b.sql` is empty: "), "{finding}");
        };
        refused(within(migrate::pending(&bench.job(), &Goal::All)).await.unwrap_err());
        refused(bench.up().await.unwrap_err());
        let second = bench.dir.path().join("migrations/2_b.sql");
        refused(within(by_hand(&bench.job(), &second)).await.unwrap_err());
        assert_eq!(states(bench).await, ["pending 1_a.sql", "pending 2_b.sql"]);

        let to = Goal::To(Version::from("1"));
        assert_eq!(names(&within(migrate::up(&bench.job(), &to)).await.unwrap()), ["1_a.sql"]);
        let error = within(down(&bench.job(), &Back::All)).await.unwrap_err();
        assert!(matches!(error, MigrateError::NoWayBack { .. }), "{error}");
        bench.file("1_a.down.sql", "drop table a;").file("2_b.sql", "create table b (n int);");
        assert_eq!(bench.applied().await, ["2_b.sql"]);
    })
    .await;
}

/// S1.1: comments alone may be meant, so they are applied with a warning; what is written behind them later was not run, and the
/// ways to run it are told.
#[tokio::test]
async fn a_file_of_comments_alone() {
    on_both(async |bench: &mut Bench| {
        bench.file("1_a.sql", "-- nothing to do\n").file("2_b.sql", "create table b (n int);");
        let warned = || bench.texts().iter().filter(|text| text.starts_with("`migrations/1_a.sql`: ")).count();
        within(migrate::pending(&bench.job(), &Goal::All)).await.unwrap();
        assert_eq!(warned(), 1, "{:?}", bench.texts());
        assert_eq!(bench.applied().await, ["1_a.sql", "2_b.sql"]);
        assert_eq!(warned(), 2, "{:?}", bench.texts());
        assert!(bench.up().await.unwrap().applied.is_empty());
        assert_eq!(warned(), 2, "{:?}", bench.texts());

        bench.file("1_a.sql", "create table a (n int);");
        let finding = bench.up().await.unwrap_err().finding().to_string();
        let told =
            "there was no statement in it when it was applied\n  hint: put what is new into a new migration; or ";
        assert!(finding.contains(told) && finding.contains("--forget 1 --yes"), "{finding}");
        let truth = Truth { forget: vec![Version::from("1")], ..Truth::default() };
        assert!(within(repair(&bench.job(), &truth, true)).await.unwrap().done);
        bench.migrations.policies.out_of_order = config::Tolerance::Allow;
        assert_eq!(bench.applied().await, ["1_a.sql"]);
    })
    .await;
}

/// S1.1: where the files are another tool's, that tool applies an empty one, and so do we, with a warning.
#[tokio::test]
async fn an_empty_file_of_another_tool() {
    on_both(async |bench: &mut Bench| {
        bench.migrations.style = Some("dbmate".into());
        bench.file("1_a.sql", "-- migrate:up\n\n\n-- migrate:down\n\n");
        assert_eq!(bench.applied().await, ["1_a.sql"]);
        let told = "`migrations/1_a.sql`: it is as it was made, and nothing has been written into it; ";
        assert!(bench.texts().iter().any(|text| text.starts_with(told)), "{:?}", bench.texts());
        assert_eq!(bench.undone().await, ["1_a.sql"]);
    })
    .await;
}

/// Repeatable files come last and again when they change; seeds only when asked for.
#[tokio::test]
async fn repeatable_files_and_seeds() {
    on_both(async |bench: &mut Bench| {
        bench.file("1_a.sql", "create table a (n int);").file("R__fill.sql", "insert into a values (1);");
        bench.dir.write("seeds/people.sql", "insert into a values (100);");
        bench.migrations.seeds = Some(bench.dir.path().join("seeds"));
        assert_eq!(names(&bench.up().await.unwrap()), ["1_a.sql", "R__fill.sql"]);
        assert!(bench.up().await.unwrap().applied.is_empty());
        let seeded = within(migrate::up(&bench.job(), &Goal::Seeds)).await.unwrap();
        assert_eq!(names(&seeded), ["people.sql"]);
        assert!(within(migrate::up(&bench.job(), &Goal::Seeds)).await.unwrap().applied.is_empty());
        bench.file("R__fill.sql", "insert into a values (2);");
        assert_eq!(names(&bench.up().await.unwrap()), ["R__fill.sql"]);
    })
    .await;
}

/// Whoever waits for the schema applies nothing, gives up in time, and goes on when it is there.
#[tokio::test]
async fn the_schema_is_awaited() {
    on_both(async |bench: &mut Bench| {
        three(bench);
        within(migrate::up(&bench.job(), &Goal::One)).await.unwrap();
        let backoff = Backoff::fixed(Duration::from_millis(20));
        let policy = Policy { backoff, attempts: None, limit: Some(Duration::from_millis(100)) };
        let MigrateError::Behind { missing, .. } = within(await_schema(&bench.job(), None, &policy)).await.unwrap_err()
        else {
            panic!()
        };
        assert_eq!(missing, ["2_b.sql", "3_c.sql"]);
        let version = Version::from("1");
        assert!(within(await_schema(&bench.job(), Some(&version), &policy)).await.is_ok());
        let patient = Policy { backoff, attempts: None, limit: None };
        let job = bench.job();
        let (awaited, applied) = tokio::join!(within(await_schema(&job, None, &patient)), bench.up());
        assert_eq!(awaited.unwrap().current, Some(true));
        assert_eq!(applied.unwrap().applied.len(), 2);
    })
    .await;
}

/// SQLite keeps nobody out before something is written: what somebody else has done meanwhile is looked at again.
#[tokio::test]
async fn a_baseline_sees_what_was_written_while_it_waited() {
    let mut bench = Bench::new(Target::Sqlite("unused".into()));
    let path = bench.dir.path().join("app.db");
    bench.target = Target::Sqlite(path.clone());
    bench.file("1_a.sql", "create table a (n int);");
    bench.up().await.unwrap();
    bench.file("2_b.sql", "create table b (n int);").file("3_c.sql", "create table c (n int);");
    let other = rusqlite::Connection::open(&path).unwrap();
    let row = "insert into schema_migrations (version, name, checksum, duration_ms) values ('2', '2_b.sql', 'x', 1)";
    other.execute_batch(&format!("begin immediate; {row}")).unwrap();
    let (job, three) = (bench.job(), Version::from("3"));
    let (taken, ()) = tokio::join!(within(baseline(&job, &three)), async {
        until("it waits", || bench.texts().iter().any(|text| text.starts_with("waiting for the migration lock"))).await;
        other.execute_batch("commit").unwrap();
    });
    let taken: Vec<_> = taken.unwrap().into_iter().map(|applied| applied.name).collect();
    assert_eq!(taken, ["3_c.sql"]);
}
