//! The keys of `[databases]` and `[dependencies]`.

use crate::file::{Key, Kind, Section, key::key};

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
static MONITOR: Section = Section {
    about: "How a dependency is watched once everything runs.",
    keys: &[
        key("every", Kind::Duration, "60s", "\"10s\"", "Time between checks."),
        key("failures", Kind::Count, "2", "3", "Failures in a row until it is called down and recovery begins."),
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
