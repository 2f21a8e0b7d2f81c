//! What lies on this machine: variables, programs, the data directory.

use super::{check_of, one, with_hint};
use crate::{
    check::{judge, programs, room},
    start::World,
};
use report::{Check, Verdict, bytes, count};

pub(super) fn look(world: &World) -> Vec<Check> {
    vec![environment(world), commands(world), data(world)]
}

fn environment(world: &World) -> Check {
    let contract = &world.app.contract;
    if contract.variables.is_empty() {
        return check_of("environment", Verdict::Skipped, "no variable is declared in `[env]`");
    }
    let findings = config::env_check(contract, &world.app.env, None, None);
    one(
        "environment",
        &findings,
        &format!("{} declared, nothing is missing", count(contract.variables.len(), "variable")),
    )
}

fn commands(world: &World) -> Check {
    match programs(&world.app) {
        Ok(()) => check_of("programs", Verdict::Pass, "those of services, jobs and migrations can be run"),
        Err(findings) => one("programs", &findings, ""),
    }
}

/// As it is; it is not made.
fn data(world: &World) -> Check {
    let path = &world.app.data;
    let facts = host::fs::check_dir(path);
    let free = facts.free_bytes.map_or_else(|| "an unknown number of bytes".to_owned(), bytes);
    if !facts.exists && path.starts_with(&world.app.root) {
        return check_of("data directory", Verdict::Pass, format!("`{}` is made at the first start", path.display()));
    }
    match (judge(path, &facts), room(path, &facts)) {
        (Err(finding), _) => one("data directory", &[finding], ""),
        (Ok(()), Some(little)) => {
            let check = check_of("data directory", Verdict::Fail, little.summary);
            with_hint(check, "make room before the database finds none")
        }
        (Ok(()), None) => check_of("data directory", Verdict::Pass, format!("{free} are free")),
    }
}
