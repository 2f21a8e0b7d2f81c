//! Replaces what no two runs print the same.

/// Words before a number that make it a process id or a port.
const LABELS: &[(&str, usize, &str)] = &[
    ("pid ", 1, "[PID]"),
    ("pid=", 1, "[PID]"),
    ("pid: ", 1, "[PID]"),
    ("\"pid\":", 1, "[PID]"),
    ("PID ", 1, "[PID]"),
    ("127.0.0.1:", 5, "[PORT]"),
    ("localhost:", 5, "[PORT]"),
    ("[::1]:", 5, "[PORT]"),
    ("port ", 5, "[PORT]"),
    ("port=", 5, "[PORT]"),
    (".s.PGSQL.", 5, "[PORT]"),
];

/// The text with every time stamp, span, process id and five-digit port replaced.
pub fn scrub(text: &str) -> String {
    let mut scrubbed = String::with_capacity(text.len());
    let mut rest = text;
    let mut previous = ' ';
    while let Some(character) = rest.chars().next() {
        let fresh = !(previous.is_alphanumeric() || matches!(previous, '.' | '_' | '-' | '/'));
        let (taken, placeholder) =
            labelled(&scrubbed, rest).or_else(|| fresh.then(|| shaped(rest)).flatten()).unwrap_or((0, ""));
        if taken > 0 {
            scrubbed.push_str(placeholder);
            rest = &rest[taken..];
            previous = ']';
        } else {
            scrubbed.push(character);
            rest = &rest[character.len_utf8()..];
            previous = character;
        }
    }
    scrubbed
}

fn labelled(before: &str, rest: &str) -> Option<(usize, &'static str)> {
    let digits = digits(rest);
    let label = LABELS.iter().find(|(label, least, _)| digits >= *least && before.ends_with(label))?;
    Some((digits, label.2))
}

fn shaped(rest: &str) -> Option<(usize, &'static str)> {
    stamp(rest).map(|taken| (taken, "[WHEN]")).or_else(|| span(rest).map(|taken| (taken, "[TIME]")))
}

/// `2026-11-23T08:00:00Z`, also with a space between date and time, with a fraction, or without zone.
fn stamp(text: &str) -> Option<usize> {
    let fits = text.len() >= 19
        && text.bytes().zip("0000-00-00T00:00:00".bytes()).all(|(seen, wanted)| match wanted {
            b'0' => seen.is_ascii_digit(),
            b'T' => matches!(seen, b'T' | b' '),
            _ => seen == wanted,
        });
    let fraction = text.get(19..).filter(|_| fits)?;
    let fraction = fraction.strip_prefix('.').map_or(0, |fraction| 1 + digits(fraction));
    Some(19 + fraction + usize::from(text[19 + fraction..].starts_with('Z')))
}

/// `340 ms`, `1.2 s`, `60s`, `2 m 5 s`: a number with a unit, and more of them after single spaces.
fn span(text: &str) -> Option<usize> {
    let mut taken = one_span(text)?;
    while let Some(more) = text[taken..].strip_prefix(' ').and_then(one_span) {
        taken += 1 + more;
    }
    Some(taken)
}

fn one_span(text: &str) -> Option<usize> {
    let whole = digits(text);
    let fraction =
        text[whole..].strip_prefix('.').map(digits).filter(|digits| *digits > 0).map_or(0, |digits| 1 + digits);
    let number = whole + fraction;
    let unit = &text[number..];
    let space = usize::from(unit.starts_with(' '));
    let unit = ["ms", "µs", "us", "ns", "s", "m", "h", "d"].iter().find(|word| {
        let after = unit[space..].strip_prefix(**word);
        after.is_some_and(|after| !after.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    })?;
    (whole > 0).then_some(number + space + unit.len())
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::scrub;

    #[test]
    fn volatile_parts_are_replaced_and_nothing_else() {
        for (text, expected) in [
            ("ready after 340 ms, next try in 2.0 s", "ready after [TIME], next try in [TIME]"),
            ("took 2 m 5 s in all", "took [TIME] in all"),
            ("elapsed=1.234s attempt=3", "elapsed=[TIME] attempt=3"),
            ("60s\n", "[TIME]\n"),
            ("2026-11-23T08:00:00.123Z up", "[WHEN] up"),
            ("2026-11-23 08:00:00 up", "[WHEN] up"),
            ("at 127.0.0.1:31234 and 127.0.0.1:8000", "at 127.0.0.1:[PORT] and 127.0.0.1:8000"),
            ("api (pid 4242) started, pid=7", "api (pid [PID]) started, pid=[PID]"),
            (
                "attempt 3/20, 5 services, 3 shops, v1.2s, 0003_x.sql:4:12",
                "attempt 3/20, 5 services, 3 shops, v1.2s, 0003_x.sql:4:12",
            ),
            ("SQLSTATE 57P03 – 12 µs", "SQLSTATE 57P03 – [TIME]"),
        ] {
            assert_eq!(scrub(text), expected);
        }
    }
}
