//! The keys of `[backup]`.

use super::PING;
use crate::file::{Kind, Section, key::key};

/// `[backup]`
pub(crate) static BACKUP: Section = Section {
    about: "Copies of the databases. Each is restored and compared before it counts; only those that were are VERIFIED.",
    keys: &[
        key(
            "schedule",
            Kind::Text,
            "0 2 * * *",
            "\"30 1 * * *\"",
            "When copies are taken while `mainstay up` runs: minute, hour, day of the month, month, day of the week; or `off`. One that was missed is made up for.",
        ),
        key(
            "timezone",
            Kind::Text,
            "UTC",
            "\"Europe/Berlin\"",
            "The zone in which `schedule` is read and days begin, by its IANA name.",
        ),
        key(
            "vacuum",
            Kind::Text,
            "off",
            "\"40 3 * * 0\"",
            "When SQLite databases are analyzed, and vacuumed if a tenth of them or more is free, while `mainstay up` runs; or `off`. Writers wait for a VACUUM, so take a quiet hour.",
        ),
        key(
            "to",
            Kind::Places,
            "",
            "[\"backups\", \"s3://shop-backups/live\"]",
            "Where copies go: a directory, a bucket that speaks S3, or a list with both. A copy counts in each place once it was read back from there. Default: `backups` below `data`.",
        ),
        key(
            "s3",
            Kind::Table(&S3),
            "",
            "{ endpoint = \"https://s3.example\" }",
            "The server of `s3://…` in `to`. Default: AWS, by the variables that its own programs read.",
        ),
        key(
            "databases",
            Kind::Texts,
            "",
            "[\"main\"]",
            "Which databases. Default: every PostgreSQL and SQLite database that must be writable.",
        ),
        key("keep", Kind::Count, "10", "30", "The last so many VERIFIED copies of each database are kept."),
        key("daily", Kind::Whole, "0", "7", "And the last one of each of so many days."),
        key("weekly", Kind::Whole, "0", "4", "And the last one of each of so many weeks."),
        key("monthly", Kind::Whole, "0", "12", "And the last one of each of so many months."),
        key("yearly", Kind::Whole, "0", "5", "And the last one of each of so many years."),
        key(
            "min_keep",
            Kind::Count,
            "2",
            "5",
            "Never fewer VERIFIED copies than these, whatever the other numbers say. The newest one never goes.",
        ),
        key(
            "encrypt",
            Kind::Table(&ENCRYPT),
            "",
            "{ recipients = [\"age1…\", \"age1…\"] }",
            "Copies are encrypted in the format of age. Default: they are not.",
        ),
        key(
            "ground",
            Kind::Path,
            "",
            "\"/var/tmp\"",
            "Where servers are made to restore copies of PostgreSQL for a proof. Default: `TMPDIR`, else `/var/tmp`.",
        ),
        key(
            "programs",
            Kind::Path,
            "",
            "\"/opt/pgsql/bin\"",
            "The only directory in which PostgreSQL's programs are looked for. Default: those of the server's version in `/usr/lib/postgresql`, else `PATH`.",
        ),
        key(
            "parallel_above",
            Kind::Size,
            "10GB",
            "\"2GB\"",
            "A database of PostgreSQL that is as large is dumped and restored by several processes at once.",
        ),
        key("jobs", Kind::Count, "", "4", "By so many; 1 for never. Default: half of the processors, at most 8."),
        key(
            "stall",
            Kind::Duration,
            "10m",
            "\"1h\"",
            "A program of PostgreSQL's that writes nothing for so long has hung, and is ended.",
        ),
        key(
            "stale",
            Kind::Duration,
            "",
            "\"26h\"",
            "A newest VERIFIED copy that is older is stale: health is `degraded`. Default: the longest time between two scheduled runs, and two hours.",
        ),
        key("timeout", Kind::Duration, "", "\"2h\"", "No scheduled run takes longer. Default: no limit."),
        key(
            "ping",
            Kind::Table(&PING),
            "",
            "",
            "Who is told how a scheduled run ended; `success` only when all copies are VERIFIED.",
        ),
    ],
};

/// `[backup.s3]`
static S3: Section = Section {
    about: "The object store of `s3://…` in `to`. What is not written here is taken from the variables that AWS's programs read.",
    keys: &[
        key(
            "endpoint",
            Kind::Url,
            "",
            "\"https://minio.example:9000\"",
            "The server. Default: `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else AWS's server of the region.",
        ),
        key(
            "region",
            Kind::Text,
            "",
            "\"eu-central-1\"",
            "The region. Default: `AWS_REGION`, else `AWS_DEFAULT_REGION`, else `us-east-1`.",
        ),
        key("access_key", Kind::Text, "", "\"${S3_KEY_ID}\"", "The name of the key. Default: `AWS_ACCESS_KEY_ID`."),
        key(
            "secret_key",
            Kind::Text,
            "",
            "\"${S3_SECRET_KEY}\"",
            "The key. Never printed. Default: `AWS_SECRET_ACCESS_KEY`.",
        ),
        key(
            "session_token",
            Kind::Text,
            "",
            "\"${S3_SESSION_TOKEN}\"",
            "The token of credentials for a time. Default: `AWS_SESSION_TOKEN`, where `access_key` is not written here.",
        ),
        key(
            "style",
            Kind::Choice(&["host", "path"]),
            "",
            "\"path\"",
            "Where the bucket is named: in the host's name or in the path. Default: `host` at AWS, `path` elsewhere.",
        ),
        key(
            "plain_http",
            Kind::Bool,
            "false",
            "true",
            "`http://` also to other machines: whoever is between reads all that is not encrypted.",
        ),
        key(
            "timeout",
            Kind::Duration,
            "30s",
            "\"2m\"",
            "A server that says or takes nothing for so long is asked again.",
        ),
    ],
};

/// `[backup.encrypt]`
static ENCRYPT: Section = Section {
    about: "Encrypted copies. They are proven with a key that is forgotten afterwards, so the machine that takes them needs no secret one.",
    keys: &[
        key(
            "recipients",
            Kind::Texts,
            "",
            "[\"age1…\", \"age1…\"]",
            "Public keys of age, `age1…`: who has the secret key to one of them can read the copies. Two, kept in two places, are better than one.",
        ),
        key(
            "identity",
            Kind::Path,
            "",
            "\"/etc/shop/backup.key\"",
            "A file with secret keys, with which copies are verified again, opened and restored here. Default: none; then `--identity` is needed.",
        ),
    ],
};
