//! How the world around is asked; done elsewhere, for a chapter imports no sense that it does not need.

use super::run::NoLock;
use config::Job;
use host::Pending;
use std::any::Any;

/// What keeps others away for as long as it lives.
pub type Guard = Box<dyn Any + Send>;

/// How the world around is asked.
pub trait Surroundings: Send + Sync {
    /// Is the dependency `name` there? Asked once, without waiting for it. The error says what was seen, in a few words.
    fn need<'a>(&'a self, name: &'a str) -> Pending<'a, Result<(), String>>;

    /// Keeps everybody else from running `job`, until the guard is dropped.
    fn lock<'a>(&'a self, job: &'a Job) -> Pending<'a, Result<Guard, NoLock>>;

    /// Asks for a page, so that somebody outside knows. The error must not show the URL, which is a secret.
    fn ping<'a>(&'a self, url: &'a str) -> Pending<'a, Result<(), String>>;
}
