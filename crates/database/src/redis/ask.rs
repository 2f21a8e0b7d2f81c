//! The one question: is this Redis what the application needs?

use super::{code, info::Info, reply::Reply, wire::Wire};
use crate::{Patience, Refusal, ServerState, socket};
use config::{Access, dsn::RedisDsn};
use retry::Deadline;
use serde::Serialize;
use std::time::Duration;

/// What a server said about itself. What its ACL hides is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisFacts {
    /// `ready`, or `read-only` when that was enough.
    pub state: ServerState,
    /// As people say it: `7.0.15`.
    pub version: Option<String>,
    /// Primary or replica.
    pub role: Option<RedisRole>,
    /// Changes with every start of the server.
    pub run_id: Option<String>,
    /// How long it has been up.
    pub up: Option<Duration>,
}

/// What a server is to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RedisRole {
    /// Accepts writes.
    Primary,
    /// Follows a primary.
    Replica,
}

/// Asks the server whether it can be used for `access`, in `timeout` altogether: one connection, one round trip.
///
/// `PING` alone would not do: a replica answers it while its primary is gone, and `redis-cli` calls a server that is
/// loading a success.
///
/// Errors: why it cannot be used now.
pub async fn ask(dsn: &RedisDsn, access: Access, timeout: Duration) -> Result<RedisFacts, Refusal> {
    let deadline = Deadline::after(timeout);
    let mut wire = Wire::open(dsn, &deadline).await?;
    let place = wire.place().to_owned();
    let database = dsn.database.to_string();
    let mut commands = greeting(dsn, &database);
    let greetings = commands.len();
    commands.extend([vec!["PING"], vec!["ROLE"], vec!["INFO"]]);
    let replies = socket::within(&deadline, &place, wire.ask(&commands)).await??;
    judge(&replies, greetings, access)
}

/// `AUTH` and `SELECT`, as far as needed.
pub(super) fn greeting<'a>(dsn: &'a RedisDsn, database: &'a str) -> Vec<Vec<&'a str>> {
    let mut commands = Vec::new();
    if let Some(password) = &dsn.password {
        let user = dsn.user.as_deref().filter(|user| !user.is_empty());
        commands.push(["AUTH"].into_iter().chain(user).chain([password.reveal()]).collect());
    }
    if dsn.database != 0 {
        commands.push(vec!["SELECT", database]);
    }
    commands
}

/// Pure: what the replies to a greeting, `PING`, `ROLE` and `INFO` mean.
fn judge(replies: &[Reply], greetings: usize, access: Access) -> Result<RedisFacts, Refusal> {
    let (greeted, asked) = replies.split_at(greetings.min(replies.len()));
    let info = Info(asked.get(2).and_then(Reply::text).unwrap_or_default());
    if let Some(error) = greeted.iter().find_map(Reply::error) {
        return Err(code::refusal(error));
    }
    if let Some(error) = asked.first().and_then(Reply::error) {
        ping(error, info, access)?;
    }
    let role = role(asked.get(1), access)?;
    let state = match role {
        Some(RedisRole::Replica) => ServerState::ReadOnly,
        _ => ServerState::Ready,
    };
    Ok(RedisFacts {
        state,
        version: info.get("redis_version").map(str::to_owned),
        role,
        run_id: info.get("run_id").map(str::to_owned),
        up: info.number("uptime_in_seconds").map(Duration::from_secs),
    })
}

/// An ACL may forbid `PING` and still allow what the application does; a server that cannot save can still be read.
fn ping(error: &str, info: Info<'_>, access: Access) -> Result<(), Refusal> {
    let refusal = code::refusal(error);
    match refusal.state {
        _ if error.starts_with("NOPERM") => Ok(()),
        ServerState::ReadOnly if access == Access::ReadOnly => Ok(()),
        _ => Err(Refusal { detail: info.loading(), ..refusal }),
    }
}

/// The role, when it may be known and will do.
fn role(reply: Option<&Reply>, access: Access) -> Result<Option<RedisRole>, Refusal> {
    let Some(Reply::Array(parts)) = reply else { return Ok(None) };
    let part = |index: usize| parts.get(index).and_then(Reply::text);
    match (part(0), access) {
        (Some("master"), _) => Ok(Some(RedisRole::Primary)),
        (Some("slave"), Access::ReadWrite) => {
            Err(code::refusal("READONLY the server is a replica: it accepts no writes"))
        }
        (Some("slave"), Access::ReadOnly) if part(3) == Some("connected") => Ok(Some(RedisRole::Replica)),
        (Some("slave"), Access::ReadOnly) => Err(unlinked(part(3).unwrap_or("no link"))),
        (Some("sentinel"), _) => Err(sentinel()),
        _ => Ok(None),
    }
}

fn unlinked(link: &str) -> Refusal {
    let error = format!("MASTERDOWN the replica is not in step with its primary, link: {link}");
    Refusal { hint: Some("is the primary up, and does it admit the replica?".into()), ..code::refusal(&error) }
}

fn sentinel() -> Refusal {
    Refusal {
        state: ServerState::Denied,
        patience: Patience::None,
        code: None,
        message: "this is a Sentinel, which knows servers but keeps no data".into(),
        detail: None,
        hint: Some("name the address of the Redis server itself".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> Reply {
        Reply::Error(text.into())
    }

    fn role_of(words: &[&str]) -> Reply {
        Reply::Array(words.iter().map(|word| Reply::Text((*word).into())).collect())
    }

    fn pong() -> Reply {
        Reply::Text("PONG".into())
    }

    #[test]
    fn a_password_goes_first_and_the_default_database_needs_no_select() {
        let dsn = |user: Option<&str>, password: Option<&str>, database| RedisDsn {
            place: config::dsn::RedisPlace::Tcp("h".into(), 1),
            user: user.map(str::to_owned),
            password: password.map(Into::into),
            database,
            tls: false,
        };
        assert!(greeting(&dsn(None, None, 0), "0").is_empty());
        assert_eq!(greeting(&dsn(None, Some("p"), 3), "3"), [vec!["AUTH", "p"], vec!["SELECT", "3"]]);
        assert_eq!(greeting(&dsn(Some("u"), Some("p"), 0), "0"), [vec!["AUTH", "u", "p"]]);
    }

    #[test]
    fn a_primary_is_ready_and_a_replica_depends() {
        let replies = |role: &[&str]| [pong(), role_of(role), Reply::Text("redis_version:7.0.15\r\n".into())];
        let facts = judge(&replies(&["master", "0"]), 0, Access::ReadWrite).unwrap();
        assert_eq!((facts.state, facts.version.as_deref()), (ServerState::Ready, Some("7.0.15")));
        let slave = ["slave", "h", "6379", "connected"];
        assert_eq!(judge(&replies(&slave), 0, Access::ReadWrite).unwrap_err().state, ServerState::ReadOnly);
        assert_eq!(judge(&replies(&slave), 0, Access::ReadOnly).unwrap().state, ServerState::ReadOnly);
        let syncing = ["slave", "h", "6379", "sync"];
        assert_eq!(judge(&replies(&syncing), 0, Access::ReadOnly).unwrap_err().state, ServerState::Recovering);
        assert_eq!(judge(&replies(&["sentinel"]), 0, Access::ReadOnly).unwrap_err().patience, Patience::None);
    }

    /// An application's user often may not ask ROLE and INFO.
    #[test]
    fn what_the_acl_hides_is_not_held_against_it() {
        let denied = || error("NOPERM this user has no permissions to run the 'role' command");
        let facts = judge(&[pong(), denied(), denied()], 0, Access::ReadWrite).unwrap();
        assert_eq!((facts.state, facts.role, facts.version), (ServerState::Ready, None, None));
    }

    #[test]
    fn the_first_error_is_the_reason() {
        let noauth = || error("NOAUTH Authentication required.");
        let refusal =
            judge(&[error("WRONGPASS invalid"), noauth(), noauth(), noauth()], 1, Access::ReadWrite).unwrap_err();
        assert_eq!(refusal.code.as_deref(), Some("WRONGPASS"));
        let loading = Reply::Text("loading:1\r\nloading_loaded_perc:5.00\r\nloading_eta_seconds:20\r\n".into());
        let refusal = judge(&[error("LOADING Redis is loading"), role_of(&["master"]), loading], 0, Access::ReadWrite)
            .unwrap_err();
        assert!(refusal.detail.unwrap().starts_with("5.00 % loaded"));
        let full = judge(&[error("ERR max number of clients reached")], 2, Access::ReadWrite).unwrap_err();
        assert_eq!(full.state, ServerState::Full);
    }

    #[test]
    fn a_server_that_cannot_save_can_be_read() {
        let replies = [error("MISCONF Redis is configured to save RDB snapshots"), role_of(&["master"]), Reply::Null];
        assert_eq!(judge(&replies, 0, Access::ReadWrite).unwrap_err().state, ServerState::ReadOnly);
        assert!(judge(&replies, 0, Access::ReadOnly).is_ok());
    }
}
