//! Random faults, one after the other and several at once, and what must hold all along: one copy of each service, everything well once
//! nothing is broken any more, nobody left behind, and events that tell the truth.
//!
//! `MAINSTAY_SEED` plays one schedule again, `MAINSTAY_ROUNDS` plays so many, `MAINSTAY_STORY=1` tells all that was done. What a round has
//! violated is told with its seed and its acts.
#![allow(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

#[path = "faults/act.rs"]
mod act;
mod support;
#[path = "faults/truth.rs"]
mod truth;
#[path = "faults/world.rs"]
mod world;

use act::Act;
use std::{
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Instant, SystemTime, UNIX_EPOCH},
};
use testkit::Cluster;
use world::World;

/// Acts of a round.
const ACTS: usize = 14;

/// S2.7, S2.8, S2.10, S2.11, S3.9: whatever breaks, in whatever order, mainstay keeps its promises.
#[test]
fn a_few_random_faults() {
    if in_mounts_of_its_own("a_few_random_faults") {
        return;
    }
    rounds(number("MAINSTAY_ROUNDS", 2), 1);
}

/// The same, 100 times.
#[test]
#[ignore = "heavy: 100 rounds of about 15 s, three at a time"]
fn a_hundred_random_faults() {
    if in_mounts_of_its_own("a_hundred_random_faults") {
        return;
    }
    rounds(number("MAINSTAY_ROUNDS", 100), 3);
}

/// Plays so many rounds on so many threads; all of them, also after one that was lost.
fn rounds(many: usize, threads: usize) {
    let (first, next) = (number("MAINSTAY_SEED", by_the_clock()), AtomicUsize::new(0));
    let play = || {
        let cluster = Cluster::builder().conf("authentication_timeout = 600").conf("fsync = off").start();
        let mut lost = Vec::new();
        while let Some(round) = Some(next.fetch_add(1, Ordering::SeqCst)).filter(|round| *round < many) {
            lost.extend(round_of(first + round, &cluster));
        }
        lost
    };
    let lost: Vec<_> = std::thread::scope(|scope| {
        let players: Vec<_> = (0..threads).map(|_| scope.spawn(play)).collect();
        players.into_iter().flat_map(|player| player.join().unwrap()).collect()
    });
    assert!(lost.is_empty(), "{} of {many} rounds were lost:\n{}", lost.len(), lost.join("\n\n"));
}

/// What was violated in the round of this seed.
fn round_of(seed: usize, cluster: &Cluster) -> Option<String> {
    let (begun, mut dice) = (Instant::now(), fastrand::Rng::with_seed(seed as u64));
    let mut world = World::new(cluster, seed);
    let acts: Vec<_> = (0..ACTS).map(|_| (Act::any(&mut dice), dice.u64(0..400))).collect();
    world.begin();
    for (act, pause) in &acts {
        act.perform(&mut world);
        world.live_on(*pause);
    }
    let healed = world.heal();
    world.end(dice.bool());
    let violations = world.violations();
    eprintln!(
        "round {seed}: {:.1} s, well again after {healed:.1} s, {} violations",
        begun.elapsed().as_secs_f64(),
        violations.len()
    );
    if std::env::var_os("MAINSTAY_STORY").is_some() {
        eprintln!("{}", world.story());
    }
    let told = || format!("MAINSTAY_SEED={seed}: {}\nacts: {acts:?}\n{}", violations.join("\n"), world.story());
    (!violations.is_empty()).then(told)
}

/// Root gets a mount namespace of its own for the small disk of each round: the test runs once more in there, and true is returned.
/// Nobody else can mount anything, and disks are not filled then.
fn in_mounts_of_its_own(test: &str) -> bool {
    if !support::is_root() || std::env::var_os("MAINSTAY_FAULTS_INSIDE").is_some() {
        return false;
    }
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "--"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--include-ignored", "--nocapture"]).env("MAINSTAY_FAULTS_INSIDE", "1");
    assert!(command.status().unwrap().success(), "see above");
    true
}

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

fn by_the_clock() -> usize {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos() as usize
}
