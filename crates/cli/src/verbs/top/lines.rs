//! The lines of services, read from their files by a thread of its own: a slow disk does not hold up the keys.

use ::logs::{Filter, Follower, History, Line, services};
use report::Masker;
use std::{
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    time::Duration,
};
use tokio::sync::mpsc;
use top::{Follow, LogLine, Message};

/// How often files are looked at for more.
const LOOK: Duration = Duration::from_millis(200);
/// Of what comes between two looks, no more than this is taken in; nobody reads so fast.
const AT_ONCE: usize = 5000;

/// Where the lines are.
pub(super) struct Files {
    dir: Result<PathBuf, String>,
    masker: Masker,
}

/// Reads until dropped.
pub(super) struct Following(Sender<Follow>);

impl Files {
    pub(super) fn of(logs: &config::Logs, masker: Masker) -> Self {
        let dir = match logs.enabled {
            true => Ok(logs.dir.clone()),
            false => Err("the lines of the services are not kept: `enabled = true` in `[logs]` keeps them".to_owned()),
        };
        Self { dir, masker }
    }

    /// Nobody can say where.
    pub(super) fn unknown(masker: Masker) -> Self {
        let why = "mainstay.toml cannot be read by now, so where the lines are kept is not known; `mainstay reload` tells why";
        Self { dir: Err(why.to_owned()), masker }
    }
}

impl Following {
    /// Others are wanted.
    pub(super) fn change(&self, follow: Follow) {
        // It ends only with the whole.
        let _ = self.0.send(follow);
    }
}

/// Begins to read; nothing is read before somebody wants it.
pub(super) fn follow(files: Files, sender: mpsc::Sender<Message>) -> Following {
    let (wishes, wanted) = channel();
    tokio::task::spawn_blocking(move || {
        // Whoever listened has gone.
        let _ = read(&files, &wanted, &sender);
    });
    Following(wishes)
}

/// Nothing when nobody wants any more.
fn read(files: &Files, wanted: &Receiver<Follow>, sender: &mpsc::Sender<Message>) -> Option<()> {
    let mut follow = wanted.recv().ok()?;
    let dir = match &files.dir {
        Ok(dir) => dir,
        Err(why) => return sender.blocking_send(Message::NoLines(why.clone())).ok(),
    };
    let filter = Filter::default();
    loop {
        let all = follow.services.is_empty();
        let whose = if all { services(dir).unwrap_or_default() } else { follow.services.clone() };
        let history = History::of(dir, &whose);
        send(files, &follow, history.last(follow.last, &filter), sender)?;
        if let Some(problem) = history.problems().first() {
            sender.blocking_send(Message::NoLines(format!("some lines cannot be shown: {problem}"))).ok()?;
        }
        let mut follower = Follower::behind(dir, history, all);
        follow = loop {
            match wanted.recv_timeout(LOOK) {
                Ok(other) => break wanted.try_iter().last().unwrap_or(other),
                Err(RecvTimeoutError::Timeout) => send(files, &follow, follower.more(&filter), sender)?,
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
    }
}

fn send(files: &Files, follow: &Follow, lines: Vec<Line>, sender: &mpsc::Sender<Message>) -> Option<()> {
    if lines.is_empty() {
        return Some(());
    }
    let skip = lines.len().saturating_sub(AT_ONCE);
    let lines = lines.into_iter().skip(skip).map(|line| shown(line, &files.masker)).collect();
    sender.blocking_send(Message::Lines { follow: follow.number, lines }).ok()
}

fn shown(line: Line, masker: &Masker) -> LogLine {
    let at = line.at.strftime("%H:%M:%S").to_string();
    LogLine::new(at, line.service, line.level, &masker.mask_lines(&line.bytes))
}
