//! From a URL to [`RedisDsn`].

use super::{RedisDsn, RedisPlace};
use crate::{
    dsn::{
        TargetError,
        url::{Url, host_and_port, split},
    },
    suggest::did_you_mean,
    target::socket,
};
use report::{Secret, or_list};
use std::path::PathBuf;

const PARAMETERS: [&str; 3] = ["db", "password", "username"];

/// Parameters that concern the driver of the application (redis-py and others), not us.
const DRIVER_PARAMETERS: [&str; 9] = [
    "decode_responses",
    "encoding",
    "health_check_interval",
    "max_connections",
    "protocol",
    "retry_on_timeout",
    "socket_connect_timeout",
    "socket_timeout",
    "ssl_cert_reqs",
];

/// Reads `redis://user:password@host:port/number`, `rediss://` for TLS, and `redis+unix:///path?db=number`.
pub fn parse(text: &str) -> Result<RedisDsn, TargetError> {
    let url = split(text)?;
    let scheme = text.split("://").next().unwrap_or_default();
    let unix = matches!(scheme, "redis+unix" | "redis+socket" | "redis-socket");
    check_parameters(text, &url)?;
    let place = if unix { unix_place(text, &url)? } else { tcp_place(text, &url)? };
    let number = if unix { None } else { Some(url.path.as_str()).filter(|path| !path.is_empty()) };
    Ok(RedisDsn {
        place,
        user: url.user.clone().or_else(|| parameter(&url, "username")),
        password: url.password.clone().or_else(|| parameter(&url, "password").map(Secret::new)),
        database: database(text, number.map(str::to_owned).or_else(|| parameter(&url, "db")))?,
        tls: scheme == "rediss",
    })
}

fn check_parameters(text: &str, url: &Url<'_>) -> Result<(), TargetError> {
    let known = |key: &str| PARAMETERS.contains(&key) || DRIVER_PARAMETERS.contains(&key);
    let Some((key, _)) = url.query.iter().find(|(key, _)| !known(key)) else { return Ok(()) };
    let hint = did_you_mean(key, PARAMETERS).unwrap_or(format!("known parameters are {}", or_list(PARAMETERS)));
    Err(TargetError::new(text, format!("unknown parameter `{key}`")).hint(hint))
}

fn unix_place(text: &str, url: &Url<'_>) -> Result<RedisPlace, TargetError> {
    if url.path.is_empty() {
        return Err(
            TargetError::new(text, "it names no socket").hint("write `redis+unix:///run/redis/redis.sock?db=0`")
        );
    }
    let path = PathBuf::from(format!("{}/{}", url.place, url.path));
    socket::fits(text, &path)?;
    Ok(RedisPlace::Unix(path))
}

fn tcp_place(text: &str, url: &Url<'_>) -> Result<RedisPlace, TargetError> {
    let (host, port) = host_and_port(text, url.place)?;
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    Ok(RedisPlace::Tcp(host, port.unwrap_or(6379)))
}

fn database(text: &str, number: Option<String>) -> Result<u32, TargetError> {
    let Some(number) = number else { return Ok(0) };
    number.trim_end_matches('/').parse().map_err(|_| {
        TargetError::new(text, format!("`{number}` is not the number of a database"))
            .hint("Redis numbers its databases: `redis://127.0.0.1:6379/0`")
    })
}

fn parameter(url: &Url<'_>, key: &str) -> Option<String> {
    url.query.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
}
