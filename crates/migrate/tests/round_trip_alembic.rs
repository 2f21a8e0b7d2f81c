//! Round trips with the real alembic and yoyo: half by the tool, half by us through `command`, and back.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests stand outside the program")]

mod support;

use config::Target;
use futures_util::future::join_all;
use migrate::{Goal, Moved, Report};
use std::{path::PathBuf, process::Command, time::Duration};
use support::{Bench, postgres, within};
use testkit::{Cluster, TempDir};

/// Python starts slowly on a busy machine, and six of them wait for each other.
const PATIENCE: Duration = Duration::from_secs(300);

/// A program of the Python peers.
fn peer(name: &str) -> PathBuf {
    let peers =
        std::env::var("MAINSTAY_PEERS").unwrap_or_else(|_| panic!("MAINSTAY_PEERS is not set: cargo xtask test --all"));
    let path = PathBuf::from(peers).join("python/bin").join(name);
    assert!(path.exists(), "`{}` is missing: cargo xtask setup --all", path.display());
    path
}

/// The databases of one test: a PostgreSQL and an SQLite, each with the URL that SQLAlchemy and yoyo read.
fn databases(cluster: &Cluster, dir: &TempDir) -> [(Target, String); 2] {
    let file = dir.path().join("app.db");
    let url = cluster.url_of("postgres", "postgres").replacen("postgres://", "postgresql://", 1);
    [
        (postgres(cluster.port(), "postgres"), url),
        (Target::Sqlite(file.clone()), format!("sqlite:///{}", file.display())),
    ]
}

/// A bench whose command is a Python peer.
fn bench(target: &Target, url: &str, program: &str, arguments: &[&str]) -> Bench {
    let program = peer(program).display().to_string();
    let mut argv = vec![program.as_str()];
    argv.extend(arguments);
    let mut bench = Bench::command(target.clone(), &argv);
    bench.env.insert("DATABASE".into(), url.into());
    bench.migrations.lock_timeout = PATIENCE;
    bench
}

/// Runs a tool by itself.
fn alone(bench: &Bench, program: &str, arguments: &[&str]) -> String {
    let mut command = Command::new(peer(program));
    let output = command.args(arguments).current_dir(bench.dir.path()).envs(&bench.env).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    said
}

const ENV: &str = "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n\
    with create_engine(os.environ['DATABASE'].replace('postgresql:', 'postgresql+psycopg2:')).connect() as connection:\n\
    \x20   context.configure(connection=connection, transaction_per_migration=True)\n\
    \x20   with context.begin_transaction():\n        context.run_migrations()\n";

/// Four revisions, each of which leaves a row and fails when it is run twice.
fn revisions(bench: &Bench) {
    bench.dir.write("alembic.ini", "[alembic]\nscript_location = migrations\n");
    bench.dir.write("migrations/env.py", ENV);
    for number in 1..=4 {
        let down = if number == 1 { "None".to_owned() } else { format!("'rev{}'", number - 1) };
        let text = format!(
            "from alembic import op\nrevision = 'rev{number}'\ndown_revision = {down}\n\
             def upgrade():\n    op.execute('create table t{number} (n int)')\n\
             def downgrade():\n    op.execute('drop table t{number}')\n"
        );
        bench.dir.write(&format!("migrations/versions/rev{number}.py"), &text);
    }
}

async fn patiently(bench: &Bench) -> Report {
    let job = bench.job();
    tokio::time::timeout(PATIENCE, migrate::up(&job, &Goal::All)).await.expect("took too long").unwrap()
}

fn way(report: &Report) -> (Option<&str>, Option<&str>) {
    let Some(Moved { before, after, .. }) = &report.moved else { panic!("{report:?}") };
    (before.as_deref(), after.as_deref())
}

/// S3.1: alembic to the second, we to the fourth, alembic back to the third, we forward again; what we say is what alembic says.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn half_by_alembic_half_by_us_and_back() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    for (target, url) in databases(&cluster, &dir) {
        let bench = bench(&target, &url, "alembic", &["upgrade", "head"]);
        revisions(&bench);
        alone(&bench, "alembic", &["upgrade", "rev2"]);
        let report = patiently(&bench).await;
        assert_eq!(way(&report), (Some("rev2"), Some("rev4")));
        assert_eq!(report.to_string(), "alembic went from rev2 to rev4");
        assert!(alone(&bench, "alembic", &["current"]).contains("rev4"));

        alone(&bench, "alembic", &["downgrade", "rev3"]);
        assert_eq!(way(&patiently(&bench).await), (Some("rev3"), Some("rev4")));
        let report = patiently(&bench).await;
        assert_eq!(report.to_string(), "nothing to do, alembic is still at rev4");
        assert!(bench.texts().contains(&"alembic went from rev3 to rev4".to_owned()), "{:?}", bench.texts());
    }
}

/// S3.1: six starters at once: each revision once, all of them done. Alembic alone has no lock for that.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn six_starters_at_once_with_alembic() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    for (target, url) in databases(&cluster, &dir) {
        let starters: Vec<Bench> = (0..6).map(|_| bench(&target, &url, "alembic", &["upgrade", "head"])).collect();
        starters.iter().for_each(revisions);
        let reports: Vec<Report> = join_all(starters.iter().map(patiently)).await;
        assert!(reports.iter().all(|report| report.attempts == 1), "{reports:?}");
        assert_eq!(reports.iter().filter(|report| way(report) == (None, Some("rev4"))).count(), 1, "{reports:?}");
        assert_eq!(
            reports.iter().filter(|report| way(report) == (Some("rev4"), Some("rev4"))).count(),
            5,
            "{reports:?}"
        );
    }
}

/// The dump of a database that alembic keeps: alembic finds nothing to do in one that was loaded from it.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn a_dump_keeps_the_head_of_alembic() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    for (target, url) in databases(&cluster, &dir) {
        let bench = bench(&target, &url, "alembic", &["upgrade", "head"]);
        revisions(&bench);
        patiently(&bench).await;
        let text = within(migrate::dump(&bench.job())).await.unwrap();
        assert!(text.contains("('rev4')"), "{text}");
    }
}

/// S3.1: the same with yoyo, which keeps each migration.
#[tokio::test]
#[ignore = "needs peers: cargo xtask test --all"]
async fn half_by_yoyo_half_by_us() {
    let (cluster, dir) = (Cluster::start(), TempDir::new());
    for (target, url) in databases(&cluster, &dir) {
        let arguments = ["apply", "--batch", "--no-config-file", "--database", &url, "migrations"];
        let bench = bench(&target, &url, "yoyo", &arguments);
        bench
            .file("0001.a.sql", "create table a (n int);")
            .file("0002.b.sql", "-- depends: 0001.a\ncreate table b (n int);");
        alone(&bench, "yoyo", &arguments);
        bench.file("0003.c.sql", "-- depends: 0002.b\ncreate table c (n int);");
        let report = patiently(&bench).await;
        assert_eq!(report.to_string(), "yoyo went from 0002.b to 0003.c (1 more)");
        assert_eq!(patiently(&bench).await.to_string(), "nothing to do, yoyo is still at 0003.c");
    }
}
