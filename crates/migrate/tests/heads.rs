//! How far an external tool is, by tables as the tools make them, on both databases.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use config::Target;
use support::{Bench, postgres};
use testkit::{Cluster, TempDir};

/// Tables with rows, for both dialects, and what is said of them.
const TOOLS: [(&str, &str, &str); 8] = [
    (
        "create table django_migrations (id integer primary key, app varchar(255) not null, name varchar(255) not null, applied timestamp not null)",
        "insert into django_migrations values (1, 'auth', '0001_initial', '2026-11-24 10:00:00'), (2, 'shop', '0001_initial', '2026-11-24 10:00:01')",
        "nothing to do, django is still at shop.0001_initial",
    ),
    (
        "create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamp, \
         migration_name varchar(255) not null, logs text, rolled_back_at timestamp, started_at timestamp not null, applied_steps_count integer not null)",
        "insert into _prisma_migrations values ('1', '', '2026-11-24 10:00:00', '20261124_init', null, null, '2026-11-24 10:00:00', 1), \
         ('2', '', null, '20261125_users', null, null, '2026-11-25 10:00:00', 0)",
        "nothing to do, prisma is still at 20261124_init",
    ),
    (
        "create table schema_migrations (version bigint not null primary key, dirty boolean not null)",
        "insert into schema_migrations values (7, false)",
        "nothing to do, golang-migrate is still at 7",
    ),
    (
        "create table flyway_schema_history (installed_rank int not null, version varchar(50), script varchar(1000), success boolean not null)",
        "insert into flyway_schema_history values (1, '1.1', 'V1_1__a.sql', true), (2, '1.2', 'V1_2__b.sql', false)",
        "nothing to do, flyway is still at 1.1",
    ),
    (
        "create table goose_db_version (id integer primary key, version_id bigint not null, is_applied boolean not null, tstamp timestamp)",
        "insert into goose_db_version values (1, 0, true, null), (2, 3, true, null)",
        "nothing to do, goose is still at 3",
    ),
    (
        "create table _sqlx_migrations (version bigint primary key, description text not null, success boolean not null, checksum text not null)",
        "insert into _sqlx_migrations values (4, 'x', true, '')",
        "nothing to do, sqlx is still at 4",
    ),
    (
        "create table knex_migrations (id integer primary key, name varchar(255), batch integer, migration_time timestamp)",
        "insert into knex_migrations values (1, '2026_a.js', 1, null)",
        "nothing to do, knex is still at 2026_a.js",
    ),
    (
        "create table \"SequelizeMeta\" (name varchar(255) primary key)",
        "insert into \"SequelizeMeta\" values ('01-a.js'), ('02-b.js')",
        "nothing to do, sequelize is still at 02-b.js",
    ),
];

/// S3.1: what each tool's table says is read on both databases; a migration that failed is named.
#[tokio::test]
async fn each_tool_tells_by_its_own_table() {
    let cluster = Cluster::start();
    for (number, (table, rows, said)) in TOOLS.into_iter().enumerate() {
        let (dir, name) = (TempDir::new(), format!("tool{number}"));
        cluster.create_database(&name);
        cluster.psql_in(&name, &format!("{table};{rows}"));
        let file = dir.path().join("app.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch(&format!("{table};{rows}")).unwrap();
        for target in [postgres(cluster.port(), &name), Target::Sqlite(file)] {
            let bench = Bench::command(target, &["true"]);
            assert_eq!(bench.up().await.unwrap().to_string(), said);
            let failed: Vec<_> = bench.texts().into_iter().filter(|text| text.contains("as failed")).collect();
            let expected = match said {
                _ if said.contains("prisma") => {
                    vec!["prisma has `20261125_users` as failed: it was begun and did not end"]
                }
                _ if said.contains("flyway") => {
                    vec!["flyway has `V1_2__b.sql` as failed: it was begun and did not end"]
                }
                _ => Vec::new(),
            };
            assert_eq!(failed, expected);
        }
    }
}

/// A table that may not be read decides nothing, and the reason is said.
#[tokio::test]
async fn what_cannot_be_read_is_no_error() {
    let cluster = Cluster::builder().password("open sesame").start();
    cluster.psql_in(
        "app",
        "create table alembic_version (version_num varchar(32)); revoke all on alembic_version from public",
    );
    cluster.psql_in("app", "grant usage on schema public to app");
    let mut dsn = support::dsn(cluster.port(), "app");
    (dsn.user, dsn.password) = ("app".into(), Some(report::Secret::new("open sesame")));
    let bench = Bench::command(Target::Postgres(dsn), &["true"]);
    assert_eq!(bench.up().await.unwrap().to_string(), "the migration command is done");
    assert!(
        bench.texts().iter().any(|text| text.contains("could not be verified") && text.contains("permission denied"))
    );
}
