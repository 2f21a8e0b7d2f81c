//! The journal of an application, with or without its mainstay.

use crate::{
    args::Place,
    context::{Context, tell},
    daemon::{Daemon, SOON},
};
use control::{Ask, Asked, Events};
use journal::{ReadError, Reader};
use report::{Finding, Outcome};
use std::path::PathBuf;

/// The journal of an application.
pub(super) struct Remembered {
    pub(super) daemon: Daemon,
    path: PathBuf,
}

impl Remembered {
    pub(super) fn of(context: &Context, place: &Place) -> Result<Self, Outcome> {
        let daemon = Daemon::of(context, place)?;
        // The socket lies in `run` below the data, the journal beside it.
        let data = daemon.client.path().parent().and_then(|run| run.parent()).unwrap_or(daemon.client.path());
        let path = data.join("journal.db");
        Ok(Self { daemon, path })
    }

    /// What a running mainstay knows of events, once it has written all of them down; nothing when none runs.
    pub(super) async fn lately(&self, context: &Context, count: usize) -> Result<Option<Events>, Outcome> {
        self.daemon.ask_if_running(context, &Ask::Events(Asked { after: 0, count, wait_s: 0 }), SOON).await
    }

    /// What is written down; nothing when there is no file. One that cannot be read is told.
    pub(super) fn read(&self, context: &Context) -> Result<Option<Reader>, Outcome> {
        let scratch = context.env.get("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        match Reader::open(&self.path, &scratch) {
            Ok(reader) => Ok(Some(reader)),
            Err(ReadError::Missing(_)) => Ok(None),
            Err(error) => Err(unreadable(context, &error)),
        }
    }

    /// The same for whom there is nothing without it.
    pub(super) async fn opened(&self, context: &Context) -> Result<Reader, Outcome> {
        // Whoever answers writes first what it knows; whoever does not cannot keep us from reading what is there.
        let runs = matches!(self.lately(context, 0).await, Ok(Some(_)));
        if let Some(reader) = self.read(context)? {
            return Ok(reader);
        }
        let finding =
            Finding::error("nothing is remembered yet").seen(format!("there is no `{}`", self.path.display()));
        let hint = match runs {
            true => "`mainstay status` tells how the journal is; `[journal]` may have switched it off",
            false => "`mainstay up` remembers what happens",
        };
        Err(tell(context, &[finding.hint(hint)], Outcome::Failed))
    }
}

/// Tells why it cannot be read.
pub(super) fn unreadable(context: &Context, error: &ReadError) -> Outcome {
    let finding = Finding::error(error.to_string());
    let finding = match error {
        ReadError::Unreadable { path, why, .. } => finding.seen(why).seen(format!("it is `{}`", path.display())),
        ReadError::Missing(path) => finding.seen(format!("there is no `{}`", path.display())),
    };
    let hint = match error {
        ReadError::Unreadable { damaged: true, .. } => {
            "`mainstay up` puts it aside and begins a new one; save what can be read with `sqlite3 FILE .recover`"
        }
        _ => "read it as the user that mainstay runs as, with the version that wrote it",
    };
    tell(context, &[finding.hint(hint)], Outcome::Degraded)
}
