//! What the release needs before it can be started.

use super::{
    super::{
        checklist::Clock,
        driver,
        work::{Did, Work, failed, on_disk},
    },
    check::programs,
};
use crate::context::Context;
use ::deploy::{State, build::Builder};
use report::{Lines, Stream, bytes};
use std::path::Path;

/// Runs the commands of `[deploy]`; what they say is kept, and shown as it comes.
pub(in crate::release) async fn build(work: &mut Work<'_>) -> Did {
    let world = work.world()?;
    let (site, mut deploy) = (&work.here.site, work.deploy().clone());
    deploy.build.extend(driver::build_step(work, &world.app).await?);
    ::deploy::build::end_left(site).await.map_err(on_disk("what an earlier build has left cannot be ended"))?;
    let lines = Said { context: work.context, clock: work.list.clock() };
    let root: &Path = &world.app.root;
    let builder = Builder {
        spawner: &*work.context.spawner,
        site,
        record: &work.record,
        root,
        env: &world.app.env,
        lines: &lines,
    };
    let built = builder.build(&deploy, work.wish.rebuild).await.map_err(|error| failed(error.finding()))?;
    let skipped = if built.dependencies_skipped { ", dependencies as before" } else { "" };
    let text = format!("{}{skipped}", bytes(built.bytes));
    driver::after_build(work, &world.app).await?;
    work.record.dependencies = built.dependencies;
    work.record.bytes = Some(built.bytes);
    work.record.state = State::Built;
    // Where the build has left no room for that, it is better found here than while the services change.
    work.write()?;
    if !work.driver.is_in_place() {
        programs(&world)?;
    }
    Ok(text)
}

/// On a terminal the last line is shown beside the step, for all of them are kept; elsewhere all go out.
struct Said<'a> {
    context: &'a Context,
    clock: Clock,
}

impl Lines for Said<'_> {
    fn line(&self, service: &str, stream: Stream, line: &[u8]) {
        match self.context.terminal.has_standing_line() {
            true => self.clock.say(String::from_utf8_lossy(line)),
            false => self.context.terminal.line(service, stream, line),
        }
    }
}
