//! `mainstay migrate baseline`

use super::{changing, done};
use crate::{args::MigrateBaseline, context::Context};
use migrate::Version;
use report::{Event, Journal, Outcome, count};

/// Takes migrations as applied without applying them.
pub(super) async fn baseline(context: &Context, args: MigrateBaseline) -> Outcome {
    let (json, version) = (args.flags.json, Version::from(args.version.as_str()));
    changing(context, args.flags, async |job| {
        let taken = migrate::baseline(job, &version).await?;
        for migration in &taken {
            let text = format!("taken as applied: {}", migration.name);
            context.terminal.note(Event::new("migrate.baseline", text).with("file", migration.name.as_str()));
        }
        let text = match taken.len() {
            0 => "migrate: nothing is pending up to that version".to_owned(),
            number => format!("migrate: took {} as applied, without applying them", count(number, "migration")),
        };
        Ok(done(context, Event::new("migrate.done", text), json.then_some(&taken)))
    })
    .await
}
