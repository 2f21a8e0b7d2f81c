//! Stays with one process from its start until nobody of its group is left.

use super::{
    handed::{HandedRun, Output},
    say,
};
use crate::{
    output::Reader,
    still::{Freeze, Until},
};
use host::{
    handover::Handing,
    process::{Child, Exit},
};
use report::{Journal, Lines, Stream};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{sleep, timeout},
};

/// How long an end waits for the last lines, so that they are told before it. A grandchild may hold the pipe for ever.
const LAST_LINES: Duration = Duration::from_millis(100);
/// The first look at a group whose leader has ended; later ones come at doubling intervals up to [`RARE_LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(2);
/// The longest interval between two looks at a group.
const RARE_LOOK: Duration = Duration::from_millis(100);
const SIGKILL: i32 = 9;

/// The process group of a child. Dropped, it is killed.
pub(super) struct Group(Box<dyn Child>);

/// What whoever attends a process is told.
pub(super) enum Order {
    /// Pass this signal number on.
    Signal(i32),
    /// Tell what is handed over, and stand still.
    Freeze(Freeze<Told>),
}

/// What is handed over of a run.
pub(super) type Told = io::Result<(HandedRun, Handing)>;

impl Group {
    pub(super) fn new(child: Box<dyn Child>) -> Self {
        Self(child)
    }

    /// What the child writes.
    pub(super) fn outputs(&mut self) -> Vec<Output> {
        let Some(pipes) = self.0.take_output() else { return Vec::new() };
        vec![(pipes.stdout, Stream::Stdout, Vec::new()), (pipes.stderr, Stream::Stderr, Vec::new())]
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.0.signal(SIGKILL);
    }
}

/// Tells the lines of its `outputs`, carries `orders` out, and answers how it ended once nobody is left.
pub(super) async fn attend(
    mut group: Group,
    outputs: Vec<Output>,
    name: Arc<str>,
    mut orders: UnboundedReceiver<Order>,
    lines: Arc<dyn Lines>,
    journal: Arc<dyn Journal>,
) -> Exit {
    let start = |(pipe, stream, begun)| Reader::start(pipe, name.clone(), stream, lines.clone(), None, begun);
    let mut readers: Vec<_> = outputs.into_iter().map(start).collect();
    let exit = loop {
        tokio::select! {
            // A child that cannot be waited for is as lost as one that was killed.
            exit = group.0.wait() => break exit.unwrap_or(Exit::Signal(SIGKILL)),
            Some(order) = orders.recv() => match order {
                Order::Signal(signal) => { let _ = group.0.signal(signal); }
                Order::Freeze(freeze) => {
                    let told = hand_over(&mut group, &mut readers, freeze.until()).await;
                    freeze.answer(told).await;
                }
            },
        }
    };
    // Whoever wants it to stand still is told by that, that it is too late.
    drop(orders);
    let _ = timeout(LAST_LINES, last_lines(&mut readers)).await;
    if group.0.group_alive() {
        journal.note(say::left_behind(&name));
        let mut pause = FIRST_LOOK;
        while group.0.group_alive() {
            let _ = group.0.signal(SIGKILL);
            sleep(pause).await;
            pause = (pause * 2).min(RARE_LOOK);
        }
        let _ = timeout(LAST_LINES, last_lines(&mut readers)).await;
    }
    exit
}

/// The readers stand still from then on.
async fn hand_over(group: &mut Group, readers: &mut [Reader], until: &Until) -> Told {
    let (mut all, mut pipes) = (Handing::default(), Vec::new());
    for reader in readers {
        if let Some(told) = reader.stand_still(until).await {
            let (pipe, handing) = told?;
            pipes.push(pipe);
            all.extend(handing);
        }
    }
    let child = group.0.hand_over(&mut all)?;
    Ok((HandedRun { child, pipes }, all))
}

/// Safe to drop and call again.
async fn last_lines(readers: &mut Vec<Reader>) {
    while let Some(reader) = readers.last_mut() {
        let _ = (&mut reader.task).await;
        readers.pop();
    }
}
