//! How a service and what it needs are asked; done elsewhere, for a chapter imports no sense that it does not need.

use crate::{fence::Fence, schedule::NoLock};
use config::{HealthCheck, Service};
use host::Pending;

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
}
