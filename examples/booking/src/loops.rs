//! What happens without a request: bookings end, and people are reminded of theirs.

use crate::Store;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::interval};

/// Completes past bookings and reminds of coming ones, at once and then every `pause`.
///
/// A round that fails is told and tried again with the next one: the database may just be restarting.
pub fn start(store: Arc<Store>, pause: Duration, remind_before: Duration) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut rounds = interval(pause);
        loop {
            rounds.tick().await;
            if let Err(error) = round(&store, Timestamp::now().as_second(), remind_before).await {
                eprintln!("loops: {error}");
            }
        }
    })
}

/// One round of both loops as of `now`, in seconds since 1970.
pub async fn round(store: &Store, now: i64, remind_before: Duration) -> Result<(), crate::Error> {
    let completed = store.complete_past(now).await?;
    if completed > 0 {
        println!("completed {completed} bookings");
    }
    for (booking, customer) in store.remind(now, now.saturating_add_unsigned(remind_before.as_secs())).await? {
        println!("reminder for booking {booking}: {customer}");
    }
    Ok(())
}
