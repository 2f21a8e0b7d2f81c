//! What services are run with.

use crate::{check::Checker, usage::Meters};
use host::process::Spawner;
use report::{Journal, Lines};
use std::{path::PathBuf, sync::Arc};

/// What services are run with; the same for all of them.
pub struct Outfit {
    pub(crate) spawner: Arc<dyn Spawner>,
    pub(crate) checker: Arc<dyn Checker>,
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) lines: Arc<dyn Lines>,
    pub(crate) meters: Meters,
    /// Where the sockets are on which services tell how they are.
    pub(crate) sockets: PathBuf,
}

impl Outfit {
    /// Processes come from `spawner`, answers from `checker`; what happens is told to `journal`, what services write to
    /// `lines`. Below `sockets`, a directory of our own, they tell how they are, if that is wanted of them.
    pub fn new(
        spawner: Arc<dyn Spawner>,
        checker: Arc<dyn Checker>,
        journal: Arc<dyn Journal>,
        lines: Arc<dyn Lines>,
        sockets: PathBuf,
    ) -> Self {
        Self { spawner, checker, journal, lines, meters: Meters::default(), sockets }
    }
}
