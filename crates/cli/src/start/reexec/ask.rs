//! Asks another program whether it could take over.

use super::Given;
use host::{
    handover,
    process::{Child, Command, Exit, Limits, Output, Pipes, Spawner, SystemSpawner},
};
use report::Finding;
use serde::Deserialize;
use std::{io, os::fd::OwnedFd, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// It answers within this time.
const LIMIT: Duration = Duration::from_secs(10);

/// No more is read of what it says.
const MOST: u64 = 64 * 1024;

const SIGKILL: i32 = 9;

const PUT: &str = "put the mainstay that shall take over where the running one was started from, under the same name";

/// What it says when it can.
#[derive(Deserialize)]
struct Answer {
    takes_over: u32,
    version: String,
}

/// What is no program of this machine is not even asked: a text would be run by a shell.
pub(super) fn is_program(path: &Path) -> Result<(), Finding> {
    let finding = match handover::is_program(path) {
        Ok(true) => return Ok(()),
        Ok(false) => Finding::error(format!("`{}` is no program", path.display())),
        Err(error) => Finding::error(format!("`{}` cannot be read", path.display())).because(&error),
    };
    Err(finding.hint(PUT))
}

/// Its version, if it can take over what it is shown.
pub(super) async fn ask(spawner: &SystemSpawner, given: &Given, state: OwnedFd) -> Result<String, Finding> {
    let path = given.program.display();
    let unable = |error: &io::Error| Finding::error(format!("`{path}` cannot be run")).because(error).hint(PUT);
    let command = Command {
        argv: vec![path.to_string(), "can-take-over".to_owned()],
        cwd: given.context.cwd.clone(),
        env: given.context.env.clone(),
        listeners: vec![Arc::new(state)],
        output: Output::Piped,
        mark: None,
        limits: Limits::default(),
    };
    let mut child = spawner.spawn(&command).map_err(|error| unable(&error))?;
    let heard = timeout(LIMIT, listen(child.as_mut())).await;
    let _ = child.signal(SIGKILL);
    match heard {
        Err(_) => Err(Finding::error(format!("`{path}` has not answered within {}", report::seconds(LIMIT))).hint(PUT)),
        Ok(Err(error)) => Err(unable(&error)),
        Ok(Ok(heard)) => heard.version(&path.to_string()),
    }
}

struct Heard {
    exit: Exit,
    said: String,
    complained: String,
}

async fn listen(child: &mut dyn Child) -> io::Result<Heard> {
    let Some(Pipes { stdout, stderr }) = child.take_output() else { return Err(io::ErrorKind::BrokenPipe.into()) };
    let (said, complained) = tokio::join!(read(stdout), read(stderr));
    Ok(Heard { exit: child.wait().await?, said: said?, complained: complained? })
}

async fn read(pipe: impl AsyncRead + Unpin) -> io::Result<String> {
    let mut bytes = Vec::new();
    pipe.take(MOST).read_to_end(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Heard {
    fn version(self, path: &str) -> Result<String, Finding> {
        let answer = serde_json::from_str::<Answer>(&self.said).ok().filter(|it| it.takes_over == super::FORMAT);
        if let (Exit::Code(0), Some(answer)) = (self.exit, answer) {
            return Ok(answer.version);
        }
        let how = match self.exit {
            Exit::Code(code) => format!("asked, it ended with exit code {code}"),
            Exit::Signal(signal) => format!("asked, it ended with signal {signal}"),
        };
        let finding = Finding::error(format!("`{path}` cannot take over")).seen(how);
        let lines = self.complained.lines().map(str::trim).filter(|line| !line.is_empty()).take(4);
        let finding = lines.fold(finding, Finding::seen);
        Err(finding.hint("nothing was touched; `mainstay down` and `mainstay up` change to any version"))
    }
}
