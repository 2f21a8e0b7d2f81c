//! Whole lines out of a stream of bytes: in order, each once, nothing lost.
//!
//! A line ends at `\n`; one `\r` before it is dropped, all other bytes are kept as they are, UTF-8 or not. What stands
//! behind the last end of line is a line too, told at the end of the stream. A line longer than [`LONGEST`] is told in
//! pieces, every piece but the last with [`GOES_ON`] behind it, so that one endless line cannot take all memory.

use crate::{
    ear::Lookout,
    handed::HandedPipe,
    still::{Freeze, Until},
};
use host::{handover::Handing, process::Pipe};
use report::{Lines, Stream};
use std::{borrow::Cow, cell::Cell, future::poll_fn, io, pin::pin, sync::Arc, task::Poll};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, yield_now},
};

/// The longest line, in bytes, that is told in one piece.
pub const LONGEST: usize = 1 << 20;

/// Stands behind a piece of a line that goes on in the next one.
pub const GOES_ON: &[u8] = b" [line goes on]";

/// Bytes taken from a pipe at once: all that it holds.
const CHUNK: usize = 256 * 1024;

/// The beginning of a line is put before the bytes that end it, so that whole lines are passed on where they were read; a longer one
/// is not moved for each read anew.
const SHORT: usize = 4 * 1024;

thread_local! {
    /// What is read into next, by whoever has something to read: services that are silent hold no memory.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The beginning of a line whose end has not come yet.
pub(crate) type Begun = Vec<u8>;

/// What is handed over of an output.
type Told = io::Result<(HandedPipe, Handing)>;

/// The task that tells the lines of one output.
pub(crate) struct Reader {
    pub(crate) task: JoinHandle<()>,
    freezes: UnboundedSender<Freeze<Told>>,
}

impl Reader {
    /// Tells every line of `input` from now on, the first of which was `begun` already.
    pub(crate) fn start(
        input: Box<dyn Pipe>,
        service: Arc<str>,
        stream: Stream,
        lines: Arc<dyn Lines>,
        lookout: Option<Lookout>,
        begun: Begun,
    ) -> Self {
        let (freezes, inbox) = unbounded_channel();
        let teller = Teller { service, stream, lines, lookout };
        Self { task: tokio::spawn(tell_lines(input, teller, begun, inbox)), freezes }
    }

    /// What is handed over, while it stands still; nothing when all of it was told.
    pub(crate) async fn stand_still(&mut self, until: &Until) -> Option<Told> {
        let (freeze, told) = Freeze::ask(until);
        self.freezes.send(freeze).ok()?;
        told.await.ok()
    }
}

/// Tells every line of `input` until it ends.
async fn tell_lines(
    mut input: Box<dyn Pipe>,
    mut teller: Teller,
    begun: Begun,
    mut freezes: UnboundedReceiver<Freeze<Told>>,
) {
    let mut splitter = Splitter { begun };
    loop {
        let next = async {
            teller.lines.room().await;
            read(&mut input, splitter.short()).await
        };
        let chunk = tokio::select! {
            biased;
            Some(freeze) = freezes.recv() => {
                freeze.answer(handed(&*input, teller.stream, &splitter)).await;
                continue;
            }
            chunk = next => chunk,
        };
        let Some(chunk) = chunk else { break };
        let much = chunk.len() >= CHUNK / 4;
        SPARE.set(splitter.feed_chunk(chunk, &mut teller));
        if much {
            // The others come first: one service that writes without end would else be heard for a hundred chunks.
            yield_now().await;
        }
    }
    splitter.finish(&mut |block| teller.tell(block));
}

/// Whatever was read is told, but for the beginning of a line.
fn handed(input: &dyn Pipe, stream: Stream, splitter: &Splitter) -> Told {
    let mut handing = Handing::default();
    let descriptor = input.descriptor().ok_or(io::ErrorKind::Unsupported)?;
    let (descriptor, begun) = (handing.put(&descriptor), splitter.begun.clone());
    Ok((HandedPipe { descriptor, is_error: stream == Stream::Stderr, begun }, handing))
}

/// The next bytes, behind the beginning of a line that came before; nothing at the end. An error on a pipe is as final as that.
async fn read(input: &mut (impl AsyncRead + Unpin), begun: &[u8]) -> Option<Vec<u8>> {
    poll_fn(|context| {
        let mut chunk = SPARE.take();
        chunk.clear();
        chunk.reserve(SHORT + CHUNK);
        chunk.extend_from_slice(begun);
        match pin!(input.read_buf(&mut chunk)).poll(context) {
            Poll::Ready(Ok(1..)) => Poll::Ready(Some(chunk)),
            ended_or_not => {
                SPARE.set(chunk);
                ended_or_not.map(|_| None)
            }
        }
    })
    .await
}

/// Tells the lines of one output.
struct Teller {
    service: Arc<str>,
    stream: Stream,
    lines: Arc<dyn Lines>,
    /// Once what it looks for is found, or nothing is looked for, a line costs nothing.
    lookout: Option<Lookout>,
}

impl Teller {
    fn tell(&mut self, lines: &[u8]) {
        self.lines.lines(&self.service, self.stream, lines);
        self.look(lines);
    }

    fn look(&mut self, lines: &[u8]) {
        if self.lookout.as_ref().is_some_and(|lookout| lookout.look(lines)) {
            self.lookout = None;
        }
    }

    /// Whole lines in memory that may be kept; other memory comes back.
    fn tell_block(&mut self, block: Vec<u8>) -> Vec<u8> {
        if let Cow::Owned(cut) = without_crs(&block) {
            self.tell(&cut);
            return block;
        }
        self.look(&block);
        self.lines.block(&self.service, self.stream, block)
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

    /// The beginning of a line, if it is short.
    fn short(&self) -> &[u8] {
        if self.begun.len() <= SHORT { &self.begun } else { &[] }
    }

    /// Takes a chunk that begins with what is [`Splitter::short`], and gives back memory to be filled.
    fn feed_chunk(&mut self, mut chunk: Vec<u8>, teller: &mut Teller) -> Vec<u8> {
        if self.begun.len() <= SHORT {
            self.begun.clear();
        }
        match memchr::memrchr(b'\n', &chunk) {
            Some(last) if self.begun.is_empty() => {
                self.begun.extend_from_slice(&chunk[last + 1..]);
                chunk.truncate(last + 1);
                teller.tell_block(chunk)
            }
            _ => {
                self.feed(&chunk, &mut |lines| teller.tell(lines));
                chunk
            }
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
        self.begun.shrink_to(SHORT);
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
    // Mostly there is not one `\r`, and that is seen fastest.
    let Some(first) = memchr::memchr(b'\r', lines) else { return Cow::Borrowed(lines) };
    let mut ends = memchr::memmem::find_iter(&lines[first..], b"\r\n").map(|end| first + end).peekable();
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
    use report::Recorder;
    use tokio::io::AsyncWriteExt;

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

    /// Tells text that comes in pieces of this size, the way of a pipe.
    fn told(text: &[u8], size: usize) -> Vec<Vec<u8>> {
        let recorder = Arc::new(Recorder::default());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (mut to, from) = tokio::io::duplex(size);
            let told = Reader::start(Box::new(from), "api".into(), Stream::Stdout, recorder.clone(), None, Vec::new());
            let (_, written) = tokio::join!(told.task, async move { to.write_all(text).await });
            written.unwrap();
        });
        recorder.lines().into_iter().map(|(_, _, line)| line).collect()
    }

    /// Also where a line is so long that its beginning is kept apart.
    #[test]
    fn a_long_line_between_short_ones_comes_whole() {
        let long = vec![b'x'; 3 * SHORT];
        let text = [b"a\n".as_slice(), &long, b"\r\nb"].concat();
        for size in [100, SHORT, 10 * SHORT] {
            assert_eq!(told(&text, size), [b"a".as_slice(), &long, b"b"], "{size}");
        }
    }

    /// Nobody holds memory while nothing comes.
    #[tokio::test]
    async fn who_is_silent_has_no_buffer() {
        let (_quiet, mut input) = tokio::io::duplex(1);
        SPARE.set(Vec::with_capacity(77));
        let nothing = tokio::time::timeout(std::time::Duration::from_millis(1), read(&mut input, b"begun")).await;
        assert!(nothing.is_err());
        assert!(SPARE.take().capacity() > SHORT + CHUNK - 1);
    }

    proptest! {
        /// However the bytes arrive, the lines are the same, and nothing is lost.
        #[test]
        fn chunks_do_not_matter(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..400), size in 1usize..50) {
            let lines = split(text.chunks(size));
            prop_assert_eq!(&lines, &split([text.as_slice()]));
            prop_assert_eq!(&lines, &told(&text, size));
            let kept: usize = lines.iter().map(Vec::len).sum();
            let ends = text.iter().filter(|byte| **byte == b'\n').count();
            let crs = text.windows(2).filter(|pair| *pair == b"\r\n").count();
            prop_assert_eq!(kept, text.len() - ends - crs);
        }
    }
}
