//! What the server itself needs for the statements: nobody who sends each file on its own can be quicker.
use super::{FILES, Field, files};
use crate::bench::helper::{millis, now};

/// Milliseconds for all of them in one transaction, sent at once by `psql`, without any ledger.
pub(super) fn measure(field: &Field) -> f64 {
    let name = "floor";
    field.server.psql(&format!("drop database if exists {name}"));
    field.server.create_database(name);
    field.server.psql("checkpoint");
    let statements: String = (1..=FILES).map(files::up).collect();
    let begun = now();
    field.server.psql_in(name, &statements);
    millis(begun, now())
}
