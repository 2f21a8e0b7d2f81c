//! Names the fault of a service that has ended, where its last lines tell.

use config::{App, Service};
use report::Event;
use std::path::PathBuf;
use supervise::{Fault, Suspect, fault, tail::Tail};

/// What is known of the services besides their lines, as they were configured at the start.
pub(crate) struct Suspects {
    data: PathBuf,
    services: Vec<One>,
}

struct One {
    name: String,
    argv: Vec<String>,
    unbuffered: bool,
    listens: bool,
}

impl Suspects {
    pub(crate) fn of(app: &App) -> Self {
        let unbuffered = |service: &Service| {
            let variable = service.env.get("PYTHONUNBUFFERED").or(app.env.get("PYTHONUNBUFFERED"));
            variable.is_some_and(|value| !value.is_empty())
        };
        let one = |service: &Service| One {
            name: service.name.clone(),
            argv: service.argv.clone(),
            unbuffered: unbuffered(service),
            listens: service.listen.is_some(),
        };
        Self { data: app.data.clone(), services: app.services.iter().map(one).collect() }
    }

    /// An end with the name of its fault, where it has one; every other event as it is.
    pub(crate) fn explain(&self, event: Event, tail: &Tail) -> Event {
        let Some(service) = event.field("service").and_then(report::Value::as_text).map(str::to_owned) else {
            return event;
        };
        match event.name {
            "service.started" => tail.started(&service),
            "service.exited" => {
                if let Some(fault) = self.fault(&service, tail, true) {
                    let text = format!("{}; {}", event.text, fault.what);
                    return Event { text, ..event }.with("fault", fault.name).with("hint", fault.hint);
                }
            }
            _ => {}
        }
        event
    }

    /// The fault that the last process of `service` names.
    pub(crate) fn fault(&self, service: &str, tail: &Tail, ended: bool) -> Option<Fault> {
        let nobody = Suspect { argv: &[], unbuffered: true, listens: false, data: &self.data, ended };
        let suspect = self.services.iter().find(|one| one.name == service).map_or(nobody, |one| Suspect {
            argv: &one.argv,
            unbuffered: one.unbuffered,
            listens: one.listens,
            ..nobody
        });
        fault(&tail.of_latest(service), suspect)
    }
}
