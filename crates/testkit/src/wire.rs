//! Messages of PostgreSQL's wire protocol, version 3. See "Message Formats" in PostgreSQL's manual.
use std::io::{self, Read};

/// Reads one tagged message.
pub(crate) fn read(stream: &mut impl Read) -> io::Result<(u8, Vec<u8>)> {
    let mut tag = [0];
    stream.read_exact(&mut tag)?;
    Ok((tag[0], read_untagged(stream)?))
}

/// Reads a message without tag: the client's first.
pub(crate) fn read_untagged(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; u32::from_be_bytes(length).saturating_sub(4) as usize];
    stream.read_exact(&mut body)?;
    Ok(body)
}

/// A tagged message.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag], &length(body.len() + 4)[..], body].concat()
}

/// A message without tag.
pub(crate) fn untagged(body: &[u8]) -> Vec<u8> {
    [&length(body.len() + 4)[..], body].concat()
}

/// Strings, each ended by a zero byte.
pub(crate) fn strings(words: &[&str]) -> Vec<u8> {
    words.iter().flat_map(|word| word.bytes().chain([0])).collect()
}

/// Four bytes as a number; 0 when they are missing.
pub(crate) fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_be_bytes)
}

/// A length or count as the protocol writes it.
pub(crate) fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("a message of a test is small").to_be_bytes()
}

/// The text up to the next zero byte.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}
