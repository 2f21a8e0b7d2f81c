//! A program that runs.
use super::{Output, Rules};
use crate::scratch::TempDir;
use crate::spawn;
use crate::wait::{wait_for, wait_until};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Read;
use std::process::{Child, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long the pipes of an ended program may stay open: something that it left behind may hold them.
const DRAIN: Duration = Duration::from_secs(2);

/// A program that runs. Dropped, its whole process group is killed.
#[derive(Debug)]
pub struct Running {
    child: Child,
    dir: Arc<TempDir>,
    rules: Rules,
    stdout: Pipe,
    stderr: Pipe,
    open: Arc<AtomicUsize>,
}

type Pipe = Arc<Mutex<Vec<u8>>>;

impl Running {
    pub(super) fn new(mut child: Child, dir: Arc<TempDir>, rules: Rules) -> Self {
        let open = Arc::new(AtomicUsize::new(2));
        let stdout = collect(child.stdout.take().expect("a pipe was asked for"), &open);
        let stderr = collect(child.stderr.take().expect("a pipe was asked for"), &open);
        Self { child, dir, rules, stdout, stderr, open }
    }

    /// The process id, also of the process group.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has printed to standard output so far, as it is.
    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    /// What it has printed to standard error so far, as it is.
    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// True while the program runs.
    pub fn running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until either stream has a whole line that contains `part`, and returns the line; panics with all output after `limit`, or
    /// when the program ends without printing it.
    #[track_caller]
    pub fn wait_for_line(&mut self, part: &str, limit: Duration) -> String {
        let begun = Instant::now();
        wait_for(limit + Duration::from_secs(1), part, || {
            // Asked before reading: what an ended program has printed is complete.
            let over = !self.running() && self.open.load(Ordering::SeqCst) == 0;
            let found = line(&self.stdout(), part).or_else(|| line(&self.stderr(), part));
            assert!(found.is_some() || !over, "ended without printing `{part}`\n{}", self.transcript());
            assert!(
                found.is_some() || begun.elapsed() < limit,
                "no line with `{part}` within {limit:?}\n{}",
                self.transcript()
            );
            found
        })
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        spawn::signal(self.pid(), signal);
    }

    /// SIGTERM: what an init system sends.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGINT: Ctrl-C.
    pub fn interrupt(&self) {
        self.signal(Signal::INT);
    }

    /// SIGKILL to the program alone; returns when it is gone. Its children are left to what the program has arranged for them.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for the end; panics with all output after `limit`, or when a secret was printed.
    #[track_caller]
    pub fn wait(mut self, limit: Duration) -> Output {
        let begun = Instant::now();
        let status: ExitStatus = wait_for(limit + Duration::from_secs(1), "the program ends", || {
            let ended = self.child.try_wait().expect("cannot wait for the program");
            assert!(ended.is_some() || begun.elapsed() < limit, "still running after {limit:?}\n{}", self.transcript());
            ended
        });
        let ended = Instant::now();
        wait_until(DRAIN * 2, "the pipes close", || self.open.load(Ordering::SeqCst) == 0 || ended.elapsed() > DRAIN);
        Output::new(status, self.stdout(), self.stderr(), self.dir.path(), &self.rules)
    }

    fn transcript(&self) -> String {
        format!("--- stdout\n{}\n--- stderr\n{}", self.stdout(), self.stderr())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.kill9();
    }
}

/// Reads a pipe to its end in a thread.
fn collect(mut pipe: impl Read + Send + 'static, open: &Arc<AtomicUsize>) -> Pipe {
    let collected = Pipe::default();
    let (into, open) = (Arc::clone(&collected), Arc::clone(open));
    std::thread::spawn(move || {
        let mut piece = [0; 16 * 1024];
        while let Ok(read @ 1..) = pipe.read(&mut piece) {
            lock(&into).extend(&piece[..read]);
        }
        open.fetch_sub(1, Ordering::SeqCst);
    });
    collected
}

fn line(text: &str, part: &str) -> Option<String> {
    text.split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
        .find(|line| line.contains(part))
        .map(|line| line.trim_end().to_owned())
}

fn text(pipe: &Pipe) -> String {
    String::from_utf8_lossy(&lock(pipe)).into_owned()
}

fn lock(pipe: &Pipe) -> MutexGuard<'_, Vec<u8>> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}
