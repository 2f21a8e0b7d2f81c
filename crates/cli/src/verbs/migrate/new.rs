//! `mainstay migrate new`

use super::{failed, no_migrations, world};
use crate::{
    args::MigrateNew,
    context::Context,
    verbs::{answer, tell},
};
use jiff::tz::TimeZone;
use report::{Finding, Outcome};

/// Makes the files of a new migration; answers with their paths.
pub(super) fn new(context: &Context, args: MigrateNew) -> Outcome {
    let (json, name) = (args.flags.json, args.name.join(" "));
    if !name.chars().any(char::is_alphanumeric) {
        let finding = Finding::error(format!("`{name}` is no name for a migration"));
        return tell(
            context,
            &[finding.hint("say what it does: `mainstay migrate new \"add users\"`")],
            Outcome::Misused,
        );
    }
    let world = match world(context, args.flags) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let Some(job) = world.job() else { return tell(context, &[no_migrations()], Outcome::Misused) };
    let now = context.now().to_zoned(TimeZone::UTC);
    match migrate::new(&job, &name, &now.strftime("%Y%m%d%H%M%S").to_string()) {
        Ok(paths) => {
            let shown =
                |path: &std::path::PathBuf| path.strip_prefix(&context.cwd).unwrap_or(path).display().to_string();
            let names: Vec<_> = paths.iter().map(shown).collect();
            let text = if json { serde_json::json!({ "files": names }).to_string() } else { names.join("\n") };
            answer(context, &text, Outcome::Done)
        }
        Err(error) => failed(context, &error),
    }
}
