//! Data source names: our own layer, because the drivers know neither `verify-full` nor `.pgpass` nor `standby`.

pub(crate) mod assemble;
mod error;
pub mod postgres;
pub mod redis;
pub(crate) mod sqlite;
mod surroundings;
pub(crate) mod url;

pub use error::TargetError;
pub use postgres::{ChannelBinding, Host, PostgresDsn, SessionAttrs, SslMode};
pub use redis::{RedisDsn, RedisPlace};
pub use surroundings::Surroundings;
pub use url::encode;
