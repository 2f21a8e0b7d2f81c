//! How quick, and how quiet: the program beside what people use instead, in one run. Numbers are printed, never asserted.
mod backup;
mod gate;
mod helper;
mod idle;
mod load;
mod machine;
mod migrate;
mod options;
mod process;
mod release;
mod remote;
mod restart;
mod rivals;
mod start;
mod supervise;
mod supervisor;
mod table;
mod waiter;

use crate::setup;
use crate::task::{Done, Failure, cargo, step, target};
use options::{Chapter, Options};
use std::path::PathBuf;
use table::Table;

/// What every measurement is given.
struct Bench {
    /// The program that is measured: a release build.
    mainstay: PathBuf,
    /// Fewer rounds and shorter windows: shows that everything works, not what it comes to.
    quick: bool,
    /// The one part of a chapter that is wanted.
    only: Option<&'static str>,
    /// Other supervisors that are there.
    rivals: rivals::Rivals,
}

/// Builds the release, measures the chosen chapters, prints their tables and keeps them as JSON.
pub(crate) fn run(arguments: &[&str]) -> Done {
    let options = Options::parse(arguments)?;
    if options.build {
        step("build the release", cargo(["build", "--quiet", "--release", "--package", "mainstay"]))?;
    }
    if options.migration_tools() {
        setup::with_peers()?;
    }
    if options.proxies() {
        setup::bring(release::NEEDS)?;
    }
    if options.backups() {
        setup::bring(backup::NEEDS)?;
    }
    let rivals = rivals::Rivals::find(&directory(), options.supervisors());
    helper::make()?;
    let bench = Bench { mainstay: release(), quick: options.quick, only: options.only, rivals };
    for chapter in &options.chapters {
        println!("\n==> {} ({})", chapter.name(), machine::line());
        let tables = bench.measure(*chapter)?;
        for table in &tables {
            println!("\n{table}");
        }
        keep(*chapter, &tables)?;
    }
    Ok(())
}

impl Bench {
    fn measure(&self, chapter: Chapter) -> Result<Vec<Table>, Failure> {
        match chapter {
            Chapter::Gate => gate::measure(self),
            Chapter::Start => start::measure(self),
            Chapter::Restart => restart::measure(self),
            Chapter::Idle => idle::measure(self),
            Chapter::Supervise => supervise::measure(self),
            Chapter::Migrate => migrate::measure(self),
            Chapter::Release => release::measure(self),
            Chapter::Backup => backup::measure(self),
        }
    }

    /// So many rounds, or a few of them.
    fn rounds(&self, full: usize) -> usize {
        if self.quick { full.div_ceil(10) } else { full }
    }
}

fn keep(chapter: Chapter, tables: &[Table]) -> Done {
    let file = directory().join(format!("{}.json", chapter.name()));
    let tables: Vec<_> = tables.iter().map(Table::json).collect();
    let text = serde_json::json!({ "bench": chapter.name(), "machine": machine::json(), "tables": tables });
    let kept = std::fs::create_dir_all(directory()).and_then(|()| std::fs::write(&file, format!("{text:#}\n")));
    kept.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
    println!("\nkept in {}", file.display());
    Ok(())
}

/// Below the build directory, where nothing is kept for ever.
fn directory() -> PathBuf {
    target().join("bench")
}

fn release() -> PathBuf {
    target().join("release/mainstay")
}
