//! Showing how far a copy or a restore has come.

use crate::{context::Context, words::progress::Meter};
use backup::Progress;
use report::{Event, Journal};
use std::{pin::pin, time::Duration};
use tokio::time::{Instant, sleep};

/// On a terminal the line moves.
const TICK: Duration = Duration::from_millis(200);
/// Elsewhere lines stay.
const SELDOM: Duration = Duration::from_secs(30);

/// Does it, and shows how far it has come: a bar on a terminal, now and then a line elsewhere.
pub(in crate::verbs) async fn watched<T>(context: &Context, progress: &Progress, act: impl Future<Output = T>) -> T {
    let (begun, mut meter, mut act) = (Instant::now(), Meter::default(), pin!(act));
    let draws = context.terminal.draws();
    loop {
        tokio::select! {
            done = &mut act => {
                context.terminal.stand(None);
                return done;
            }
            () = sleep(if draws { TICK } else { SELDOM }) => {}
        }
        let Some(look) = progress.look() else { continue };
        let shown = meter.see(begun.elapsed(), look);
        match draws {
            true => context.terminal.stand(Some(shown.line())),
            false => context.terminal.note(Event::new("backup.progress", shown.sentence()).with("done", look.done)),
        }
    }
}
