//! Services as they are handed over from one version of mainstay to the next, which stays the same process.
//!
//! The numbers of descriptors in here mean something in this process alone, and moments are by the clock of this boot.

use crate::{
    driver::Group, ear::Socket, fence::Fence, guard::HandedGuard, life::HandedLife, listen::Listening, outfit::Outfit,
    output::Begun, vigil::HandedVigil,
};
use config::Service;
use host::{
    handover::{Descriptors, moment},
    notify::HandedEar,
    process::{HandedChild, Pipe, Spawner, pipe_of},
};
use report::Stream;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, os::fd::RawFd, sync::Arc, time::Duration};
use tokio::time::Instant;

/// All services, as [`Handle::stand_still`](crate::Handle::stand_still) tells them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct HandedServices {
    pub(crate) services: Vec<HandedService>,
    pub(crate) unmet: BTreeMap<String, String>,
}

/// One service.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedService {
    pub(crate) name: String,
    pub(crate) announced: bool,
    pub(crate) held: bool,
    pub(crate) listening: Option<HandedSocket>,
    /// The port of its own.
    pub(crate) port: Option<u16>,
    pub(crate) used: HandedUsage,
    pub(crate) driver: HandedDriver,
}

/// The socket that mainstay listens on for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedSocket {
    pub(crate) descriptor: RawFd,
    pub(crate) port: u16,
}

/// What it used by processes that are gone, and how often it was killed for want of memory.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct HandedUsage {
    pub(crate) cpu: Duration,
    pub(crate) oom_kills: u64,
}

/// What its driver knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedDriver {
    pub(crate) life: HandedLife,
    pub(crate) vigil: Option<HandedVigil>,
    pub(crate) group: Option<HandedGroup>,
    pub(crate) pipes: Vec<HandedPipe>,
    /// On which it tells how it is.
    pub(crate) socket: Option<HandedEar>,
    /// Of an exclusive one that has its lock.
    pub(crate) guard: Option<HandedGuard>,
    /// Dependencies that were found missing.
    pub(crate) missing: Vec<String>,
    pub(crate) kills_before: Option<u64>,
    pub(crate) out_of_memory: bool,
    /// What it said last of itself.
    pub(crate) status: Option<String>,
}

/// Its processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedGroup {
    pub(crate) child: HandedChild,
    pub(crate) look: Option<HandedLook>,
}

/// When it is looked whether anybody is left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedLook {
    #[serde(with = "moment")]
    pub(crate) at: Instant,
    pub(crate) interval: Duration,
}

/// An output that is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct HandedPipe {
    pub(crate) descriptor: RawFd,
    pub(crate) is_error: bool,
    /// The beginning of a line whose end has not come yet.
    pub(crate) begun: Begun,
}

/// A service that goes on: what was handed over, with its descriptors in hand.
pub(crate) struct Resumed {
    pub(crate) driver: HandedDriver,
    pub(crate) group: Option<Group>,
    pub(crate) outputs: Vec<(Box<dyn Pipe>, Stream, Begun)>,
    pub(crate) socket: Option<Socket>,
    pub(crate) fence: Option<Fence>,
    pub(crate) used: HandedUsage,
}

impl HandedService {
    /// Takes what belongs to it, first its socket, then the rest.
    pub(crate) fn take(
        self,
        service: &Service,
        outfit: &Outfit,
        all: &mut Descriptors,
    ) -> io::Result<(Option<Listening>, Resumed)> {
        let socket = |it: HandedSocket| {
            Ok::<_, io::Error>(Listening { socket: Arc::new(all.take(it.descriptor)?), port: it.port, second: false })
        };
        let listening = self.listening.map(socket).transpose()?;
        let mut driver = self.driver;
        let group = driver.group.take().map(|group| group.take(&*outfit.spawner, all)).transpose()?;
        let outputs = std::mem::take(&mut driver.pipes).into_iter().map(|pipe| pipe.take(all));
        let outputs = outputs.collect::<io::Result<_>>()?;
        let socket = driver.socket.take().map(|socket| Socket::take_over(socket, all)).transpose()?;
        let fence = driver.guard.take().map(|guard| outfit.checker.take_over(service, guard, all)).transpose()?;
        Ok((listening, Resumed { driver, group, outputs, socket, fence, used: self.used }))
    }
}

impl HandedGroup {
    fn take(self, spawner: &dyn Spawner, all: &mut Descriptors) -> io::Result<Group> {
        let look = self.look.map(|look| (look.at, look.interval));
        let child = spawner.adopt(self.child, all)?;
        Ok(Group { meter: child.meter(), child, line: None, look })
    }
}

impl HandedPipe {
    pub(crate) fn take(self, all: &mut Descriptors) -> io::Result<(Box<dyn Pipe>, Stream, Begun)> {
        let stream = if self.is_error { Stream::Stderr } else { Stream::Stdout };
        Ok((pipe_of(all.take(self.descriptor)?)?, stream, self.begun))
    }
}
