//! One real child.

use super::{Child, Exit, HandedChild, Limit, Meter, Pipes, group::Group};
use crate::{Pending, handover::Handing, reaper::Ended};
use std::io;

/// The leader of a group that we started. Dropping it neither stops it nor leaves a zombie behind.
pub(crate) struct SystemChild {
    group: Group,
    output: Option<Pipes>,
    ended: Ended,
}

impl SystemChild {
    pub(crate) fn new(group: Group, output: Option<Pipes>, ended: Ended) -> Self {
        Self { group, output, ended }
    }
}

impl Child for SystemChild {
    fn pid(&self) -> u32 {
        self.group.pid()
    }

    fn signal(&self, signal: i32) -> io::Result<()> {
        self.group.signal(signal)
    }

    fn take_output(&mut self) -> Option<Pipes> {
        self.output.take()
    }

    fn wait(&mut self) -> Pending<'_, io::Result<Exit>> {
        Box::pin(self.ended.wait())
    }

    fn limits(&self) -> &[Limit] {
        self.group.limits()
    }

    fn meter(&self) -> Option<Meter> {
        Some(self.group.meter())
    }

    fn group_alive(&self) -> bool {
        self.group.alive()
    }

    fn hand_over(&self, all: &mut Handing) -> io::Result<HandedChild> {
        Ok(self.group.hand_over(self.ended.now(), all))
    }
}
