//! Signals sent to mainstay itself, in a copy of this program.

use crate::support::{in_time, playing, role, run, shell, start};
use host::{
    process::{Exit, Spawner, SystemSpawner},
    signals::{Signal, Signals},
};

#[tokio::test]
async fn signals_come_in_order() {
    if playing("listener") {
        return listen().await;
    }
    let spawner = SystemSpawner::new().unwrap();
    let listener = role("signals::signals_come_in_order", "listener");
    let (mut child, _) = start(&spawner, &listener, |line| line.contains("listening")).await;
    child.signal(Signal::Terminate.number()).unwrap();
    assert_eq!(in_time(child.wait()).await.unwrap(), Exit::Code(0));
}

async fn listen() {
    let mut signals = Signals::listen().unwrap();
    let ourselves = rustix::process::getpid();
    for sent in [rustix::process::Signal::HUP, rustix::process::Signal::INT] {
        rustix::process::kill_process(ourselves, sent).unwrap();
        let expected = if sent == rustix::process::Signal::HUP { Signal::Hangup } else { Signal::Interrupt };
        assert_eq!(in_time(signals.next()).await, expected);
    }
    println!("listening");
    assert_eq!(in_time(signals.next()).await, Signal::Terminate);
}

/// A shell ignores Ctrl-C for its background jobs, and `nohup` the loss of the terminal: both stay so.
#[tokio::test]
async fn what_was_ignored_stays_ignored() {
    if playing("nohup") {
        let _signals = Signals::listen().unwrap();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
        println!("{}", host::proc::Process::this().is_running());
        return;
    }
    let role = role("signals::what_was_ignored_stays_ignored", "nohup");
    let mut ignoring = shell("trap '' HUP; exec \"$@\"");
    ignoring.argv.push("sh".to_owned());
    ignoring.argv.extend(role.argv);
    ignoring.env.extend(role.env);
    let (exit, out, err) = run(&ignoring).await;
    assert_eq!(exit, Exit::Code(0), "{out}\n{err}");
    let spawner = SystemSpawner::new().unwrap();
    assert!(spawner.spawn(&shell("true")).is_ok());
}
