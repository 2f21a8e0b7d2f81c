//! The keys of `[deploy]`.

use crate::file::{Key, Kind, Section, key::key};

/// `[deploy]`
pub(crate) static DEPLOY: Section = Section {
    about: "How releases are made and brought live. `repository`, `branch`, `file`, `keep`, `ping` and `[deploy.webhook]` are read from the file that is \
            named by `--dir` or `--config`, everything else from the file in the commit that is released.",
    keys: &[
        key(
            "repository",
            Kind::Text,
            "",
            "\"git@git.example:shop.git\"",
            "Where commits come from: a path or a URL. Default: the bare repository that `mainstay server init` has made, else the one in which this file lies.",
        ),
        key("branch", Kind::Text, "main", "\"production\"", "The branch that is released."),
        key(
            "file",
            Kind::Path,
            "",
            "\"backend/mainstay.toml\"",
            "The application's file within the repository. Default: where this file lies in its own repository, else `mainstay.toml`.",
        ),
        key("keep", Kind::Count, "5", "10", "So many releases are kept on the disk."),
        key("webhook", Kind::Table(&WEBHOOK), "", "", "Where GitHub or GitLab tells of pushes."),
        key("ping", Kind::Table(&PING), "", "", "Who is told how a release ended."),
        key(
            "build",
            Kind::List(&BUILD, "a command"),
            "",
            "[\"cargo build --release\"]",
            "What is run in the directory of the release's `mainstay.toml` before it can be started, one after the other. `MAINSTAY_CACHE` is a directory that builds may keep things in, `MAINSTAY_RELEASE` and `MAINSTAY_COMMIT` say what is built.",
        ),
        key(
            "dependencies",
            Kind::Table(&DEPENDENCIES),
            "",
            "{ run = \"npm ci\", lock = [\"package-lock.json\"] }",
            "What fetches dependencies, before `build`; left out while their lock files stay as they are.",
        ),
        key(
            "shared",
            Kind::Texts,
            "",
            "[\"uploads\"]",
            "Paths that all releases share, such as uploads: they lie in `shared` below `data`, and are links in each release. `data` is always one.",
        ),
        key(
            "smoke",
            Kind::List(&SMOKE, ""),
            "",
            "[{ http = \"/health\" }]",
            "What a new release is asked before it gets any traffic.",
        ),
        key(
            "watch",
            Kind::Duration,
            "5m",
            "\"30s\"",
            "So long a new release is watched; when it becomes ill meanwhile, the one before comes back. `0s`: not at all.",
        ),
        key("drain", Kind::Duration, "30s", "\"2m\"", "So long the old release may take to finish what it was asked."),
        key(
            "driver",
            Kind::Choice(&["mainstay", "compose", "systemd"]),
            "mainstay",
            "\"systemd\"",
            "Who runs the services: mainstay itself, Docker Compose, or systemd.",
        ),
        key(
            "units",
            Kind::Texts,
            "",
            "[\"shop-web.service\"]",
            "With `driver = \"systemd\"`: the units that are restarted, in this order.",
        ),
        key(
            "backup",
            Kind::Choice(&["pending", "always", "never"]),
            "pending",
            "\"always\"",
            "When a VERIFIED copy of the databases is taken first: when migrations are pending, each time, or never.",
        ),
        key(
            "errors",
            Kind::Whole,
            "",
            "20",
            "More lines of errors while it is watched, and the release is taken back. Default: they are not counted.",
        ),
    ],
};

/// `ping` of a release
static PING: Section = Section {
    about: "URLs that are asked for (`GET`, 10 s at most) when a release or a rollback has ended. What they answer changes nothing.",
    keys: &[
        key("success", Kind::Url, "", "\"https://hc.example/ping/5678\"", "After one that is live."),
        key(
            "failure",
            Kind::Url,
            "",
            "\"https://hc.example/ping/5678/fail\"",
            "After one that failed or was taken back.",
        ),
    ],
};

/// `[deploy.webhook]`
static WEBHOOK: Section = Section {
    about: "Where GitHub or GitLab tells of pushes. What is told is checked against the secret before it is read; each delivery counts once.",
    keys: &[
        key(
            "listen",
            Kind::Address,
            "",
            "\"127.0.0.1:9000\"",
            "An address of its own. Default: beside the health pages.",
        ),
        key("path", Kind::Text, "/hooks/deploy", "\"/hooks/shop\"", "The path that is answered."),
        key(
            "secret",
            Kind::Text,
            "",
            "\"${WEBHOOK_SECRET}\"",
            "What the forge and mainstay know, at least 16 characters.",
        ),
        key(
            "provider",
            Kind::Choice(&["github", "gitlab"]),
            "github",
            "\"gitlab\"",
            "Who tells: GitHub (also Gitea and Forgejo) signs the body, GitLab sends the secret as a token.",
        ),
        key("branch", Kind::Text, "", "\"production\"", "The branch whose pushes count. Default: `branch`."),
        key(
            "on",
            Kind::Choice(&["push", "ci"]),
            "push",
            "\"ci\"",
            "What a release waits for: the push, or that its continuous integration has passed.",
        ),
    ],
};

/// Of a command of the build, and of the one that fetches dependencies.
const IN: Key = key("in", Kind::Path, "", "\"web\"", "Where, from the directory of `mainstay.toml`. Default: there.");
const TIMEOUT: Key =
    key("timeout", Kind::Duration, "30m", "\"10m\"", "It takes no longer: it is stopped and the build has failed.");

/// `[[deploy.build]]`
static BUILD: Section = Section {
    about: "A command of the build, where a text does not say enough.",
    keys: &[
        key(
            "run",
            Kind::Command,
            "",
            "\"npm run build\"",
            "Program and arguments. One text is split at blanks, quotes are respected; there is no shell.",
        ),
        IN,
        key("env", Kind::Variables, "", "{ NODE_ENV = \"production\" }", "Variables for this command alone."),
        TIMEOUT,
    ],
};

/// `[deploy.dependencies]`
static DEPENDENCIES: Section = Section {
    about: "What fetches dependencies, run before the build unless the lock files are those of the last release that was built.",
    keys: &[
        key("run", Kind::Command, "", "\"npm ci\"", "Program and arguments, as in `build`."),
        key(
            "lock",
            Kind::Texts,
            "",
            "[\"package-lock.json\"]",
            "The files that say which dependencies are meant. Without any, it is always run.",
        ),
        key(
            "paths",
            Kind::Texts,
            "",
            "[\"node_modules\"]",
            "What it makes beside `mainstay.toml`: copied from the release before when it is left out. What it puts into `MAINSTAY_CACHE` needs no copy.",
        ),
        IN,
        key("env", Kind::Variables, "", "{ CI = \"1\" }", "Variables for this command alone."),
        TIMEOUT,
    ],
};

/// `[[deploy.smoke]]`
static SMOKE: Section = Section {
    about: "One question to a new release: exactly one of `http`, `tcp` and `command`.",
    keys: &[
        key(
            "http",
            Kind::Text,
            "",
            "\"/health\"",
            "A path, asked on the address of `service`; or a whole URL. Passed with a 2xx or 3xx answer, or with the status of `#status=204`.",
        ),
        key("tcp", Kind::Address, "", "8000", "An address that accepts connections."),
        key("command", Kind::Command, "", "\"bin/smoke\"", "A command that ends with 0."),
        key(
            "service",
            Kind::Text,
            "",
            "\"api\"",
            "Whose address a path is asked on. Default: the first service with `listen`.",
        ),
        key("contains", Kind::Text, "", "\"\\\"ok\\\"\"", "A text that the answer has to hold."),
        key("timeout", Kind::Duration, "10s", "\"3s\"", "One try takes no longer."),
    ],
};
