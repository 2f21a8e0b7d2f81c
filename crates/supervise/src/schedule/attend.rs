//! Stays with one process from its start until nobody of its group is left.

use super::say;
use crate::output::Reader;
use host::process::{Child, Exit};
use report::{Journal, Lines, Stream};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    task::JoinHandle,
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

impl Group {
    pub(super) fn new(child: Box<dyn Child>) -> Self {
        Self(child)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.0.signal(SIGKILL);
    }
}

/// Tells its lines, passes on the `signals`, and answers how it ended once nobody is left.
pub(super) async fn attend(
    mut group: Group,
    name: Arc<str>,
    mut signals: UnboundedReceiver<i32>,
    lines: Arc<dyn Lines>,
    journal: Arc<dyn Journal>,
) -> Exit {
    let mut readers = readers(&mut group, &name, &lines);
    let exit = loop {
        tokio::select! {
            // A child that cannot be waited for is as lost as one that was killed.
            exit = group.0.wait() => break exit.unwrap_or(Exit::Signal(SIGKILL)),
            Some(signal) = signals.recv() => { let _ = group.0.signal(signal); }
        }
    };
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

fn readers(group: &mut Group, name: &Arc<str>, lines: &Arc<dyn Lines>) -> Vec<JoinHandle<()>> {
    let Some(pipes) = group.0.take_output() else { return Vec::new() };
    let start = |pipe, stream| Reader::start(pipe, name.clone(), stream, lines.clone(), None, Vec::new()).task;
    vec![start(pipes.stdout, Stream::Stdout), start(pipes.stderr, Stream::Stderr)]
}

/// Safe to drop and call again.
async fn last_lines(readers: &mut Vec<JoinHandle<()>>) {
    while let Some(reader) = readers.last_mut() {
        let _ = reader.await;
        readers.pop();
    }
}
