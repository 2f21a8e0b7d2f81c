//! The keys of `[health]`, and of `health` of a service.

use crate::file::{Kind, Section, key::key};

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
