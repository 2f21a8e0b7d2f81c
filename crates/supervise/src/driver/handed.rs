//! How a driver is handed over to the next version of mainstay, and goes on there.

use super::{Driver, Group};
use crate::{
    ear::Heard,
    handed::{HandedDriver, Resumed},
    state::State,
    still::Until,
    vigil::Vigil,
};
use config::Sign;
use host::handover::Handing;
use std::io;
use tokio::{sync::mpsc::UnboundedReceiver, time::Instant};

/// What is handed over of a driver.
pub(crate) type Told = io::Result<(HandedDriver, Handing)>;

impl Driver {
    /// What is handed over; the readers stand still from then on.
    pub(super) async fn hand_over(&mut self, until: &Until) -> Told {
        let (mut all, mut pipes) = (Handing::default(), Vec::new());
        for reader in &mut self.readers {
            if let Some(told) = reader.stand_still(until).await {
                let (pipe, handing) = told?;
                pipes.push(pipe);
                all.extend(handing);
            }
        }
        // The line may have come just now.
        let line = self.child.as_mut().and_then(|group| group.line.as_mut()).map(UnboundedReceiver::try_recv);
        if let Some(Ok(())) = line {
            self.heard(Heard::Line, Instant::now());
        }
        let group = self.child.as_ref().map(|group| group.hand_over(&mut all)).transpose()?;
        let driver = HandedDriver {
            life: self.life.hand_over(),
            vigil: self.check.as_ref().map(|watch| watch.vigil.hand_over()),
            group,
            pipes,
            socket: self.socket.as_ref().map(|socket| socket.hand_over(&mut all)),
            guard: self.barrier.hand_over(&mut all)?,
            missing: self.doubts.missing(),
            kills_before: self.kills_before,
            out_of_memory: self.out_of_memory,
            status: self.status.clone(),
        };
        Ok((driver, all))
    }

    /// The driver of a service that goes on: whose question is not answered yet is asked again.
    pub(crate) fn resume(mut self, resumed: Resumed) -> Self {
        let now = Instant::now();
        let Resumed { driver, group, outputs, socket, fence, used } = resumed;
        fence.into_iter().for_each(|fence| self.barrier.go_on_with(fence));
        let meter = group.as_ref().and_then(|group| group.meter.clone());
        self.outfit.meters.take_over(&self.service.name, &used, meter, now);
        self.limits = group.as_ref().map(|group| group.child.limits().to_vec()).unwrap_or_default();
        let (lookout, line) = match self.life.state() {
            State::Starting(_) => self.lookout(),
            _ => (None, None),
        };
        self.child = group.map(|group| Group { line, ..group });
        for (pipe, stream, begun) in outputs {
            self.read(pipe, stream, lookout.clone(), begun);
        }
        if let (Some(socket), Some(Sign::Notify { watchdog })) = (&socket, self.sign()) {
            self.command.env.extend(socket.variables(watchdog));
        }
        self.socket = socket;
        self.watch_over();
        if let (Some(watch), Some(vigil), Some(check)) = (&mut self.check, driver.vigil, &self.service.health) {
            watch.vigil = Vigil::take_over(check, watch.run.since, vigil);
        }
        self.doubts.go_on_with(driver.missing, now);
        if self.life.is_asking() {
            self.doubts.ask(self.service.needs.clone());
        }
        (self.kills_before, self.out_of_memory, self.status) =
            (driver.kills_before, driver.out_of_memory, driver.status);
        self
    }
}
