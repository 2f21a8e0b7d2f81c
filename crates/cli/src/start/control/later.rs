//! What of a changed configuration has no effect while mainstay runs.

use config::{App, Dependency};
use report::{Finding, or_list};

/// What changed, besides services, by the names of sections and keys.
pub(super) fn later(old: &App, new: &App) -> Vec<String> {
    let mut later: Vec<String> = [
        ("`name`", old.name != new.name),
        ("`data`", old.data != new.data),
        ("`[migrations]`", old.migrations != new.migrations || old.on_failure != new.on_failure),
        ("`[health]`", old.health != new.health),
        ("`[logs]`", old.logs != new.logs),
        ("`[proxy]`", old.proxy != new.proxy),
        ("`scheduler`", old.scheduler != new.scheduler),
        ("`failsafe`", old.failsafe != new.failsafe),
        ("`[journal]`", old.journal != new.journal),
    ]
    .into_iter()
    .filter(|(_, changed)| *changed)
    .map(|(what, _)| what.to_owned())
    .collect();
    let names = old.dependencies.iter().chain(new.dependencies.iter().filter(|it| old.dependency(&it.name).is_none()));
    let changed = names.filter(|it| old.dependency(&it.name) != new.dependency(&it.name));
    later.extend(changed.map(|it| format!("the dependency `{}`", it.name)));
    later
}

/// What no running mainstay goes on with: nothing.
pub(super) fn nothing_left(new: &App) -> Option<Finding> {
    let none = new.services.is_empty() && new.jobs.is_empty();
    none.then(|| Finding::error("no service would be left").hint("`mainstay down` stops everything"))
}

/// What a reload cannot do: the whole is refused then.
pub(super) fn impossible(old: &App, new: &App) -> Vec<Finding> {
    if let Some(finding) = nothing_left(new) {
        return vec![finding];
    }
    let known = |name: &String| old.dependency(name).is_some();
    let services = new.services.iter().map(|service| (format!("service `{}`", service.name), &service.needs));
    let jobs = new.jobs.iter().map(|job| (format!("job `{}`", job.name), &job.needs));
    let needs = services.chain(jobs).flat_map(|(who, needs)| needs.iter().map(move |need| (who.clone(), need)));
    let unknown = needs.filter(|(_, need)| new.dependency(need).is_some() && !known(need));
    let finding = |(who, need): (String, &String)| {
        Finding::error(format!("{who} needs `{need}`, which is not watched yet"))
            .seen(format!("watched are {}", watched(&old.dependencies)))
            .hint("a new dependency is waited for at the next start: `mainstay down`, then `mainstay up`")
    };
    unknown.map(finding).collect()
}

fn watched(dependencies: &[Dependency]) -> String {
    match dependencies {
        [] => "none".to_owned(),
        all => or_list(all.iter().map(|it| &it.name)).replace(" or ", " and "),
    }
}
