//! Which release a rollback leads to, and what that means for the schema.

use super::{
    super::{Back, Here, is_named, work::failed},
    exchange::Replacement,
    heads,
    loss::{self, misused, world_of},
};
use crate::{context::Context, typed::typed};
use ::deploy::{Record, ReleaseId, course::Schema, store};
use plan::Trouble;
use report::{Event, Finding, Journal, age, count};
use std::time::Duration;

/// The way back, with the leave of whoever asks for it.
pub(in crate::release) struct Way {
    /// The release to go back to.
    pub(in crate::release) record: Record,
    /// What becomes of the schema.
    pub(in crate::release) schema: Schema,
    /// The copy that takes the place of the database.
    pub(in crate::release) copy: Option<Replacement>,
}

/// The release to go back to, and what becomes of the schema and the rows.
pub(in crate::release) async fn way_back(context: &Context, here: &Here, back: &Back) -> Result<Way, Trouble> {
    let all = store::list(&here.site)
        .map_err(|error| failed(Finding::error("the releases cannot be listed").because(&error)))?;
    let records: Vec<_> = all.into_iter().filter_map(|release| release.record.ok()).collect();
    let current = store::current(&here.site)
        .map_err(|error| failed(Finding::error("`current` cannot be read").because(&error)))?;
    let record = chosen(here, &records, current, back)?;
    if back.restore {
        let copy = loss::accepted(context, here, &records, &record, current, back).await?;
        return Ok(Way { record, schema: Schema::Restored, copy: Some(copy) });
    }
    let schema = schema(context, here, &records, &record, current, back).await?;
    Ok(Way { record, schema, copy: None })
}

/// With a copy also the release that is live already, when it runs on the schema of one that went back.
fn chosen(here: &Here, records: &[Record], current: Option<ReleaseId>, back: &Back) -> Result<Record, Trouble> {
    let named = back.to.as_deref();
    let usable = |record: &&Record| record.state.can_run() && here.site.tree(record.id).exists();
    let Some(current) = current else {
        return Err(misused(Finding::error("there is no release to go back from").hint("`mainstay deploy` makes one")));
    };
    let found = match named {
        // The newest of those before it that were ever live.
        None => records.iter().rev().filter(|it| it.id < current && it.live.is_some()).find(usable),
        Some(name) => {
            let named: Vec<_> = records.iter().filter(|it| is_named(it, name)).collect();
            match named[..] {
                [one] if one.id == current && !back.restore => {
                    return Err(misused(Finding::error(format!("release `{}` is live already", one.id))));
                }
                [one] if usable(&one) => Some(one),
                [one] => return Err(misused(gone(one))),
                [] => None,
                _ => {
                    return Err(misused(
                        Finding::error(format!("`{name}` may be several releases")).hint("write more of its id"),
                    ));
                }
            }
        }
    };
    found.cloned().ok_or_else(|| {
        let what = named
            .map_or("there is no release before this one".to_owned(), |name| format!("there is no release `{name}`"));
        misused(Finding::error(what).hint("`mainstay releases` shows those that there are"))
    })
}

fn gone(record: &Record) -> Finding {
    Finding::error(format!("release `{}` cannot be started again", record.id))
        .seen(format!("it is {}, and its files may be gone", record.state.word()))
        .hint(format!("`mainstay deploy {}` makes a new release of its commit", record.short_commit()))
}

/// The schema is that of the release, or goes back to it, or somebody has to decide.
async fn schema(
    context: &Context,
    here: &Here,
    records: &[Record],
    record: &Record,
    current: Option<ReleaseId>,
    back: &Back,
) -> Result<Schema, Trouble> {
    let world = world_of(context, here, current.unwrap_or(record.id))?;
    let Some(status) = heads::standing(&world).await? else { return Ok(Schema::Same) };
    let newer = heads::newer_than(&status, record.head_after.as_deref())?;
    if newer.is_empty() {
        return Ok(Schema::Same);
    }
    if back.keep_schema {
        return Ok(Schema::Kept);
    }
    if let Some(entry) = newer.iter().find(|entry| !entry.down) {
        return Err(misused(no_way(context, records, record, &entry.name)));
    }
    let names: Vec<_> = newer.iter().map(|entry| entry.name.as_str()).collect();
    permitted(context, back, newer.len(), &names)?;
    Ok(Schema::Back)
}

/// S2.17: nothing takes the schema back, so here are the ways out and what each loses.
fn no_way(context: &Context, records: &[Record], record: &Record, name: &str) -> Finding {
    let finding = Finding::error("the schema is newer than that release, and cannot be taken back")
        .seen(format!("nothing was kept that takes back `{name}`"));
    let copy = records.iter().filter(|it| it.id > record.id).find_map(|it| Some((it.backup.as_ref()?, it)));
    match copy {
        Some((copy, taken)) => {
            let since = age(Duration::try_from(context.now() - taken.created).unwrap_or_default());
            finding
                .seen(format!("before it the copy `{copy}` was taken, {since} ago: what was written since then is not in it"))
                .hint(format!(
                    "if the release can do with the newer schema: `mainstay rollback {id} --keep-schema`; if the rows since \
                     may be lost, which it shows and asks for: `mainstay rollback {id} --restore`; or mend it and deploy forward",
                    id = record.id
                ))
        }
        None => finding.hint(format!(
            "if the release can do with the newer schema: `mainstay rollback {} --keep-schema`; or mend it and deploy forward",
            record.id
        )),
    }
}

fn permitted(context: &Context, back: &Back, steps: usize, names: &[&str]) -> Result<(), Trouble> {
    if back.yes {
        return Ok(());
    }
    let text = format!(
        "rollback: takes back {} ({}), and what was written into what they have added is lost\nType `yes` to go on:",
        count(steps, "migration"),
        names.join(", ")
    );
    context.terminal.note(Event::new("rollback.asks", text));
    typed("yes", "say --yes, or --keep-schema", "that is no `yes`").map_err(misused)
}
