//! From what is configured to the steps that carry it out.

use crate::{Plan, Step, StepKind};
use config::{App, MigrationSource, Migrations, OnFailure, Rhythm};

/// What the operator asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Bring the application up and keep it up.
    Up,
    /// Only bring the schema up to date.
    Migrate,
}

impl Plan {
    /// The plan for `intent`. Pure.
    pub fn of(intent: Intent, app: &App) -> Plan {
        let migrate = app.migrations.as_ref().map(migrate);
        let steps = match intent {
            Intent::Up => [Some(prepare(app)), Some(gate(app)), migrate, Some(start(app))],
            Intent::Migrate => [None, Some(gate_of_migrations(app)), migrate, None],
        };
        Plan { steps: steps.into_iter().flatten().collect() }
    }
}

fn must(kind: StepKind) -> Step {
    Step { kind, may_fail: false }
}

fn prepare(app: &App) -> Step {
    must(StepKind::Prepare { data: app.keeps_data.then(|| app.data.display().to_string()) })
}

fn gate(app: &App) -> Step {
    let mark = |required: bool| if required { "" } else { "?" };
    let dependencies = app.dependencies.iter().map(|it| format!("{}{}", it.name, mark(it.required))).collect();
    Step { kind: StepKind::Gate { dependencies }, may_fail: app.on_failure == OnFailure::Degrade }
}

fn gate_of_migrations(app: &App) -> Step {
    let dependencies = app.migrations.iter().map(|migrations| migrations.database.clone()).collect();
    must(StepKind::Gate { dependencies })
}

fn migrate(migrations: &Migrations) -> Step {
    let source = match &migrations.source {
        MigrationSource::Directory(dir) => dir.display().to_string(),
        MigrationSource::Command(argv) => argv.join(" "),
    };
    let kind = StepKind::Migrate { database: migrations.database.clone(), source };
    Step { kind, may_fail: migrations.on_failure == OnFailure::Degrade }
}

fn start(app: &App) -> Step {
    let jobs = app.jobs.iter().filter(|job| app.jobs_are_off().is_none() && job.rhythm != Rhythm::Off);
    must(StepKind::Start {
        services: app.services.iter().map(|service| service.name.clone()).collect(),
        jobs: jobs.map(|job| job.name.clone()).collect(),
    })
}
