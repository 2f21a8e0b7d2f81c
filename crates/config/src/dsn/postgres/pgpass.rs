//! libpq's password file (PostgreSQL manual, "The Password File").

use super::Host;
use crate::dsn::Surroundings;
use report::{Finding, Secret};
use std::path::PathBuf;

/// The password of the first line that fits one of `hosts`, this database and this user. A file that others may read
/// is not used, as libpq does it, and a warning says so.
pub(crate) fn find(
    passfile: Option<&str>,
    hosts: &[Host],
    database: &str,
    user: &str,
    around: &Surroundings<'_>,
) -> Option<Secret> {
    let path = passfile.map(PathBuf::from).or_else(|| around.in_home(".pgpass"))?;
    let file = match around.files.read(&path) {
        Ok(file) => file?,
        Err(error) => {
            around
                .warn(Finding::warning(format!("cannot read the password file `{}`", path.display())).because(&error));
            return None;
        }
    };
    if file.mode & 0o077 != 0 {
        around.warn(
            Finding::warning(format!("the password file `{}` is ignored: others may read it", path.display()))
                .seen(format!("mode {:04o}", file.mode & 0o7777))
                .hint(format!("chmod 600 {}", path.display())),
        );
        return None;
    }
    hosts.iter().find_map(|host| file.text.lines().find_map(|line| password(line, host, database, user)))
}

fn password(line: &str, host: &Host, database: &str, user: &str) -> Option<Secret> {
    if line.starts_with('#') {
        return None;
    }
    let (host, port) = match host {
        Host::Tcp(name, port) => (name.clone(), port),
        Host::Unix(dir, port) if dir.as_os_str() == super::settings::SOCKET_DIRECTORY => ("localhost".to_owned(), port),
        Host::Unix(dir, port) => (dir.display().to_string(), port),
    };
    let fields: [String; 5] = fields(line).try_into().ok()?;
    let wanted = [host.as_str(), &port.to_string(), database, user];
    let fits = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
    let [.., password] = fields;
    (fits && !password.is_empty()).then(|| Secret::new(password))
}

/// Five fields between `:`; `\` makes the next character stand for itself.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        match character {
            '\\' => fields[last].extend(characters.next()),
            ':' if fields.len() < 5 => fields.push(String::new()),
            other => fields[last].push(other),
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileMap;
    use std::collections::BTreeMap;

    fn found(text: &str, mode: u32, host: &Host) -> (Option<Secret>, Vec<Finding>) {
        let env = BTreeMap::new();
        let files = FileMap::default().with_mode("/home/bot/.pgpass", text, mode);
        let around = Surroundings { home: Some("/home/bot".as_ref()), files: &files, ..Surroundings::of(&env) };
        let found = find(None, std::slice::from_ref(host), "app", "bot", &around);
        (found, around.warnings.into_inner())
    }

    fn tcp() -> Host {
        Host::Tcp("db".into(), 5432)
    }

    #[test]
    fn the_first_line_that_fits_wins_and_stars_fit_everything() {
        let text = "# comment\nother:5432:app:bot:no\ndb:*:app:bot:p\\:a\\\\s:s\n*:*:*:*:later\n";
        assert_eq!(found(text, 0o600, &tcp()).0, Some("p:a\\s:s".into()));
        assert_eq!(found("*:*:*:bot:star", 0o600, &tcp()).0, Some("star".into()));
        assert_eq!(found("db:5433:app:bot:port", 0o600, &tcp()).0, None);
    }

    #[test]
    fn the_default_socket_is_localhost() {
        let host = Host::Unix("/var/run/postgresql".into(), 5432);
        assert_eq!(found("localhost:5432:app:bot:socket", 0o600, &host).0, Some("socket".into()));
        let host = Host::Unix("/tmp/pg".into(), 5432);
        assert_eq!(found("/tmp/pg:5432:app:bot:socket", 0o600, &host).0, Some("socket".into()));
    }

    /// S4.11: a file that others may read is not used.
    #[test]
    fn an_open_file_is_ignored_and_said_so() {
        let (password, warnings) = found("*:*:*:*:hunter2", 0o640, &tcp());
        assert_eq!(password, None);
        let said = warnings[0].to_string();
        assert!(said.contains("mode 0640") && said.contains("chmod 600 /home/bot/.pgpass"), "{said}");
        assert!(!said.contains("hunter2"));
    }
}
