//! What goes wrong elsewhere, as the trouble of a step.

use ::backup::BackupError;
use ::migrate::MigrateError;
use plan::Trouble;
use probe::gate::GateError;
use report::{Finding, Outcome};

/// Dependencies that did not become ready.
pub(crate) fn of_gate(errors: &[GateError]) -> Trouble {
    let outcome = errors.iter().map(GateError::outcome).fold(Outcome::Done, Outcome::and);
    Trouble { outcome, findings: errors.iter().map(Finding::from).collect() }
}

/// Of a copy or a restore.
pub(crate) fn of_backup(error: BackupError) -> Trouble {
    Trouble { outcome: error.outcome(), findings: vec![error.finding()] }
}

/// Of migrations.
pub(crate) fn of_migrate(error: MigrateError) -> Trouble {
    Trouble { outcome: error.outcome(), findings: error.findings() }
}

/// Somebody was told already.
pub(crate) fn told(outcome: Outcome) -> Trouble {
    Trouble { outcome, findings: Vec::new() }
}
