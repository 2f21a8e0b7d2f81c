//! What a probe needs from around it.

use host::{Env, process::Spawner};
use std::{fmt, path::PathBuf, sync::Arc};

/// What a probe needs from around it.
#[derive(Clone)]
pub struct Context {
    /// Starts commands.
    pub spawner: Arc<dyn Spawner>,
    /// Where commands run and relative paths begin.
    pub root: PathBuf,
    /// The environment of commands.
    pub env: Env,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment may hold secrets.
        f.debug_struct("Context").field("root", &self.root).finish_non_exhaustive()
    }
}
