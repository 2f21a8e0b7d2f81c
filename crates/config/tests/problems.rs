//! Bad input: what is wrong, where, and what to do; all of it at once.

mod support;

use support::{file, nothing};

/// One slip per case, and the whole text that is told about it.
#[test]
fn each_slip_is_told_with_its_place_and_a_hint() {
    let table = [
        (
            "[services.api]\ncomand = 'x'\ncommand = 'y'",
            "error: unknown key `comand` in `[services.api]`\n  --> mainstay.toml:2:1\n   |\n 2 | comand = 'x'\n   | ^^^^^^\n  \
             seen: keys here are `command`, `roles`, `needs`, `listen`, `port`, `health`, `restart`, `stop`, `cwd`, `env`, \
             `handover`, `single`, `limits`, `start_delay`, `enabled`\n  hint: did you mean `command`?",
        ),
        (
            "[databases.main]\nwait = true",
            "error: `wait` in `[databases.main]`: expected a span of time such as `30s`, found `true` or `false`\n  --> \
             mainstay.toml:2:8\n   |\n 2 | wait = true\n   |        ^^^^",
        ),
        (
            "[databases.main]\nwait = 'soon'",
            "error: `wait` in `[databases.main]`: `soon` is not a span of time\n  --> mainstay.toml:2:8\n   |\n 2 | wait = \
             'soon'\n   |        ^^^^^^\n  hint: write a span of time such as `30s`",
        ),
        (
            "[health]\nlisten = 'everywhere:80'",
            "error: `listen` in `[health]`: `everywhere:80` is not an address\n  --> mainstay.toml:2:10\n   |\n 2 | listen = \
             'everywhere:80'\n   |          ^^^^^^^^^^^^^^^\n  hint: write an address such as `127.0.0.1:8000`",
        ),
        (
            "[services.api]\nlisten = 8000",
            "error: `command` is missing in `[services.api]`\n  --> mainstay.toml:1:11\n   |\n 1 | [services.api]\n   |           \
             ^^^\n  hint: write what is to be run: `command = \"uvicorn app:app\"`",
        ),
        (
            "[services.api]\ncommand = 'x'\nneeds = ['mian']\n[databases.main]",
            "error: `needs` in `[services.api]`: there is no database, dependency or service `mian`\n  --> \
             mainstay.toml:3:10\n   |\n 3 | needs = ['mian']\n   |          ^^^^^^\n  hint: did you mean `main`?",
        ),
        (
            "[services.a]\ncommand = 'x'\nneeds = ['b']\n[services.b]\ncommand = 'x'\nneeds = ['a']",
            "error: services need each other in a circle: a -> b -> a\n  --> mainstay.toml:1:11\n   |\n 1 | [services.a]\n   |           ^\n  \
             hint: take one of them out of `needs` of another",
        ),
        (
            "[services.redis]\ncommand = 'x'\n[dependencies.redis]\nurl = 'redis://r'",
            "error: the dependency `redis` and the service `redis` have the same name\n  --> mainstay.toml:1:11\n   |\n 1 | \
             [services.redis]\n   |           ^^^^^\n  hint: `needs` must be able to tell them apart: rename one of them",
        ),
        (
            "[services.api]\ncommand = 'a && b'",
            "error: `command` in `[services.api]`: `&&` needs a shell, and commands are run without one\n  --> \
             mainstay.toml:2:11\n   |\n 2 | command = 'a && b'\n   |           ^^^^^^^^\n  hint: write `[\"sh\", \"-c\", \"…\"]`, or \
             put `&&` in quotes if it is meant as it stands",
        ),
        (
            "[services.api]\ncommand = []",
            "error: `command` in `[services.api]`: the command is empty\n  --> mainstay.toml:2:11\n   |\n 2 | command = []\n   |           ^^\n  \
             hint: write the program and its arguments: `\"uvicorn app:app\"`",
        ),
        (
            "[deploy]\nbuild = ['make && make install']",
            "error: `build` in `[deploy]`, number 1: `&&` needs a shell, and commands are run without one\n  --> mainstay.toml:2:10\n   |\n 2 | build = \
             ['make && make install']\n   |          ^^^^^^^^^^^^^^^^^^^^^^\n  hint: write `[\"sh\", \"-c\", \"…\"]`, or put `&&` in quotes if it is \
             meant as it stands",
        ),
        (
            "[schedule.retrain]\ncommand = 'retrain'\ncron = '0 25 * * *'",
            "error: `cron` in `[schedule.retrain]`: `25` is not an hour\n  --> mainstay.toml:3:11\n   |\n 3 | \
             cron = '0 25 * * *'\n   |           ^^\n  hint: write `*` or 0 to 23, ranges `a-b`, lists `a,b`, steps `*/n`",
        ),
        (
            "[databases.main]\nurl = '${DATABASE_URL}'",
            "error: `url` in `[databases.main]`: the variable `DATABASE_URL` is not set\n  --> mainstay.toml:2:7\n   |\n 2 | url \
             = '${DATABASE_URL}'\n   |       ^^^^^^^^^^^^^^^^^\n  hint: set `DATABASE_URL`, or write `${DATABASE_URL:-default}`",
        ),
        (
            "[databases.main]\nurl = 'postgres://bot:hunter2@db/app?sslmod=require'",
            "error: `url` in `[databases.main]`: unknown parameter `sslmod`\n  --> mainstay.toml:2:7\n   |\n 2 | url = \
             'postgres://bot:***@db/app?sslmod=require'\n   |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  seen: \
             `postgres://bot:***@db/app?sslmod=require`\n  hint: did you mean `sslmode`?",
        ),
        (
            "[databases.cache]\nurl = 'redis://r'",
            "error: the database `cache` is neither PostgreSQL nor SQLite\n  --> mainstay.toml:2:7\n   |\n 2 | url = \
             'redis://r'\n   |       ^^^^^^^^^^^\n  seen: `redis://r:6379/0`\n  hint: declare it as `[dependencies.cache]`",
        ),
        (
            "[dependencies.queue]",
            "error: `url` is missing in `[dependencies.queue]`\n  --> mainstay.toml:1:15\n   |\n 1 | [dependencies.queue]\n   |               ^^^^^\n  \
             hint: write for example `url = \"tcp://127.0.0.1:8080\"`",
        ),
        (
            "[services.API]\ncommand = 'x'",
            "error: `API` in `[services]` is no good name\n  --> mainstay.toml:1:11\n   |\n 1 | [services.API]\n   |           \
             ^^^\n  hint: a name has lower-case letters, digits, `-` and `_`, and begins with a letter",
        ),
        (
            "name = 'My App'",
            "error: `name`: `My App` is no good name\n  --> mainstay.toml:1:8\n   |\n 1 | name = 'My App'\n   |        ^^^^^^^^\n  \
             hint: a name has lower-case letters, digits, `-` and `_`, and begins with a letter",
        ),
        (
            "[env]\nTOKEN = { about = 'Bot token', required = true, secret = true }",
            "error: the variable `TOKEN` is required and not set\n  --> mainstay.toml:2:1\n   |\n 2 | TOKEN = { about = 'Bot \
             token', required = true, secret = true }\n   | ^^^^^\n  seen: Bot token\n  hint: set `TOKEN` in the environment \
             or in `.env`",
        ),
        (
            "[migrations]\ndir = 'm'\ncommand = 'alembic upgrade head'",
            "error: `command` in `[migrations]`: there is `dir` as well, and only one of them can be meant\n  --> \
             mainstay.toml:3:11\n   |\n 3 | command = 'alembic upgrade head'\n   |           ^^^^^^^^^^^^^^^^^^^^^^\n  hint: \
             remove `dir` or `command`",
        ),
        (
            "[services.api]\ncommand = 'x'\nhealth = '/health'",
            "error: `health` in `[services.api]`: it is not known where to ask for the path\n  --> mainstay.toml:3:10\n   |\n 3 \
             | health = '/health'\n   |          ^^^^^^^^^\n  hint: set `listen` of the service or the variable `PORT`, or \
             write a whole URL",
        ),
        (
            "[databases.main]\nattempts = 0",
            "error: `attempts` in `[databases.main]`: it must be at least 1\n  --> mainstay.toml:2:12\n   |\n 2 | attempts = \
             0\n   |            ^\n  hint: write a whole number",
        ),
    ];
    for (text, told) in table {
        assert_eq!(file(text).problems(), told, "{text}");
    }
}

#[test]
fn text_that_is_no_toml_is_told_by_the_parser_with_its_place() {
    let told = file("name = \"booking\n[services.api]\ncommand = = 2").problems();
    assert!(told.starts_with("error: `mainstay.toml` is not TOML: "), "{told}");
    assert!(told.contains("--> mainstay.toml:1:") && told.contains("--> mainstay.toml:3:"), "{told}");
    let told = file("[databases.main]\nurl = 'postgres://bot:hunter2@db/app").problems();
    assert!(!told.contains("hunter2"), "{told}");
    let told = file("name = 'a'\nname = 'b'").problems();
    assert!(told.contains("duplicate key") && told.contains("mainstay.toml:2:1"), "{told}");
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let text =
        "nmae = 'x'\n[databases.main]\nurl = 'mysql://db'\nwait = 'x'\n[services.api]\nneeds = ['none']\nlisten = 'x'";
    let problems = file(text).var("MAINSTAY_ATTEMPTS", "many").resolve().unwrap_err();
    let lines: Vec<_> = problems.iter().map(|it| it.place.as_ref().map(|place| place.line)).collect();
    assert_eq!(lines, [None, Some(1), Some(3), Some(4), Some(5), Some(6), Some(7)], "{}", support::told(&problems));
}

/// A variable that cannot be read is an error that names it, never ignored.
#[test]
fn variables_and_flags_are_named() {
    let main = "[databases.main]\nurl = 'sqlite:a.db'";
    let told = file(main).var("MAINSTAY_DATABASES_MAIN_WAIT", "soon").problems();
    assert_eq!(
        told,
        "error: variable `MAINSTAY_DATABASES_MAIN_WAIT`: `soon` is not a span of time\n  hint: write a span of time such as \
         `30s`"
    );
    let told = file(main).flags(|it| it.attempts = Some("-1".into())).problems();
    assert_eq!(told, "error: `--attempts`: `-1` is not a whole number from 1\n  hint: write a whole number");
    let told = file(main).flags(|it| it.access = Some("readonly".into())).problems();
    assert!(told.contains("did you mean `read-only`?"), "{told}");
    let told = nothing().var("DATABASE_URL", "postgres://bot:hunter2@db:x/app").problems();
    assert!(told.contains("variable `DATABASE_URL`: ") && !told.contains("hunter2"), "{told}");
    let told = nothing().flags(|it| it.dir = Some("m".into())).problems();
    assert_eq!(
        told,
        "error: there are migrations, but no database to apply them to\n  hint: name it: `--database URL`, `DATABASE_URL`, \
         `PGHOST` or `DB_HOST`"
    );
}

#[test]
fn a_table_of_the_wrong_shape_is_told_once() {
    let told = file("[[services]]\ncommand = 'x'").problems();
    assert!(
        told.contains("`services`: expected a table, found a list") && told.contains("write `[services.NAME]`"),
        "{told}"
    );
    let told =
        file("[services]\napi = 'x'\n[databases]\nmain = 'sqlite:x'\n[dependencies]\nr = 'tcp://x:1'").problems();
    assert_eq!(told.matches("error:").count(), 3, "{told}");
    assert!(told.contains("write `[services.api]` and its keys below it"), "{told}");
    let told = file("[services.api]\ncommand = 'x'\nhealth = { every = '5s' }").problems();
    assert!(told.contains("`[services.api.health]` does not say what is asked\n  --> mainstay.toml:3:10"), "{told}");
}

/// A secret that a reference put where it does not belong is not told.
#[test]
fn no_problem_tells_a_secret() {
    let text = "[env]\nBOT = { secret = true }\n[databases.main]\nwait = '${BOT}'\ninterval = 'x://u:hunter2@h'\naccess = \
                '${DB_PASSWORD}'";
    let told = file(text).var("BOT", "hunter").var("DB_PASSWORD", "hunter22").problems();
    assert!(told.contains("`***` is not a span of time") && !told.contains("hunter"), "{told}");
}

#[test]
fn an_unknown_variable_of_ours_is_a_warning() {
    let told = file("[databases.main]\nurl = 'sqlite:a.db'").var("MAINSTAY_DATABASES_MAIN_WIAT", "1s").warnings();
    assert_eq!(
        told,
        "warning: the variable `MAINSTAY_DATABASES_MAIN_WIAT` means nothing to mainstay\n  hint: did you mean \
         `MAINSTAY_DATABASES_MAIN_WAIT`?"
    );
    assert_eq!(nothing().var("MAINSTAY_LOG_FORMAT", "json").var("OTHER_TIMEOUT", "x").warnings(), "");
}

#[test]
fn two_listeners_do_not_share_an_address() {
    let told = file("[services.api]\ncommand = 'x'\nlisten = 8000\n[health]\nlisten = 8000").problems();
    assert!(told.contains("the service `api` and `listen` in `[health]` listen on the same address"), "{told}");
}

/// Counted twice, a queue would be told twice as long as it is.
#[test]
fn a_queue_is_named_once() {
    let told = file("[dependencies.redis]\nurl = 'redis://h'\nqueues = ['a', 'a']").problems();
    assert!(told.contains("`a` is named twice\n  --> mainstay.toml:3:16"), "{told}");
}

/// What is known but has nothing to set is no slip, and a slip is compared with it.
#[test]
fn a_short_variable_is_known_also_where_nothing_is_waited_for() {
    let told = nothing().var("MAINSTAY_TIMEOUT", "5s").var("MAINSTAY_TIMEOT", "5s").warnings();
    assert_eq!(
        told,
        "warning: the variable `MAINSTAY_TIMEOT` means nothing to mainstay\n  hint: did you mean `MAINSTAY_TIMEOUT`?"
    );
}

#[test]
fn a_url_whose_variable_is_unset_is_told_once() {
    let told = file("[dependencies.redis]\nurl = '${REDIS_URL}'").problems();
    assert!(told.contains("the variable `REDIS_URL` is not set"), "{told}");
    assert_eq!(told.matches("error:").count(), 1, "{told}");
    let told = file("[dependencies.redis]\nurl = '${REDIS_URL:-}'").problems();
    assert!(told.contains("`url` is missing in `[dependencies.redis]`"), "{told}");
}
