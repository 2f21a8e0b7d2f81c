//! From what was written to what is meant.

use crate::{App, Sources};
use report::Finding;

/// A complete application, and what the operator should know about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// What is meant.
    pub app: App,
    /// Works now, may not for long: deprecated names, open file modes, unknown variables.
    pub warnings: Vec<Finding>,
}

/// Reads all layers, flag > environment > file > default, and returns the application they describe together, or
/// *all* problems, each with its place and what to do.
pub fn resolve(sources: &Sources<'_>) -> Result<Resolved, Vec<Finding>> {
    Err(vec![Finding::error(format!("cannot read the configuration of {} yet", sources.root.display()))])
}
