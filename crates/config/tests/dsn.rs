//! Data source names and targets.

mod support;

use config::{
    FileMap, Target,
    dsn::{ChannelBinding, Host, PostgresDsn, SessionAttrs, SslMode, Surroundings, encode, postgres},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use support::nothing;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn dsn(text: &str) -> PostgresDsn {
    match postgres::parse(text, &Surroundings { user: Some("me"), ..Surroundings::default() }) {
        Ok(dsn) => dsn,
        Err(error) => panic!("{}", error.finding()),
    }
}

fn tcp(host: &str, port: u16) -> Host {
    Host::Tcp(host.into(), port)
}

#[test]
fn every_spelling_of_a_postgresql_url() {
    for (text, shown) in [
        ("postgres://bot@db/app", "postgres://bot@db:5432/app"),
        ("postgresql://bot:x@db:5433/app", "postgres://bot@db:5433/app"),
        ("postgresql+asyncpg://bot:x@db/app", "postgres://bot@db:5432/app"),
        ("postgres+psycopg2://bot@db/app", "postgres://bot@db:5432/app"),
        ("jdbc:postgresql://db/app?user=bot&password=x", "postgres://bot@db:5432/app"),
        ("postgres://bot@h1:1,h2:2/app", "postgres://bot@h1:1,h2:2/app"),
        ("postgres://bot@[::1]:5433/app", "postgres://bot@[::1]:5433/app"),
        ("postgres:///app", "postgres://me@/var/run/postgresql:5432/app"),
        ("postgres://bot@/app?host=/run/pg&port=5433", "postgres://bot@/run/pg:5433/app"),
        ("postgres://bot@%2Frun%2Fpg/app", "postgres://bot@/run/pg:5432/app"),
        ("host=db port=5433 dbname=app user=bot", "postgres://bot@db:5433/app"),
        ("host = db  user='b o\\'t' password=a\\ b", "postgres://b o't@db:5432/b o't"),
        ("postgres://db", "postgres://me@db:5432/me"),
    ] {
        assert_eq!(dsn(text).to_string(), shown, "{text}");
        assert!(matches!(
            Target::parse_in(text, &Surroundings { user: Some("me"), ..Surroundings::default() }),
            Ok(Target::Postgres(_))
        ));
    }
}

#[test]
fn all_parameters_have_their_meaning() {
    let dsn = dsn("postgres://bot@db/app?sslmode=verify-ca&sslrootcert=/ca.pem&sslcert=c.pem&sslkey=k.pem&\
                   target_session_attrs=prefer-standby&application_name=a%20b&options=-c%20x%3D1&connect_timeout=3&\
                   channel_binding=require&keepalives=1");
    assert_eq!((dsn.sslmode, dsn.sslrootcert.as_deref()), (SslMode::VerifyCa, Some("/ca.pem")));
    assert_eq!((dsn.sslcert, dsn.sslkey), (Some(PathBuf::from("c.pem")), Some(PathBuf::from("k.pem"))));
    assert_eq!((dsn.session_attrs, dsn.channel_binding), (SessionAttrs::PreferStandby, ChannelBinding::Require));
    assert_eq!((dsn.application_name.as_deref(), dsn.options.as_deref()), (Some("a b"), Some("-c x=1")));
    assert_eq!(dsn.connect_timeout, Some(Duration::from_secs(3)));
    assert_eq!(self::dsn("postgres://bot@db/app?sslrootcert=system").sslmode, SslMode::VerifyFull);
}

/// What the URL leaves open comes from the variables.
#[test]
fn variables_fill_what_the_url_lacks() {
    let env = env(&[
        ("PGHOST", "h"),
        ("PGPORT", "5433"),
        ("PGUSER", "u"),
        ("PGPASSWORD", "p"),
        ("PGDATABASE", "d"),
        ("PGSSLMODE", "require"),
        ("PGTARGETSESSIONATTRS", "primary"),
        ("PGAPPNAME", "app"),
        ("PGCONNECT_TIMEOUT", "0"),
    ]);
    let dsn = |text| postgres::parse(text, &Surroundings::of(&env)).unwrap();
    let all = dsn("postgres://");
    assert_eq!(all.to_string(), "postgres://u@h:5433/d");
    assert_eq!((all.password.clone(), all.sslmode, all.connect_timeout), (Some("p".into()), SslMode::Require, None));
    assert_eq!((all.session_attrs, all.application_name.as_deref()), (SessionAttrs::Primary, Some("app")));
    let own = dsn("postgres://bot:own@db:1/app?sslmode=disable");
    assert_eq!(
        (own.to_string().as_str(), own.password, own.sslmode),
        ("postgres://bot@db:1/app", Some("own".into()), SslMode::Disable)
    );
}

#[test]
fn the_password_file_comes_last() {
    let files =
        FileMap::default().with("/home/me/.pgpass", "db:5432:app:bot:from file\n").with("/x", "*:*:*:*:from x\n");
    let password = |text: &str, pairs: &[(&str, &str)]| {
        let env = env(pairs);
        let around = Surroundings { home: Some("/home/me".as_ref()), files: &files, ..Surroundings::of(&env) };
        postgres::parse(text, &around).unwrap().password.map(|it| it.reveal().to_owned())
    };
    assert_eq!(password("postgres://bot@db/app", &[]).as_deref(), Some("from file"));
    assert_eq!(password("postgres://bot@db/other", &[]), None);
    assert_eq!(password("postgres://bot@db/app", &[("PGPASSFILE", "/x")]).as_deref(), Some("from x"));
    assert_eq!(password("postgres://bot@db/app", &[("PGPASSWORD", "v")]).as_deref(), Some("v"));
    assert_eq!(password("postgres://bot:url@db/app", &[("PGPASSWORD", "v")]).as_deref(), Some("url"));
}

/// Errors name the text without its password.
#[test]
fn what_cannot_be_read_is_told_without_the_password() {
    for (text, problem, hint) in [
        ("postgres://bot:hunter2@db/app?sslmod=x", "unknown parameter `sslmod`", "did you mean `sslmode`?"),
        ("postgres://bot:hunter2@db/app?sslmode=verify", "`verify` is not a value of `sslmode`", "write `disable`"),
        ("postgres://bot:hunter2@db:99999/app", "`99999` is not a port", "a number from 1 to 65535"),
        ("postgres://bot:hunter2@::1/app", "`::1` is not a host and a port", "in brackets"),
        ("postgres://bot:hunter2@a:1,b:2,c/app?port=1,2", "2 ports for 3 hosts", "one port for all"),
        ("postgres://bot:hunter2@db/app?sslrootcert=system&sslmode=require", "too weak", "verify-full"),
        ("host=db password=hunter2 foo=1", "unknown parameter `foo`", "known parameters are"),
        ("host=db password='hunter2", "a `'` is never closed", "write"),
        ("redis://:hunter2@r/x", "`x` is not the number of a database", "redis://127.0.0.1:6379/0"),
        ("mysql://bot:hunter2@db/app", "`mysql` is nothing that mainstay knows", "tcp://host:3306"),
        ("postgre://bot:hunter2@db/app", "`postgre` is nothing that mainstay knows", "did you mean `postgres`?"),
        ("127.0.0.1:8000", "it is no URL", "write `tcp://127.0.0.1:8000`"),
        ("localhost:8000", "it is no URL", "write `tcp://localhost:8000`"),
        ("tcp://db", "it names no port", "tcp://127.0.0.1:8000"),
        ("http:///x", "it names no host", "http://"),
        ("http://h/#status=9", "`#status=9` is no status", "#status=204"),
        ("sqlite::memory:", "a database in memory cannot be shared", "sqlite:data/app.db"),
        ("exec:a | b", "`|` needs a shell", "sh"),
        ("", "it is no URL", "postgres://"),
    ] {
        let around = Surroundings { user: Some("me"), ..Surroundings::default() };
        let error = Target::parse_in(text, &around).map_err(|error| error.finding().to_string()).unwrap_err();
        assert!(error.contains(problem) && error.contains(hint), "{text}\n{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(Target::parse("postgres://db/app").unwrap_err().problem.contains("names no user"));
}

#[test]
fn the_other_kinds() {
    for (text, shown) in [
        ("sqlite:data/app.db", "sqlite:data/app.db"),
        ("sqlite://data/app.db", "sqlite:data/app.db"),
        ("sqlite:///data/app.db", "sqlite:/data/app.db"),
        ("sqlite:///./app.db", "sqlite:./app.db"),
        ("sqlite:////srv/app.db", "sqlite:/srv/app.db"),
        ("sqlite+aiosqlite:///app.db", "sqlite:app.db"),
        ("sqlite+aiosqlite:////srv/app.db?timeout=5", "sqlite:/srv/app.db"),
        ("redis://r", "redis://r:6379/0"),
        ("redis://:x@r:1/2", "redis://r:1/2"),
        ("rediss://u:x@r/1", "rediss://u@r:6379/1"),
        ("redis+unix:///run/redis.sock?db=3", "redis+unix:///run/redis.sock?db=3"),
        ("tcp://[::1]:80", "tcp://[::1]:80"),
        ("tcp://:80", "tcp://127.0.0.1:80"),
        ("http://h:1/x?y=1#status=204", "http://h:1/x?y=1"),
        ("http://u:secret@h/x", "http://u:***@h/x"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
        ("file:///run/x", "file:/run/x"),
        ("exec:test -f 'a b'", "exec:test -f 'a b'"),
    ] {
        assert_eq!(Target::parse(text).unwrap().to_string(), shown, "{text}");
    }
    assert_eq!(
        Target::parse("http://h/#status=204").unwrap(),
        Target::Http { url: "http://h/".into(), status: Some(204) }
    );
}

/// SQLAlchemy and the others disagree about three slashes: it is said how they are read.
#[test]
fn three_slashes_are_told() {
    let around = Surroundings::default();
    Target::parse_in("sqlite:///app.db", &around).unwrap();
    let told = support::told(&around.warnings.into_inner());
    assert!(told.contains("read as the absolute path `/app.db`") && told.contains("`sqlite:////app.db`"), "{told}");
}

/// S2.3: a Redis from its parts.
#[test]
fn redis_from_parts() {
    let given = support::file("[dependencies.redis]")
        .var("REDIS_HOST", "r")
        .var("REDIS_PORT", "1")
        .var("REDIS_DB", "2")
        .var("REDIS_PASSWORD", "p@s:s/");
    let app = given.app();
    assert_eq!(app.dependencies[0].target.to_string(), "redis://r:1/2");
    assert_eq!(app.dependencies[0].target.password().unwrap().reveal(), "p@s:s/");
    assert_eq!(given.var("REDIS_URL", "redis://u/9").app().dependencies[0].target.to_string(), "redis://u:6379/9");
}

#[test]
fn postgres_from_each_family_of_variables() {
    let shown = |pairs: &[(&str, &str)]| {
        let mut given = nothing();
        given.env = env(pairs);
        given.app().dependencies.first().map(|it| it.target.to_string())
    };
    let family = |prefix: &str, db: &str| {
        let pairs = [("HOST", "h"), ("PORT", "1"), ("USER", "u"), ("PASSWORD", "p"), (db, "d")];
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (format!("{prefix}_{name}"), *value)).collect();
        shown(&pairs.iter().map(|(name, value)| (name.as_str(), *value)).collect::<Vec<_>>())
    };
    let expected = Some("postgres://u@h:1/d".to_owned());
    assert_eq!((family("DB", "NAME"), family("POSTGRES", "DB")), (expected.clone(), expected.clone()));
    assert_eq!(shown(&[("PGHOST", "h"), ("PGPORT", "1"), ("PGUSER", "u"), ("PGDATABASE", "d")]), expected);
    assert_eq!(shown(&[("DB_PATH", "/data/bot.sqlite3")]).as_deref(), Some("sqlite:/data/bot.sqlite3"));
    assert_eq!(
        shown(&[("DATABASE_URL", "postgres://a@b/c"), ("DB_HOST", "h")]).as_deref(),
        Some("postgres://a@b:5432/c")
    );
    assert_eq!(shown(&[("DB_HOST", "h")]).as_deref(), Some("postgres://bot@h:5432/bot"));
}

proptest! {
    /// S2.3: any password survives the assembly from variables, and the way through a URL and back.
    #[test]
    fn any_password_survives(password in "[^\\x00]{1,30}", user in "[a-z]{1,8}", raw: bool) {
        let app = nothing().var("DB_HOST", "db").var("DB_USER", &user).var("DB_PASSWORD", &password).app();
        let target = &app.dependencies[0].target;
        let survived = target.password();
        prop_assert_eq!(survived.as_ref().map(|it| it.reveal()), Some(password.as_str()));
        let Target::Postgres(dsn) = target else { panic!("{target:?}") };
        let again = Target::parse(dsn.to_url().reveal()).unwrap();
        prop_assert_eq!(&Target::Postgres(dsn.clone()), &again);
        let redis = format!("redis://{user}:{}@r:1/2", encode(&password));
        let Ok(Target::Redis(redis)) = Target::parse(&redis) else { panic!("{redis}") };
        prop_assert_eq!(redis.password.as_ref().map(|it| it.reveal()), Some(password.as_str()));
        prop_assert_eq!(Target::parse(redis.to_url().reveal()).unwrap(), Target::Redis(redis));
        // Unencoded: either exactly this password, or an error.
        let plain = format!("postgres://{user}:{password}@db:1/app");
        if raw && !password.contains('%') && password.trim() == password && let Ok(Target::Postgres(dsn)) = Target::parse(&plain) {
            prop_assert_eq!(dsn.password.as_ref().map(|it| it.reveal()), Some(password.as_str()));
            prop_assert_eq!(dsn.hosts, vec![tcp("db", 1)]);
        }
    }

    /// Nothing that can be printed of an application holds a password.
    #[test]
    fn nothing_prints_a_password(password in "[A-Za-z0-9@:/?#%&=]{10,24}") {
        let given = support::file("[env]\nBOT = { secret = true }\n[databases.main]\n[dependencies.redis]\n[services.api]\n\
                                   command = 'run ${BOT}'\nneeds = ['main']\nenv = { DB_PASSWORD = '${BOT}' }")
            .var("DATABASE_URL", &format!("postgres://bot:{}@db/app", encode(&password)))
            .var("REDIS_URL", &format!("redis://:{}@r/0", encode(&password)))
            .var("BOT", &password.replace(['&'], "_"));
        let app = given.app();
        for printed in [
            format!("{app:?}"),
            format!("{app:#?}"),
            format!("{:?}", app.services),
            app.dependencies.iter().map(|it| format!("{} {:?} {it:?}", it.target, it.target)).collect(),
        ] {
            let argv = format!("{:?}", app.services) == printed; // words of a command are the operator's own choice
            prop_assert!(argv || !printed.contains(&password), "{printed}");
            prop_assert!(!printed.contains(&encode(&password)) || encode(&password) == password && argv, "{printed}");
        }
    }

    /// No text makes it panic, and no password stands in what is told about it.
    #[test]
    fn any_url_is_read_without_a_panic(text in "(postgres|redis|sqlite|http|tcp|exec|host=)?(://|:|=)?[ -~é]{0,40}") {
        let around = Surroundings { user: Some("me"), ..Surroundings::default() };
        if let Ok(target) = Target::parse_in(&text, &around) {
            let _ = (target.to_string(), format!("{target:?}"), target.password());
        }
    }
}
