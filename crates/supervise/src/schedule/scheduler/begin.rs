//! What is asked of a scheduler that has not begun yet: other jobs are taken up at once, all else has to wait.

use super::Scheduler;
use crate::schedule::handle::Message;
use tokio::sync::oneshot;

impl Scheduler {
    /// Runs like [`run`](Self::run) from the moment that `begin` is told, or not at all when nobody can tell it any more. A reload is
    /// answered before.
    pub async fn run_when_told(mut self, begin: oneshot::Receiver<()>) {
        if let Some(asked) = self.wait(begin).await {
            self.run_after(asked).await;
        }
    }

    /// What was asked meanwhile.
    async fn wait(&mut self, mut begin: oneshot::Receiver<()>) -> Option<Vec<Message>> {
        let mut asked = Vec::new();
        self.by_hand = true;
        loop {
            tokio::select! {
                biased;
                told = &mut begin => {
                    self.by_hand = false;
                    return told.ok().map(|()| asked);
                }
                Some(message) = self.inbox.recv() => match message {
                    Message::Reload { .. } => self.take(message).await,
                    later => asked.push(later),
                }
            }
            self.publish();
        }
    }
}
