//! `mainstay backup list`

use super::{
    Shown, failed, listed,
    shown::{Risk, table},
    world,
};
use crate::{args::BackupList, context::Context, verbs::answer};
use backup::{Copy, Exposure, copies};
use jiff::Timestamp;
use report::Outcome;

/// All copies of the application, the newest first, and what would be lost of each database.
pub(super) fn list(context: &Context, args: BackupList) -> Outcome {
    let world = match world(context, &args.flags, None) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let copies = match copies(&world.app.backup.to, &world.app.name) {
        Ok(copies) => copies,
        Err(error) => return failed(context, &error),
    };
    let now = context.now();
    let risks = risks(&copies, now);
    let shown: Vec<_> = copies.iter().map(|copy| Shown::of(copy, &context.cwd)).collect();
    let text = if args.flags.json { listed(&shown, Some(&risks)) } else { table(&shown, &risks, now) };
    answer(context, text.trim_end(), Outcome::Done)
}

/// One for each database that copies are of, in the order of their newest.
fn risks(copies: &[Copy], now: Timestamp) -> Vec<Risk> {
    let mut risks: Vec<Risk> = Vec::new();
    for copy in copies {
        let Some(manifest) = copy.known().filter(|_| !risks.iter().any(|risk| risk.database == copy.database)) else {
            continue;
        };
        let ours = copies.iter().filter(|other| other.database == copy.database).filter_map(Copy::known);
        let name = manifest.source.name.clone();
        risks.push(Risk { database: copy.database.clone(), name, exposure: Exposure::of(ours, now) });
    }
    risks
}
