//! The whole-output builder sees everything, hides what is volatile and fails when it should.
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use testkit::{Signal, Test};

const LIMIT: Duration = Duration::from_secs(20);

fn shell(script: &str) -> Test {
    Test::new("/bin/sh").args(["-c", script])
}

fn panics(body: impl FnOnce()) -> String {
    let caught = catch_unwind(AssertUnwindSafe(body)).expect_err("it should have panicked");
    caught.downcast_ref::<String>().cloned().unwrap_or_default()
}

#[test]
fn runs_in_a_directory_and_an_environment_of_its_own() {
    let test =
        shell("echo hello $NAME; cat; pwd; echo \"pid $$\" >&2; env | cut -d= -f1 | sort | tr '\\n' ' '; exit 3");
    let output = test.env("NAME", "world").file("input", "x").stdin("from stdin\n").run();
    output.code(3).stderr_is("pid [PID]\n").stdout_is(
        "
        hello world
        from stdin
        [DIR]
        HOME NAME PATH PWD ",
    );
}

#[test]
fn a_difference_or_a_secret_fails() {
    let output = shell("echo one; echo two").run();
    let message = panics(|| {
        output.stdout_is("one\nthree\n");
    });
    assert!(message.contains("stdout differs from line 2"), "{message}");
    let message = panics(|| drop(shell("echo password=hunter2 >&2").secret("hunter2").run()));
    assert!(message.contains("the secret `hunter2` was printed"), "{message}");
}

#[test]
fn a_running_program_is_watched_and_signalled() {
    let mut running = shell("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.02; done").spawn();
    assert_eq!(running.wait_for_line("rea", LIMIT), "ready");
    running.terminate();
    running.wait(LIMIT).code(7).stdout_is("ready\nbye\n");

    let running = shell("kill -KILL $$").spawn();
    running.wait(LIMIT).code(137);

    let mut running = shell("exec sleep 100").spawn();
    assert!(running.running());
    running.signal(Signal::STOP);
    running.kill9();
    assert!(!running.running());
}

#[test]
fn waiting_in_vain_fails_with_the_transcript() {
    let message = panics(|| drop(shell("echo something else").spawn().wait_for_line("ready", LIMIT)));
    assert!(message.contains("ended without printing `ready`") && message.contains("something else"), "{message}");
    let message = panics(|| drop(shell("echo begun; exec sleep 100").spawn().wait(Duration::from_millis(300))));
    assert!(message.contains("still running") && message.contains("begun"), "{message}");
}

#[test]
fn calls_can_share_a_directory() {
    let first = shell("echo kept > file");
    first.run().code(0);
    assert_eq!(first.read("file"), "kept\n");
    first.again().args(["-c", "cat file"]).run().code(0).stdout_is("kept\n");
}
