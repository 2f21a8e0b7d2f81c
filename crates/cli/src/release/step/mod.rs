//! How each step of a release is done, and how it is taken back.

mod addresses;
mod backup;
mod build;
mod check;
mod clean;
mod confirm;
mod connections;
mod exchange;
mod fetch;
mod heads;
mod loss;
mod migrate;
mod needs;
mod preflight;
mod prove;
mod rehearse;
mod smoke;
mod way_back;

pub(super) use backup::backup;
pub(super) use build::build;
pub(super) use check::{check, check_again};
pub(super) use clean::{empty, may_destroy, names_back, put_back, start_again, stop};
pub(super) use confirm::{confirm, leave};
pub(super) use exchange::{Replacement, exchange, exchange_back, remove_new, restore};
pub(super) use fetch::{fetch, remove_tree};
pub(super) use migrate::{migrate, migrate_again, revert, take_back_migrations};
pub(super) use preflight::preflight;
pub(super) use prove::{errors, prove};
pub(super) use rehearse::rehearse;
pub(super) use smoke::{Unpassed, ask as ask_smoke};
pub(super) use way_back::way_back;
