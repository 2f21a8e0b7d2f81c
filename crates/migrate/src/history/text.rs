//! Texts as the history keeps them: compressed.

use std::io::{self, Read};

/// Texts are short and kept for good; more effort would cost more time than it saves room.
const LEVEL: i32 = 3;
/// Before a text that is kept as it is. What is compressed begins with another byte (RFC 8878, "Magic_Number").
const AS_IT_IS: u8 = b'=';

/// Compressed; the format (zstd, RFC 8878) tells its own end, and a checksum is in it.
pub(crate) fn pack(text: &str) -> Vec<u8> {
    // Compressing memory into memory fails only when there is no memory; then the text itself is kept.
    compressed(text).unwrap_or_else(|_| [&[AS_IT_IS], text.as_bytes()].concat())
}

fn compressed(text: &str) -> io::Result<Vec<u8>> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.compress(text.as_bytes())
}

/// The text again; nothing when it is none of ours or was damaged. `hex` as the database writes it.
pub(crate) fn unpack(hex: &str) -> Option<String> {
    let digits = hex.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let packed: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
    if let Some(text) = packed.strip_prefix(&[AS_IT_IS]) {
        return String::from_utf8(text.to_vec()).ok();
    }
    let mut text = String::new();
    let limit = crate::directory::LARGEST;
    zstd::Decoder::new(packed.as_slice()).ok()?.take(limit).read_to_string(&mut text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::plain::hexadecimal;

    #[test]
    fn a_text_comes_back() {
        for text in ["", "select 1;", "create table ключ (n int);\n"] {
            assert_eq!(unpack(&hexadecimal(&pack(text))).as_deref(), Some(text));
            let as_it_is = [&[AS_IT_IS], text.as_bytes()].concat();
            assert_eq!(unpack(&hexadecimal(&as_it_is)).as_deref(), Some(text));
        }
        assert_eq!(unpack("00"), None);
        assert_eq!(unpack("xyz"), None);
    }

    #[test]
    fn a_text_without_checksum_comes_back() {
        let packed = zstd::bulk::compress(b"select 1;", LEVEL).unwrap();
        assert_eq!(unpack(&hexadecimal(&packed)).as_deref(), Some("select 1;"));
    }

    #[test]
    fn a_damaged_text_is_none() {
        let mut packed = pack("select 1;");
        let in_text = packed.iter().position(|byte| *byte == b's').unwrap();
        packed[in_text] = b't';
        assert_eq!(unpack(&hexadecimal(&packed)), None);
    }
}
