//! What a probe needs from around it.

use host::{Env, process::Spawner};
use std::{fmt, net::Ipv4Addr, path::PathBuf, sync::Arc};

/// What a probe needs from around it.
#[derive(Clone)]
pub struct Context {
    /// Starts commands.
    pub spawner: Arc<dyn Spawner>,
    /// Where commands run and relative paths begin.
    pub root: PathBuf,
    /// The environment of commands.
    pub env: Env,
    /// From which address of this machine `http://`, `https://` and `tcp://` are asked, where it matters.
    pub from: Option<Ipv4Addr>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment may hold secrets.
        f.debug_struct("Context").field("root", &self.root).finish_non_exhaustive()
    }
}
