//! Replies of Redis, read from bytes. Bounded: what we ask for is small.

/// The longest text that is read, the longest line, and the longest reply altogether.
const LONGEST: usize = 1024 * 1024;
const LONGEST_LINE: usize = 64 * 1024;
const LONGEST_REPLY: usize = 2 * 1024 * 1024;
/// The longest array, and how deep arrays may lie in arrays.
const WIDEST: usize = 4096;
const DEEPEST: u8 = 4;

/// One reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A simple or a bulk string.
    Text(String),
    /// An error, its code first.
    Error(String),
    /// An integer.
    Number(i64),
    /// No value.
    Null,
    /// Several.
    Array(Vec<Reply>),
}

/// These bytes are not Redis's protocol, or more of it than we read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

impl Reply {
    /// Its text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Reply::Text(text) = self { Some(text) } else { None }
    }

    /// Its error, if it is one.
    pub(super) fn error(&self) -> Option<&str> {
        if let Reply::Error(error) = self { Some(error) } else { None }
    }

    /// Its number, if it is one that counts something.
    pub(super) fn count(&self) -> Option<u64> {
        if let Reply::Number(number) = self { u64::try_from(*number).ok() } else { None }
    }
}

/// The first reply in `bytes` and its length; nothing when it is not whole yet.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Reply, usize)>, Nonsense> {
    match element(bytes, 0)? {
        None if bytes.len() > LONGEST_REPLY => Err(Nonsense),
        found => Ok(found),
    }
}

fn element(bytes: &[u8], depth: u8) -> Result<Option<(Reply, usize)>, Nonsense> {
    let Some((line, used)) = line(bytes)? else { return Ok(None) };
    let (kind, rest) = line.split_at_checked(1).ok_or(Nonsense)?;
    match kind {
        "+" => Ok(Some((Reply::Text(rest.into()), used))),
        "-" => Ok(Some((Reply::Error(rest.into()), used))),
        ":" => Ok(Some((Reply::Number(rest.parse().map_err(|_| Nonsense)?), used))),
        "$" | "*" if rest == "-1" => Ok(Some((Reply::Null, used))),
        "$" => bulk(bytes, used, size(rest, LONGEST)?),
        "*" if depth < DEEPEST => array(bytes, used, size(rest, WIDEST)?, depth),
        _ => Err(Nonsense),
    }
}

/// A line without its end, and its length with it.
fn line(bytes: &[u8]) -> Result<Option<(String, usize)>, Nonsense> {
    match bytes.windows(2).position(|pair| pair == b"\r\n") {
        Some(end) => Ok(Some((String::from_utf8_lossy(&bytes[..end]).into_owned(), end + 2))),
        None if bytes.first().is_some_and(|kind| !b"+-:$*".contains(kind)) || bytes.len() > LONGEST_LINE => {
            Err(Nonsense)
        }
        None => Ok(None),
    }
}

fn size(digits: &str, most: usize) -> Result<usize, Nonsense> {
    digits.parse().ok().filter(|size| *size <= most).ok_or(Nonsense)
}

fn bulk(bytes: &[u8], start: usize, size: usize) -> Result<Option<(Reply, usize)>, Nonsense> {
    let whole = bytes.get(start..start + size).zip(bytes.get(start + size..start + size + 2));
    match whole {
        Some((text, b"\r\n")) => Ok(Some((Reply::Text(String::from_utf8_lossy(text).into_owned()), start + size + 2))),
        Some(_) => Err(Nonsense),
        None => Ok(None),
    }
}

fn array(bytes: &[u8], start: usize, size: usize, depth: u8) -> Result<Option<(Reply, usize)>, Nonsense> {
    let (mut used, mut replies) = (start, Vec::new());
    for _ in 0..size {
        let Some((reply, length)) = element(&bytes[used..], depth + 1)? else { return Ok(None) };
        used += length;
        replies.push(reply);
    }
    Ok(Some((Reply::Array(replies), used)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ROLE: &[u8] = b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$7\r\nconnect\r\n:-1\r\n+next\r\n";

    #[test]
    fn replies_are_read() {
        let (reply, used) = parse(ROLE).unwrap().unwrap();
        let Reply::Array(parts) = reply else { panic!("{reply:?}") };
        assert_eq!(
            (parts[0].text(), parts[3].text(), parts[2].count(), parts[4].count()),
            (Some("slave"), Some("connect"), Some(6379), None)
        );
        assert_eq!(parse(&ROLE[used..]), Ok(Some((Reply::Text("next".into()), 7))));
        assert_eq!(parse(b"$-1\r\n"), Ok(Some((Reply::Null, 5))));
        assert_eq!(
            parse(b"-LOADING Redis is loading\r\n").unwrap().unwrap().0.error(),
            Some("LOADING Redis is loading")
        );
    }

    #[test]
    fn other_protocols_are_nonsense() {
        for bytes in [
            &b"HTTP/1.1 400"[..],
            b"E\0\0\0",
            b"$99999999999\r\n",
            b"$2\r\nabc\r\n",
            b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
            b"\r\n",
        ] {
            assert_eq!(parse(bytes), Err(Nonsense), "{}", String::from_utf8_lossy(bytes));
        }
    }

    proptest! {
        #[test]
        fn half_a_reply_is_waited_for(cut in 0usize..50) {
            let whole = ROLE.len() - 7;
            prop_assert_eq!(parse(&ROLE[..cut.min(whole - 1)]), Ok(None));
        }

        #[test]
        fn nothing_panics(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}
