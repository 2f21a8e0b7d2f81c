//! How a service and what it needs are asked; done elsewhere, for a chapter imports no sense that it does not need.

use crate::{fence::Fence, guard::HandedGuard, schedule::NoLock};
use config::{HealthCheck, Service};
use host::{Pending, handover::Descriptors};
use std::io;

/// Asks. A question may be dropped before its answer.
pub trait Checker: Send + Sync {
    /// Asks a service how it is. The error says what was seen, in a few words.
    fn check<'a>(&'a self, check: &'a HealthCheck) -> Pending<'a, Result<(), String>>;

    /// Asks whether the dependency `name` is there, once and without waiting for it.
    ///
    /// Asked when a service that needs it has ended unasked or is unhealthy, before that is counted: the service often
    /// notices first. After an error it is asked again every now and then until it answers, or until
    /// [`Handle::need`](crate::Handle::need) has told what it is like. By default nothing is known against it.
    fn need<'a>(&'a self, name: &'a str) -> Pending<'a, Result<(), String>> {
        let _ = name;
        Box::pin(std::future::ready(Ok(())))
    }

    /// Keeps everybody else from running the exclusive `service`, until the fence is dropped. By default nobody else is there.
    fn fence<'a>(&'a self, service: &'a Service) -> Pending<'a, Result<Fence, NoLock>> {
        let _ = service;
        Box::pin(std::future::ready(Ok(Fence { guard: Box::new(()), lost: Box::pin(std::future::pending()) })))
    }

    /// The fence that an earlier version of mainstay had.
    ///
    /// # Errors
    /// When it did not arrive.
    fn take_over(&self, service: &Service, guard: HandedGuard, all: &mut Descriptors) -> io::Result<Fence> {
        let _ = (service, guard, all);
        Ok(Fence { guard: Box::new(()), lost: Box::pin(std::future::pending()) })
    }
}
