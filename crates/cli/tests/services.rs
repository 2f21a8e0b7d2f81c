//! Services under `mainstay up`: their sockets, restarts, order and ends.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use std::{fs, thread, time::Duration};
use support::{LIMIT, alive, booking, get, mainstay, number_after, pid_of, starts_of, wait_for_page};
use testkit::{Test, wait_until};

/// `mainstay up` of these services.
fn up(services: &str) -> Test {
    mainstay().env("MAINSTAY_LOG_FORMAT", "human").file("mainstay.toml", services).args(["up"])
}

/// No request is refused while the backend is killed and started again: the socket stays open.
#[test]
fn requests_queue_while_a_service_restarts() {
    let app = booking();
    let mut running = app.test.spawn();
    let pid = pid_of(&mut running, "backend");
    wait_for_page(&mut running, app.health, "/readyz", 200);
    kill(pid);
    let api = app.api;
    let callers: Vec<_> = (0..20).map(|_| thread::spawn(move || get(api, "/services"))).collect();
    running.wait_for_line("backend ended with signal 9 (SIGKILL)", LIMIT);
    let answers: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap().map(|(status, _)| status)).collect();
    assert_eq!(answers, vec![Some(200); 20], "{}", running.stderr());
    assert_eq!(starts_of(&running, "backend"), 2);
}

fn kill(pid: u32) {
    let pid = pid.to_string();
    assert!(std::process::Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    wait_until(LIMIT, "it ends", || !alive(pid.parse().unwrap()));
}

/// The exit code of a one-shot is ours.
#[test]
fn the_exit_code_of_a_one_shot_is_passed_on() {
    let one_shot = |code: u8| {
        up(&format!("[services.job]\ncommand = [\"sh\", \"-c\", \"exit {code}\"]\nrestart = \"never\"\n")).run()
    };
    one_shot(0).code(0);
    one_shot(7).code(7).stderr_has("job ended with exit code 7");
}

/// `on-failure` starts again until it ends well, with growing pauses.
#[test]
fn a_failing_service_is_started_again_until_it_ends_well() {
    let script = "echo >> tries; test $(wc -l < tries) -ge 3";
    let test = up(&format!(
        "[services.job]\ncommand = [\"sh\", \"-c\", \"{script}\"]\nrestart = {{ when = \"on-failure\", initial = \"100ms\" }}\n"
    ));
    let output = test.run();
    output.code(0).stderr_has("job starts again at once, restart 1");
    output.stderr_has("restart 2");
    assert_eq!(test.read("tries"), "\n\n\n");
}

/// `always` means always.
#[test]
fn a_service_that_should_always_run_is_started_again() {
    let mut running = up("[services.bot]\ncommand = \"sleep 0.05\"\nrestart = { initial = \"50ms\" }\n").spawn();
    wait_until(LIMIT, "it has run three times", || starts_of(&running, "bot") >= 3);
    assert!(running.running());
    running.terminate();
    running.wait(LIMIT).code(0);
}

/// S1.6: a service starts when what it needs is ready, not when it is started.
#[test]
fn services_start_in_the_order_of_their_needs() {
    let test = up(
        "[services.web]\ncommand = [\"sh\", \"-c\", \"test -e ready && echo in order; sleep 1000\"]\nneeds = [\"api\"]\n\
         [services.api]\ncommand = [\"sh\", \"-c\", \"sleep 0.3; touch ready; sleep 1000\"]\nhealth = { file = \"ready\" }\n",
    );
    let mut running = test.spawn();
    running.wait_for_line("| in order", LIMIT);
}

/// S2.7: what a service has started itself ends with it.
#[test]
fn the_whole_group_ends() {
    let mut running = up("[services.api]\ncommand = [\"sh\", \"-c\", \"sleep 1000 & echo child $!; wait\"]\n").spawn();
    let child = number_after(&running.wait_for_line("| child ", LIMIT), "child ");
    assert!(alive(child));
    running.terminate();
    running.wait(LIMIT).code(0);
    assert!(!alive(child));
}

/// S1.3: what is unhealthy several times in a row is started again.
#[test]
fn an_unhealthy_service_is_restarted() {
    let test = up("[services.api]\ncommand = [\"sh\", \"-c\", \"touch healthy; exec sleep 1000\"]\n\
         health = { file = \"healthy\", every = \"100ms\", failures = 2 }\nrestart = { initial = \"50ms\" }\n");
    let file = test.path().join("healthy");
    let mut running = test.spawn();
    running.wait_for_line("api is ready after", LIMIT);
    fs::remove_file(&file).unwrap();
    running.wait_for_line("api is unhealthy", LIMIT);
    wait_until(LIMIT, "it runs again", || starts_of(&running, "api") == 2 && file.exists());
}

/// S2.12: a start delay.
#[test]
fn a_service_may_start_later() {
    let begun = std::time::Instant::now();
    up("[services.job]\ncommand = \"echo late\"\nstart_delay = \"400ms\"\nrestart = \"never\"\n")
        .run()
        .code(0)
        .stdout_is("job      | late\n");
    assert!(begun.elapsed() >= Duration::from_millis(400));
}

/// S2.11: every line whole and in order, with its writer's name, also the last one without an end.
#[test]
fn every_line_is_kept_whole() {
    let writer = |name: &str| {
        format!(
            "[services.{name}]\nrestart = \"never\"\ncommand = [\"sh\", \"-c\", \"for i in $(seq 500); do printf '%s ' {name}; echo $i; done; printf end\"]\n"
        )
    };
    let output = up(&(writer("a") + &writer("b"))).run();
    output.code(0);
    for name in ["a", "b"] {
        let seen: Vec<_> =
            output.raw_stdout.lines().filter_map(|line| line.strip_prefix(&format!("{name}        | "))).collect();
        let wanted: Vec<_> = (1..=500).map(|number| format!("{name} {number}")).chain(["end".to_owned()]).collect();
        assert_eq!(seen, wanted);
    }
    assert_eq!(output.raw_stdout.lines().count(), 1002);
}

/// S2.12: everything in a service's environment that it should have, and who started it.
#[test]
fn a_service_has_its_environment() {
    let test = up(
        "[env]\nLEVEL = \"info\"\n[services.api]\ncommand = [\"sh\", \"-c\", \"echo $LEVEL $OWN $FROM_FILE $OUTER\"]\n\
         env = { OWN = \"own\" }\nrestart = \"never\"\n",
    );
    let test = test.file(".env", "FROM_FILE='from file'\nOUTER=not this\n").env("OUTER", "outer");
    test.run().code(0).stdout_is("api      | info own from file outer\n");
}
