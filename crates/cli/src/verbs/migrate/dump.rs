//! `mainstay migrate dump`

use super::{done, reading};
use crate::{
    args::MigrateDump,
    context::Context,
    verbs::{answer, tell},
};
use report::{Event, Finding, Outcome, count};
use std::path::Path;

/// The mode of a file that is made; the schema is no secret.
const MODE: u32 = 0o644;

/// The schema as SQL, to standard output or to a file.
pub(super) async fn dump(context: &Context, args: MigrateDump) -> Outcome {
    let (json, output) = (args.flags.json, args.output.map(|file| context.cwd.join(file)));
    reading(context, args.flags, async |job| {
        let text = migrate::dump(job).await?;
        Ok(match output {
            Some(file) => write(context, &file, &text),
            None if json => answer(context, &serde_json::json!({ "schema": text }).to_string(), Outcome::Done),
            None => answer(context, text.trim_end(), Outcome::Done),
        })
    })
    .await
}

fn write(context: &Context, file: &Path, text: &str) -> Outcome {
    let shown = file.strip_prefix(&context.cwd).unwrap_or(file).display();
    match host::fs::write_atomic(file, text.as_bytes(), MODE) {
        Ok(()) => {
            let lines = count(text.lines().count(), "line");
            done(context, Event::new("migrate.dump", format!("migrate: wrote {lines} to `{shown}`")), None::<&()>)
        }
        Err(error) => {
            let finding = Finding::error(format!("the schema cannot be written to `{shown}`")).because(&error);
            tell(context, &[finding], Outcome::Failed)
        }
    }
}
