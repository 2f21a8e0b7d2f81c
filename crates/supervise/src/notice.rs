//! What a service tells its supervisor, as sd_notify(3) has it. Pure.

use std::time::Duration;

/// The longest status that is kept, in characters.
const LONGEST: usize = 200;

/// One of the things that a service can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// `READY=1`
    Ready,
    /// `RELOADING=1`
    Reloading,
    /// `STOPPING=1`
    Stopping,
    /// `STATUS=…`; nothing when it is taken back.
    Status(Option<String>),
    /// `WATCHDOG=1`
    Fed,
    /// `WATCHDOG=trigger`
    Unwell,
    /// `WATCHDOG_USEC=…`
    Watchdog(Duration),
    /// `EXTEND_TIMEOUT_USEC=…`
    Extend(Duration),
    /// `ERRNO=…`
    Errno(i32),
    /// `MAINPID=…`, `FDSTORE=1` and others that are not done here, by their name.
    Refused(&'static str),
}

/// What a datagram says, in its order. What is unknown is left out, as the protocol wants it.
pub(crate) fn notices(datagram: &[u8]) -> Vec<Notice> {
    let text = String::from_utf8_lossy(datagram);
    text.split('\n').filter_map(|line| line.split_once('=')).filter_map(|(name, value)| notice(name, value)).collect()
}

fn notice(name: &str, value: &str) -> Option<Notice> {
    Some(match (name, value) {
        ("READY", "1") => Notice::Ready,
        ("RELOADING", "1") => Notice::Reloading,
        ("STOPPING", "1") => Notice::Stopping,
        ("STATUS", text) => Notice::Status(status(text)),
        ("WATCHDOG", "1") => Notice::Fed,
        ("WATCHDOG", "trigger") => Notice::Unwell,
        ("WATCHDOG_USEC", number) => Notice::Watchdog(micros(number)?),
        ("EXTEND_TIMEOUT_USEC", number) => Notice::Extend(micros(number)?),
        ("ERRNO", number) => Notice::Errno(number.parse().ok().filter(|number| *number > 0)?),
        ("MAINPID", _) => Notice::Refused("MAINPID"),
        ("FDSTORE", "1") => Notice::Refused("FDSTORE"),
        _ => return None,
    })
}

/// On one line, and not too long.
fn status(text: &str) -> Option<String> {
    let plain = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter });
    let short: String = plain.take(LONGEST).collect();
    let short = short.trim();
    (!short.is_empty()).then(|| short.to_owned())
}

/// Longer than nothing and shorter than a year: another number is a slip.
fn micros(number: &str) -> Option<Duration> {
    let span = Duration::from_micros(number.parse().ok()?);
    (!span.is_zero() && span < Duration::from_secs(365 * 86_400)).then_some(span)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Item 6: the words of sd_notify(3).
    #[test]
    fn the_words_of_the_protocol() {
        let told = notices(b"READY=1\nSTATUS=42 chats\tserved\nWATCHDOG=1\nWATCHDOG_USEC=5000000\nX_OWN=1\nERRNO=13\n");
        let status = Notice::Status(Some("42 chats served".into()));
        let expected =
            [Notice::Ready, status, Notice::Fed, Notice::Watchdog(Duration::from_secs(5)), Notice::Errno(13)];
        assert_eq!(told, expected);
        assert_eq!(
            notices(b"RELOADING=1\nSTOPPING=1\nEXTEND_TIMEOUT_USEC=1500\nWATCHDOG=trigger\nSTATUS=\n"),
            [
                Notice::Reloading,
                Notice::Stopping,
                Notice::Extend(Duration::from_micros(1500)),
                Notice::Unwell,
                Notice::Status(None)
            ]
        );
        assert_eq!(notices(b"MAINPID=1\nFDSTORE=1"), [Notice::Refused("MAINPID"), Notice::Refused("FDSTORE")]);
        assert_eq!(notices(b"READY=0\nERRNO=-1\nWATCHDOG_USEC=0\nEXTEND_TIMEOUT_USEC=99999999999999999999\nREADY"), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for notice in notices(&bytes) {
                if let Notice::Status(Some(text)) = notice {
                    prop_assert!(text.chars().count() <= LONGEST && !text.contains(char::is_control));
                }
            }
        }
    }
}
