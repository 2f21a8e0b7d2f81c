//! Orders to services, and when they have been carried out.

use super::{super::settled::settled, Deck, shown, unknown};
use crate::start::stage::start_patience;
use config::Service;
use control::{Change, Done, Order, Refusal, Settled, Verb};
use std::time::Duration;
use supervise::{NoSuchService, ServiceStatus};
use tokio::time::{Instant, timeout_at};

/// The longest time that an order is waited for.
const LONGEST: Duration = Duration::from_secs(3600);
/// One that does not want to end is given so long once it was killed.
const USUAL: Duration = Duration::from_secs(10);
/// So many last lines are shown after an order.
const LINES: usize = 10;

/// A service, and how an order ended for it.
#[derive(Clone)]
struct Seen {
    status: ServiceStatus,
    settled: Settled,
    at: Instant,
}

impl Deck {
    pub(super) async fn carry_out(&self, verb: Verb, order: Order) -> Result<Done, Refusal> {
        self.is_up()?;
        let begun = Instant::now();
        let before = self.meant(&order.services)?;
        let _at_work = self.works.begin(&at_work(verb, &order.services));
        let limit = order.timeout_s.and_then(|limit| Duration::try_from_secs_f64(limit).ok());
        let deadline = begun + limit.unwrap_or_else(|| self.patience(verb, &before)).min(LONGEST);
        for status in &before {
            self.tell(verb, &status.name).map_err(|error| unknown(&error))?;
        }
        let settled = self.until_settled(verb, &before, deadline).await;
        Ok(self.done(settled, begun))
    }

    /// Those services, or all; how they are before anything is done.
    fn meant(&self, names: &[String]) -> Result<Vec<ServiceStatus>, Refusal> {
        let all = self.handle.snapshot();
        let missing = names.iter().find(|name| !all.iter().any(|status| status.name == **name));
        if let Some(name) = missing {
            let services = all.into_iter().map(|status| status.name).collect();
            return Err(unknown(&NoSuchService { name: name.clone(), services }));
        }
        Ok(all.into_iter().filter(|status| names.is_empty() || names.contains(&status.name)).collect())
    }

    /// As long as these services may take by their own rules.
    fn patience(&self, verb: Verb, which: &[ServiceStatus]) -> Duration {
        let services = self.configured(|service| which.iter().any(|status| status.name == service.name));
        let stop = |service: &Service| service.stop.grace + USUAL;
        let one = |service: &Service| match verb {
            Verb::Stop => stop(service),
            Verb::Start => start_patience(service),
            Verb::Restart => stop(service) + start_patience(service),
        };
        services.iter().map(one).max().unwrap_or(USUAL) + Duration::from_secs(1)
    }

    fn tell(&self, verb: Verb, service: &str) -> Result<(), NoSuchService> {
        match verb {
            Verb::Restart => self.handle.restart(service),
            Verb::Start => self.handle.start(service),
            Verb::Stop => self.handle.stop_service(service),
        }
    }

    /// Each service as it was when its order was carried out, or when the time was up.
    async fn until_settled(&self, verb: Verb, before: &[ServiceStatus], deadline: Instant) -> Vec<Seen> {
        let mut watch = self.handle.watch();
        let mut seen: Vec<Seen> = Vec::new();
        loop {
            let now = watch.borrow_and_update().clone();
            for before in before {
                let known = seen.iter().any(|seen| seen.status.name == before.name);
                let status = now.iter().find(|status| status.name == before.name).unwrap_or(before);
                if let Some(settled) = settled(verb, before, status).filter(|_| !known) {
                    seen.push(Seen { status: status.clone(), settled, at: Instant::now() });
                }
            }
            if seen.len() == before.len() || !matches!(timeout_at(deadline, watch.changed()).await, Ok(Ok(()))) {
                break;
            }
        }
        let now = self.handle.snapshot();
        let of = |before: &ServiceStatus| {
            let settled = seen.iter().find(|seen| seen.status.name == before.name).cloned();
            let status = now.iter().find(|status| status.name == before.name).unwrap_or(before);
            settled.unwrap_or(Seen { status: status.clone(), settled: Settled::NotYet, at: Instant::now() })
        };
        before.iter().map(of).collect()
    }

    fn done(&self, seen: Vec<Seen>, begun: Instant) -> Done {
        let (report, usage) = (self.report(), self.handle.usage());
        let change = |seen: Seen| {
            let lines = self.world.tail.last(&seen.status.name);
            let last = lines.iter().skip(lines.len().saturating_sub(LINES));
            Change {
                lines: last.map(|line| self.world.terminal.mask(line)).collect(),
                service: shown::service(&self.world, &seen.status, usage.get(&seen.status.name)),
                settled: seen.settled,
                took_s: shown::seconds(seen.at - begun),
            }
        };
        Done {
            services: seen.into_iter().map(change).collect(),
            dependencies: shown::dependencies(&report),
            health: report.status.word().to_owned(),
        }
    }
}

fn at_work(verb: Verb, services: &[String]) -> String {
    let which = if services.is_empty() { "all services".to_owned() } else { services.join(", ") };
    format!("an order is at work: {} {which}", verb.word())
}
