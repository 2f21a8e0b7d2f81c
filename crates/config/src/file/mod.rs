//! The first tier: `mainstay.toml` as it was written, every key optional, unknown keys refused.

mod check;
mod context;
mod key;
pub(crate) mod keys;
mod setting;
mod table;

pub(crate) use check::{check, is_name};
pub(crate) use context::{Context, Origin, place};
pub(crate) use key::{Key, Kind, Section};
pub(crate) use setting::{Setting, Written, interpolated};
pub(crate) use table::{Entry, Item, Table, variable_name};
