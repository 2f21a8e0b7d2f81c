//! The own runner on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use database::ServerState;
use futures_util::future::join_all;
use migrate::{MigrateError, Truth, lost_ledger, repair, status};
use report::Outcome;
use std::time::Duration;
use support::{Bench, dsn, names, postgres, until, within};
use testkit::{Cluster, Fault, FaultProxy, Session};

const CREATE: &str = "create table slots (id int primary key, name text);\n";
const FILL: &str = "insert into slots select n, 'slot ' || n from generate_series(1, 10) n;\n";

fn session(cluster: &Cluster, database: &str) -> Session {
    cluster.session("postgres", database).unwrap()
}

/// Does a file of a migrator wait for a lock on a table?
fn blocked(cluster: &Cluster) -> bool {
    cluster.psql(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and query like 'BEGIN;%' and application_name like 'mainstay-migrate/%'",
    ) != "0"
}

/// S1.1: in order, recorded, and any number of times.
#[tokio::test]
async fn what_is_pending_is_applied_once() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("0001_slots.sql", CREATE).file("0002_fill.sql", FILL).file("0002_fill.down.sql", "drop table slots;");
    let report = bench.up().await.unwrap();
    assert_eq!(
        (names(&report), report.pending_before, report.attempts),
        (vec!["0001_slots.sql", "0002_fill.sql"], 2, 1)
    );
    assert_eq!(bench.course(), ["migrate.applied", "migrate.done"]);

    bench.file("10_more.sql", "insert into slots values (11, 'eleven');").file("9_between.sql", "select 1;");
    assert_eq!(names(&bench.up().await.unwrap()), ["9_between.sql", "10_more.sql"]);
    let report = bench.up().await.unwrap();
    assert_eq!((report.applied.len(), report.pending_before), (0, 0));
    assert_eq!(cluster.psql("select count(*) from slots"), "11");

    let status = within(status(&bench.job())).await.unwrap();
    assert_eq!((status.current, status.counts.applied, status.counts.pending), (Some(true), 4, 0));
    assert!(status.migrations[0].applied_at.as_ref().unwrap().ends_with('Z'));
    assert_eq!(cluster.psql("select count(*) from pg_locks where locktype = 'advisory'"), "0");
}

/// S1.1: safe with six starters at once, also when the ledger itself is still to be made.
#[tokio::test]
async fn six_starters_at_once_apply_each_file_once() {
    let cluster = Cluster::start();
    for round in 0..4 {
        let name = format!("round{round}");
        cluster.create_database(&name);
        let starters: Vec<_> = (0..6)
            .map(|_| {
                let bench = Bench::new(postgres(cluster.port(), &name));
                bench.file("1_a.sql", "create table a (n int); insert into a values (1);");
                bench
                    .file("2_b.sql", "insert into a values (2); select pg_sleep(0.02);")
                    .file("3_c.sql", "insert into a values (3);");
                bench
            })
            .collect();
        let reports = join_all(starters.iter().map(Bench::up)).await;
        let applied: Vec<_> = reports.iter().flat_map(|report| names(report.as_ref().unwrap())).collect();
        assert_eq!(applied, ["1_a.sql", "2_b.sql", "3_c.sql"], "one of them applies all, in round {round}");
        assert!(reports.iter().all(|report| report.as_ref().unwrap().attempts == 1));
        assert_eq!(cluster.psql_in(&name, "select string_agg(n::text, ',' order by n) from a"), "1,2,3");
        assert_eq!(cluster.psql_in(&name, "select count(*) from schema_migrations"), "3");
    }
}

/// A failing file: name, line and column in our file, the line with a caret, what was rolled back, exit 1.
#[tokio::test]
async fn a_failing_file_is_shown_with_its_line() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("0001_slots.sql", CREATE).file("0002_fill.sql", FILL);
    bench.file("0003_x.sql", "insert into slots values (99, 'lost');\r\n-- ключ\r\n\tcreate tabel x ();\r\n");
    let error = bench.up().await.unwrap_err();
    assert_eq!(
        error.finding().to_string(),
        "error: migration `migrations/0003_x.sql` failed: syntax error at or near \"tabel\"\n  \
         --> migrations/0003_x.sql:3:9\n   |\n 3 | \tcreate tabel x ();\n   | \t       ^^^^^\n  \
         seen: SQLSTATE 42601\n  \
         seen: nothing of `migrations/0003_x.sql` was kept; `0001_slots.sql` and `0002_fill.sql` stay applied"
    );
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(bench.course(), ["migrate.applied"], "a file bug is not tried again");
    assert_eq!(cluster.psql("select count(*) from slots"), "10");

    bench.file("0003_x.sql", "create table x ();\n\n  insert into slots\n  values (1, 'twice');\n");
    assert_eq!(
        bench.up().await.unwrap_err().finding().to_string(),
        "error: migration `migrations/0003_x.sql` failed: duplicate key value violates unique constraint \"slots_pkey\"\n  \
         --> migrations/0003_x.sql:3:3\n   |\n 3 |   insert into slots\n   |   ^^^^^^^^^^^^^^^^^\n  \
         seen: Key (id)=(1) already exists.\n  seen: SQLSTATE 23505\n  \
         seen: nothing of `migrations/0003_x.sql` was kept"
    );
    assert_eq!(cluster.psql("select to_regclass('x') is null"), "t");
}

/// What a deferred constraint refuses at COMMIT is a failing file, not a lost connection.
#[tokio::test]
async fn a_refused_commit_is_a_failing_file() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file(
        "1_a.sql",
        "create table a (id int primary key); create table b (a int references a deferrable initially deferred); insert into b values (1);",
    );
    let error = bench.up().await.unwrap_err();
    assert_eq!(error.code(), Some("23503"));
    assert_eq!(cluster.psql("select count(*) from schema_migrations"), "0");
}

/// Bad input: a file changed, renamed, lost or late is a clear error and nothing is applied.
#[tokio::test]
async fn what_disagrees_with_the_ledger_stops_everything() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "select 1;").file("2_b.sql", "select 2;").file("4_d.sql", "select 4;");
    bench.up().await.unwrap();
    bench
        .file("1_a.sql", "select 'edited';")
        .file("3_c.sql", "create table late ();")
        .file("5_e.sql", "create table e ();");
    let old = bench.dir.path().join("migrations/2_b.sql");
    std::fs::rename(&old, bench.dir.path().join("migrations/2_bee.sql")).unwrap();
    let error = bench.up().await.unwrap_err();
    let MigrateError::Conflicts(conflicts) = &error else { panic!("{error}") };
    assert_eq!(conflicts.len(), 3, "{conflicts:?}");
    let finding = error.finding().to_string();
    for words in [
        "`migrations/1_a.sql` was edited after",
        "was applied as `2_b.sql`",
        "`migrations/3_c.sql` is new but older than `4_d.sql`",
    ] {
        assert!(finding.contains(words), "{finding}");
    }
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(cluster.psql("select to_regclass('e') is null and to_regclass('late') is null"), "t");

    let status = within(status(&bench.job())).await.unwrap();
    assert_eq!((status.current, status.counts.conflicts, status.counts.pending), (Some(false), 3, 1));
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["migrations"][2]["state"], "out-of-order");
    assert_eq!(json["database"], format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port()));
}

/// An edit is shown line by line; one of comments alone is let through; `repair` is a way out that works, and shows first.
#[tokio::test]
async fn the_way_out_of_an_edit_works() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "select 1;").up().await.unwrap();
    bench.file("1_a.sql", "-- why not\r\nselect  1;");
    assert!(bench.up().await.unwrap().applied.is_empty());
    bench.file("1_a.sql", "select 'edited';");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("-select 1;") && finding.contains("+select 'edited';"), "{finding}");
    let shown = within(repair(&bench.job(), &Truth::default(), false)).await.unwrap();
    assert!(shown.fixes.len() == 1 && !shown.done && bench.up().await.is_err());
    assert!(within(repair(&bench.job(), &Truth::default(), true)).await.unwrap().done);
    assert!(bench.up().await.unwrap().applied.is_empty());
}

/// Waiting for the lock names its holder, and gives up in time.
#[tokio::test]
async fn who_waits_sees_who_holds_the_lock() {
    let cluster = Cluster::start();
    let mut first = Bench::new(postgres(cluster.port(), "postgres"));
    first.who.host = "web-2".into();
    let mut second = Bench::new(postgres(cluster.port(), "postgres"));
    second.migrations.lock_timeout = Duration::from_millis(4000);
    cluster.psql("create table busy (n int)");
    for bench in [&first, &second] {
        bench.file("1_a.sql", "alter table busy add m int;");
    }
    let mut holder = session(&cluster, "postgres");
    holder.query("begin; lock table busy").unwrap();
    let (applied, refused) = tokio::join!(first.up(), async {
        until("the first one is blocked", || blocked(&cluster)).await;
        let refused = second.up().await;
        holder.query("rollback").unwrap();
        refused
    });
    assert_eq!(names(&applied.unwrap()), ["1_a.sql"]);
    let error = refused.unwrap_err();
    let MigrateError::Locked { waited, holder } = &error else { panic!("{error}") };
    assert_eq!(holder.application.as_deref(), Some("mainstay-migrate/web-2:1"));
    assert!(*waited >= Duration::from_millis(4000));
    assert_eq!(error.outcome(), Outcome::NotYet);
    let said = second.texts();
    assert!(said.iter().any(|text| text.starts_with("waiting for the migration lock: held by process ")), "{said:?}");
    assert_eq!(second.course(), ["migrate.lock"], "and waits no second time");
}

/// Nothing pending: nobody waits for the lock, so replicas don't queue for nothing.
#[tokio::test]
async fn who_has_nothing_to_do_takes_no_lock() {
    let cluster = Cluster::start();
    let mut bench = Bench::new(postgres(cluster.port(), "postgres"));
    let _held = hold_the_lock(&cluster, &bench).await;
    bench.migrations.lock_timeout = Duration::ZERO;
    assert_eq!(bench.up().await.unwrap().lock_waited, Duration::ZERO);
    bench.file("9_more.sql", "create table more ();");
    assert!(matches!(bench.up().await, Err(MigrateError::Locked { .. })));
}

/// Learns the key from a migrator that is held up, then holds the lock in a session without a transaction.
async fn hold_the_lock(cluster: &Cluster, bench: &Bench) -> Session {
    cluster.psql("create table gate ()");
    let mut gate = session(cluster, "postgres");
    gate.query("begin; lock table gate").unwrap();
    bench.file("8_gate.sql", "alter table gate add n int;");
    let (report, key) = tokio::join!(bench.up(), async {
        until("the migrator is blocked", || blocked(cluster)).await;
        let key = cluster.psql(
            "select (classid::bigint << 32) | objid::bigint from pg_locks where locktype = 'advisory' and objsubid = 1 and mode = 'ExclusiveLock'",
        );
        gate.query("rollback").unwrap();
        key
    });
    report.unwrap();
    let mut holder = session(cluster, "postgres");
    holder.query(&format!("select pg_advisory_lock({key})")).unwrap();
    holder
}

/// Who waits for the lock keeps no snapshot, so `CREATE INDEX CONCURRENTLY` goes on.
#[tokio::test]
async fn an_index_is_built_concurrently_while_somebody_waits() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    let mut holder = hold_the_lock(&cluster, &bench).await;
    bench.file("9_more.sql", "create table more ();");
    let (report, ()) = tokio::join!(bench.up(), async {
        until("the migrator waits", || {
            cluster.psql("select count(*) from pg_stat_activity where query like '%pg_try_advisory_lock%' and pid <> pg_backend_pid()") != "0"
        })
        .await;
        let mut builder = session(&cluster, "postgres");
        let build =
            tokio::task::spawn_blocking(move || builder.query("create index concurrently on gate (n)").map(drop));
        within(build).await.unwrap().unwrap();
        assert_eq!(cluster.psql("select count(*) from pg_index where not indisvalid"), "0");
        drop(holder.query("select pg_advisory_unlock_all()").unwrap());
    });
    assert_eq!(names(&report.unwrap()), ["9_more.sql"]);
}

/// S0.3: the server ends our session in the middle of a file; the file is rolled back and applied by the next attempt.
#[tokio::test]
async fn a_session_that_is_ended_in_mid_file_is_tried_again() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    cluster.psql("create table busy (n int)");
    bench.file("1_a.sql", "create table a (n int); insert into a values (1); alter table busy add m int;");
    let mut holder = session(&cluster, "postgres");
    holder.query("begin; lock table busy").unwrap();
    let (report, ()) = tokio::join!(bench.up(), async {
        until("the migrator is blocked", || blocked(&cluster)).await;
        cluster.psql("select pg_terminate_backend(pid) from pg_stat_activity where wait_event_type = 'Lock' and application_name like 'mainstay-migrate/%'");
        holder.query("rollback").unwrap();
    });
    let report = report.unwrap();
    assert_eq!((names(&report), report.attempts), (vec!["1_a.sql"], 2));
    assert_eq!(cluster.psql("select count(*) from a"), "1");
    let said = bench.texts();
    assert!(
        said[0].starts_with(
            "migrations failed, attempt 1/3: migration `migrations/1_a.sql` failed: terminating connection"
        ),
        "{said:?}"
    );
    assert!(said[0].contains("SQLSTATE 57P01") && said[0].contains("next try in 50 ms"), "{said:?}");
}

/// The connection is lost while COMMIT is on its way: the ledger is asked, and the file is not applied twice, also when
/// that was the last attempt.
#[tokio::test]
async fn a_lost_commit_is_looked_up_and_not_guessed() {
    for attempts in [3, 1] {
        let cluster = Cluster::builder().conf("log_statement = 'all'").start();
        let proxy = FaultProxy::start(cluster.port());
        // The second host is the same server, without the proxy that is about to break.
        let mut settings = dsn(proxy.port(), "postgres");
        settings.hosts.extend(dsn(cluster.port(), "postgres").hosts);
        let mut bench = Bench::new(config::Target::Postgres(settings));
        bench.migrations.policy.attempts = Some(attempts);
        cluster.psql(
            "create table done (n int); \
             create function slow() returns trigger language plpgsql as 'begin perform pg_sleep(1); return null; end'; \
             create constraint trigger slow after insert on done deferrable initially deferred \
             for each row execute function slow()",
        );
        bench.file("1_a.sql", "insert into done values (1);");
        let (report, ()) = tokio::join!(bench.up(), async {
            until("COMMIT is under way", || {
                cluster.psql("select count(*) from pg_stat_activity where wait_event = 'PgSleep' and application_name like 'mainstay%'") != "0"
            })
            .await;
            proxy.set(Fault::Reset);
        });
        let report = report.unwrap();
        assert_eq!(names(&report), ["1_a.sql"], "{:?}", bench.texts());
        assert_eq!(report.attempts, 2);
        assert_eq!(cluster.psql("select count(*) from done"), "1");
        assert!(cluster.log().contains("VALUES ('', 'flush'"), "what has arrived is brought to the disk");
    }
}

/// S0.1, S0.3: a server that is not there yet is waited for, with one line for each attempt.
#[tokio::test]
async fn a_server_that_comes_later_is_waited_for() {
    let cluster = Cluster::start();
    let mut bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.migrations.policy.attempts = Some(200);
    bench.file("1_a.sql", "create table a ();");
    cluster.stop_immediate();
    let (report, ()) = tokio::join!(bench.up(), async {
        until("two attempts have failed", || bench.recorder.names().len() >= 2).await;
        cluster.start_again_nowait();
    });
    assert_eq!(names(&report.unwrap()), ["1_a.sql"]);
    assert!(bench.texts()[1].starts_with("migrations failed, attempt 2/200: "), "{:?}", bench.texts());
}

/// Advisory locks succeed on a standby: it is told apart before.
#[tokio::test]
async fn nothing_is_migrated_on_a_standby() {
    let cluster = Cluster::standby();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "create table a ();");
    let error = bench.up().await.unwrap_err();
    let MigrateError::Refused(refusal) = &error else { panic!("{error}") };
    assert_eq!((refusal.state, refusal.code.as_deref()), (ServerState::ReadOnly, Some("25006")));
    assert_eq!(error.outcome(), Outcome::NotYet);
    assert_eq!(bench.texts().len(), 2, "it may be promoted: {:?}", bench.texts());
    let status = within(status(&bench.job())).await.unwrap();
    assert_eq!((status.current, status.counts.pending), (Some(false), 1), "looking needs no write");
}

/// A role that may not write says so, and by name.
#[tokio::test]
async fn a_role_without_rights_is_a_clear_error() {
    let cluster = Cluster::start();
    cluster.psql("create role reader login");
    let mut settings = dsn(cluster.port(), "postgres");
    settings.user = "reader".into();
    let bench = Bench::new(config::Target::Postgres(settings.clone()));
    bench.file("1_a.sql", "create table a ();");
    let error = bench.up().await.unwrap_err();
    assert_eq!(
        error.finding().to_string(),
        "error: cannot create the ledger: permission denied for schema public (SQLSTATE 42501)\n  hint: grant the right to the \
         role, or come with the role that owns the schema and the tables of the ledger"
    );
    cluster.psql("alter role reader set default_transaction_read_only = on");
    let MigrateError::Refused(refusal) = bench.up().await.unwrap_err() else { panic!() };
    assert_eq!(refusal.message, "transactions are read-only");
    cluster.psql("alter role reader set search_path = nowhere");
    assert!(matches!(bench.up().await, Err(MigrateError::NoSchema { search_path }) if search_path == "nowhere"));
}

/// Another tool's table is recognised and left alone.
#[tokio::test]
async fn a_table_of_another_tool_is_not_touched() {
    let cluster = Cluster::start();
    cluster.psql("create table schema_migrations (a bigint primary key, b boolean not null)");
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "create table a ();");
    assert_eq!(
        bench.up().await.unwrap_err().finding().to_string(),
        "error: the table `public.schema_migrations` is nobody's ledger that is known here; columns: a bigint, b boolean\n  \
         seen: none of its columns can say which file a row is about\n  hint: name another table with `table` in `[migrations]` (flag `--table`), use the tool that made it as `command`, \
         or set `search_path` to another schema; nothing was touched"
    );
    assert_eq!(cluster.psql("select to_regclass('a') is null and count(*) = 0 from schema_migrations"), "t");
}

/// The ledger lies in the first schema of `search_path` that exists, whatever its name.
#[tokio::test]
async fn the_ledger_follows_the_search_path() {
    let cluster = Cluster::start();
    cluster.psql(
        "create schema \"odd \"\" name\"; alter database postgres set search_path = nowhere, \"odd \"\" name\", public",
    );
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "create table a ();").file("2_it's.sql", "select 2;");
    bench.up().await.unwrap();
    assert_eq!(cluster.psql("select count(*) from \"odd \"\" name\".schema_migrations"), "2");
}

/// All pending files are looked into before the first one is run.
#[tokio::test]
async fn a_file_with_its_own_transaction_is_refused_before_anything_runs() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "create table a ();").file("2_b.sql", "create table b ();\nCOMMIT;\n");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert_eq!(
        finding,
        "error: `migrations/2_b.sql` cannot be run as one transaction: `COMMIT` would take the transaction out of mainstay's hands\n  \
         --> migrations/2_b.sql:2:1\n   |\n 2 | COMMIT;\n   | ^^^^^^\n  \
         hint: take it out: every file runs in one transaction, together with its row in the ledger"
    );
    assert_eq!(cluster.psql("select to_regclass('a') is null and to_regclass('schema_migrations') is null"), "t");
}

/// A `COMMIT` that the look into the file cannot see is noticed when it has happened, and the row is not written.
#[tokio::test]
async fn a_hidden_commit_is_noticed() {
    let cluster = Cluster::start();
    let mut settings = dsn(cluster.port(), "postgres");
    // With the old meaning of a backslash the text ends earlier than the standard says.
    settings.options = Some("-c standard_conforming_strings=off -c escape_string_warning=off".into());
    let bench = Bench::new(config::Target::Postgres(settings));
    bench.file("1_a.sql", "create table b (); select '\\'' as x; commit; --';");
    let error = bench.up().await.unwrap_err();
    let MigrateError::File(failure) = &error else { panic!("{error}") };
    assert!(failure.in_part, "{failure:?}");
    assert!(error.finding().to_string().contains("is kept, and the ledger does not know of it"));
    assert_eq!(cluster.psql("select count(*) from schema_migrations"), "0");
}

/// `RESET ALL` would take our mark from the transaction: it is refused with its line where it is seen, and told for what it is where
/// it is not.
#[tokio::test]
async fn a_file_that_resets_all_settings_is_told_so() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "create table a ();\nreset all;\n");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("--> migrations/1_a.sql:2:1") && finding.contains("RESET search_path"), "{finding}");

    bench.file("1_a.sql", "create table a ();\ndo $$ begin execute 'reset all'; end $$;\n");
    let error = bench.up().await.unwrap_err();
    let finding = error.finding().to_string();
    assert!(finding.contains("it has reset all settings of its session"), "{finding}");
    assert!(finding.contains("nothing of `migrations/1_a.sql` was kept") && !finding.contains("COMMIT"), "{finding}");
    assert_eq!(cluster.psql("select to_regclass('a') is null"), "t");
}

/// A file that makes its own transaction read-only on a server that takes writes has a fault that waiting does not mend.
#[tokio::test]
async fn a_file_that_makes_itself_read_only_fails_at_once() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    let rows = [
        ("set transaction read only;\ncreate table a ();\n", "1_a.sql:2:1"),
        ("set transaction read only;\nselect 1;\n", "cannot execute INSERT in a read-only transaction"),
        ("-- mainstay: no-transaction\nset default_transaction_read_only = on;\ncreate table a ();\n", "1_a.sql:3:1"),
        ("set default_transaction_read_only = on;\nvacuum pg_class;\n", "1_a.sql:2:1"),
    ];
    for (text, seen) in rows {
        bench.file("1_a.sql", text);
        let error = bench.up().await.unwrap_err();
        let finding = error.finding().to_string();
        assert!(finding.contains(seen) && finding.contains("the server takes writes"), "{finding}");
        assert_eq!(error.outcome(), Outcome::Failed);
        cluster.psql("truncate mainstay_journal");
    }
    assert_eq!(bench.texts(), Vec::<String>::new(), "nothing is tried again");
}

/// A connection that is lost in the last attempt is a server that is away, not a file that fails.
#[tokio::test]
async fn a_connection_lost_in_the_last_attempt_is_not_yet() {
    let cluster = Cluster::start();
    let mut bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.migrations.policy.attempts = Some(1);
    cluster.psql("create table busy (n int)");
    bench.file("1_a.sql", "alter table busy add m int;");
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'mainstay-migrate/%'";
    for which in [" and wait_event_type = 'Lock'", " and wait_event_type is distinct from 'Lock'"] {
        let mut holder = session(&cluster, "postgres");
        holder.query("begin; lock table busy").unwrap();
        let (report, ()) = tokio::join!(bench.up(), async {
            until("the migrator is blocked", || blocked(&cluster)).await;
            cluster.psql(&format!("{end}{which}"));
            tokio::time::sleep(Duration::from_millis(100)).await;
            holder.query("rollback").unwrap();
        });
        let error = report.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotYet, "{which}: {error:?}");
    }
    bench.file("1_a.sql", "select 1 / 0;");
    assert_eq!(bench.up().await.unwrap_err().outcome(), Outcome::Failed);
}

/// What one file sets for its session does not reach the next.
#[tokio::test]
async fn settings_of_a_file_end_with_it() {
    let cluster = Cluster::start();
    cluster.psql("create role owner; grant all on schema public to owner");
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file("1_a.sql", "select pg_catalog.set_config('search_path', '', false); create table public.a ();");
    bench.file("2_b.sql", "set role owner; create table b ();").file("3_c.sql", "create table c ();");
    bench.file("4_iso.sql", "set transaction isolation level serializable; select count(*) from c;");
    bench.up().await.unwrap();
    let owners = cluster.psql("select string_agg(tablename || ' ' || tableowner, ', ' order by tablename) from pg_tables where tablename in ('b', 'c')");
    assert_eq!(owners, "b owner, c postgres");
}

/// S1.10: a lost ledger is noticed, and the schema brought back.
#[tokio::test]
async fn a_lost_schema_is_noticed_and_brought_back() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    assert!(!within(lost_ledger(&bench.job())).await.unwrap(), "nothing to apply, nothing lost");
    bench.file("1_slots.sql", CREATE).up().await.unwrap();
    assert!(!within(lost_ledger(&bench.job())).await.unwrap());

    cluster.psql("drop table slots, schema_migrations");
    assert!(within(lost_ledger(&bench.job())).await.unwrap());
    assert_eq!(names(&bench.up().await.unwrap()), ["1_slots.sql"]);
    assert!(!within(lost_ledger(&bench.job())).await.unwrap());
}

/// Bad input: what waiting cannot mend is not tried again.
#[tokio::test]
async fn what_cannot_heal_is_told_at_once() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    std::fs::remove_dir(bench.dir.path().join("migrations")).unwrap();
    let error = bench.up().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Misused);
    assert!(error.finding().hint.unwrap().starts_with("create it"));
    let redis = Bench::new(config::Target::Tcp { host: "127.0.0.1".into(), port: 1 });
    assert!(matches!(redis.up().await, Err(MigrateError::WrongTarget { kind: "TCP port" })));
}
