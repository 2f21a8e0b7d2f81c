//! The processes of a service: born, signalled, and gone.

use super::Driver;
use crate::{
    ear::{Lookout, Socket},
    handed::{HandedGroup, HandedLook},
    input::Input,
    output::{Begun, Reader},
    say,
    state::State,
};
use config::Sign;
use host::{
    handover::Handing,
    proc::oom_kills,
    process::{Child, Exit, Meter, Pipe},
};
use report::Stream;
use std::{future::pending, io, sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, timeout},
};

/// How long an end waits for the last lines, so that they are told before it. A grandchild may hold the pipe for ever.
const LAST_LINES: Duration = Duration::from_millis(5);

/// The first look at a group whose leader has ended; later ones come at doubling intervals up to [`RARE_LOOK`].
const FIRST_LOOK: Duration = Duration::from_millis(2);

/// The longest interval between two looks at a group.
const RARE_LOOK: Duration = Duration::from_millis(100);

pub(crate) const SIGKILL: i32 = 9;

/// The process group of a child, which may outlive its leader.
pub(crate) struct Group {
    pub(crate) child: Box<dyn Child>,
    pub(crate) meter: Option<Meter>,
    /// Tells that the line has come by which it is known to be ready.
    pub(crate) line: Option<UnboundedReceiver<()>>,
    /// When to look whether anybody is left, and the interval to the next look; nothing while the leader lives.
    pub(crate) look: Option<(Instant, Duration)>,
}

impl Group {
    pub(super) fn hand_over(&self, all: &mut Handing) -> io::Result<HandedGroup> {
        let look = self.look.map(|(at, interval)| HandedLook { at, interval });
        Ok(HandedGroup { child: self.child.hand_over(all)?, look })
    }
}

impl Driver {
    pub(super) fn spawn(&mut self) -> Input {
        self.status = None;
        match self.listen().and_then(|()| self.outfit.spawner.spawn(&self.command)) {
            Ok(child) => self.spawned(child),
            Err(error) => Input::SpawnFailed { reason: error.to_string(), permanent: is_permanent(error.kind()) },
        }
    }

    pub(super) fn spawned(&mut self, mut child: Box<dyn Child>) -> Input {
        self.kills_before = oom_kills();
        let (pid, meter) = (child.pid(), child.meter());
        self.outfit.meters.started(&self.service.name, meter.clone(), Instant::now());
        let (lookout, line) = self.lookout();
        self.readers.retain(|reader| !reader.task.is_finished());
        if let Some(pipes) = child.take_output() {
            self.read(pipes.stdout, Stream::Stdout, lookout.clone(), Begun::default());
            self.read(pipes.stderr, Stream::Stderr, lookout, Begun::default());
        }
        if child.limits() != self.limits {
            self.limits = child.limits().to_vec();
            self.outfit.journal.note(say::limited(&self.service.name, &self.limits));
        }
        self.child = Some(Group { child, meter, line, look: None });
        Input::Spawned { pid }
    }

    /// Binds the socket of a service that tells by itself, if that is still to be done.
    pub(super) fn listen(&mut self) -> io::Result<()> {
        let Some(Sign::Notify { watchdog }) = self.service.health.as_ref().map(|check| check.sign.clone()) else {
            return Ok(());
        };
        if self.socket.is_none() {
            let socket = Socket::bind(&self.outfit.sockets.join(format!("{}.{}", self.service.name, self.id)))?;
            self.command.env.extend(socket.variables(watchdog));
            self.socket = Some(socket);
        }
        Ok(())
    }

    pub(super) fn read(&mut self, pipe: Box<dyn Pipe>, stream: Stream, lookout: Option<Lookout>, begun: Begun) {
        let name: Arc<str> = self.service.name.as_str().into();
        self.readers.push(Reader::start(pipe, name, stream, Arc::clone(&self.outfit.lines), lookout, begun));
    }

    pub(super) fn signal(&self, signal: i32) {
        if let Some(Err(error)) = self.child.as_ref().map(|group| group.child.signal(signal)) {
            self.outfit.journal.note(say::signal_failed(&self.service.name, signal, &error));
        }
    }

    /// The leader ended. Its last lines are told first.
    pub(super) async fn ended(&mut self, exit: Exit) {
        let Some(group) = &mut self.child else { return };
        let counted = group.meter.as_ref().and_then(Meter::oom_kills);
        let guessed = exit == Exit::Signal(SIGKILL) && oom_kills() > self.kills_before;
        self.out_of_memory = counted.map_or(guessed, |kills| kills > 0);
        if counted.is_none() && guessed {
            self.outfit.meters.out_of_memory(&self.service.name, 1);
        }
        let _ = timeout(LAST_LINES, last_lines(&mut self.readers)).await;
        let left_behind = group.child.group_alive();
        match left_behind {
            true => group.look = Some((Instant::now() + FIRST_LOOK, FIRST_LOOK)),
            false => self.nobody_left(),
        }
        self.feed(Input::Exited { exit, left_behind });
    }

    pub(super) fn look(&mut self, now: Instant) {
        if matches!(self.life.state(), State::Killing(_) | State::Failed(_)) {
            // Who was forked while the others were killed is killed as well.
            self.signal(SIGKILL);
        }
        let Some(group) = &mut self.child else { return };
        if group.child.group_alive() {
            let interval = group.look.map_or(FIRST_LOOK, |(_, interval)| (interval * 2).min(RARE_LOOK));
            group.look = Some((now + interval, interval));
        } else {
            self.nobody_left();
            self.feed(Input::GroupGone);
        }
    }

    pub(super) fn nobody_left(&mut self) {
        self.outfit.meters.ended(&self.service.name);
        self.child = None;
    }
}

/// Nobody mends these by waiting.
pub(crate) fn is_permanent(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    matches!(kind, InvalidInput | IsADirectory | NotADirectory | NotFound | PermissionDenied)
}

pub(super) async fn end_of(leader: Option<&mut Box<dyn Child>>) -> Exit {
    match leader {
        // A child that cannot be waited for is as lost as one that was killed.
        Some(leader) => leader.wait().await.unwrap_or(Exit::Signal(SIGKILL)),
        None => pending().await,
    }
}

/// Those of the last process first. Safe to drop and call again.
pub(super) async fn last_lines(readers: &mut Vec<Reader>) {
    while let Some(reader) = readers.last_mut() {
        let _ = (&mut reader.task).await;
        readers.pop();
    }
}
