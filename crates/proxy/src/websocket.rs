//! WebSockets (RFC 6455) that end with a goodbye when their copy of the application has no time left: only between two frames can it be said.

use std::{future::Future, io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, split},
    sync::watch,
    time::sleep,
};

/// Going away, 1001 (RFC 6455, 7.4.1), in a frame of its own.
const GOODBYE: [u8; 4] = [0x88, 2, 0x03, 0xE9];
/// So long a frame may take to its end, and the client to answer the goodbye.
const GRACE: Duration = Duration::from_millis(500);
/// So much is read at once.
const PIECE: usize = 16 * 1024;

/// Passes frames on until both sides have enough, or, once `ending` says so, until the goodbye is said.
pub(crate) async fn talk(
    client: impl AsyncRead + AsyncWrite,
    app: impl AsyncRead + AsyncWrite,
    begun: &[u8],
    ending: watch::Receiver<bool>,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = split(client);
    let (mut from_app, mut to_app) = split(app);
    // What the client answers to the goodbye is the application's goodbye, too.
    let up = async {
        copy(&mut from_client, &mut to_app).await?;
        to_app.shutdown().await
    };
    let down = async {
        let mut frames = Frames::default();
        frames.follow(begun);
        to_client.write_all(begun).await?;
        pass_down(&mut from_app, &mut to_client, frames, over(ending.clone())).await?;
        to_client.shutdown().await
    };
    let late = async {
        over(ending.clone()).await;
        sleep(GRACE).await;
    };
    tokio::select! {
        passed = async { tokio::try_join!(up, down) } => passed.map(drop),
        () = late => Ok(()),
    }
}

/// Until there is nothing more, or the goodbye is said.
async fn pass_down(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut frames: Frames,
    over: impl Future<Output = ()>,
) -> io::Result<()> {
    let (mut over, mut piece) = (std::pin::pin!(over), vec![0; PIECE]);
    loop {
        tokio::select! {
            biased;
            () = &mut over, if frames.may_be_ended() => return to.write_all(&GOODBYE).await,
            read = from.read(&mut piece) => match read? {
                0 => return Ok(()),
                many => {
                    frames.follow(&piece[..many]);
                    to.write_all(&piece[..many]).await?;
                }
            },
        }
    }
}

async fn over(mut ending: watch::Receiver<bool>) {
    if ending.wait_for(|ending| *ending).await.is_err() {
        // Nobody ends it any more.
        std::future::pending().await
    }
}

/// Where in a frame a stream of frames is (RFC 6455, 5.2).
#[derive(Debug, Default)]
struct Frames {
    head: [u8; 14],
    /// So many bytes of the head are known.
    known: usize,
    /// So many bytes of the frame are to come.
    left: u64,
    /// The last frame that begun was a goodbye.
    said_goodbye: bool,
}

impl Frames {
    /// Is it between two frames, and will more come?
    fn may_be_ended(&self) -> bool {
        self.known == 0 && self.left == 0 && !self.said_goodbye
    }

    fn follow(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            let skipped = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            if skipped > 0 {
                self.left -= skipped as u64;
                bytes = &bytes[skipped..];
                continue;
            }
            self.head[self.known] = *first;
            self.known += 1;
            bytes = &bytes[1..];
            if let Some(length) = self.length() {
                (self.known, self.left) = (0, length);
                self.said_goodbye = self.head[0] & 15 == 8;
            }
        }
    }

    /// Of what follows the head; nothing as long as that is not complete.
    fn length(&self) -> Option<u64> {
        let head = &self.head[..self.known];
        let second = head.get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (size, length) = match second & 0x7F {
            126 => (4, number(head.get(2..4)?)),
            127 => (10, number(head.get(2..10)?)),
            short => (2, u64::from(short)),
        };
        (head.len() == size + mask).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(kind: u8, length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut frame = vec![kind];
        match length {
            0..126 => frame.push(mask | length as u8),
            126..65536 => {
                frame.push(mask | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            _ => {
                frame.push(mask | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(vec![0x88; length + if masked { 4 } else { 0 }]);
        frame
    }

    proptest! {
        /// S1.7: however the bytes come, the end of a frame is known, and no other place is taken for one.
        #[test]
        fn ends_of_frames_are_known(
            lengths in prop::collection::vec((prop_oneof![0usize..300, 65_530usize..65_540], any::<bool>()), 1..6),
            cuts in prop::collection::vec(1usize..2_000, 1..50),
        ) {
            let frames: Vec<_> = lengths.iter().map(|(length, masked)| frame(0x82, *length, *masked)).collect();
            let ends: Vec<_> = frames.iter().scan(0, |end, frame| { *end += frame.len(); Some(*end) }).collect();
            let (all, mut seen, mut at) = (frames.concat(), Frames::default(), 0);
            for cut in cuts.iter().cycle() {
                let next = (at + cut).min(all.len());
                seen.follow(&all[at..next]);
                at = next;
                prop_assert_eq!(seen.may_be_ended(), ends.contains(&at), "at {}", at);
                if at == all.len() { break; }
            }
        }
    }

    /// RFC 6455, 5.5.1: after a goodbye no frame follows.
    #[test]
    fn nobody_says_goodbye_twice() {
        let mut seen = Frames::default();
        seen.follow(&frame(0x81, 5, false));
        assert!(seen.may_be_ended());
        seen.follow(&GOODBYE);
        assert!(!seen.may_be_ended());
    }

    /// S1.7: a frame that has begun comes whole before the goodbye, and whatever the client still says arrives.
    #[tokio::test(start_paused = true)]
    async fn the_goodbye_comes_between_two_frames() {
        let ((client, mut browser), (app, mut server)) = (tokio::io::duplex(1024), tokio::io::duplex(1024));
        let (end, ending) = watch::channel(false);
        let talking = tokio::spawn(talk(client, app, &[], ending));
        server.write_all(&[0x81, 2, b'a']).await.unwrap();
        let mut read = [0; 3];
        browser.read_exact(&mut read).await.unwrap();
        end.send(true).unwrap();
        tokio::task::yield_now().await;
        server.write_all(b"b").await.unwrap();
        let mut rest = [0; 5];
        browser.read_exact(&mut rest).await.unwrap();
        assert_eq!(rest, [b'b', 0x88, 2, 0x03, 0xE9]);
        browser.write_all(&GOODBYE).await.unwrap();
        let mut answer = [0; 4];
        server.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, GOODBYE);
        drop((browser, server));
        talking.await.unwrap().unwrap();
    }

    /// S1.7: a frame that never ends holds up nobody.
    #[tokio::test(start_paused = true)]
    async fn a_frame_without_an_end_is_given_up() {
        let ((client, _browser), (app, mut server)) = (tokio::io::duplex(1024), tokio::io::duplex(1024));
        let (end, ending) = watch::channel(false);
        let talking = tokio::spawn(talk(client, app, &[0x82, 100], ending));
        server.write_all(b"a").await.unwrap();
        end.send(true).unwrap();
        tokio::time::timeout(GRACE * 2, talking).await.unwrap().unwrap().unwrap();
    }
}
