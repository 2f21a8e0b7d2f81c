//! The keys of `[schedule]`.

use super::STOP;
use crate::file::{Kind, Section, key::key};

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
