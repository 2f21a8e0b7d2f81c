//! The keys of `[services]`.

use super::CHECK;
use crate::file::{Kind, Section, key::key};

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
            "port",
            Kind::Choice(&["auto"]),
            "",
            "\"auto\"",
            "A free port of 127.0.0.1 for each release, told as `PORT`: for what can only bind a port itself. `[proxy]` passes requests on to it.",
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
            "",
            "\"exclusive\"",
            "May two releases of it run at once? `exclusive` is for pollers and schedulers. Default: `overlap` with `listen`; without, the \
             old one is stopped first.",
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

/// `limits` of a service
static LIMITS: Section = Section {
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
        key(
            "budget",
            Kind::Budget,
            "off",
            "\"10 in 10m\"",
            "So many restarts within so long; when one more would be due the service has failed. Ends while something that it needs is down do not count.",
        ),
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
