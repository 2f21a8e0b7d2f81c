//! Whole lines out of a stream of bytes: in order, each once, nothing lost.
//!
//! A line ends at `\n`; one `\r` before it is dropped, all other bytes are kept as they are, UTF-8 or not. What stands
//! behind the last end of line is a line too, told at the end of the stream. A line longer than [`LONGEST`] is told in
//! pieces, every piece but the last with [`GOES_ON`] behind it, so that one endless line cannot take all memory.

use report::{Lines, Stream};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line, in bytes, that is told in one piece.
pub const LONGEST: usize = 1 << 20;

/// Stands behind a piece of a line that goes on in the next one.
pub const GOES_ON: &[u8] = b" [line goes on]";

/// Bytes taken from a pipe at once. Each service has two such buffers for as long as it runs.
const CHUNK: usize = 8 * 1024;

/// Tells every line of `input` until it ends.
pub(crate) async fn tell_lines(
    mut input: impl AsyncRead + Unpin,
    service: Arc<str>,
    stream: Stream,
    lines: Arc<dyn Lines>,
) {
    let mut splitter = Splitter::default();
    let mut chunk = vec![0; CHUNK];
    let mut tell = |line: &[u8]| lines.line(&service, stream, line);
    // An error on a pipe is as final as its end.
    loop {
        lines.room().await;
        let Ok(read @ 1..) = input.read(&mut chunk).await else { break };
        splitter.feed(&chunk[..read], &mut tell);
    }
    splitter.finish(&mut tell);
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes and tells the lines that end in them.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.end_line(&rest[..end], tell);
            rest = &rest[end + 1..];
        }
        self.keep(rest, tell);
    }

    /// Tells what stands behind the last end of line.
    pub fn finish(&mut self, tell: &mut dyn FnMut(&[u8])) {
        if !self.begun.is_empty() {
            tell(&std::mem::take(&mut self.begun));
        }
    }

    fn end_line(&mut self, end: &[u8], tell: &mut dyn FnMut(&[u8])) {
        if self.begun.is_empty() && end.len() <= LONGEST {
            // The common case: the whole line stands in the chunk and is never copied.
            return tell(without_cr(end));
        }
        self.keep(end, tell);
        tell(without_cr(&self.begun));
        // A long line gives its memory back.
        self.begun.clear();
        self.begun.shrink_to(CHUNK);
    }

    fn keep(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        while self.begun.len() + bytes.len() > LONGEST {
            let (now, later) = bytes.split_at(LONGEST - self.begun.len());
            self.begun.extend_from_slice(now);
            self.begun.extend_from_slice(GOES_ON);
            tell(&self.begun);
            self.begun.clear();
            bytes = later;
        }
        self.begun.extend_from_slice(bytes);
    }
}

fn without_cr(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        let mut tell = |line: &[u8]| lines.push(line.to_vec());
        chunks.into_iter().for_each(|chunk| splitter.feed(chunk, &mut tell));
        splitter.finish(&mut tell);
        lines
    }

    #[test]
    fn lines_are_whole_and_the_last_one_is_told_too() {
        let lines = split([b"on".as_slice(), b"e\r\n\ntw", b"o\xff\rx\nthree"]);
        assert_eq!(lines, [b"one".as_slice(), b"", b"two\xff\rx", b"three"]);
    }

    #[test]
    fn an_endless_line_is_told_in_marked_pieces() {
        let line = vec![b'x'; 2 * LONGEST + 5];
        let lines = split(line.chunks(CHUNK).chain([b"\nnext".as_slice()]));
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [LONGEST + 15, LONGEST + 15, 5, 4]);
        assert!(lines[0].ends_with(GOES_ON) && lines[2] == b"xxxxx");
    }

    #[test]
    fn a_line_of_exactly_the_longest_length_is_one_line() {
        let line = vec![b'x'; LONGEST];
        assert_eq!(split(line.chunks(CHUNK).chain([b"\n".as_slice()])).len(), 1);
    }

    proptest! {
        /// However the bytes arrive, the lines are the same, and nothing is lost.
        #[test]
        fn chunks_do_not_matter(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400), size in 1usize..50) {
            let lines = split(text.chunks(size));
            prop_assert_eq!(&lines, &split([text.as_slice()]));
            let kept: usize = lines.iter().map(Vec::len).sum();
            let ends = text.iter().filter(|byte| **byte == b'\n').count();
            let crs = text.windows(2).filter(|pair| *pair == b"\r\n").count();
            prop_assert_eq!(kept, text.len() - ends - crs);
        }
    }
}
