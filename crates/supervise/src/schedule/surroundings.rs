//! How the world around is asked; done elsewhere, for a chapter imports no sense that it does not need.

use super::run::NoLock;
use crate::guard::{Guard, HandedGuard};
use config::Job;
use host::{Pending, handover::Descriptors};
use std::io;

/// How the world around is asked.
pub trait Surroundings: Send + Sync {
    /// Is the dependency `name` there? Asked once, without waiting for it. The error says what was seen, in a few words.
    fn need<'a>(&'a self, name: &'a str) -> Pending<'a, Result<(), String>>;

    /// Keeps everybody else from running `job`, until the guard is dropped.
    fn lock<'a>(&'a self, job: &'a Job) -> Pending<'a, Result<Box<dyn Guard>, NoLock>>;

    /// The guard of `job` that an earlier version of mainstay had.
    ///
    /// # Errors
    /// When it did not arrive.
    fn take_over(&self, job: &Job, guard: HandedGuard, all: &mut Descriptors) -> io::Result<Box<dyn Guard>>;

    /// Asks for a page, so that somebody outside knows. The error must not show the URL, which is a secret.
    fn ping<'a>(&'a self, url: &'a str) -> Pending<'a, Result<(), String>>;
}
