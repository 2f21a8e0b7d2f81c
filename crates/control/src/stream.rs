//! An answer that goes on: one JSON object a line, each sent as soon as it is there.

use hyper::body::{Body, Bytes, Frame};
use serde::Serialize;
use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::mpsc::Receiver;

/// The body of such an answer. It ends when nothing more can come.
pub(crate) struct Stream<T>(pub(crate) Receiver<T>);

impl<T: Serialize> Body for Stream<T> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let line = |piece: &T| serde_json::to_string(piece).unwrap_or_default() + "\n";
        self.get_mut().0.poll_recv(context).map(|piece| Some(Ok(Frame::data(line(&piece?).into()))))
    }
}

/// Cuts what comes into lines.
#[derive(Default)]
pub(crate) struct Pieces(Vec<u8>);

impl Pieces {
    /// The longest piece, in bytes; a line of a service has 1 MiB at most, and JSON may escape each byte.
    const LONGEST: usize = 8 << 20;

    /// Takes the next bytes; says whether a piece is longer than any that is understood.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> bool {
        self.0.extend_from_slice(bytes);
        self.0.len() <= Self::LONGEST
    }

    /// The next whole piece.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let end = self.0.iter().position(|byte| *byte == b'\n')?;
        let rest = self.0.split_off(end + 1);
        Some(std::mem::replace(&mut self.0, rest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    #[tokio::test]
    async fn pieces_arrive_as_they_left_however_they_are_cut() {
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        for piece in ["one", "two\nthree"] {
            sender.send(piece.to_owned()).await.unwrap();
        }
        drop(sender);
        let sent = Stream(receiver).collect().await.unwrap().to_bytes();
        let (mut pieces, mut came) = (Pieces::default(), Vec::new());
        for bytes in sent.chunks(3) {
            assert!(pieces.feed(bytes));
            came.extend(std::iter::from_fn(|| pieces.next()));
        }
        assert_eq!(came, [b"\"one\"\n".to_vec(), b"\"two\\nthree\"\n".to_vec()]);
        assert!(!pieces.feed(&vec![b'x'; Pieces::LONGEST + 1]));
    }
}
