//! Standing still while the process becomes another version of itself, or finds that it cannot.

use tokio::sync::{oneshot, watch};

/// Asks somebody to tell what they know, and to do nothing until they are let go.
pub(crate) struct Freeze<T> {
    tell: oneshot::Sender<T>,
    until: Until,
}

/// Resolves when all are let go.
#[derive(Clone)]
pub(crate) struct Until(watch::Receiver<()>);

/// While this is there, those who were asked to stand still do.
#[derive(Debug)]
pub struct Still(#[expect(dead_code, reason = "its end is the message")] watch::Sender<()>);

/// A new stand still, which ends with what is answered first.
pub(crate) fn stand_still() -> (Still, Until) {
    let (sender, receiver) = watch::channel(());
    (Still(sender), Until(receiver))
}

impl<T> Freeze<T> {
    /// A request, and where its answer comes.
    pub(crate) fn ask(until: &Until) -> (Self, oneshot::Receiver<T>) {
        let (tell, told) = oneshot::channel();
        (Self { tell, until: until.clone() }, told)
    }

    /// For whom else has to stand still.
    pub(crate) fn until(&self) -> &Until {
        &self.until
    }

    /// Tells, and stands still until let go.
    pub(crate) async fn answer(self, told: T) {
        if self.tell.send(told).is_ok() {
            self.until.over().await;
        }
    }

    /// Tells, and goes on.
    pub(crate) fn refuse(self, told: T) {
        let _ = self.tell.send(told);
    }
}

impl Until {
    async fn over(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}
