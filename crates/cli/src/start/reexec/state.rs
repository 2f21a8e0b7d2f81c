//! What one version of mainstay tells the next, as JSON in sealed memory.

use super::Given;
use crate::{
    start::{World, stage::Live},
    texts::Texts,
};
use control::VERSION;
use health::Snapshot;
use host::{
    handover::{Handing, unseal},
    process::HandedTogether,
};
use jiff::Timestamp;
use journal::Record;
use report::Finding;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, VecDeque},
    os::fd::{OwnedFd, RawFd},
    path::PathBuf,
};
use supervise::{HandedServices, schedule::HandedJobs, tail::HandedTail};

/// Whoever writes this number can be read by whoever knows it. To be counted up with each change that an older or a newer version would
/// misunderstand, be it in a type of another crate.
pub(crate) const FORMAT: u32 = 5;

/// No state is longer, in bytes.
const MOST: u64 = 256 << 20;

/// All that a version tells the next.
#[derive(Serialize, Deserialize)]
pub(crate) struct State {
    format: u32,
    /// The version that tells it.
    pub(crate) version: String,
    pub(crate) pid: u32,
    /// How many versions this process was before the one that takes over.
    pub(crate) generation: u64,
    pub(crate) program: PathBuf,
    /// What was typed behind its name.
    pub(crate) arguments: Vec<String>,
    /// What the application was configured with at the start.
    pub(crate) start: Texts,
    /// What it is configured with by now.
    pub(crate) latest: Texts,
    pub(crate) descriptors: Vec<RawFd>,
    pub(crate) lock: Option<RawFd>,
    pub(crate) control: Option<RawFd>,
    /// Sockets of health pages, by the name of their key.
    pub(crate) pages: BTreeMap<String, RawFd>,
    /// How processes are kept together.
    pub(crate) together: HandedTogether,
    pub(crate) begun: Timestamp,
    pub(crate) board: Snapshot,
    pub(crate) ring: HandedRing,
    pub(crate) tail: HandedTail,
    /// What nobody has read yet at our own outputs.
    pub(crate) unread: [Vec<u8>; 2],
    /// Nothing where there are none.
    pub(crate) services: Option<HandedServices>,
    /// Likewise.
    pub(crate) jobs: Option<HandedJobs>,
}

/// The last events.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct HandedRing {
    pub(crate) events: VecDeque<Record>,
    pub(crate) last: u64,
}

/// The part that every version understands.
#[derive(Deserialize)]
struct Head {
    format: u32,
    version: String,
}

impl State {
    /// Everything as it is now; what stays open is added to `all`.
    pub(super) fn of(
        world: &World,
        live: &Live,
        given: &Given,
        services: Option<HandedServices>,
        jobs: Option<HandedJobs>,
        all: &mut Handing,
    ) -> Self {
        let (lock, control, pages) = live.hand_over(all);
        Self {
            format: FORMAT,
            version: VERSION.to_owned(),
            pid: std::process::id(),
            generation: given.generation + 1,
            program: given.program.clone(),
            arguments: given.arguments.clone(),
            start: given.start.clone(),
            latest: world.passage.latest(),
            descriptors: all.numbers().to_vec(),
            lock,
            control,
            pages,
            together: world.spawner.together(),
            begun: world.begun,
            board: world.board.snapshot(),
            ring: world.ring.hand_over(),
            tail: world.tail.hand_over(),
            unread: world.terminal.unread(),
            services,
            jobs,
        }
    }

    pub(super) fn written(&self) -> Result<Vec<u8>, Finding> {
        let unable = || Finding::error("the state cannot be handed over");
        let text = serde_json::to_vec(self).map_err(|error| unable().because(&error))?;
        match text.len() as u64 > MOST {
            true => Err(unable().seen(format!("it has {} bytes; {MOST} are the most", text.len()))),
            false => Ok(text),
        }
    }

    /// What stands in sealed memory.
    pub(crate) fn read(memory: &OwnedFd) -> Result<Self, Finding> {
        let text = unseal(memory, MOST).map_err(|error| Finding::error("the state cannot be read").because(&error))?;
        let broken = |error: serde_json::Error| Finding::error("the state is not understood").because(&error);
        let Head { format, version } = serde_json::from_slice(&text).map_err(broken)?;
        if format != FORMAT {
            let finding = Finding::error(format!("the state of version {version} is not understood here"));
            return Err(finding.seen(format!("it is in format {format}; version {VERSION} knows format {FORMAT}")));
        }
        serde_json::from_slice(&text).map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::handover::seal;

    /// Issue 4, item 2: another version's state is refused by name, and what is no state too.
    #[test]
    fn what_is_not_understood_is_refused() {
        let told = |text: &str| State::read(&seal(text.as_bytes()).unwrap()).err().unwrap().to_string();
        let newer = format!(r#"{{"format":{},"version":"9.9.9","more":true}}"#, FORMAT + 1);
        assert_eq!(
            told(&newer),
            format!(
                "error: the state of version 9.9.9 is not understood here\n  \
                 seen: it is in format {}; version {VERSION} knows format {FORMAT}",
                FORMAT + 1
            )
        );
        for text in ["", "{}", "[]", "nonsense", &format!(r#"{{"format":{FORMAT},"version":"1"}}"#)] {
            assert!(told(text).starts_with("error: the state is not understood"), "{text}");
        }
    }
}
