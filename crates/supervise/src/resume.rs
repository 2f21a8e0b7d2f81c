//! All services are handed over to the next version of mainstay, or taken over from the one before.

use crate::{
    driver::{self, Message},
    handed::{HandedDriver, HandedService, HandedServices, HandedSocket, HandedUsage},
    listen::{ListenError, Listening},
    member::Member,
    outfit::Outfit,
    still::{Freeze, Still, Until},
    supervisor::Supervisor,
};
use config::Service;
use host::{
    Env,
    handover::{Descriptors, Handing},
};
use std::{io, sync::Arc};
use tokio::sync::oneshot;

/// All services as they are, while everybody stands still.
pub struct Frozen {
    /// What is handed over.
    pub services: HandedServices,
    /// The descriptors that go with it.
    pub handing: Handing,
    /// Dropped, everybody goes on.
    pub still: Still,
}

/// What the supervisor tells of that.
pub(crate) type Told = Result<(HandedServices, Handing), NotStill>;

/// Why services cannot be handed over now.
#[derive(Debug, thiserror::Error)]
pub enum NotStill {
    /// There is no supervisor that could.
    #[error("services are being stopped, or have ended")]
    NotRunning,
    /// A reload is not carried out yet.
    #[error("`{service}` makes way for the service that a reload has brought")]
    MakesWay {
        /// Which.
        service: String,
    },
    /// There are two generations.
    #[error("a release is beside the one that serves, or the one before has not ended yet")]
    Candidate,
    /// Something of it cannot be handed over.
    #[error("`{service}` cannot be handed over: {source}")]
    Unable {
        /// Which.
        service: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Why services cannot go on as they were handed over.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Services and what was handed over do not belong together.
    #[error("service `{service}` was not handed over")]
    Unknown {
        /// Which.
        service: String,
    },
    /// Something of it did not arrive.
    #[error("service `{service}` did not arrive whole: {source}")]
    Lost {
        /// Which.
        service: String,
        /// What the system said.
        source: io::Error,
    },
    /// A socket is missing.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

impl Supervisor {
    /// Like [`Supervisor::new`] for services that run, are parked, wait… as an earlier version of this process has handed them
    /// over. They are looked after once it runs.
    ///
    /// # Errors
    /// When one of `services` was not handed over, or not whole.
    pub fn resume(
        services: Vec<Service>,
        handed: HandedServices,
        all: &mut Descriptors,
        instance: &str,
        base_env: &Env,
        outfit: Outfit,
    ) -> Result<Self, ResumeError> {
        let HandedServices { services: mut known, unmet } = handed;
        let (outfit, mut members) = (Arc::new(outfit), Vec::with_capacity(services.len()));
        for (id, service) in services.into_iter().enumerate() {
            let unknown = || ResumeError::Unknown { service: service.name.clone() };
            let at = known.iter().position(|it| it.name == service.name).ok_or_else(unknown)?;
            let handed = known.swap_remove(at);
            members.push(Member::resume(id, service, instance, base_env, handed, &outfit, all)?);
        }
        Ok(Self::of(members, unmet, instance, outfit))
    }

    /// Tells what is handed over, and stands still with all drivers until let go.
    pub(crate) async fn stand_still(&mut self, freeze: Freeze<Told>) {
        match self.all_stand_still(freeze.until()).await {
            Ok(told) => freeze.answer(Ok(told)).await,
            Err(error) => freeze.refuse(Err(error)),
        }
    }

    async fn all_stand_still(&mut self, until: &Until) -> Told {
        if self.stopping {
            return Err(NotStill::NotRunning);
        }
        if self.is_in_between() {
            return Err(NotStill::Candidate);
        }
        let asked = self.members.iter().map(|member| self.ask(member, until)).collect::<Result<Vec<_>, _>>()?;
        let (mut all, mut services) = (Handing::default(), Vec::with_capacity(asked.len()));
        let unmet = self.unmet.clone();
        for (service, told) in asked {
            let told = told.await.map_err(|_| NotStill::NotRunning)?;
            let unable = |source| NotStill::Unable { service: service.name.clone(), source };
            let (driver, handing) = told.map_err(unable)?;
            all.extend(handing);
            services.push(service.with(driver, &mut all));
        }
        Ok((HandedServices { services, unmet }, all))
    }

    /// Has a driver stand still. What it tells comes at the other end.
    fn ask(&self, member: &Member, until: &Until) -> Result<(Apart, oneshot::Receiver<driver::Told>), NotStill> {
        let name = member.service.name.clone();
        if !member.stays() {
            return Err(NotStill::MakesWay { service: name });
        }
        let (freeze, told) = Freeze::ask(until);
        let inbox = member.inbox.as_ref().ok_or(NotStill::NotRunning)?;
        inbox.send(Message::Freeze(freeze)).map_err(|_| NotStill::NotRunning)?;
        let (announced, held, used) = (member.announced, member.held, self.outfit.meters.hand_over(&name));
        Ok((
            Apart { name, announced, held, listening: member.listening.clone(), port: member.service.port, used },
            told,
        ))
    }
}

/// What is known of a service apart from its driver.
struct Apart {
    name: String,
    announced: bool,
    held: bool,
    listening: Option<Listening>,
    port: Option<u16>,
    used: HandedUsage,
}

impl Apart {
    fn with(self, driver: HandedDriver, all: &mut Handing) -> HandedService {
        let Self { name, announced, held, listening, port, used } = self;
        let listening = listening.map(|it| HandedSocket { descriptor: all.put(&it.socket), port: it.port });
        HandedService { name, announced, held, listening, port, used, driver }
    }
}
