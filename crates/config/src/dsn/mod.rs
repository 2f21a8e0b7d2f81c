//! Data source names: our own layer, because the drivers know neither `verify-full` nor `.pgpass` nor `standby`.

mod postgres;
mod redis;

pub use postgres::{ChannelBinding, Host, PostgresDsn, SessionAttrs, SslMode};
pub use redis::{RedisDsn, RedisPlace};
