//! Who we run as.

use std::{fs, path::Path};

/// The number of the user we run as.
pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The name of the user we run as, from the password file (passwd(5)); nothing when it is not listed there.
pub fn user_name() -> Option<String> {
    let path = Path::new("/etc/passwd");
    #[expect(clippy::disallowed_methods, reason = "a file of the system, small by nature")]
    name_of(&fs::read_to_string(path).ok()?, uid())
}

/// Another user of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
}

/// The user of this name, from the password file (passwd(5)).
pub fn account(name: &str) -> Option<Account> {
    #[expect(clippy::disallowed_methods, reason = "a file of the system, small by nature")]
    account_of(&fs::read_to_string("/etc/passwd").ok()?, name)
}

fn account_of(passwd: &str, name: &str) -> Option<Account> {
    let mut fields = passwd.lines().map(|line| line.split(':')).find(|fields| fields.clone().next() == Some(name))?;
    Some(Account { uid: fields.nth(2)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    let fields = |line: &str| -> Option<(String, u32)> {
        let mut fields = line.split(':');
        Some((fields.next()?.to_owned(), fields.nth(1)?.parse().ok()?))
    };
    passwd.lines().filter_map(fields).find(|(_, number)| *number == uid).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_name_of_a_number_wins() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbroken\ntoor:x:0:0::/:\nbot:x:1001:1001::/home/bot:/bin/sh\n";
        assert_eq!(name_of(passwd, 0).as_deref(), Some("root"));
        assert_eq!(name_of(passwd, 1001).as_deref(), Some("bot"));
        assert_eq!(name_of(passwd, 7), None);
        assert_eq!(account_of(passwd, "bot"), Some(Account { uid: 1001, gid: 1001 }));
        assert_eq!((account_of(passwd, "broken"), account_of(passwd, "bo")), (None, None));
    }
}
