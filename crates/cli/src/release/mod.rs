//! Another release comes live, or the one before comes back: the course that `deploy` decides, carried out.

mod checklist;
mod drive;
mod driver;
mod here;
mod prober;
mod queue;
mod step;
mod told;
mod unfinished;
mod work;

pub(crate) use here::Here;
pub(crate) use unfinished::give_back;

use crate::{
    args::Place,
    context::{Context, tell},
    load::FILE_NAME,
};
use ::deploy::{
    Record, ReleaseId,
    course::{Copies, Plan, Rules, Step},
};
use config::{BackupWhen, Deploy, Driver};
use report::{Finding, Outcome};
use work::Work;

/// What is wanted of a release.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    /// A branch, a tag or a commit; nothing for the branch of the site.
    pub(crate) reference: Option<String>,
    /// Also when it is live already, and nothing of an earlier build is used.
    pub(crate) rebuild: bool,
    /// Go as far as the checks, then take everything back.
    pub(crate) dry_run: bool,
    /// The record as JSON in the end.
    pub(crate) json: bool,
    /// Begin with empty databases.
    pub(crate) clean: bool,
    /// The name of the application, from whoever need not be asked whether its data may go.
    pub(crate) yes_destroy: Option<String>,
    /// Who asks for it: a user, a push, a webhook.
    pub(crate) by: Option<String>,
}

/// Makes a release of a commit and brings it live.
pub(crate) async fn release(context: &Context, place: &Place, wish: &Wish) -> Outcome {
    let here = match Here::of(context, place) {
        Ok(here) => here,
        Err(findings) => return tell(context, &findings, Outcome::Misused),
    };
    if let Err(trouble) = unfinished::settle(context, &here).await {
        return tell(context, &trouble.findings, trouble.outcome);
    }
    if wish.clean
        && let Err(trouble) = step::may_destroy(context, &here, wish)
    {
        return tell(context, &trouble.findings, trouble.outcome);
    }
    let plan = if wish.clean { Plan::clean(Rules::UNKNOWN) } else { Plan::release(Rules::UNKNOWN) };
    if wish.dry_run {
        return step::rehearse(context, &here, wish, plan).await;
    }
    let record = new_record(context, &here, wish, queue::next(&here.site, context.now()));
    let mut work = Work::new(context, &here, wish, record, plan);
    let verdict = match drive::drive(&mut work, plan).await {
        Ok(verdict) => verdict,
        Err(finding) => return tell(context, &[finding], Outcome::Failed),
    };
    told::release(work, &verdict).await
}

/// Brings back the release before, or the one that is named.
pub(crate) async fn rollback(context: &Context, place: &Place, back: &Back) -> Outcome {
    let here = match Here::of(context, place) {
        Ok(here) => here,
        Err(findings) => return tell(context, &findings, Outcome::Misused),
    };
    if let Err(trouble) = unfinished::settle(context, &here).await {
        return tell(context, &trouble.findings, trouble.outcome);
    }
    let way = match step::way_back(context, &here, back).await {
        Ok(way) => way,
        Err(trouble) => return tell(context, &trouble.findings, trouble.outcome),
    };
    let plan = Plan::rollback(way.schema);
    let wish = Wish { json: back.json, ..Wish::default() };
    let mut work = Work::new(context, &here, &wish, way.record, plan);
    work.is_rollback = true;
    work.replacement = way.copy;
    let verdict = match drive::drive(&mut work, plan).await {
        Ok(verdict) => verdict,
        Err(finding) => return tell(context, &[finding], Outcome::Failed),
    };
    told::rollback(work, &verdict).await
}

/// Of a release that is begun now.
fn new_record(context: &Context, here: &Here, wish: &Wish, id: ReleaseId) -> Record {
    let reference = wish.reference.clone().unwrap_or_else(|| here.deploy.branch.clone());
    let by = wish.by.clone().or_else(|| context.user.clone()).unwrap_or_else(|| "somebody".to_owned());
    Record::new(id, reference, by, FILE_NAME)
}

/// What is wanted of a rollback.
#[derive(Clone, Debug, Default)]
pub(crate) struct Back {
    /// To which; nothing for the one that was confirmed before.
    pub(crate) to: Option<String>,
    /// Nobody has to be asked.
    pub(crate) yes: bool,
    /// The schema stays as it is.
    pub(crate) keep_schema: bool,
    /// The copy from before takes the place of the database.
    pub(crate) restore: bool,
    /// The name of the database, from whoever need not be asked whether its rows may go.
    pub(crate) yes_restore: Option<String>,
    /// The record as JSON in the end.
    pub(crate) json: bool,
}

/// Is this the release that `name` means: by its id, the beginning or end of that, or its commit?
pub(crate) fn is_named(record: &Record, name: &str) -> bool {
    const SHORTEST: usize = 4;
    let (id, upper) = (record.id.to_string(), name.to_ascii_uppercase());
    name.len() >= SHORTEST && (id.starts_with(&upper) || id.ends_with(&upper) || record.commit.starts_with(name))
}

/// What an application asks for.
fn rules_of(deploy: &Deploy, migrates: bool) -> Rules {
    Rules {
        // Images are built, whatever else is.
        builds: !deploy.build.is_empty()
            || deploy.dependencies.is_some()
            || matches!(deploy.driver, Driver::Compose { .. }),
        migrates,
        copies: match deploy.backup {
            BackupWhen::Pending => Copies::Pending,
            BackupWhen::Always => Copies::Always,
            BackupWhen::Never => Copies::Never,
        },
        watches: !deploy.watch.is_zero(),
    }
}

/// What fails without a step that could be blamed.
fn unexpected(step: Step, error: &(dyn std::error::Error + 'static)) -> Finding {
    Finding::error(format!("{step}: something on this machine fails")).because(error)
}
