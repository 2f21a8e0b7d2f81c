//! mainstay's own health endpoint, and how the health of a service is told.

use crate::{
    Health, HealthCheck, LogLine, Metrics, Service, Sign, Target, Window,
    file::{Origin, Table, Written},
    target::socket,
    value::{parse_address, parse_bool, reachable},
};
use report::Finding;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

/// mainstay's own endpoint.
pub(super) fn read(root: &Table<'_>, services: &[Service]) -> Health {
    let (table, flags) = (root.table("health"), &root.context.sources.flags);
    let listen = table.setting("listen").flag("--health-listen", &flags.listen).address();
    let tcp = table.setting("tcp").flag("--health-tcp", &flags.tcp).address();
    let metrics = metrics(&table, listen);
    let released = root.context.var("APP_VERSION").or(root.context.var("GIT_SHA"));
    let version = table.setting("version").text().or(released.map(str::to_owned));
    refuse_shared_addresses(root, services, listen, tcp, metrics);
    Health { listen, tcp, metrics, version }
}

fn metrics(table: &Table<'_>, listen: Option<SocketAddr>) -> Metrics {
    let setting = table.setting("metrics").flag("--metrics", &table.context.sources.flags.metrics);
    let Some(written) = setting.written() else { return Metrics::Off };
    match (parse_bool(&written.text), parse_address(&written.text)) {
        (Ok(false), _) => Metrics::Off,
        (Ok(true), _) if listen.is_some() => Metrics::WithHealth,
        (Ok(true), _) => {
            let hint = "set `listen` in `[health]`, or write an address: `metrics = \"127.0.0.1:9090\"`";
            setting.refuse(&written, "there are no health pages beside which metrics could be shown", hint);
            Metrics::Off
        }
        (_, Ok(address)) => Metrics::Own(address),
        _ => {
            let summary = format!("`{}` is not an address", written.text);
            setting.refuse(&written, &summary, "write `true`, `false` or an address such as `127.0.0.1:9090`");
            Metrics::Off
        }
    }
}

fn refuse_shared_addresses(
    root: &Table<'_>,
    services: &[Service],
    listen: Option<SocketAddr>,
    tcp: Option<SocketAddr>,
    metrics: Metrics,
) {
    let own = match metrics {
        Metrics::Own(address) => Some(address),
        _ => None,
    };
    let services = services.iter().map(|service| (format!("the service `{}`", service.name), service.listen));
    let ours = [("`listen` in `[health]`", listen), ("`tcp` in `[health]`", tcp), ("`metrics` in `[health]`", own)];
    let mut seen: BTreeMap<SocketAddr, String> = BTreeMap::new();
    for (who, address) in services.chain(ours.map(|(who, address)| (who.to_owned(), address))) {
        let Some(address) = address.filter(|address| address.port() != 0) else { continue };
        if let Some(first) = seen.insert(address, who.clone()) {
            let finding = Finding::error(format!("{first} and {who} listen on the same address"));
            root.context.problem(finding.seen(format!("`{address}`")).hint("give one of them another port"));
        }
    }
}

/// How the health of `service` is told; nothing when nothing is said.
pub(super) fn check(
    service: &Table<'_>,
    listen: Option<SocketAddr>,
    port: Option<&str>,
    flag: &Option<String>,
) -> Option<HealthCheck> {
    let (setting, table) = (service.setting("health").flag("--health", flag), service.table("health"));
    let sign = match setting.given() {
        Some(written) => short(&table, &written, listen, port).map(Sign::Target),
        None => one_of(service, &table, listen, port),
    };
    let pause = |name, default| table.setting(name).pause().unwrap_or(Duration::from_secs(default));
    let (every, timeout, start_timeout) = (pause("every", 10), pause("timeout", 3), pause("start_timeout", 60));
    let fail = fail(&table);
    let pass = table.setting("pass").window().unwrap_or(Window { count: 1, of: 1 });
    refuse_lone_watchdog(&table, sign.as_ref());
    Some(HealthCheck { sign: sign?, every, timeout, fail, pass, start_timeout })
}

/// `fail`, or `failures` in a row.
fn fail(table: &Table<'_>) -> Window {
    let (window, in_a_row) = (table.setting("fail"), table.setting("failures"));
    if let (Some(written), Some(_)) = (window.given(), in_a_row.given()) {
        window.refuse(
            &written,
            "there are `failures`, too",
            "`failures = 3` is `fail = \"3 of 3\"`: remove one of them",
        );
    }
    window.given().and_then(|_| window.window()).unwrap_or_else(|| {
        let count = in_a_row.count().unwrap_or(3);
        Window { count, of: count }
    })
}

fn refuse_lone_watchdog(table: &Table<'_>, sign: Option<&Sign>) {
    let setting = table.setting("watchdog");
    if let (Some(written), Some(Sign::Target(_) | Sign::Line(_))) = (setting.given(), sign) {
        setting.refuse(
            &written,
            "a watchdog needs `notify`",
            "write `notify = true` instead of the other check, or remove it",
        );
    }
}

/// The short form: a path or a URL.
fn short(table: &Table<'_>, written: &Written, listen: Option<SocketAddr>, port: Option<&str>) -> Option<Target> {
    if written.text.starts_with('/') {
        return http(table, written, listen, port);
    }
    match Target::parse(&written.text) {
        Ok(target) => Some(target.below(&table.context.sources.root)),
        Err(error) => {
            let finding = table.context.error(&written.origin, &error.problem).seen(format!("`{}`", error.shown));
            let usual = "write a path such as `/health`, or a URL".to_owned();
            let hint = error.hint.filter(|_| written.text.starts_with("unix:")).unwrap_or(usual);
            table.context.problem(finding.hint(hint));
            None
        }
    }
}

/// The table: exactly one of the seven.
fn one_of(service: &Table<'_>, table: &Table<'_>, listen: Option<SocketAddr>, port: Option<&str>) -> Option<Sign> {
    const KINDS: [&str; 7] = ["http", "tcp", "unix", "file", "command", "log", "notify"];
    let is_given = |kind: &&str| match *kind {
        "notify" => table.setting("notify").given().is_some() && table.setting("notify").bool() != Some(false),
        kind => table.value(kind).is_some() || table.setting(kind).given().is_some(),
    };
    let given: Vec<_> = KINDS.into_iter().filter(is_given).collect();
    match given[..] {
        [] if !table.is_written() => None,
        ["log"] => log_line(table).map(Sign::Line),
        ["notify"] => {
            table.setting("notify").bool()?;
            Some(Sign::Notify { watchdog: table.setting("watchdog").pause() })
        }
        [kind] => target(table, kind, listen, port).map(Sign::Target),
        _ => {
            let summary = match given.len() {
                0 => format!("{} does not say what is asked", table.title()),
                _ => format!("{} asks {} at once", table.title(), given.join(" and ")),
            };
            let finding = Finding::error(summary)
                .hint(format!("write exactly one of {}", KINDS.map(|kind| format!("`{kind}`")).join(", ")));
            service.setting("health").missing(finding);
            None
        }
    }
}

fn log_line(table: &Table<'_>) -> Option<LogLine> {
    let setting = table.setting("log");
    let written = setting.written()?;
    let hint = "write a part of the line, as `Listening on`, or an expression between slashes, as `/on port [0-9]+/`";
    LogLine::parse(&written.text).map_err(|problem| setting.refuse(&written, &problem, hint)).ok()
}

fn target(table: &Table<'_>, kind: &str, listen: Option<SocketAddr>, port: Option<&str>) -> Option<Target> {
    let path = |name| table.setting(name).text().map(|path| table.context.sources.root.join(path));
    match kind {
        "http" => http(table, &table.setting("http").written()?, listen, port),
        "tcp" => {
            let address = reachable(table.setting("tcp").address()?);
            Some(Target::Tcp { host: address.ip().to_string(), port: address.port() })
        }
        "unix" => unix(table, path("unix")?),
        "file" => path("file").map(Target::File),
        _ => table.setting("command").command().map(Target::Command),
    }
}

fn unix(table: &Table<'_>, path: PathBuf) -> Option<Target> {
    let (written, fits) = (table.setting("unix").written()?, socket::fits(&path.to_string_lossy(), &path));
    if let Err(error) = fits {
        table.context.refuse_target(&written.origin, error);
        return None;
    }
    Some(Target::Unix(path))
}

/// A path is asked on the address that the service listens on, or else on `$PORT` of this machine.
pub(super) fn http(
    table: &Table<'_>,
    written: &Written,
    listen: Option<SocketAddr>,
    port: Option<&str>,
) -> Option<Target> {
    let refuse = |origin: &Origin, summary: &str, hint: &str| {
        table.context.problem(table.context.error(origin, summary).hint(hint));
    };
    let url = match written.text.starts_with('/') {
        false => written.text.clone(),
        true => match (listen, port.map(parse_address)) {
            (Some(address), _) | (None, Some(Ok(address))) => format!("http://{}{}", reachable(address), written.text),
            (None, Some(Err(_))) => {
                refuse(&Origin::Variable("PORT".into()), "it is not a port", "set `PORT` to a number from 1 to 65535");
                return None;
            }
            (None, None) => {
                let hint = "set `listen` of the service or the variable `PORT`, or write a whole URL";
                refuse(&written.origin, "it is not known where to ask for the path", hint);
                return None;
            }
        },
    };
    match Target::parse(&url) {
        Ok(target @ Target::Http { .. }) => Some(target),
        Ok(other) => {
            refuse(&written.origin, &format!("`{other}` is not an HTTP address"), "write `/health` or `http://…`");
            None
        }
        Err(error) => {
            refuse(&written.origin, &error.problem, error.hint.as_deref().unwrap_or("write `/health` or `http://…`"));
            None
        }
    }
}
