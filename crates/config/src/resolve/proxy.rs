//! Requests that are taken for a service.

mod acme;

use crate::{
    Proxy, Service, Tls, answer_header,
    file::{Setting, Table},
    path_pattern,
    value::parse_address,
};
use report::Finding;
use std::{net::SocketAddr, time::Duration};

/// The section `[proxy]`; nothing when it is not there.
pub(super) fn read(root: &Table<'_>, services: &[Service]) -> Option<Proxy> {
    let table = root.table("proxy");
    if !table.is_written() {
        return None;
    }
    let setting = |name| table.setting(name);
    let span = |name, default| setting(name).duration().unwrap_or(Duration::from_secs(default));
    let (listen, redirect) = (addresses(&setting("listen")), addresses(&setting("redirect")));
    if listen.is_empty() {
        // What was written and is wrong is told already.
        if !setting("listen").texts().is_empty() {
            return None;
        }
        let finding = Finding::error("`[proxy]` listens nowhere");
        setting("listen").missing(finding.hint("write where requests are taken: `listen = [\"127.0.0.1:8080\"]`"));
        return None;
    }
    let block = checked(&setting("block"), path_pattern, "write the beginning of a path, or one segment of it");
    let headers = checked(&setting("headers"), answer_header, "write `Name: value`");
    Some(Proxy {
        to: to(&table, services)?,
        tls: tls(&table)?,
        hold_requests: usize::try_from(setting("hold_requests").count().unwrap_or(1000)).unwrap_or(1000),
        hold_time: span("hold_time", 30),
        drain: span("drain", 30),
        silence: setting("silence").pause().unwrap_or(Duration::from_secs(60)),
        block: table.value("block").map(|_| block),
        headers,
        trust_forwarded: setting("trust_forwarded").bool().unwrap_or(false),
        listen,
        redirect,
    })
}

fn addresses(setting: &Setting<'_>) -> Vec<SocketAddr> {
    let parsed = setting.texts().into_iter().filter_map(|written| match parse_address(&written.text) {
        Ok(address) => Some(address),
        Err(problem) => {
            setting.refuse(&written, &problem, "write an address such as `127.0.0.1:8080`");
            None
        }
    });
    parsed.collect()
}

/// The texts, each of which has to be readable as something.
fn checked<T>(setting: &Setting<'_>, read: impl Fn(&str) -> Result<T, String>, hint: &str) -> Vec<String> {
    let texts = setting.texts().into_iter().map(|written| {
        if let Err(problem) = read(&written.text) {
            setting.refuse(&written, &problem, hint);
        }
        written.text
    });
    texts.collect()
}

/// Only a service with a port of its own can be switched.
fn to(table: &Table<'_>, services: &[Service]) -> Option<String> {
    let able: Vec<_> = services.iter().filter(|service| service.port.is_some()).map(|it| it.name.as_str()).collect();
    let setting = table.setting("to");
    let hint = "give the service that answers requests `port = \"auto\"`: it is told its port as `PORT`";
    match (setting.written(), able.as_slice()) {
        (Some(written), able) if able.contains(&written.text.as_str()) => Some(written.text),
        (Some(written), _) => {
            let summary = format!("`{}` is no service with a port of its own", written.text);
            setting.refuse(&written, &summary, hint);
            None
        }
        (None, [only]) => Some((*only).to_owned()),
        (None, []) => {
            setting.missing(Finding::error("`[proxy]` has no service to pass requests on to").hint(hint));
            None
        }
        (None, several) => {
            let finding = Finding::error("`[proxy]` does not say which service gets the requests");
            let several = several.join("` and `");
            setting.missing(finding.seen(format!("`{several}` have ports of their own")).hint("write `to = \"…\"`"));
            None
        }
    }
}

/// Nothing when something is wrong with it, which is told.
#[expect(clippy::option_option, reason = "wrong, or not wanted, or so")]
fn tls(table: &Table<'_>) -> Option<Option<Tls>> {
    let path = |name| table.setting(name).text().map(|path| table.context.sources.root.join(path));
    let acme = table.table("acme");
    match (path("tls_cert"), path("tls_key"), acme.is_written()) {
        (None, None, true) => acme::read(table, &acme).map(|acme| Some(Tls::Acme(acme))),
        (None, None, false) if table.setting("redirect").texts().is_empty() => Some(None),
        (Some(certificate), Some(key), false) => Some(Some(Tls::Files { certificate, key })),
        (_, _, true) => {
            let finding = Finding::error("`[proxy]` has a certificate in files and one by ACME");
            table.setting("tls_cert").missing(finding.hint("leave out `tls_cert` and `tls_key`, or `[proxy.acme]`"));
            None
        }
        _ => {
            let finding = Finding::error("`[proxy]` needs both `tls_cert` and `tls_key` for TLS");
            table
                .setting("tls_cert")
                .missing(finding.hint("write both, or `[proxy.acme]`, or neither and no `redirect`"));
            None
        }
    }
}
