//! `mainstay backup list`

use super::{
    Shown, all_copies, failed, listed,
    shown::{Risk, table},
    world,
};
use crate::{args::BackupList, context::Context, verbs::answer};
use backup::{Copy, Exposure, cut_off};
use config::App;
use jiff::Timestamp;
use report::{Finding, Outcome};

/// All copies of the application, the newest first, and what would be lost of each database.
pub(super) async fn list(context: &Context, args: BackupList) -> Outcome {
    let world = match world(context, &args.flags, None) {
        Ok(world) => world,
        Err(outcome) => return outcome,
    };
    let (copies, outcome) = match all_copies(context, &world).await {
        Ok(copies) => copies,
        Err(error) => return failed(context, &error),
    };
    tell_cut_off(context, &world.app);
    let now = context.now();
    let risks = risks(&copies, now);
    let shown = Shown::each_once(&copies, &context.cwd);
    let text = if args.flags.json { listed(&shown, Some(&risks)) } else { table(&shown, &risks, now) };
    answer(context, text.trim_end(), outcome)
}

/// Restores that nobody has seen the end of may have left a database that nobody else will name.
fn tell_cut_off(context: &Context, app: &App) {
    for cut in cut_off(&app.backup.to, &app.name) {
        let finding = Finding::warning(format!("`{}`: {cut}", cut.database));
        context.terminal.finding(&finding.hint("`mainstay restore --undo` looks, and puts back what was replaced"));
    }
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
