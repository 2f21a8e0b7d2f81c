//! A certificate that is asked for.

use crate::{
    Acme,
    file::{Setting, Table, Written},
};
use report::Finding;
use std::net::IpAddr;

/// An authority takes no more names in one certificate.
const MOST: usize = 100;

/// The section `[proxy.acme]`; nothing when something is missing or wrong, which is told.
pub(super) fn read(proxy: &Table<'_>, table: &Table<'_>) -> Option<Acme> {
    let root = table.setting("root").text().map(|path| table.context.sources.root.join(path));
    let (domains, directory) = (domains(table), directory(&table.setting("directory")));
    let (email, agreed, reached) = (email(&table.setting("email")), agreed(table), reached(proxy));
    Some(Acme { domains: domains?, email: email?, directory: directory?, root }).filter(|_| agreed && reached)
}

fn domains(table: &Table<'_>) -> Option<Vec<String>> {
    let setting = table.setting("domains");
    let (written, own) = (setting.texts(), table.value("directory").is_some());
    if written.is_empty() {
        let finding = Finding::error("`[proxy.acme]` has no names");
        setting.missing(finding.hint("write those that people come by: `domains = [\"shop.example\"]`"));
        return None;
    }
    if let Some(surplus) = written.get(MOST) {
        setting.refuse(surplus, &format!("a certificate holds {MOST} names at most"), "leave some out");
        return None;
    }
    let mut domains: Vec<String> = Vec::new();
    for written in &written {
        let name = written.text.trim_end_matches('.').to_ascii_lowercase();
        match fault(&name, own) {
            Some((problem, hint)) => {
                setting.refuse(written, &format!("`{}` {problem}", written.text), hint);
                return None;
            }
            None if domains.contains(&name) => {}
            None => domains.push(name),
        }
    }
    Some(domains)
}

/// Why an authority would give no certificate for `name` over HTTP, and what to do; `own` is one of one's own, which knows
/// names that the world does not.
fn fault(name: &str, own: bool) -> Option<(&'static str, &'static str)> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.contains('*') {
        return Some(("is a wildcard: that cannot be proven over HTTP", "write each name"));
    }
    if name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return Some(("is an address, not a name", "write the name that leads there"));
    }
    if name.len() > 253 || !name.split('.').all(label) {
        let hint = "write a name such as `shop.example`, without a port or path; others than ASCII as `xn--…`";
        return Some(("is no name of a host", hint));
    }
    (!own && !name.contains('.'))
        .then_some(("is known to nobody outside", "write the whole name, as in `shop.example`"))
}

fn directory(setting: &Setting<'_>) -> Option<String> {
    let written = setting.written()?;
    let host = written.text.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match host {
        Some(host) if !host.is_empty() && !host.contains('@') && !written.text.contains(char::is_whitespace) => {
            Some(written.text)
        }
        _ => {
            let summary = format!("`{}` is no `https` URL", written.text);
            setting.refuse(&written, &summary, "write the URL of the authority's directory");
            None
        }
    }
}

/// Nothing when it is none.
#[expect(clippy::option_option, reason = "wrong, or not wanted, or so")]
fn email(setting: &Setting<'_>) -> Option<Option<String>> {
    let Some(written) = setting.given().filter(|written: &Written| !written.text.is_empty()) else { return Some(None) };
    let parts = written.text.split_once('@');
    if parts.is_some_and(|(who, host)| !who.is_empty() && host.contains('.') && !host.contains('@'))
        && !written.text.contains(|it: char| it.is_whitespace() || it == ',' || it == '?')
    {
        return Some(Some(written.text));
    }
    setting.refuse(
        &written,
        &format!("`{}` is no address of mail", written.text),
        "write one, as in `ops@shop.example`",
    );
    None
}

fn agreed(table: &Table<'_>) -> bool {
    let setting = table.setting("agree");
    let agreed = setting.bool() == Some(true);
    if !agreed {
        let finding = Finding::error("`[proxy.acme]` does not say that you agree to the authority's terms of service");
        setting.missing(finding.hint("read them, then write `agree = true`"));
    }
    agreed
}

/// The authority comes over HTTP.
fn reached(proxy: &Table<'_>) -> bool {
    let setting = proxy.setting("redirect");
    let reached = !setting.texts().is_empty();
    if !reached {
        let finding =
            Finding::error("`[proxy.acme]` cannot be proven: the authority comes over HTTP, and nobody listens there");
        setting.missing(finding.hint("write `redirect = [\"0.0.0.0:80\"]`: all others are sent to HTTPS"));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::fault;

    /// S4.9: what no authority could prove is refused before anybody is asked.
    #[test]
    fn names_are_names_of_hosts() {
        for name in ["shop.example", "a-b.shop.example", "xn--bcher-kva.example", "1.shop.example"] {
            assert_eq!(fault(name, false), None, "{name}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for name in [
            "",
            "*.shop.example",
            "192.0.2.1",
            "[2001:db8::1]",
            "2001:db8::1",
            "shop",
            "a_b.example",
            "-a.example",
            "a..b",
        ] {
            assert!(fault(name, false).is_some(), "{name}");
        }
        assert!(fault(&long, true).is_some() && fault("https://shop.example/", true).is_some());
        assert_eq!(fault("ca", true), None);
    }
}
