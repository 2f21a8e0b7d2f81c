//! The certificate that the proxy would show.

use super::{check_of, with_hint};
use crate::start::World;
use config::Tls;
use jiff::Timestamp;
use proxy::{Certificate, NoCertificate, acme, complaint, examine};
use report::{Check, Verdict};
use std::path::Path;

const SUBJECT: &str = "certificate";
/// Everybody may read it.
const OPEN: u32 = 0o004;

/// Nothing where TLS is not offered.
pub(super) fn look(world: &World) -> Option<Check> {
    let (app, now) = (&world.app, world.now());
    Some(match app.proxy.as_ref()?.tls.as_ref()? {
        Tls::Files { certificate, key } => in_files(certificate, key, now),
        Tls::Acme(wanted) => {
            let file = acme::certificate_in(&app.data.join("certificates"));
            match file.exists() {
                true => asked_for(examine(&file, &file), &wanted.domains, now),
                false => check_of(SUBJECT, Verdict::Skipped, "none is kept yet: it is asked for at the first start"),
            }
        }
    })
}

fn in_files(certificate: &Path, key: &Path, now: Timestamp) -> Check {
    let open = host::fs::metadata(key).is_ok_and(|facts| facts.mode & OPEN != 0);
    let examined = examine(certificate, key);
    match judged(&examined, now) {
        check if check.verdict == Verdict::Pass && open => {
            let check = check_of(SUBJECT, Verdict::Fail, format!("everybody may read the key `{}`", key.display()));
            with_hint(check, format!("chmod 600 {}", key.display()))
        }
        check if check.hint.is_none() && check.verdict == Verdict::Fail => {
            with_hint(check, "see `tls_cert` and `tls_key` of `[proxy]`")
        }
        check => check,
    }
}

/// One that is over, or is for other names, is replaced by itself.
fn asked_for(examined: Result<Certificate, NoCertificate>, wanted: &[String], now: Timestamp) -> Check {
    let missing: Vec<_> = match &examined {
        Ok(it) => wanted.iter().filter(|name| !it.is_for(name)).map(String::as_str).collect(),
        Err(_) => Vec::new(),
    };
    let check = judged(&examined, now);
    match missing.is_empty() {
        true if check.verdict == Verdict::Pass && check.hint.is_none() => check,
        true => {
            with_hint(check, "`mainstay proxy status` tells why there is no other; `mainstay proxy renew` asks for one")
        }
        false => {
            let seen = format!("{}; it is not for {}", check.seen, missing.join(", "));
            with_hint(Check { seen, ..check }, "another one is asked for at the next start")
        }
    }
}

fn judged(examined: &Result<Certificate, NoCertificate>, now: Timestamp) -> Check {
    let certificate = match examined {
        Ok(certificate) => certificate,
        Err(error) => {
            let why = std::error::Error::source(error).map(|why| format!(": {why}")).unwrap_or_default();
            return check_of(SUBJECT, Verdict::Fail, format!("{error}{why}"));
        }
    };
    let names = certificate.names.join(", ");
    match complaint(certificate, now) {
        _ if certificate.names.is_empty() => {
            check_of(SUBJECT, Verdict::Fail, "it names no host, so that browsers refuse it")
        }
        Some(complaint) if certificate.until < now || certificate.from > now => {
            check_of(SUBJECT, Verdict::Fail, format!("for {names}: {complaint}"))
        }
        Some(complaint) => {
            let check = check_of(SUBJECT, Verdict::Pass, format!("for {names}; warning: {complaint}"));
            with_hint(check, "renew it before it is over")
        }
        None => check_of(SUBJECT, Verdict::Pass, format!("for {names}, {} d left", certificate.days_left(now))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 3600;

    /// S4.9: over is a failure, late a warning, and what is asked for says how to get another one.
    #[test]
    fn certificates_are_judged_by_their_days_and_names() {
        let at = |day: i64| Timestamp::from_second(day * DAY).unwrap();
        let one = |names: &[&str]| Certificate {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            issuer: String::new(),
            from: at(10),
            until: at(100),
        };
        let rows = [
            (one(&["shop.example"]), 20, Verdict::Pass, "for shop.example, 80 d left"),
            (one(&["shop.example"]), 90, Verdict::Pass, "for shop.example; warning: it holds for another 10 d"),
            (
                one(&["shop.example"]),
                101,
                Verdict::Fail,
                "for shop.example: it has been over since 1970-04-11T00:00:00.000Z",
            ),
            (
                one(&["shop.example"]),
                9,
                Verdict::Fail,
                "for shop.example: it does not hold before 1970-01-11T00:00:00.000Z",
            ),
            (one(&[]), 20, Verdict::Fail, "it names no host, so that browsers refuse it"),
        ];
        for (certificate, day, verdict, seen) in rows {
            let check = judged(&Ok(certificate), at(day));
            assert_eq!((check.verdict, check.seen.as_str()), (verdict, seen));
        }
        let check = asked_for(Ok(one(&["a.example"])), &["a.example".to_owned(), "b.example".to_owned()], at(20));
        assert_eq!(check.seen, "for a.example, 80 d left; it is not for b.example");
        assert_eq!(check.hint.as_deref(), Some("another one is asked for at the next start"));
    }
}
