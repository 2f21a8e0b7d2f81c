//! Texts with a meaning: spans of time, sizes, addresses, signals, yes and no.

use crate::{Budget, Window};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

/// Longer spans are surely slips, and would overflow a clock.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Who listens everywhere is asked on this machine.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// `500ms`, `30s`, `5m`, `1h30m`, `7d`, `1.5s`; a number alone is seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a span of time");
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut span = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let alone = number.len() == text.trim().len();
        let unit = unit_millis(unit, alone).ok_or_else(wrong)?;
        span = times(number, unit).and_then(|part| span.checked_add(part)).ok_or_else(wrong)?;
        rest = after.trim_start();
    }
    if span <= LONGEST { Ok(span) } else { Err(wrong()) }
}

fn times(number: &str, millis: u64) -> Option<Duration> {
    if number.contains('.') {
        return Duration::try_from_secs_f64(number.parse::<f64>().ok()? * millis as f64 / 1000.0).ok();
    }
    Some(Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?))
}

fn unit_millis(unit: &str, alone: bool) -> Option<u64> {
    Some(match unit {
        "" if alone => 1000,
        "ms" => 1,
        "s" | "sec" | "second" | "seconds" => 1000,
        "m" | "min" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 604_800_000,
        _ => return None,
    })
}

/// `512`, `64k`, `10 MB`, `1.5GiB`: bytes; the units are powers of 1024.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is not a size");
    let trimmed = text.trim();
    let digits = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(digits);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let power = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 1,
        "m" | "mb" | "mib" => 2,
        "g" | "gb" | "gib" => 3,
        "t" | "tb" | "tib" => 4,
        _ => return Err(wrong()),
    };
    let bytes = number * 1024f64.powi(power);
    if bytes.is_finite() && bytes < u64::MAX as f64 { Ok(bytes as u64) } else { Err(wrong()) }
}

/// `127.0.0.1:8000`, `[::1]:8000`, `localhost:8000`, `*:8000`; `:8000` and `8000` mean 127.0.0.1.
pub fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let text = text.trim();
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let wrong = || format!("`{text}` is not an address");
    let port = port.parse::<u16>().map_err(|_| wrong())?;
    let ip = match host {
        "" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        "*" => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        host => match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) => host.parse::<Ipv6Addr>().map(IpAddr::V6).map_err(|_| wrong())?,
            None => host.parse::<Ipv4Addr>().map(IpAddr::V4).map_err(|_| wrong())?,
        },
    };
    Ok(SocketAddr::new(ip, port))
}

/// `true`, `yes`, `on`, `1` and their opposites.
pub fn parse_bool(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

/// No window is longer: it is kept for each service.
const WIDEST_WINDOW: u32 = 100;

/// `3 of 5`; `3` is `3 of 3`.
pub(crate) fn parse_window(text: &str) -> Result<Window, String> {
    let (count, of) = text.split_once("of").unwrap_or((text, text));
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| format!("`{text}` is not so many of so many"));
    match (number(count)?, number(of)?) {
        (0, _) => Err("it must be at least 1".to_owned()),
        (count, of) if count > of => Err(format!("{count} of {of} checks can never be")),
        (_, of) if of > WIDEST_WINDOW => Err(format!("more than {WIDEST_WINDOW} checks are not kept")),
        (count, of) => Ok(Window { count, of }),
    }
}

/// More restarts than these are not remembered.
const LARGEST_BUDGET: u32 = 1000;

/// `10 in 10m`; nothing for `off`.
pub(crate) fn parse_budget(text: &str) -> Result<Option<Budget>, String> {
    if text.trim().eq_ignore_ascii_case("off") {
        return Ok(None);
    }
    let Some((times, within)) = text.split_once(" in ") else {
        return Err(format!("`{text}` is not so many in so long"));
    };
    match (times.trim().parse::<u32>(), parse_duration(within.trim())?) {
        (Err(_), _) => Err(format!("`{}` is not a number of restarts", times.trim())),
        (Ok(0), _) => Err("without any restart it would be `when = \"never\"`".to_owned()),
        (Ok(times), _) if times > LARGEST_BUDGET => Err(format!("more than {LARGEST_BUDGET} restarts are not kept")),
        (_, Duration::ZERO) => Err("its span must be longer than nothing".to_owned()),
        (Ok(times), within) => Ok(Some(Budget { times, within })),
    }
}

/// The signals that can sensibly ask a process to end, by Linux's numbers (signal(7)).
const SIGNALS: [(&str, i32); 7] =
    [("HUP", 1), ("INT", 2), ("QUIT", 3), ("KILL", 9), ("USR1", 10), ("USR2", 12), ("TERM", 15)];

/// `TERM`, `SIGTERM` or `15`.
pub fn parse_signal(text: &str) -> Result<i32, String> {
    let name = text.trim().to_ascii_uppercase();
    let name = name.strip_prefix("SIG").unwrap_or(&name);
    let known = SIGNALS.iter().find(|(known, number)| *known == name || number.to_string() == name);
    known.map(|(_, number)| *number).ok_or_else(|| format!("`{text}` is not a signal"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spans_of_time() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("7d", 604_800_000),
            ("1.5s", 1500),
            ("3", 3000),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "s", "1x", "-3s", "3 4", "1h30", "1e400s", "9999999999d", "ы"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses() {
        for (text, address) in [
            ("127.0.0.1:8000", "127.0.0.1:8000"),
            (":8000", "127.0.0.1:8000"),
            ("8000", "127.0.0.1:8000"),
            ("*:80", "0.0.0.0:80"),
            ("[::1]:80", "[::1]:80"),
            ("localhost:0", "127.0.0.1:0"),
        ] {
            assert_eq!(parse_address(text).map(|it| it.to_string()), Ok(address.to_owned()));
        }
        for text in ["", "host:80", "127.0.0.1", "::1:80", "127.0.0.1:99999", "[127.0.0.1]:80"] {
            assert!(parse_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_signals_and_words() {
        assert_eq!((parse_size("10 MB"), parse_size("512"), parse_size("1.5k")), (Ok(10 << 20), Ok(512), Ok(1536)));
        assert!(parse_size("much").is_err());
        assert_eq!((parse_signal("SIGTERM"), parse_signal("int"), parse_signal("15")), (Ok(15), Ok(2), Ok(15)));
        assert!(parse_signal("BANG").is_err());
        assert_eq!((parse_bool("Yes"), parse_bool("0")), (Ok(true), Ok(false)));
    }

    #[test]
    fn windows() {
        for (text, count, of) in [("3 of 5", 3, 5), ("3", 3, 3), (" 1of100 ", 1, 100)] {
            assert_eq!(parse_window(text), Ok(Window { count, of }), "{text}");
        }
        for text in ["", "0", "0 of 3", "5 of 3", "-1 of 3", "3 of", "3 of 101", "three of five", "3/5"] {
            assert!(parse_window(text).is_err(), "{text}");
        }
    }

    /// Issue 4, item 1: as many restarts as are written, in so long a time.
    #[test]
    fn budgets() {
        let budget = |times, seconds| Some(Budget { times, within: Duration::from_secs(seconds) });
        for (text, expected) in [
            ("10 in 10m", budget(10, 600)),
            ("1 in 1s", budget(1, 1)),
            ("1000 in 7d", budget(1000, 604_800)),
            ("off", None),
        ] {
            assert_eq!(parse_budget(text), Ok(expected), "{text}");
        }
        for text in ["", "10", "10 in", "0 in 10m", "-1 in 10m", "10 in 0s", "10 of 10m", "1001 in 1h", "ten in 10m"] {
            assert!(parse_budget(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn spans_add_up_exactly(hours in 0u64..9_000, minutes in 0u64..9_000, millis in 0u64..9_000_000) {
            let expected = Duration::from_millis((hours * 60 + minutes) * 60_000 + millis);
            prop_assert_eq!(parse_duration(&format!("{hours}h{minutes}m {millis}ms")), Ok(expected));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,20}") {
            let _ = (parse_duration(&text), parse_size(&text), parse_address(&text), parse_signal(&text), parse_window(&text), parse_budget(&text));
        }
    }
}
