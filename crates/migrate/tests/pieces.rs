//! Files that are not one transaction: cut by themselves or by a directive, done by the journal, resumed.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use migrate::MigrateError;
use report::Outcome;
use std::time::Duration;
use support::{Bench, names, postgres, until, within};
use testkit::{Cluster, PgBouncer};

fn bench(cluster: &Cluster) -> Bench {
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file(
        "1_orders.sql",
        "create table orders (id int, paid bool); insert into orders select n, true from generate_series(1, 1000) n;",
    );
    bench
}

fn is_valid(cluster: &Cluster, index: &str) -> String {
    cluster.psql(&format!(
        "select coalesce((select indisvalid::text from pg_index where indexrelid = to_regclass('{index}')), 'none')"
    ))
}

/// A file with statements of both kinds is cut by itself: each piece once, the whole remembered at the end.
#[tokio::test]
async fn a_mixed_file_is_cut_by_itself() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.file(
        "2_mixed.sql",
        "alter table orders add column total int;\n\
         create index concurrently orders_total on orders (total);\n\
         insert into orders values (1001, false, 7);\n\
         vacuum orders;\n\
         create type mood as enum ('sad');\n\
         alter type mood add value 'happy';\n\
         create table moods (mood mood default 'happy');\n",
    );
    let report = bench.up().await.unwrap();
    assert_eq!(names(&report), ["1_orders.sql", "2_mixed.sql"]);
    assert_eq!(is_valid(&cluster, "orders_total"), "true");
    assert_eq!(cluster.psql("select count(*) from orders"), "1001");
    assert_eq!(cluster.psql("select count(*) from mainstay_journal"), "0");
    assert!(bench.up().await.unwrap().applied.is_empty());
}

/// What is done of a file stays done: the next run goes on behind it, and an edit of what is done is refused.
#[tokio::test]
async fn a_file_that_failed_is_resumed_behind_what_is_done() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    let (first, second) =
        ("insert into orders values (1001, true);\n", "create index concurrently a on orders (id);\n");
    bench.file("2_x.sql", &format!("-- mainstay: no-transaction\n{first}{second}insert into nowhere values (1);\n"));
    let error = bench.up().await.unwrap_err();
    let finding = error.finding().to_string();
    assert!(finding.contains("--> migrations/2_x.sql:4:13"), "{finding}");
    assert!(finding.contains("the first 2 statements of `migrations/2_x.sql` are done and stay"), "{finding}");
    assert_eq!(error.outcome(), Outcome::Failed);
    assert_eq!(cluster.psql("select count(*) from schema_migrations"), "1");

    bench.file("2_x.sql", &format!("-- mainstay: no-transaction\n{second}{first}"));
    let error = bench.up().await.unwrap_err();
    assert!(matches!(error, MigrateError::JournalDiffers { statement: 1, .. }), "{error}");

    bench.file(
        "2_x.sql",
        &format!("-- mainstay: no-transaction\n{first}{second}insert into orders values (1002, true);\n"),
    );
    assert_eq!(names(&bench.up().await.unwrap()), ["2_x.sql"]);
    assert_eq!(cluster.psql("select count(*) from orders"), "1002", "nothing was done twice");
}

/// An invalid index is dropped and built again, also behind `IF NOT EXISTS`, which would take it for the index.
#[tokio::test]
async fn an_invalid_index_is_built_again() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.up().await.unwrap();
    cluster.psql("insert into orders values (1, true)");
    bench.file("2_x.sql", "create unique index concurrently if not exists orders_id on orders (id);");
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("could not create unique index \"orders_id\""), "{finding}");
    assert_eq!(is_valid(&cluster, "orders_id"), "none", "a build that failed leaves nothing behind");

    // Somebody else's failed build.
    let mut session = cluster.session("postgres", "postgres").unwrap();
    assert!(session.query("create unique index concurrently orders_id on orders (id)").is_err());
    assert_eq!(is_valid(&cluster, "orders_id"), "false");
    cluster.psql("delete from orders where ctid = (select max(ctid) from orders)");
    assert_eq!(names(&bench.up().await.unwrap()), ["2_x.sql"]);
    assert_eq!(is_valid(&cluster, "orders_id"), "true");
    assert!(bench.texts().iter().any(|text| text.starts_with("dropped the invalid index `orders_id`")));
}

/// `COPY … FROM STDIN` takes the rows that stand in the file; a file that brings its own transaction is one all the same.
#[tokio::test]
async fn rows_in_the_file_and_its_own_transaction() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.file(
        "2_copy.sql",
        "copy orders (id, paid) from stdin;\n2001\tt\n2002\t\\N\n\\.\ninsert into orders values (2003, true);\n",
    );
    bench.file("3_own.sql", "begin isolation level serializable;\ninsert into orders values (2004, true);\ncommit;\n");
    assert_eq!(names(&bench.up().await.unwrap()).len(), 3);
    assert_eq!(
        cluster.psql("select string_agg(id::text, ' ' order by id) from orders where id > 2000"),
        "2001 2002 2003 2004"
    );
    bench
        .file("4_own.sql", "begin;\ninsert into orders values (3001, true);\ninsert into nowhere values (1);\ncommit;");
    assert!(bench.up().await.unwrap_err().finding().to_string().contains("migrations/4_own.sql:3:13"));
    assert_eq!(cluster.psql("select count(*) from orders where id > 3000"), "0");
}

/// A table that a reader holds (pg_dump, a report) is not queued up for: others pass between the tries, who holds it is named,
/// and within the budget it is got.
#[tokio::test]
async fn a_lock_is_asked_for_in_short_turns() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.up().await.unwrap();
    bench.file("2_x.sql", "alter table orders add column total int;");
    let mut dump = cluster.session("postgres", "postgres").unwrap();
    dump.query("set application_name = 'pg_dump'").unwrap();
    dump.query("begin; lock table orders in access share mode").unwrap();
    let (report, ()) = tokio::join!(bench.up(), async {
        until("somebody is named", || bench.texts().iter().any(|text| text.contains("pg_dump"))).await;
        dump.query("commit").unwrap();
    });
    assert_eq!(names(&report.unwrap()), ["2_x.sql"]);
    let said: Vec<_> =
        bench.texts().into_iter().filter(|text| text.contains("AccessExclusiveLock on `orders`")).collect();
    assert!(!said.is_empty() && said.iter().any(|text| text.contains("this is pg_dump")), "{said:?}");
}

/// When the budget is spent nothing was kept, and the error says who held it.
#[tokio::test]
async fn a_budget_for_waiting_ends() {
    let cluster = Cluster::start();
    let mut bench = bench(&cluster);
    bench.up().await.unwrap();
    bench.migrations.lock_budget = Duration::from_millis(700);
    bench.file("2_x.sql", "insert into orders values (-1, true); alter table orders add column total int;");
    let mut idle = cluster.session("postgres", "postgres").unwrap();
    idle.query("begin; select count(*) from orders").unwrap();
    let error = bench.up().await.unwrap_err();
    let finding = error.finding().to_string();
    assert!(matches!(error, MigrateError::TableLocked { .. }) && error.outcome() == Outcome::NotYet, "{finding}");
    assert!(finding.contains("idle in transaction"), "{finding}");
    assert_eq!(cluster.psql("select count(*) from orders where id < 0"), "0");
}

/// What of a file stays when the budget is spent in a later piece, or when a later COMMIT is refused, is told.
#[tokio::test]
async fn what_stays_of_a_file_in_pieces_is_told() {
    let cluster = Cluster::start();
    let mut bench = bench(&cluster);
    bench.up().await.unwrap();
    bench.migrations.lock_budget = Duration::from_millis(700);
    bench.file("2_x.sql", "create table seats (n int);\nvacuum seats;\nalter table orders add column total int;\n");
    let mut idle = cluster.session("postgres", "postgres").unwrap();
    idle.query("begin; select count(*) from orders").unwrap();
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("the first 2 statements of `migrations/2_x.sql` are done and stay"), "{finding}");
    let texts = bench.texts();
    assert!(texts.iter().any(|text| text.contains("; 2 statements of it stay, next try")), "{texts:?}");
    idle.query("rollback").unwrap();
    bench.migrations.lock_budget = Duration::from_secs(60);
    bench.up().await.unwrap();

    bench.file(
        "3_x.sql",
        "vacuum seats;\ncreate table parents (n int primary key);\n\
         create table children (n int references parents deferrable initially deferred);\ninsert into children values (1);\n",
    );
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("the first statement of `migrations/3_x.sql` is done and stays"), "{finding}");
}

/// What was put before a statement that failed is run too: the journal is read statement by statement.
#[tokio::test]
async fn what_is_put_before_a_failed_statement_is_run() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    let (make, index) = (
        "create table seats as select 1 as n union all select 1;\n",
        "create unique index concurrently seats_n on seats (n);\n",
    );
    bench.file("2_seats.sql", &format!("{make}{index}"));
    bench.up().await.unwrap_err();
    bench.file("2_seats.sql", &format!("{make}delete from seats;\n{index}"));
    assert_eq!(names(&bench.up().await.unwrap()), ["2_seats.sql"]);
    assert_eq!(cluster.psql("select count(*) from seats"), "0");
    assert_eq!(is_valid(&cluster, "seats_n"), "true");
}

/// A file that was begun in pieces and became one transaction does not begin anew.
#[tokio::test]
async fn a_file_begun_in_pieces_goes_on_in_pieces() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    let count = "insert into orders values (5000, true);\n";
    bench.file("2_x.sql", &format!("{count}create index concurrently x on nowhere (n);\n"));
    bench.up().await.unwrap_err();
    bench.file("2_x.sql", count);
    assert_eq!(names(&bench.up().await.unwrap()), ["2_x.sql"]);
    assert_eq!(cluster.psql("select count(*) from orders where id = 5000"), "1");
}

/// Issue 3.4: a file that is done in part and has another name or number now does not begin anew; nor when it was one transaction.
#[tokio::test]
async fn a_file_that_was_renamed_half_done_does_not_begin_anew() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    let count = "insert into orders values (5000, true);\n";
    let text = format!("{count}create index concurrently x on nowhere (n);\n");
    bench.file("2_x.sql", &text);
    bench.up().await.unwrap_err();
    std::fs::remove_file(bench.dir.path().join("migrations/2_x.sql")).unwrap();
    for other in ["2_paid.sql", "3_x.sql"] {
        bench.file(other, count);
        let error = bench.up().await.unwrap_err();
        let told = format!("`migrations/{other}` was begun as `2_x.sql`, is done in part, and was renamed since");
        assert_eq!(error.to_string(), told);
        assert_eq!(error.outcome(), Outcome::Failed);
        std::fs::remove_file(bench.dir.path().join("migrations").join(other)).unwrap();
    }
    assert_eq!(cluster.psql("select count(*) from orders where id = 5000"), "1");
    assert!(bench.up().await.unwrap().applied.is_empty(), "an older release has nothing to do with it");

    // A person may say that nothing of it is there.
    cluster.psql("delete from orders where id = 5000");
    bench.file("2_paid.sql", count);
    let truth = migrate::Truth { forget: vec!["2".into()], ..migrate::Truth::default() };
    assert!(within(migrate::repair(&bench.job(), &truth, true)).await.unwrap().done);
    assert_eq!(bench.applied().await, ["2_paid.sql"]);
    assert_eq!(cluster.psql("select count(*) from mainstay_journal"), "0");
}

/// Issue 3.4: what is undone in part is not told as applied, and nothing is applied upon it.
#[tokio::test]
async fn what_is_undone_in_part_is_not_applied() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.file("2_x.sql", "create index concurrently x on orders (paid);\n");
    let undo = "drop index concurrently x;\ndrop table nowhere;\n";
    bench.file("2_x.down.sql", undo);
    bench.up().await.unwrap();
    within(migrate::down(&bench.job(), &migrate::Back::Steps(1))).await.unwrap_err();

    let status = within(migrate::status(&bench.job())).await.unwrap();
    let newest = &status.migrations[1];
    assert_eq!((newest.state.to_string(), newest.note.as_deref()), ("begun".into(), Some("undone in part")));
    assert_eq!(status.counts.conflicts, 1);
    let error = bench.up().await.unwrap_err();
    assert_eq!(error.to_string(), "`2_x.sql` was undone in part: what undoes it was begun and did not end");
    assert_eq!(within(migrate::verify(&bench.job())).await.unwrap().failed.len(), 1);

    let shown = within(migrate::repair(&bench.job(), &migrate::Truth::default(), false)).await.unwrap();
    assert!(shown.fixes.is_empty() && shown.open.len() == 1, "{shown:?}");
    bench.file("2_x.down.sql", &undo.replace("table nowhere", "table if exists nowhere"));
    assert_eq!(bench.undone().await, ["2_x.sql"]);
    assert_eq!(bench.applied().await, ["2_x.sql"]);
    assert_eq!(is_valid(&cluster, "x"), "true");

    // Brought back by hand, and said so.
    bench.file("2_x.down.sql", undo);
    within(migrate::down(&bench.job(), &migrate::Back::Steps(1))).await.unwrap_err();
    cluster.psql("create index x on orders (paid)");
    let truth = migrate::Truth { applied: vec!["2".into()], ..migrate::Truth::default() };
    assert!(within(migrate::repair(&bench.job(), &truth, true)).await.unwrap().done);
    assert!(bench.up().await.unwrap().applied.is_empty());
}

/// Issue 3.4: a `CALL` commits by itself, so nobody can say that nothing of it was kept.
#[tokio::test]
async fn what_a_call_has_committed_is_not_told_as_undone() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    let body = "begin insert into orders values (5000, true); commit; perform 1 / 0; end";
    bench.file("2_x.sql", &format!("-- mainstay: no-transaction\ndo $$ {body} $$;\n"));
    let finding = bench.up().await.unwrap_err().finding().to_string();
    assert!(finding.contains("what statement 1 of `migrations/2_x.sql` committed by itself before"), "{finding}");
    assert!(!finding.contains("nothing of"), "{finding}");
    assert_eq!(cluster.psql("select count(*) from orders where id = 5000"), "1");
}

/// Issue 3.4: a dump sets the encoding that it was made in, and what is written of its file is UTF-8 all the same.
#[tokio::test]
async fn what_is_remembered_does_not_follow_the_encoding_of_a_file() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.file("2_é.sql", "set client_encoding = 'LATIN1';\ncreate table a (n int);\n");
    bench.file(
        "3_ü.sql",
        "select pg_catalog.set_config('client_encoding', 'LATIN1', false);\ncreate index concurrently a_n on a (n);\n\
         create index concurrently b_n on b (n);\n",
    );
    bench.up().await.unwrap_err();
    cluster.psql("create table b (n int)");
    assert_eq!(bench.applied().await, ["3_ü.sql"]);
    assert!(bench.up().await.unwrap().applied.is_empty());
    assert_eq!(
        cluster.psql("select string_agg(name, ' ' order by version) from schema_migrations"),
        "1_orders.sql 2_é.sql 3_ü.sql"
    );
}

/// What a statement that is done has set for its session holds for those behind it, also in the next run.
#[tokio::test]
async fn what_was_set_for_the_session_is_set_again() {
    let cluster = Cluster::start();
    cluster.psql("create schema app; create table app.seats (n int); insert into app.seats values (1), (1)");
    let bench = bench(&cluster);
    bench.file(
        "2_x.sql",
        "-- mainstay: no-transaction\nset search_path = app;\ncreate unique index concurrently u on seats (n);\n",
    );
    bench.up().await.unwrap_err();
    cluster.psql("truncate app.seats");
    assert_eq!(names(&bench.up().await.unwrap()), ["2_x.sql"]);
    assert_eq!(is_valid(&cluster, "app.u"), "true");

    // As dumps set it.
    bench.file(
        "3_y.sql",
        "select pg_catalog.set_config('search_path', 'app', false);\ncreate index concurrently v on seats (n);\n\
         create table more (n int references orders);\n",
    );
    bench.up().await.unwrap_err();
    cluster.psql("create table app.orders (n int primary key)");
    assert_eq!(bench.applied().await, ["3_y.sql"]);
    assert_eq!(cluster.psql("select to_regclass('public.more'), to_regclass('app.more')"), "|app.more");
}

/// Issue 3.4: a role that a file puts on is its own to the end, and what remembers the file is not written in it.
#[tokio::test]
async fn a_role_is_kept_over_the_pieces_of_a_file() {
    let cluster = Cluster::start();
    cluster.psql("create role app; grant create on schema public to app");
    let bench = bench(&cluster);
    let made = |number: u8| format!("create table t{number} (n int);\ncreate index concurrently on t{number} (n);\n");
    bench.file("2_x.sql", &format!("set role app;\n{}create table u2 (n int);\n", made(2)));
    bench
        .file("3_x.sql", &format!("-- mainstay: no-transaction\nset role app;\n{}create table u3 (n int);\n", made(3)));
    bench.file("4_x.sql", &format!("set session authorization app;\n{}create table u4 (n int);\n", made(4)));
    bench.file("5_x.sql", "set session authorization app;\ncreate table u5 (n int);\n");
    bench.file("6_x.sql", "create table nobodys (n int);\n");
    bench.up().await.unwrap();
    let owners = cluster.psql(
        "select tableowner, string_agg(tablename, ' ' order by tablename) from pg_tables \
         where tablename ~ '^[tu][2-5]$' or tablename = 'nobodys' group by 1 order by 1",
    );
    assert_eq!(owners, "app|t2 t3 t4 u2 u3 u4 u5\npostgres|nobodys");

    // It is put on again for what is left of a file.
    bench.file("7_x.sql", &format!("set role app;\n{}create table u7 (n nothing);\n", made(7)));
    let error = bench.up().await.unwrap_err();
    assert!(error.to_string().contains("type \"nothing\" does not exist"), "{error}");
    cluster.psql("create type nothing as enum ()");
    assert_eq!(bench.applied().await, ["7_x.sql"]);
    assert_eq!(cluster.psql("select tableowner from pg_tables where tablename = 'u7'"), "app");
}

/// dbmate's files may have several sections; what undoes one stands between them and is not run along.
#[tokio::test]
async fn sections_that_undo_are_not_run_along() {
    let cluster = Cluster::start();
    let bench = Bench::new(postgres(cluster.port(), "postgres"));
    bench.file(
        "20260101000000_two.sql",
        "-- migrate:up\ncreate table one (n int);\n-- migrate:down\ndrop table one;\n\
         -- migrate:up\ncreate table two (n int);\n-- migrate:down\ndrop table two;\n",
    );
    bench.up().await.unwrap();
    assert_eq!(cluster.psql("select to_regclass('one') is not null and to_regclass('two') is not null"), "t");
    within(migrate::down(&bench.job(), &migrate::Back::All)).await.unwrap();
    assert_eq!(cluster.psql("select to_regclass('one') is null and to_regclass('two') is null"), "t");
}

/// A migration, a seed and a file that is applied by hand may have one name: each has its own statements in the journal.
#[tokio::test]
async fn files_of_one_name_are_told_apart() {
    let cluster = Cluster::start();
    let mut bench = bench(&cluster);
    let insert = |id: u32| format!("-- mainstay: no-transaction\ninsert into orders values ({id}, true);\n");
    bench.file("2_x.sql", &format!("{}insert into nowhere values (1);\n", insert(5001)));
    bench.up().await.unwrap_err();

    let by_hand = bench.dir.write("2_x.sql", &insert(5002));
    within(migrate::by_hand(&bench.job(), &by_hand)).await.unwrap();
    assert_eq!(cluster.psql("select count(*) from mainstay_journal"), "1", "the migration's statement stays");
    bench.file("2_x.sql", &insert(5001));
    bench.dir.write("seeds/2_x.sql", &insert(5003));
    bench.migrations.seeds = Some(bench.dir.path().join("seeds"));
    let report = within(migrate::up(&bench.job(), &migrate::Goal::Seeds)).await.unwrap();
    assert_eq!(names(&report), ["2_x.sql", "2_x.sql"]);
    assert_eq!(
        cluster.psql("select string_agg(id::text, ' ' order by id) from orders where id > 5000"),
        "5001 5002 5003",
        "each statement once"
    );
    assert_eq!(cluster.psql("select count(*) from mainstay_journal"), "0");
}

/// Two files of one name from two directories are two files, in the journal and in the history.
#[tokio::test]
async fn files_by_hand_are_known_by_their_path() {
    let cluster = Cluster::start();
    let bench = bench(&cluster);
    bench.up().await.unwrap();
    let fix = |id: u32| format!("-- mainstay: no-transaction\ninsert into orders values ({id}, true);\n");
    let first = bench.dir.write("a/fix.sql", &format!("{}insert into nowhere values (1);\n", fix(5001)));
    let second = bench.dir.write("b/fix.sql", &fix(5002));
    within(migrate::by_hand(&bench.job(), &first)).await.unwrap_err();
    within(migrate::by_hand(&bench.job(), &second)).await.unwrap();
    bench.dir.write("a/fix.sql", &fix(5001));
    within(migrate::by_hand(&bench.job(), &first)).await.unwrap();
    assert_eq!(cluster.psql("select count(*) from orders where id > 5000"), "2", "each statement once");
    assert_eq!(
        cluster.psql("select string_agg(name, ' ' order by name) from mainstay_history where kind = 'by-hand'"),
        "a/fix.sql b/fix.sql"
    );
}

/// What undoes a migration runs without its file as it would with it: outside of a transaction where the file says so.
#[tokio::test]
async fn what_is_kept_to_undo_needs_no_transaction_either() {
    let plain = ("-- mainstay: no-transaction\ncall empty();\n", None);
    let dbmate = ("-- migrate:up\nselect 1;\n-- migrate:down transaction:false\ncall empty();\n", Some("dbmate"));
    for (down, style) in [plain, dbmate] {
        let cluster = Cluster::start();
        cluster.psql(
            "create table full_one as select 1 as n; \
             create procedure empty() language plpgsql as 'begin delete from full_one; commit; end'",
        );
        let mut bench = Bench::new(postgres(cluster.port(), "postgres"));
        bench.migrations.style = style.map(str::to_owned);
        bench.file("1_a.sql", if style.is_some() { down } else { "select 1;" });
        if style.is_none() {
            bench.file("1_a.down.sql", down);
        }
        bench.up().await.unwrap();
        for name in ["1_a.sql", "1_a.down.sql"] {
            let _ = std::fs::remove_file(bench.dir.path().join("migrations").join(name));
        }
        within(migrate::down(&bench.job(), &migrate::Back::All)).await.unwrap();
        assert_eq!(cluster.psql("select count(*) from full_one"), "0", "{style:?}");
    }
}

/// Behind a pooler nothing is set for a session that is another client's next.
#[tokio::test]
async fn an_invalid_index_is_dropped_behind_a_pooler_too() {
    let cluster = Cluster::builder().conf("log_statement = 'all'").start();
    let bouncer = PgBouncer::start(&cluster);
    let mut pooled = bench(&cluster);
    pooled.up().await.unwrap();
    cluster.psql("insert into orders values (1, true)");
    let mut session = cluster.session("postgres", "postgres").unwrap();
    assert!(session.query("create unique index concurrently orders_id on orders (id)").is_err());
    assert_eq!(is_valid(&cluster, "orders_id"), "false");

    pooled.target = postgres(bouncer.port(), "postgres");
    pooled.file(
        "2_x.sql",
        "delete from orders where ctid = (select max(ctid) from orders);\n\
         create unique index concurrently orders_id on orders (id);\n",
    );
    assert_eq!(names(&pooled.up().await.unwrap()), ["2_x.sql"]);
    assert_eq!(is_valid(&cluster, "orders_id"), "true");
    let log = cluster.log();
    assert!(log.contains("DROP INDEX CONCURRENTLY IF EXISTS"), "{log}");
    assert!(!log.contains("statement: SET lock_timeout"), "{log}");
}
