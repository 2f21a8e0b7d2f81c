//! Who asks must not be cut off when the sockets are handed over: nobody is let in any more, and who is inside finishes.

use std::{future::Future, sync::Arc, time::Duration};
use tokio::{sync::watch, time::timeout};

/// Lets people in until it is shut, and knows how many are inside. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Door(Arc<watch::Sender<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    shut: bool,
    people: usize,
}

/// Somebody inside, until dropped.
#[derive(Debug)]
pub struct Guest(Door);

/// Nobody comes in until this is dropped. Whoever knocks waits in the queue of the socket.
#[derive(Debug)]
pub struct Shut(Door);

impl Default for Door {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Inside::default())))
    }
}

impl Door {
    /// What `accept` answers, while the door is open. Safe to drop and call again where `accept` is.
    pub async fn let_in<T, F: Future<Output = T>>(&self, accept: impl Fn() -> F) -> (T, Guest) {
        loop {
            self.until(|inside| !inside.shut).await;
            tokio::select! {
                biased;
                () = self.is_shut() => {}
                who = accept() => return (who, self.enter()),
            }
        }
    }

    /// Resolves when the door is shut: who waits inside for something that may never come goes then.
    pub async fn is_shut(&self) {
        self.until(|inside| inside.shut).await;
    }

    /// Shuts the door and waits until nobody is inside. Nothing when that takes longer than `limit`; then it is open again.
    pub async fn shut(&self, limit: Duration) -> Option<Shut> {
        self.0.send_modify(|inside| inside.shut = true);
        let shut = Shut(self.clone());
        timeout(limit, self.until(|inside| inside.people == 0)).await.ok().map(|()| shut)
    }

    fn enter(&self) -> Guest {
        self.0.send_modify(|inside| inside.people += 1);
        Guest(self.clone())
    }

    async fn until(&self, so: impl FnMut(&Inside) -> bool) {
        // Never fails: we hold the sender.
        let _ = self.0.subscribe().wait_for(so).await;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.0.send_modify(|inside| inside.people -= 1);
    }
}

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.0.send_modify(|inside| inside.shut = false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Issue 4, item 2: who is inside finishes, who comes later waits, and nothing is lost when the door opens again.
    #[tokio::test]
    async fn nobody_is_cut_off() {
        let door = Door::default();
        let ((), guest) = door.let_in(|| async {}).await;
        assert!(door.shut(Duration::from_millis(5)).await.is_none(), "somebody is inside");
        drop(guest);
        let shut = door.shut(Duration::from_millis(5)).await.expect("nobody is inside");
        let knocks = timeout(Duration::from_millis(5), door.let_in(|| async {}));
        assert!(knocks.await.is_err(), "nobody is let in");
        drop(shut);
        door.let_in(|| async {}).await;
    }
}
