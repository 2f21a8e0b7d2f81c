//! How long queues are.

use super::{ask::greeting, reply::Reply, wire::Wire};
use crate::{Refusal, socket};
use config::dsn::RedisDsn;
use retry::Deadline;
use std::time::Duration;

/// The length of each queue, in the order of `names`: a list, a stream, a sorted set or a set. Zero when there is no
/// such key, none when it is of another kind or could not be asked.
pub async fn queue_lengths(dsn: &RedisDsn, names: &[String], timeout: Duration) -> Vec<(String, Option<u64>)> {
    let deadline = Deadline::after(timeout);
    let lengths = match socket::within(&deadline, "", lengths(dsn, names, &deadline)).await {
        Ok(Ok(lengths)) => lengths,
        Ok(Err(_)) | Err(_) => vec![None; names.len()],
    };
    names.iter().cloned().zip(lengths).collect()
}

async fn lengths(dsn: &RedisDsn, names: &[String], deadline: &Deadline) -> Result<Vec<Option<u64>>, Refusal> {
    let mut wire = Wire::open(dsn, deadline).await?;
    let database = dsn.database.to_string();
    let mut commands = greeting(dsn, &database);
    let greetings = commands.len();
    commands.extend(names.iter().map(|name| vec!["TYPE", name.as_str()]));
    let kinds = wire.ask(&commands).await?;
    let counts: Vec<_> = names.iter().zip(kinds.iter().skip(greetings)).map(|(name, kind)| count(name, kind)).collect();
    let questions: Vec<_> = counts.iter().flatten().cloned().collect();
    let mut answers = wire.ask(&questions).await?.into_iter();
    let length = |command: &Option<Vec<&str>>| command.as_ref().and_then(|_| answers.next()?.count());
    Ok(counts.iter().map(length).chain(std::iter::repeat(None)).take(names.len()).collect())
}

/// The command that counts a key of this kind.
fn count<'a>(name: &'a str, kind: &Reply) -> Option<Vec<&'a str>> {
    let command = match kind.text()? {
        // A queue that has been emptied has no key; LLEN says 0.
        "list" | "none" => "LLEN",
        "stream" => "XLEN",
        "zset" => "ZCARD",
        "set" => "SCARD",
        _ => return None,
    };
    Some(vec![command, name])
}
