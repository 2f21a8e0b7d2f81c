//! What these tests share.

use host::{
    Env,
    process::{Child, Command, Exit, Output, Pipes, Spawner, SystemSpawner},
};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    time::{sleep, timeout},
};

/// Far more than any of these tests needs, so that a hang is a failure.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// Tells a copy of this test program which part it has to play.
pub(crate) const ROLE: &str = "HOST_TEST_ROLE";

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    timeout(LIMIT, work).await.expect("it takes far too long")
}

/// Looks again and again, for the things that nobody announces.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    in_time(async {
        while !condition() {
            sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

pub(crate) fn command(argv: &[&str]) -> Command {
    Command {
        argv: argv.iter().map(|argument| (*argument).to_owned()).collect(),
        cwd: "/".into(),
        env: Env::from([("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())]),
        listeners: Vec::new(),
        output: Output::Piped,
        mark: None,
        limits: host::process::Limits::default(),
    }
}

pub(crate) fn shell(script: &str) -> Command {
    command(&["sh", "-c", script])
}

/// This test program again, playing `role` in the test `name`.
pub(crate) fn role(name: &str, role: &str) -> Command {
    let program = std::env::current_exe().unwrap();
    let mut command = command(&[program.to_str().unwrap(), name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env.insert(ROLE.to_owned(), role.to_owned());
    command
}

pub(crate) fn playing(role: &str) -> bool {
    host::env::read().get(ROLE).is_some_and(|playing| playing == role)
}

/// Runs it to its end.
pub(crate) async fn run(command: &Command) -> (Exit, String, String) {
    let spawner = SystemSpawner::new().unwrap();
    let mut child = spawner.spawn(command).unwrap();
    let Pipes { mut stdout, mut stderr } = child.take_output().unwrap();
    let (mut out, mut err) = (String::new(), String::new());
    in_time(async {
        tokio::try_join!(stdout.read_to_string(&mut out), stderr.read_to_string(&mut err)).unwrap();
        (child.wait().await.unwrap(), out, err)
    })
    .await
}

/// The signals of a `SigIgn:` line, without 32 and 33: those belong to the C library, which lets nobody set them.
pub(crate) fn ignored(line: &str) -> u64 {
    u64::from_str_radix(line.trim_start_matches("SigIgn:").trim(), 16).unwrap() & !(0b11 << 31)
}

/// Starts it and reads the first line that `wanted` accepts. Whatever it writes later is lost.
pub(crate) async fn start(
    spawner: &SystemSpawner,
    command: &Command,
    wanted: impl Fn(&str) -> bool,
) -> (Box<dyn Child>, String) {
    let mut child = spawner.spawn(command).unwrap();
    let mut lines = BufReader::new(child.take_output().unwrap().stdout).lines();
    let line = in_time(async {
        loop {
            let line = lines.next_line().await.unwrap().expect("the line comes before the end");
            if wanted(&line) {
                return line;
            }
        }
    })
    .await;
    // Keep reading: a child that writes into a closed pipe would end by that.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, line)
}

/// The lines of its standard output.
pub(crate) fn lines(child: &mut dyn Child) -> tokio::io::Lines<BufReader<Box<dyn host::process::Pipe>>> {
    BufReader::new(child.take_output().unwrap().stdout).lines()
}
