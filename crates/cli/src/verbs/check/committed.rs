//! The commit that a release is made of (S2.20), and the application as that describes it.

use super::{check_of, one, with_hint};
use crate::{
    args::Place,
    context::Context,
    load::{Committed, Reading, load_committed},
};
use config::{App, Overrides};
use deploy::{
    Site,
    git::{Commit, Git, GitError, Origin, Source},
};
use report::{Check, Finding, Verdict};

/// Is there a commit to release, does it hold what lies here, and what does its own file say? Without one, nothing is known of the last.
///
/// # Errors
/// Its file is wrong.
pub(super) async fn look(
    context: &Context,
    place: &Place,
    site: &App,
    reference: Option<&str>,
    flags: Overrides,
) -> Result<(Vec<Check>, Option<App>), Vec<Finding>> {
    let deploy = site.deploy.clone().unwrap_or_default();
    let git = Git::new(&*context.spawner, &context.env);
    let reference = reference.unwrap_or(&deploy.branch);
    let (source, commit) = match found(&git, site, reference).await {
        Ok(found) => found,
        Err(error) => return Ok((vec![of_git(&error)], None)),
    };
    let short = commit.id.get(..10).unwrap_or(&commit.id).to_owned();
    let mut checks = vec![check_of("commit", Verdict::Pass, format!("`{reference}` is {short}: {}", commit.subject))];
    checks.extend(working_copy(&git, &source).await);
    let file = source.file.clone();
    match git.file(&source, &commit, &file).await {
        Ok(Some(text)) => {
            let committed = Committed { file, text, commit: short.clone() };
            let load = |reading| load_committed(context, place, site, &committed, flags.clone(), reading);
            match load(Reading::Strict) {
                Ok(resolved) => {
                    checks.push(one(&format!("configuration of {short}"), &resolved.warnings, "complete"));
                    Ok((checks, Some(resolved.app)))
                }
                Err(problems) => {
                    load(Reading::Lenient)?;
                    checks.push(one(&format!("environment of {short}"), &problems, ""));
                    Ok((checks, None))
                }
            }
        }
        Ok(None) => {
            let check = check_of("commit", Verdict::Fail, format!("there is no `{}` in {short}", file.display()));
            checks.push(with_hint(check, "commit it; or name the one that is meant with `file` in `[deploy]`"));
            Ok((checks, None))
        }
        Err(error) => {
            checks.push(of_git(&error));
            Ok((checks, None))
        }
    }
}

async fn found(git: &Git<'_>, site: &App, reference: &str) -> Result<(Source, Commit), GitError> {
    let deploy = site.deploy.clone().unwrap_or_default();
    let source = git.source(&Site::of(site), &deploy, &site.root).await?;
    if matches!(source.origin, Origin::Mirror(_)) {
        git.fetch(&source).await?;
    }
    let commit = git.resolve(&source, reference).await?;
    Ok((source, commit))
}

async fn working_copy(git: &Git<'_>, source: &Source) -> Option<Check> {
    Some(match (&source.origin, git.changes(source).await) {
        (Origin::Pushed | Origin::Mirror(_), _) => return None,
        (Origin::Foreign, Ok(changes)) if changes.is_empty() => {
            check_of("working copy", Verdict::Pass, "all of it is committed")
        }
        (Origin::Foreign, Ok(changes)) => {
            let seen = format!("not committed: {}", changes.join(", "));
            with_hint(check_of("working copy", Verdict::Fail, seen), "what is not committed is not released")
        }
        (Origin::Foreign, Err(error)) => check_of("working copy", Verdict::CouldNotVerify, error.to_string()),
    })
}

fn of_git(error: &GitError) -> Check {
    let finding = error.finding();
    let seen = finding.in_a_line();
    Check { hint: finding.hint, ..check_of("commit", Verdict::Fail, seen) }
}
