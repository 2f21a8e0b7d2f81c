//! The keys of `[logs]`.

use crate::file::{Kind, Section, key::key};

/// `[logs]`
pub(crate) static LOGS: Section = Section {
    about: "Where the lines of the services are kept: one file for each service, and older ones beside it. Off by default when \
            there is no `mainstay.toml`.",
    keys: &[
        key("enabled", Kind::Bool, "true", "false", "Keep the lines in files at all."),
        key("dir", Kind::Path, "", "\"/var/log/booking\"", "The directory of the files. Default: `logs` below `data`."),
        key(
            "format",
            Kind::Choice(&["json", "raw"]),
            "json",
            "\"raw\"",
            "`json`: one object a line, with time, service, stream, level and release; `raw`: the lines as they came and nothing else.",
        ),
        key(
            "max_size",
            Kind::Size,
            "10MB",
            "\"100MB\"",
            "A file that would become larger is put aside, and a new one begun.",
        ),
        key(
            "keep",
            Kind::Count,
            "5",
            "20",
            "So many files that were put aside are kept of each service, the newest ones.",
        ),
        key("max_age", Kind::Duration, "7d", "\"30d\"", "A file that was put aside longer ago is removed."),
        key(
            "total",
            Kind::Size,
            "1GB",
            "\"10GB\"",
            "All files together take no more: the oldest that was put aside is removed, of whatever service.",
        ),
        key("compress", Kind::Bool, "true", "false", "Compress files that were put aside, with zstd."),
        key(
            "when_full",
            Kind::Choice(&["block", "drop"]),
            "block",
            "\"drop\"",
            "What happens when the disk is so slow that `buffer` is full: `block` lets the services wait, `drop` leaves lines out, counts them and says so.",
        ),
        key("buffer", Kind::Size, "4MB", "\"16MB\"", "So much may wait for the disk, of all services together."),
        key("echo", Kind::Bool, "true", "false", "Write the lines to standard output and error as well."),
    ],
};
