//! Redis over its own protocol (RESP2: <https://redis.io/docs/latest/develop/reference/protocol-spec/>), as much of it
//! as a gate and a monitor need.

mod ask;
mod code;
mod info;
mod queues;
mod reply;
mod wire;

pub use ask::{RedisFacts, RedisRole, ask};
pub use queues::queue_lengths;
