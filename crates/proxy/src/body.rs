//! Bodies on their way through: nothing is gathered, each piece goes on as it comes.

use crate::{pool::Lease, switchboard::Flight};
use http_body_util::Full;
use hyper::{
    Error,
    body::{Body, Bytes, Frame, Incoming, SizeHint},
};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

/// The body of a request, to the application.
pub(crate) struct Upload {
    body: Option<Incoming>,
    /// Is all of it on its way?
    done: Option<Arc<AtomicBool>>,
}

impl Upload {
    pub(crate) fn new(body: Incoming) -> Self {
        match body.is_end_stream() {
            true => Self::empty(),
            false => Self { body: Some(body), done: Some(Arc::default()) },
        }
    }

    pub(crate) fn empty() -> Self {
        Self { body: None, done: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_none()
    }

    /// Tells later whether all of it was sent; nothing when there is none.
    pub(crate) fn watch(&self) -> Option<Arc<AtomicBool>> {
        self.done.clone()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *body).poll_frame(context));
        let over = frame.is_none() || body.is_end_stream();
        if let Some(done) = self.done.as_ref().filter(|_| over) {
            done.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// The body of an answer.
pub(crate) enum Outgoing {
    /// Our own.
    Page(Full<Bytes>),
    /// The application's.
    Passing(Passing),
}

/// The application's answer. Its request is over when this is at its end or dropped.
pub(crate) struct Passing {
    body: Incoming,
    rest: Option<(Flight, Lease)>,
}

impl Outgoing {
    pub(crate) fn page(bytes: Bytes) -> Self {
        Self::Page(Full::new(bytes))
    }

    /// Of an answer that changes to another protocol.
    pub(crate) fn nothing() -> Self {
        Self::Page(Full::default())
    }

    pub(crate) fn passing(body: Incoming, flight: Flight, lease: Lease) -> Self {
        let mut passing = Passing { body, rest: Some((flight, lease)) };
        passing.end_if_over();
        Self::Passing(passing)
    }
}

impl Passing {
    /// The connection is free for the next request as soon as the last byte is here.
    fn end_if_over(&mut self) {
        if self.body.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some((flight, lease)) = self.rest.take() {
            lease.give_back();
            drop(flight);
        }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.get_mut() {
            Self::Page(page) => Pin::new(page).poll_frame(context).map_err(|never: Infallible| match never {}),
            Self::Passing(passing) => {
                let frame = ready!(Pin::new(&mut passing.body).poll_frame(context));
                match &frame {
                    None => passing.end(),
                    Some(Ok(_)) => passing.end_if_over(),
                    // Cut off: whoever asked is not told that this was all of it, for hyper ends the connection.
                    Some(Err(_)) => drop(passing.rest.take()),
                }
                Poll::Ready(frame)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Page(page) => page.is_end_stream(),
            Self::Passing(passing) => passing.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Page(page) => page.size_hint(),
            Self::Passing(passing) => passing.body.size_hint(),
        }
    }
}
