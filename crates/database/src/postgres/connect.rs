//! Connects to the first host that will do.

use super::{Session, attrs, login::login};
use crate::{Patience, Refusal, ServerState, socket};
use config::dsn::{Host, PostgresDsn, SessionAttrs};
use retry::Deadline;
use std::time::Duration;

/// Connects to the first host that will do, shown as `name` in `pg_stat_activity`, in `timeout` altogether.
///
/// Errors: why the most promising of the hosts refused.
pub async fn connect(dsn: &PostgresDsn, name: &str, timeout: Duration) -> Result<Session, Refusal> {
    let deadline = Deadline::after(timeout);
    let mut best: Option<Refusal> = None;
    let passes = passes(dsn.session_attrs);
    let total = passes.len() * dsn.hosts.len();
    // Collected, because an iterator of closures that lives across an await keeps the future from being `Send`.
    let tries: Vec<_> = passes.iter().flat_map(|wanted| dsn.hosts.iter().map(move |host| (*wanted, host))).collect();
    for (tried, (wanted, host)) in tries.into_iter().enumerate() {
        match visit(dsn, host, name, wanted, limit(dsn, &deadline, total - tried)).await {
            Ok(session) => return Ok(session),
            // Another host would hear the same name and password.
            Err(refusal) if is_final(&refusal) => return Err(told(dsn, host, refusal)),
            Err(refusal) => best = Some(better(best, told(dsn, host, refusal))),
        }
    }
    Err(best.unwrap_or_else(|| socket::closed("a server without a host")))
}

/// Which servers to look for, one after the other.
fn passes(wanted: SessionAttrs) -> &'static [SessionAttrs] {
    match wanted {
        SessionAttrs::Any => &[SessionAttrs::Any],
        SessionAttrs::ReadWrite => &[SessionAttrs::ReadWrite],
        SessionAttrs::ReadOnly => &[SessionAttrs::ReadOnly],
        SessionAttrs::Primary => &[SessionAttrs::Primary],
        SessionAttrs::Standby => &[SessionAttrs::Standby],
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
    }
}

/// A host that stays silent must not use up the time of the others.
fn limit(dsn: &PostgresDsn, deadline: &Deadline, left: usize) -> Duration {
    let share = deadline.remaining().unwrap_or(Duration::MAX) / u32::try_from(left).unwrap_or(u32::MAX).max(1);
    dsn.connect_timeout.map_or(share, |limit| limit.min(share))
}

async fn visit(
    dsn: &PostgresDsn,
    host: &Host,
    name: &str,
    wanted: SessionAttrs,
    limit: Duration,
) -> Result<Session, Refusal> {
    let deadline = Deadline::after(limit);
    let session = login(dsn, host, name, &deadline).await?;
    socket::within(&deadline, &host.to_string(), attrs::check(&session, wanted)).await??;
    Ok(session)
}

/// A socket that this user may not touch says nothing about the next host.
fn is_final(refusal: &Refusal) -> bool {
    refusal.state == ServerState::Denied
        && matches!(refusal.patience, Patience::Tries(_) | Patience::None)
        && refusal.code.as_deref() != Some(socket::FORBIDDEN)
}

/// Names the host when there are several.
fn told(dsn: &PostgresDsn, host: &Host, mut refusal: Refusal) -> Refusal {
    let place = host.to_string();
    if dsn.hosts.len() > 1 && !refusal.message.contains(&place) {
        refusal.message = format!("{place}: {}", refusal.message);
    }
    refusal
}

/// The one that is nearer to being ready; of two alike the first.
fn better(best: Option<Refusal>, new: Refusal) -> Refusal {
    let nearness = |refusal: &Refusal| match refusal.state {
        ServerState::Ready => 8,
        ServerState::Recovering => 7,
        ServerState::Starting => 6,
        ServerState::Full => 5,
        ServerState::ReadOnly => 4,
        ServerState::Denied => 3,
        ServerState::Down => 2,
        ServerState::Unreachable => 1,
        ServerState::Unknown => 0,
    };
    match best {
        Some(best) if nearness(&best) >= nearness(&new) => best,
        _ => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::SqlError;
    use std::io::{Error, ErrorKind};

    /// libpq goes on to the next host when a socket cannot be opened, and stops when a server has refused the password.
    #[test]
    fn only_what_a_server_said_holds_for_the_next_one() {
        assert!(!is_final(&socket::refusal(&Error::from(ErrorKind::PermissionDenied), "/run/a/.s.PGSQL.5432")));
        assert!(!is_final(&socket::refusal(&Error::from(ErrorKind::ConnectionRefused), "a:5432")));
        let said = |code: &str| SqlError { code: code.into(), ..SqlError::default() }.refusal();
        assert!(is_final(&said("28P01")));
        assert!(!is_final(&said("28000")), "it may be created yet");
    }
}
