//! What an error of Redis means, by its first word. Words: `src/server.c` and `src/acl.c` of Redis.

use crate::{Patience, Refusal, ServerState};

/// The server's error as a refusal.
///
/// `MISCONF`, `OOM` and `NOREPLICAS` are `read-only`: reads work, writes are refused until somebody helps.
pub(super) fn refusal(error: &str) -> Refusal {
    let (code, words) = error.split_once(' ').unwrap_or((error, ""));
    let (state, patience, hint) = meaning(code, words);
    Refusal {
        state,
        patience,
        code: Some(code.to_owned()),
        message: error.trim_end_matches('.').to_owned(),
        detail: None,
        hint: hint.map(str::to_owned),
    }
}

fn meaning(code: &str, words: &str) -> (ServerState, Patience, Option<&'static str>) {
    use Patience::{Deadline, None as Never, Tries};
    use ServerState::{Denied, Full, ReadOnly, Recovering, Starting, Unknown};
    match code {
        "LOADING" => (Recovering, Deadline, None),
        "MASTERDOWN" => (Recovering, Deadline, Some("a replica that has lost its primary and must not serve old data")),
        "READONLY" => (ReadOnly, Deadline, Some("this is a replica: name the primary's address")),
        "MISCONF" => (ReadOnly, Deadline, Some("Redis cannot save to its disk: free space, look into its log")),
        "OOM" => (ReadOnly, Deadline, Some("maxmemory is used up: raise it, or choose an eviction policy")),
        "NOREPLICAS" => (ReadOnly, Deadline, Some("fewer replicas than min-replicas-to-write are connected")),
        "BUSY" => (Starting, Deadline, Some("a script runs too long: `SCRIPT KILL` ends it")),
        "CLUSTERDOWN" | "TRYAGAIN" => (Starting, Deadline, None),
        "NOAUTH" | "WRONGPASS" => (Denied, Tries(2), Some("check the password: in the URL, or in the environment")),
        "NOPERM" => (Denied, Tries(2), Some("the user's ACL does not allow it: `ACL SETUSER`")),
        "DENIED" => (Denied, Never, Some("protected mode: set a password, or bind an address")),
        "ERR" if words.starts_with("max number of clients") => {
            (Full, Deadline, Some("raise maxclients, or let fewer clients connect"))
        }
        // Before Redis 6.
        "ERR" if words.starts_with("invalid password") => meaning("WRONGPASS", words),
        "ERR" if words.contains("without any password") || words.contains("no password is set") => {
            (Denied, Never, Some("the server wants no password: remove it from the URL"))
        }
        "ERR" if words.starts_with("DB index") || words.starts_with("invalid DB index") => {
            (Denied, Never, Some("`databases` in redis.conf says how many there are (16 by default, from 0)"))
        }
        "ERR" if words.starts_with("SELECT is not allowed") => (Denied, Never, Some("a cluster has database 0 only")),
        _ => (Unknown, Tries(3), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ServerState::{Denied, Full, ReadOnly, Recovering, Starting, Unknown};

    #[test]
    fn the_first_word_decides() {
        let rows = [
            ("LOADING Redis is loading the dataset in memory", Recovering, Patience::Deadline),
            (
                "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
                Recovering,
                Patience::Deadline,
            ),
            ("READONLY You can't write against a read only replica.", ReadOnly, Patience::Deadline),
            (
                "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
                ReadOnly,
                Patience::Deadline,
            ),
            ("NOAUTH Authentication required.", Denied, Patience::Tries(2)),
            ("WRONGPASS invalid username-password pair or user is disabled.", Denied, Patience::Tries(2)),
            ("ERR invalid password", Denied, Patience::Tries(2)),
            ("ERR Client sent AUTH, but no password is set", Denied, Patience::None),
            ("ERR max number of clients reached", Full, Patience::Deadline),
            ("ERR DB index is out of range", Denied, Patience::None),
            (
                "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
                Starting,
                Patience::Deadline,
            ),
            ("ERR unknown command", Unknown, Patience::Tries(3)),
        ];
        for (error, state, patience) in rows {
            let refusal = refusal(error);
            assert_eq!((refusal.state, refusal.patience), (state, patience), "{error}");
            assert_eq!(refusal.to_string(), error.trim_end_matches('.'), "the code is not said twice");
        }
    }
}
