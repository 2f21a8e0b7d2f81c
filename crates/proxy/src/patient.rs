//! Connections on which nothing may happen for a while, but not for ever.

use std::{
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

/// Fails with `TimedOut` when the other side takes nothing for a while, or, with [`Patient::on_silence`], says nothing.
pub(crate) struct Patient<T> {
    inner: T,
    reading: Option<Stall>,
    writing: Stall,
}

/// How long has nothing happened? The timer is set once and moved only when it rings, so that a busy connection does not
/// pay for it.
struct Stall {
    limit: Duration,
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<T> Patient<T> {
    /// Minds writes alone.
    pub(crate) fn on_writes(inner: T, limit: Duration) -> Self {
        Self { inner, reading: None, writing: Stall::new(limit) }
    }

    /// Minds reads, too: bytes in either direction count.
    pub(crate) fn on_silence(inner: T, limit: Duration) -> Self {
        Self { inner, reading: Some(Stall::new(limit)), writing: Stall::new(limit) }
    }

    pub(crate) fn into_inner(self) -> T {
        self.inner
    }
}

impl Stall {
    fn new(limit: Duration) -> Self {
        Self { limit, since: None, timer: None }
    }

    /// Passes `poll` on, unless it has been pending for too long.
    fn mind<R>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        match poll {
            Poll::Pending => match self.over(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
            done => {
                self.since = None;
                done
            }
        }
    }

    fn over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = *self.since.get_or_insert_with(Instant::now) + self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(until)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Patient<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.inner).poll_read(context, buffer);
        match &mut self.reading {
            Some(stall) => stall.mind(context, poll),
            None => poll,
        }
    }
}

impl<T: AsyncWrite + Unpin> Patient<T> {
    fn wrote<R>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if let (Some(stall), Poll::Ready(_)) = (&mut self.reading, &poll) {
            // The timer that rings finds a later end.
            stall.since = stall.since.map(|_| Instant::now());
        }
        self.writing.mind(context, poll)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Patient<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.wrote(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = Pin::new(&mut self.inner).poll_write_vectored(context, pieces);
        self.wrote(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // A TLS stream still writes when it flushes.
        match Pin::new(&mut self.inner).poll_flush(context) {
            Poll::Pending => self.writing.mind(context, Poll::Pending),
            done => done,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let poll = Pin::new(&mut self.inner).poll_shutdown(context);
        self.writing.mind(context, poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    const LIMIT: Duration = Duration::from_secs(5);

    #[tokio::test(start_paused = true)]
    async fn silence_ends_after_the_limit_and_each_byte_counts() {
        let (near, mut far) = duplex(64);
        let mut near = Patient::on_silence(near, LIMIT);
        let begun = Instant::now();
        tokio::spawn(async move {
            for _ in 0..3 {
                tokio::time::sleep(LIMIT - Duration::from_millis(1)).await;
                far.write_all(b"x").await.unwrap();
            }
            std::future::pending::<()>().await;
            drop(far);
        });
        for _ in 0..3 {
            assert_eq!(near.read_u8().await.unwrap(), b'x');
        }
        let error = near.read_u8().await.unwrap_err();
        assert_eq!(
            (error.kind(), begun.elapsed() / 1000),
            (io::ErrorKind::TimedOut, (LIMIT * 4 - Duration::from_millis(3)) / 1000)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_nothing_is_given_up() {
        let (near, _far) = duplex(4);
        let mut near = Patient::on_writes(near, LIMIT);
        assert_eq!(near.write_all(b"too long").await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn reads_may_take_for_ever_where_only_writes_are_minded() {
        let (near, mut far) = duplex(4);
        let mut near = Patient::on_writes(near, LIMIT);
        tokio::spawn(async move {
            tokio::time::sleep(LIMIT * 100).await;
            far.write_all(b"x").await.unwrap();
        });
        assert_eq!(near.read_u8().await.unwrap(), b'x');
    }
}
