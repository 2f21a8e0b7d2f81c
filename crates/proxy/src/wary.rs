//! Sees heads as they came. hyper, and what it leaves of a head, cannot tell that a request said twice how long it is: by
//! `Content-Length` and by `Transfer-Encoding`. What is passed on has one of them only, so nobody could be deceived by it;
//! but nobody sends such a head without meaning harm (RFC 9112, 6.1 and 11.2), so it is refused.

use hyper::{Request, Version, header::TRANSFER_ENCODING};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// So much of what is read after an answer is kept.
const KEPT: usize = 16 * 1024;

/// The first bytes that came after the last answer.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

/// A connection that keeps the beginning of each request for a while.
pub(crate) struct Wary<T> {
    inner: T,
    seen: Seen,
    answered: bool,
}

impl<T> Wary<T> {
    pub(crate) fn new(inner: T) -> (Self, Seen) {
        let seen = Seen::default();
        (Self { inner, seen: seen.clone(), answered: true }, seen)
    }
}

impl Seen {
    /// Does this request say twice how long it is? One that came before its predecessor was answered is not seen here; like
    /// all others it is passed on with one length.
    pub(crate) fn two_lengths<B>(&self, request: &Request<B>) -> bool {
        if request.version() != Version::HTTP_11 || !request.headers().contains_key(TRANSFER_ENCODING) {
            return false;
        }
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = seen.trim_ascii_start().starts_with(request.method().as_str().as_bytes());
        begins && names_length(&seen)
    }
}

/// Is there such a line before the first empty one?
fn names_length(head: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length:";
    let lines =
        head.trim_ascii_start().split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines
        .take_while(|line| !line.is_empty())
        .any(|line| line.get(..NAME.len()).is_some_and(|it| it.eq_ignore_ascii_case(NAME)))
}

impl<T: AsyncRead + Unpin> AsyncRead for Wary<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let answered = std::mem::take(&mut self.answered);
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answered {
            seen.clear();
        }
        let new = &buffer.filled()[before..];
        let room = KEPT.saturating_sub(seen.len()).min(new.len());
        seen.extend_from_slice(&new[..room]);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Wary<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.answered = true;
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.answered = true;
        Pin::new(&mut self.inner).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_found_in_heads_alone() {
        for (head, found) in [
            ("POST / HTTP/1.1\r\ncontent-LENGTH: 3\r\n\r\n", true),
            ("\r\nPOST / HTTP/1.1\nHost: a\nContent-Length:3\n\n", true),
            ("POST / HTTP/1.1\r\nX: Content-Length: 3\r\n\r\nContent-Length: 4\r\n", false),
            ("", false),
        ] {
            assert_eq!(names_length(head.as_bytes()), found, "{head:?}");
        }
    }
}
