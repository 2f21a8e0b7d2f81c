//! Whole lines out of a stream of bytes: in order, each once, nothing lost.
//!
//! A line ends at `\n`; one `\r` before it is dropped, all other bytes are kept as they are, UTF-8 or not. What stands
//! behind the last end of line is a line too, told at the end of the stream. A line longer than [`LONGEST`] is told in
//! pieces, every piece but the last with [`GOES_ON`] behind it, so that one endless line cannot take all memory.

use crate::ear::Lookout;
use report::{Lines, Stream};
use std::{borrow::Cow, sync::Arc};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line, in bytes, that is told in one piece.
pub const LONGEST: usize = 1 << 20;

/// Stands behind a piece of a line that goes on in the next one.
pub const GOES_ON: &[u8] = b" [line goes on]";

/// Bytes taken from a quiet pipe at once. Each service has two such buffers for as long as it runs.
const CHUNK: usize = 8 * 1024;

/// The same of a pipe that is full each time.
const LARGE_CHUNK: usize = 256 * 1024;

/// After so many small reads in a row a large buffer is given back.
const QUIET: u32 = 64;

/// Tells every line of `input` until it ends.
pub(crate) async fn tell_lines(
    mut input: impl AsyncRead + Unpin,
    service: Arc<str>,
    stream: Stream,
    lines: Arc<dyn Lines>,
    mut lookout: Option<Lookout>,
) {
    let mut splitter = Splitter::default();
    let mut chunk = Chunk::default();
    let mut tell = |block: &[u8]| {
        lines.lines(&service, stream, block);
        // Once it is found, or nothing is looked for, a line costs nothing.
        if lookout.as_ref().is_some_and(|lookout| lookout.look(block)) {
            lookout = None;
        }
    };
    // An error on a pipe is as final as its end.
    loop {
        lines.room().await;
        let Ok(read @ 1..) = input.read(&mut chunk.bytes).await else { break };
        splitter.feed(&chunk.bytes[..read], &mut tell);
        chunk.was_used(read);
    }
    splitter.finish(&mut tell);
}

/// A buffer that is as large as what comes.
struct Chunk {
    bytes: Vec<u8>,
    small_reads: u32,
}

impl Default for Chunk {
    fn default() -> Self {
        Self { bytes: vec![0; CHUNK], small_reads: 0 }
    }
}

impl Chunk {
    fn was_used(&mut self, read: usize) {
        let size = self.bytes.len();
        self.small_reads = if read < CHUNK { self.small_reads + 1 } else { 0 };
        if read == size && size < LARGE_CHUNK {
            self.bytes.resize(size * 2, 0);
        } else if self.small_reads >= QUIET && size > CHUNK {
            *self = Self::default();
        }
    }
}

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The beginning of a line whose end has not come yet.
    begun: Vec<u8>,
}

impl Splitter {
    /// Takes the next bytes and tells the lines that end in them: blocks of whole lines, each line with its `\n`.
    pub fn feed(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        // No line within one of these is too long.
        bytes.chunks(LONGEST).for_each(|bytes| self.feed_some(bytes, tell));
    }

    /// Tells what stands behind the last end of line.
    pub fn finish(&mut self, tell: &mut dyn FnMut(&[u8])) {
        if !self.begun.is_empty() {
            self.begun.push(b'\n');
            tell(&std::mem::take(&mut self.begun));
        }
    }

    fn feed_some(&mut self, bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        let Some(last) = memchr::memrchr(b'\n', bytes) else { return self.keep(bytes, tell) };
        let (mut whole, rest) = bytes.split_at(last + 1);
        if !self.begun.is_empty() {
            let first = memchr::memchr(b'\n', whole).unwrap_or(last);
            self.end_line(&whole[..first], tell);
            whole = &whole[first + 1..];
        }
        if !whole.is_empty() {
            // The common case: the lines stand in the chunk and are never copied.
            tell(&without_crs(whole));
        }
        self.keep(rest, tell);
    }

    fn end_line(&mut self, end: &[u8], tell: &mut dyn FnMut(&[u8])) {
        self.keep(end, tell);
        if self.begun.last() == Some(&b'\r') {
            self.begun.pop();
        }
        self.begun.push(b'\n');
        tell(&self.begun);
        // A long line gives its memory back.
        self.begun.clear();
        self.begun.shrink_to(CHUNK);
    }

    fn keep(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(&[u8])) {
        while self.begun.len() + bytes.len() > LONGEST {
            let (now, later) = bytes.split_at(LONGEST - self.begun.len());
            self.begun.extend_from_slice(now);
            self.begun.extend_from_slice(GOES_ON);
            self.begun.push(b'\n');
            tell(&self.begun);
            self.begun.clear();
            bytes = later;
        }
        self.begun.extend_from_slice(bytes);
    }
}

/// Lines without the `\r` before each `\n`.
fn without_crs(lines: &[u8]) -> Cow<'_, [u8]> {
    let mut ends = memchr::memmem::find_iter(lines, b"\r\n").peekable();
    if ends.peek().is_none() {
        return Cow::Borrowed(lines);
    }
    let (mut cut, mut from) = (Vec::with_capacity(lines.len()), 0);
    for end in ends {
        cut.extend_from_slice(&lines[from..end]);
        from = end + 1;
    }
    cut.extend_from_slice(&lines[from..]);
    Cow::Owned(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
        let (mut splitter, mut lines) = (Splitter::default(), Vec::new());
        let mut tell = |block: &[u8]| {
            assert!(block.ends_with(b"\n"));
            lines.extend(block[..block.len() - 1].split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        };
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

    /// An idle service has small buffers, a busy one large ones.
    #[test]
    fn a_buffer_is_as_large_as_what_comes() {
        let mut chunk = Chunk::default();
        for _ in 0..10 {
            chunk.was_used(chunk.bytes.len());
        }
        assert_eq!(chunk.bytes.len(), LARGE_CHUNK);
        (0..QUIET).for_each(|_| chunk.was_used(100));
        assert_eq!(chunk.bytes.len(), CHUNK);
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
