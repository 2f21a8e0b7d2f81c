//! From files, variables and flags to the application.

mod support;

use config::{Access, Handover, Metrics, MigrationSource, OnFailure, RestartWhen, Target, Window};
use std::{path::PathBuf, time::Duration};
use support::{file, nothing};

const BOOKING: &str = r#"
name = "booking"
data = "data"

[env]
TG_BOT_TOKEN = { about = "Bot token", secret = true, required = true }
LOG_LEVEL = { about = "Log level", default = "info" }
SPORTMONKS_API_TOKEN = { secret = true, aliases = ["SPORTMONKS_TOKEN"] }

[databases.main]
url = "${DATABASE_URL}"
access = "read-write"
wait = "2m"

[dependencies.redis]
url = "${REDIS_URL:-redis://127.0.0.1/1}"
required = false
queues = ["events:p2p", "events:broadcast"]

[migrations]
database = "main"
dir = "migrations"
attempts = 6
on_failure = "stop"

[services.bot]
command = ["booking-bot", "--poll"]
needs = ["main", "api"]
handover = "exclusive"
restart = { when = "on-failure", initial = "2s", stable_after = "5m", budget = "10 in 10m" }
stop = { signal = "INT", grace = "10s" }

[services.api]
command = "booking-backend --name 'my app'"
listen = "127.0.0.1:8000"
health = { http = "/health", every = "5s", timeout = "1s", failures = 5 }
needs = ["main", "redis"]
env = { WORKERS = "2" }

[health]
listen = ":8081"
metrics = true
"#;

fn booking() -> support::Given {
    file(BOOKING).var("DATABASE_URL", "postgres://bot:hunter22@db/app").var("TG_BOT_TOKEN", "123456:abcdef")
}

/// The example of the design: everything that is written is meant.
#[test]
fn the_whole_file_is_read() {
    let app = booking().app();
    assert_eq!((app.name.as_str(), app.data.clone()), ("booking", PathBuf::from("/srv/booking/data")));
    let [main, redis] = &app.dependencies[..] else { panic!("{:?}", app.dependencies) };
    assert_eq!((main.target.to_string().as_str(), main.access), ("postgres://bot@db:5432/app", Access::ReadWrite));
    assert_eq!((main.wait.policy.limit, main.wait.policy.attempts), (Some(Duration::from_secs(120)), None));
    assert_eq!((redis.required, redis.queues.len()), (false, 2));
    let migrations = app.migrations.as_ref().unwrap();
    assert_eq!(migrations.source, MigrationSource::Directory("/srv/booking/migrations".into()));
    assert_eq!((migrations.policy.attempts, migrations.on_failure), (Some(6), OnFailure::Stop));
    let [api, bot] = &app.services[..] else { panic!("{:?}", app.services) };
    assert_eq!(api.argv, ["booking-backend", "--name", "my app"]);
    assert_eq!(
        (api.needs.as_slice(), api.after.is_empty()),
        (["main".to_owned(), "redis".to_owned()].as_slice(), true)
    );
    let health = api.health.as_ref().unwrap();
    assert_eq!(
        (health.sign.to_string().as_str(), health.fail),
        ("http://127.0.0.1:8000/health", Window { count: 5, of: 5 })
    );
    assert_eq!((bot.after.as_slice(), bot.handover), (["api".to_owned()].as_slice(), Handover::Exclusive));
    assert_eq!((bot.restart.when, bot.restart.backoff.initial), (RestartWhen::OnFailure, Duration::from_secs(2)));
    assert_eq!((bot.stop.signal, bot.stop.grace), (2, Duration::from_secs(10)));
    assert_eq!(
        (app.health.listen.unwrap().to_string().as_str(), app.health.metrics),
        ("127.0.0.1:8081", Metrics::WithHealth)
    );
    assert_eq!(app.env["LOG_LEVEL"], "info");
    assert_eq!(app.roles, ["bot", "api"]);
}

/// Flag > environment > file > default.
#[test]
fn the_higher_layer_wins() {
    let wait = |given: support::Given| given.app().dependencies[0].wait.policy.limit.unwrap().as_secs();
    assert_eq!(wait(file("[databases.main]\nurl = 'sqlite:a.db'")), 60);
    assert_eq!(wait(booking()), 120);
    assert_eq!(wait(booking().var("MAINSTAY_TIMEOUT", "3m")), 180);
    assert_eq!(wait(booking().var("MAINSTAY_TIMEOUT", "3m").var("MAINSTAY_DATABASES_MAIN_WAIT", "4m")), 240);
    let flagged = booking().var("MAINSTAY_DATABASES_MAIN_WAIT", "4m").flags(|it| it.timeout = Some("5m".into()));
    assert_eq!(wait(flagged), 300);
}

/// S0.3: attempts and pause also by environment; S3.1: doubling pauses.
#[test]
fn migrations_are_tried_as_told() {
    let policy = |given: support::Given| given.app().migrations.unwrap().policy;
    let plain = "[migrations]\ndir = 'm'";
    let fixed = policy(file(plain));
    assert_eq!((fixed.attempts, fixed.backoff.initial.as_secs(), fixed.backoff.max.as_secs()), (Some(20), 3, 3));
    let set = policy(file(plain).var("MAINSTAY_MIGRATIONS_ATTEMPTS", "40").var("MAINSTAY_MIGRATIONS_INTERVAL", "5s"));
    assert_eq!((set.attempts, set.backoff.initial.as_secs()), (Some(40), 5));
    let doubling = policy(file("[migrations]\ndir = 'm'\nbackoff = 'exponential'"));
    assert_eq!(
        (doubling.attempts, doubling.backoff.initial.as_secs(), doubling.backoff.max.as_secs()),
        (Some(6), 2, 64)
    );
    let old = "[migrations]\ndir = 'm'\nattempts = \"${ALEMBIC_UPGRADE_ATTEMPTS:-20}\"\ninterval = \"${PAUSE:-3}\"";
    assert_eq!(policy(file(old).var("ALEMBIC_UPGRADE_ATTEMPTS", "60")).attempts, Some(60));
    assert_eq!(policy(file(old)).backoff.initial.as_secs(), 3);
}

/// A number of attempts without a time limit of its own decides alone.
#[test]
fn attempts_alone_lift_the_time_limit() {
    let policy = |set: fn(&mut config::Overrides)| booking_without_wait().flags(set).app().dependencies[0].wait.policy;
    assert_eq!(policy(|it| it.attempts = Some("20".into())).limit, None);
    let fixed = policy(|it| it.interval = Some("3s".into()));
    assert_eq!((fixed.backoff.initial.as_secs(), fixed.backoff.factor, fixed.limit.unwrap().as_secs()), (3, 1.0, 60));
}

fn booking_without_wait() -> support::Given {
    file("[databases.main]\nurl = 'sqlite:a.db'")
}

/// S3.3: variables alone, as the seed's entrypoint has them.
#[test]
fn variables_alone_will_do() {
    let app = nothing()
        .var("DB_HOST", "postgres")
        .var("DB_PORT", "5433")
        .var("DB_USER", "app")
        .var("DB_PASSWORD", "p@ss:w/rd%#?")
        .var("DB_NAME", "booking")
        .var("MAINSTAY_MIGRATE", "alembic upgrade head")
        .var("MAINSTAY_MIGRATIONS_ON_FAILURE", "degraded")
        .var("MAINSTAY_COMMAND", "uvicorn app:app --port 8000")
        .var("MAINSTAY_SERVICES_APP_HEALTH", "/health")
        .var("PORT", "8000")
        .app();
    let Target::Postgres(dsn) = &app.dependencies[0].target else { panic!("{:?}", app.dependencies) };
    assert_eq!(dsn.to_string(), "postgres://app@postgres:5433/booking");
    assert_eq!(dsn.password.as_ref().unwrap().reveal(), "p@ss:w/rd%#?");
    let migrations = app.migrations.unwrap();
    let command: Vec<_> = ["alembic", "upgrade", "head"].map(str::to_owned).into();
    assert_eq!((migrations.source, migrations.on_failure), (MigrationSource::Command(command), OnFailure::Degrade));
    let service = &app.services[0];
    assert_eq!((service.name.as_str(), &service.needs), ("app", &vec!["main".to_owned()]));
    assert_eq!(service.health.as_ref().unwrap().sign.to_string(), "http://127.0.0.1:8000/health");
    assert_eq!((service.restart.when, app.name.as_str()), (RestartWhen::Never, "booking"));
}

#[test]
fn flags_alone_will_do() {
    let app = nothing()
        .flags(|it| {
            it.databases = vec!["postgres://bot@db/app".into(), "cache=sqlite:cache.db".into()];
            it.needs = vec!["redis://r/1".into(), "tcp://a:1".into(), "tcp://b:2".into()];
            it.dir = Some("migrations".into());
            it.on_failure = Some("degrade".into());
            it.command = Some(vec!["gunicorn".into(), "app:app".into()]);
            it.restart = Some("always".into());
            it.grace = Some("5s".into());
            it.start_delay = Some("1s".into());
        })
        .app();
    let names: Vec<_> = app.dependencies.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["main", "cache", "redis", "tcp", "tcp2"]);
    assert_eq!(app.migrations.unwrap().database, "main");
    let service = &app.services[0];
    assert_eq!((service.needs.len(), service.restart.when), (5, RestartWhen::Always));
    assert_eq!((service.stop.grace.as_secs(), service.start_delay.as_secs()), (5, 1));
}

/// When no database is named anywhere, none is waited for.
#[test]
fn nothing_named_nothing_waited_for() {
    let app = nothing().flags(|it| it.command = Some(vec!["true".into()])).app();
    assert!(app.dependencies.is_empty());
    assert!(file("[services.api]\ncommand = 'x'").var("PGHOST", "db").app().dependencies.is_empty());
}

/// `wait URL…` waits for what is named and for nothing else.
#[test]
fn what_is_named_to_wait_for_is_all() {
    let urls = ["redis://r", "host=db user=bot", "postgresql://bot@b/x", "https://h/", "tcp://a:1"];
    let given = nothing().var("DATABASE_URL", "postgres://bot@other/app");
    let app = given.clone().flags(|it| it.needs = urls.map(str::to_owned).into()).app();
    let names: Vec<_> = app.dependencies.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["redis", "postgres", "postgres2", "http", "tcp"]);
    assert_eq!(given.app().dependencies[0].name, "main");
}

#[test]
fn an_embedded_database_is_there_when_it_is_needed() {
    for text in
        ["[services.api]\ncommand = 'x'\nneeds = ['main']", "[migrations]\ndir = 'migrations'", "[databases.main]"]
    {
        let app = file(text).app();
        assert_eq!(app.dependencies[0].target, Target::Sqlite("/srv/booking/data/booking.db".into()), "{text}");
    }
    let app = file("[migrations]\ndir = 'm'").var("DATABASE_URL", "postgresql+asyncpg://bot@db/app").app();
    assert_eq!(app.dependencies[0].target.to_string(), "postgres://bot@db:5432/app");
}

/// S2.3: the writer and the replica have their own variables.
#[test]
fn replicas_have_variables_of_their_own() {
    let given = file("[databases.main]\n[databases.ro]").var("PGUSER", "bot").var("PGDATABASE", "app");
    let app = given.clone().var("PGHOST_RW", "primary").var("PGHOST_RO", "standby").app();
    let targets: Vec<_> = app.dependencies.iter().map(|it| (it.target.to_string(), it.access)).collect();
    let (primary, standby) = ("postgres://bot@primary:5432/app", "postgres://bot@standby:5432/app");
    assert_eq!(targets, [(primary.into(), Access::ReadWrite), (standby.into(), Access::ReadOnly)]);
    let app = given.var("DATABASE_URL", "postgres://a@w/x").var("DATABASE_URL_R", "postgres://a@r/x").app();
    assert_eq!(app.dependencies[1].target.to_string(), "postgres://a@r:5432/x");
}

/// S2.1: one variable or flag chooses the role.
#[test]
fn a_role_starts_only_its_services() {
    let text = "[services.api]\ncommand = 'a'\n[services.worker]\ncommand = 'b'\nneeds = ['api']\n[services.mail]\ncommand = \
                'c'\nroles = ['worker']";
    let names = |given: support::Given| given.app().services.into_iter().map(|it| it.name).collect::<Vec<_>>();
    assert_eq!(names(file(text)), ["api", "worker", "mail"]);
    assert_eq!(names(file(text).var("MAINSTAY_ROLE", "worker")), ["worker", "mail"]);
    assert_eq!(names(file(text).flags(|it| it.role = Some("api".into()))), ["api"]);
    assert!(file(text).var("MAINSTAY_ROLE", "worker").app().services[0].after.is_empty());
    let problems = file(text).flags(|it| it.role = Some("workr".into())).problems();
    assert_eq!(problems, "error: `--role`: there is no role `workr`\n  hint: did you mean `worker`?");
}

/// `run -- CMD` beside a file takes the place of its services and needs what the file names.
#[test]
fn a_command_takes_the_place_of_the_services() {
    let app = booking().flags(|it| it.command = Some(vec!["./smoke".into()])).app();
    assert_eq!((app.services.len(), app.services[0].needs.join(" ").as_str()), (1, "main redis"));
}
