//! The table of all keys. The reader, the hints for unknown keys, the JSON schema, the reference page and the names of
//! the variables all come from it, so they cannot drift apart.

mod migrations;

pub(crate) use migrations::MIGRATIONS;

use super::{Key, Kind, Section, key::key};

/// The whole file.
pub(crate) static ROOT: Section = Section {
    about: "One application. The file is `mainstay.toml` in the directory of the application; commands run there and \
            relative paths start there.",
    keys: &[
        key(
            "name",
            Kind::Text,
            "",
            "\"booking\"",
            "Short name: lower-case letters, digits, `-` and `_`. Default: the name of the directory.",
        ),
        key("data", Kind::Path, "data", "\"/var/lib/booking\"", "Every mutable path lies below it."),
        key("role", Kind::Text, "", "\"api\"", "Starts only the services of this role. Default: all services."),
        key(
            "env_files",
            Kind::Texts,
            "",
            "[\".env\", \".env.prod\"]",
            "Files of variables, a later one wins over an earlier one, the process's environment over all. Default: `.env`, if it exists.",
        ),
        key(
            "env",
            Kind::Contract(&VARIABLE),
            "",
            "",
            "The environment contract: every variable that the application reads, declared once.",
        ),
        key(
            "databases",
            Kind::Map(&DATABASE),
            "",
            "",
            "PostgreSQL and SQLite databases by name. Without any, migrations and services that need `main` get one from the variables, or an SQLite file below `data`.",
        ),
        key(
            "dependencies",
            Kind::Map(&DEPENDENCY),
            "",
            "",
            "What else services need, by name: Redis, a port, a URL, a socket, a file, a command.",
        ),
        key(
            "on_failure",
            Kind::Choice(&["stop", "degrade", "strict", "degraded"]),
            "stop",
            "\"degrade\"",
            "What a gate that stays closed means: `stop` starts nothing, `degrade` starts the services all the same, and health says `degraded`. Migrations without an `on_failure` of their own follow it.",
        ),
        key(
            "migrations",
            Kind::Table(&MIGRATIONS),
            "",
            "",
            "What brings the schema up to date before the services start.",
        ),
        key("services", Kind::Map(&SERVICE), "", "", "The supervised processes by name."),
        key("schedule", Kind::Map(&JOB), "", "", "Jobs by name, run beside the services when they are due."),
        key(
            "scheduler",
            Kind::Bool,
            "true",
            "false",
            "Are the jobs of `[schedule]` run? `false` where another instance runs them.",
        ),
        key(
            "failsafe",
            Kind::Bool,
            "false",
            "true",
            "No heavy background work: no job of `[schedule]` is run, and services see `MAINSTAY_FAILSAFE=true`.",
        ),
        key("health", Kind::Table(&HEALTH), "", "", "mainstay's own health endpoint."),
        key("logs", Kind::Table(&super::logs::LOGS), "", "", "Where the lines of the services are kept."),
        key("backup", Kind::Table(&super::backup::BACKUP), "", "", "Copies of the databases."),
        key("journal", Kind::Table(&super::journal::JOURNAL), "", "", "How long what happens is remembered."),
        key("deploy", Kind::Table(&super::deploy::DEPLOY), "", "", "How releases are made and brought live."),
    ],
};

/// `[env]`
pub(crate) static VARIABLE: Section = Section {
    about: "One declared variable. Its name stands before the `=`; a text instead of a table is its default.",
    keys: &[
        key("about", Kind::Text, "", "\"Bot token\"", "Purpose, in one line."),
        key("default", Kind::Text, "", "\"info\"", "Used when the variable is not set."),
        key("example", Kind::Text, "", "\"123456:ABC\"", "Shown in `.env.example`."),
        key("secret", Kind::Bool, "false", "true", "Never printed."),
        key("required", Kind::Bool, "false", "true", "The application does not start without it."),
        key("aliases", Kind::Texts, "", "[\"SPORTMONKS_TOKEN\"]", "Old names that still work, with a warning."),
    ],
};

const URL_OF_DATABASE: &str = "`postgres://…`, `sqlite:…`, or libpq's `host=… dbname=…`. Default: assembled from \
                               variables; when none of them is set, an SQLite file below `data`.";

const REQUIRED: Key = key(
    "required",
    Kind::Bool,
    "true",
    "false",
    "A required one holds up the start and makes health critical; another one makes it degraded.",
);
const WAIT: Key = key(
    "wait",
    Kind::Duration,
    "60s",
    "\"2m\"",
    "How long the gate waits. With `attempts` and without `wait` there is no time limit.",
);
const ATTEMPTS: Key =
    key("attempts", Kind::Count, "", "20", "How many attempts the gate makes. Default: as many as fit into `wait`.");
const INTERVAL: Key = key(
    "interval",
    Kind::Duration,
    "",
    "\"3s\"",
    "The same pause between all attempts. Default: 200 ms, doubling up to 5 s, with jitter.",
);
const ATTEMPT_TIMEOUT: Key = key("attempt_timeout", Kind::Duration, "10s", "\"3s\"", "One attempt takes no longer.");
const EXTEND: Key =
    key("extend", Kind::Bool, "true", "false", "Move the time limit on while a recovering server makes progress.");
const WATCHED: Key = key("monitor", Kind::Table(&MONITOR), "", "", "How it is watched once everything runs.");

/// `[databases.NAME]`
pub(crate) static DATABASE: Section = Section {
    about: "A database that is waited for before the start and watched afterwards.",
    keys: &[
        key("url", Kind::Url, "", "\"${DATABASE_URL}\"", URL_OF_DATABASE),
        key(
            "access",
            Kind::Choice(&["read-write", "read-only"]),
            "read-write",
            "\"read-only\"",
            "What it must allow: `read-write` waits for a primary, for `read-only` a replica will do. Default of a database named `ro`, `r`, `reader` or `replica`: `read-only`.",
        ),
        REQUIRED,
        WAIT,
        ATTEMPTS,
        INTERVAL,
        ATTEMPT_TIMEOUT,
        EXTEND,
        WATCHED,
    ],
};

/// `[dependencies.NAME]`
pub(crate) static DEPENDENCY: Section = Section {
    about: "Something else that services need.",
    keys: &[
        key(
            "url",
            Kind::Url,
            "",
            "\"redis://127.0.0.1/1\"",
            "`redis://…`, `tcp://host:port`, `http://…`, `unix:/path`, `file:/path`, `exec:command`, or a database. Default of one whose name contains `redis`: `REDIS_URL`, or `REDIS_HOST`, `REDIS_PORT`, `REDIS_DB`, `REDIS_PASSWORD`.",
        ),
        key(
            "access",
            Kind::Choice(&["read-write", "read-only"]),
            "read-write",
            "\"read-only\"",
            "What it must allow, as for a database.",
        ),
        REQUIRED,
        WAIT,
        ATTEMPTS,
        INTERVAL,
        ATTEMPT_TIMEOUT,
        EXTEND,
        WATCHED,
        key("queues", Kind::Texts, "", "[\"events:p2p\"]", "Redis lists and streams whose lengths health shows."),
    ],
};

/// `monitor`
pub(crate) static MONITOR: Section = Section {
    about: "How a dependency is watched once everything runs.",
    keys: &[
        key("every", Kind::Duration, "60s", "\"10s\"", "Time between checks."),
        key("failures", Kind::Count, "2", "3", "Failures in a row until it is called down and recovery begins."),
    ],
};

/// `[services.NAME]`
pub(crate) static SERVICE: Section = Section {
    about: "One supervised process.",
    keys: &[
        key(
            "command",
            Kind::Command,
            "",
            "\"booking-backend --port 8000\"",
            "Program and arguments. One text is split at blanks, quotes are respected; there is no shell.",
        ),
        key("roles", Kind::Texts, "", "[\"api\"]", "The roles it belongs to. Default: the one of its own name."),
        key(
            "needs",
            Kind::Texts,
            "",
            "[\"main\", \"redis\"]",
            "Databases, dependencies and services that must be ready before it.",
        ),
        key(
            "listen",
            Kind::Address,
            "",
            "\"127.0.0.1:8000\"",
            "The address that mainstay binds and hands over as `LISTEN_FDS`; its port is also put into `PORT`.",
        ),
        key(
            "health",
            Kind::Either(&CHECK, "a path such as `/health`"),
            "",
            "\"/health\"",
            "How its readiness and health are told.",
        ),
        key(
            "restart",
            Kind::Either(&RESTART, "`always`, `on-failure` or `never`"),
            "",
            "\"on-failure\"",
            "When it is started again.",
        ),
        key("stop", Kind::Table(&STOP), "", "", "How it is stopped."),
        key("cwd", Kind::Path, "", "\"backend\"", "Working directory. Default: the directory of `mainstay.toml`."),
        key("env", Kind::Variables, "", "{ LOG_LEVEL = \"debug\" }", "Variables for this service alone."),
        key(
            "handover",
            Kind::Choice(&["overlap", "exclusive"]),
            "overlap",
            "\"exclusive\"",
            "May two generations run at once? `exclusive` is for pollers and schedulers.",
        ),
        key(
            "single",
            Kind::Bool,
            "",
            "false",
            "Of an `exclusive` service: only one host at a time runs it, by an advisory lock in the first PostgreSQL of `needs`, or of `[databases]`. Default: `true` where there is one.",
        ),
        key("limits", Kind::Table(&LIMITS), "", "", "What it may use at most, all of its processes together."),
        key("start_delay", Kind::Duration, "0s", "\"5s\"", "Waits this long before the first start."),
        key(
            "enabled",
            Kind::Bool,
            "true",
            "false",
            "`false` switches it off: it is not started, and nobody waits for it. A switch of your own: `\"${POLLING:-true}\"`.",
        ),
    ],
};

/// `[schedule.NAME]`
pub(crate) static JOB: Section = Section {
    about: "A command that is run when it is due, by `cron` or `every`. Its lines are told like those of a service.",
    keys: &[
        key(
            "cron",
            Kind::Text,
            "",
            "\"0 3 * * *\"",
            "Minute, hour, day of the month, month, day of the week; `@daily` and the like; or `off`.",
        ),
        key(
            "every",
            Kind::Text,
            "",
            "\"15m\"",
            "A span of time, at least `1s`, counted from 1970-01-01 00:00 UTC so that all hosts agree; or `off`.",
        ),
        key("timezone", Kind::Text, "UTC", "\"Europe/Berlin\"", "The zone in which `cron` is read, by its IANA name."),
        key(
            "command",
            Kind::Command,
            "",
            "\"booking-retrain --all\"",
            "Program and arguments. One text is split at blanks, quotes are respected; there is no shell.",
        ),
        key(
            "roles",
            Kind::Texts,
            "",
            "[\"worker\"]",
            "The roles in which it is run, where one is chosen. Default: `scheduler`.",
        ),
        key(
            "needs",
            Kind::Texts,
            "",
            "[\"main\"]",
            "Databases and dependencies that must be ready. While one is down the run waits, and comes once it is back.",
        ),
        key(
            "overlap",
            Kind::Choice(&["skip", "queue", "replace"]),
            "skip",
            "\"queue\"",
            "What a run does that is due while the one before is at work: it is left out, follows it, or takes its place.",
        ),
        key(
            "catch_up",
            Kind::Bool,
            "",
            "false",
            "Is a run that was missed, because mainstay or the machine was down, made up for? Once, however many were missed. Default: `true`, and `false` with `single`.",
        ),
        key(
            "timeout",
            Kind::Duration,
            "",
            "\"30m\"",
            "No run takes longer: it is stopped and has failed. Default: no limit.",
        ),
        key("retries", Kind::Whole, "0", "3", "How often a run that failed is tried again."),
        key("retry_wait", Kind::Duration, "10s", "\"1m\"", "The first pause before that, doubling up to 10 minutes."),
        key(
            "single",
            Kind::Bool,
            "false",
            "true",
            "Only one host at a time runs it, by an advisory lock in the first PostgreSQL of `needs`, or of `[databases]`.",
        ),
        key("ping", Kind::Table(&PING), "", "", "Who is told how a run ended."),
        key("stop", Kind::Table(&STOP), "", "", "How it is stopped."),
        key("cwd", Kind::Path, "", "\"backend\"", "Working directory. Default: the directory of `mainstay.toml`."),
        key("env", Kind::Variables, "", "{ LOG_LEVEL = \"debug\" }", "Variables for this job alone."),
    ],
};

/// `ping` of a job
pub(crate) static PING: Section = Section {
    about: "URLs that are asked for (`GET`, 10 s at most) after the last try of a run. What they answer changes nothing.",
    keys: &[
        key("success", Kind::Url, "", "\"https://hc.example/ping/1234\"", "After a run that ended with 0."),
        key("failure", Kind::Url, "", "\"https://hc.example/ping/1234/fail\"", "After one that failed."),
    ],
};

/// `health` of a service
pub(crate) static CHECK: Section = Section {
    about: "How the readiness and health of a service are told: exactly one of `http`, `tcp`, `unix`, `file`, `command`, `log`, `notify`.",
    keys: &[
        key(
            "http",
            Kind::Text,
            "",
            "\"/health\"",
            "A path on `listen`, or else on `$PORT`; or a whole URL. Ready on a 2xx or 3xx answer, or on the status of `#status=204`.",
        ),
        key("tcp", Kind::Address, "", "8000", "An address that accepts connections."),
        key("unix", Kind::Path, "", "\"run/app.sock\"", "A socket that accepts connections."),
        key("file", Kind::Path, "", "\"run/ready\"", "A file that exists."),
        key("command", Kind::Command, "", "\"booking-check\"", "A command that ends with 0."),
        key(
            "log",
            Kind::Text,
            "",
            "\"Listening on\"",
            "A text, or an expression between slashes, that a line of its output holds once it is ready. Nothing is looked at afterwards.",
        ),
        key(
            "notify",
            Kind::Bool,
            "false",
            "true",
            "It tells by itself that it is ready, over `NOTIFY_SOCKET` (sd_notify(3)).",
        ),
        key(
            "watchdog",
            Kind::Duration,
            "",
            "\"30s\"",
            "With `notify`: it tells that it is well at least so often (`WATCHDOG=1`), or it is restarted.",
        ),
        key(
            "every",
            Kind::Duration,
            "10s",
            "\"5s\"",
            "Time between checks once it is ready. While it starts, it is asked more often.",
        ),
        key("timeout", Kind::Duration, "3s", "\"1s\"", "One check takes no longer."),
        key("failures", Kind::Count, "3", "5", "Failures in a row until it is called unhealthy and restarted."),
        key(
            "fail",
            Kind::Window,
            "",
            "\"3 of 5\"",
            "The same of a window: so many failures among the last checks, in a row or not. Default: what `failures` says.",
        ),
        key("pass", Kind::Window, "1 of 1", "\"2 of 2\"", "So many passes until it is called healthy again."),
        key("start_timeout", Kind::Duration, "60s", "\"2m\"", "How long it may take to become ready."),
    ],
};

/// `limits` of a service
pub(crate) static LIMITS: Section = Section {
    about: "What a service may use at most. Without control groups that may be written to only `files` is in force, and that is told.",
    keys: &[
        key(
            "memory",
            Kind::Size,
            "",
            "\"512MB\"",
            "Memory of all its processes; who needs more is killed by the kernel.",
        ),
        key("cpu", Kind::Share, "", "1.5", "Processors of all its processes: they wait when they have used so much."),
        key("pids", Kind::Count, "", "200", "Its processes and threads: no more can be started."),
        key("files", Kind::Count, "", "4096", "Open files, sockets and pipes of each of its processes."),
    ],
};

/// `restart` of a service
pub(crate) static RESTART: Section = Section {
    about: "When and how fast an ended service is started again.",
    keys: &[
        key(
            "when",
            Kind::Choice(&["always", "on-failure", "never"]),
            "always",
            "\"never\"",
            "After every end that nobody asked for; after an exit code other than 0 or a signal; never. Default of `mainstay run -- CMD`: `never`.",
        ),
        key("initial", Kind::Duration, "1s", "\"2s\"", "The first wait of a service that crashes again and again."),
        key("factor", Kind::Factor, "2", "1.5", "Each wait is the previous one times this."),
        key("max", Kind::Duration, "30s", "\"5m\"", "No wait is longer."),
        key("stable_after", Kind::Duration, "60s", "\"5m\"", "A life at least this long begins the waits anew."),
    ],
};

/// `stop` of a service
pub(crate) static STOP: Section = Section {
    about: "How a service is stopped.",
    keys: &[
        key("signal", Kind::Signal, "TERM", "\"INT\"", "The polite signal."),
        key(
            "grace",
            Kind::Duration,
            "30s",
            "\"10s\"",
            "Time from the polite signal until `SIGKILL` to the whole group.",
        ),
    ],
};

/// `[health]`
pub(crate) static HEALTH: Section = Section {
    about: "mainstay's own health endpoint. Nothing listens unless an address is given.",
    keys: &[
        key(
            "listen",
            Kind::Address,
            "",
            "\"127.0.0.1:8081\"",
            "Where `/healthz`, `/readyz`, `/health` and `/ready` are answered.",
        ),
        key("tcp", Kind::Address, "", "8082", "A plain TCP port that accepts while the application is not critical."),
        key(
            "metrics",
            Kind::Metrics,
            "false",
            "\"127.0.0.1:9090\"",
            "Where `/metrics` is answered: `true` beside the health pages, an address for a port of its own.",
        ),
        key(
            "version",
            Kind::Text,
            "",
            "\"1.4.2\"",
            "The application's version, shown in health. Default: `APP_VERSION`, or `GIT_SHA`.",
        ),
    ],
};
