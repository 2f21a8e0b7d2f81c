//! By what those who descend from a child are known, wherever they went.

use crate::{Env, proc::Process};
use serde::{Deserialize, Serialize};

/// The name of the variable that tells whose process it is.
pub(super) const INSTANCE: &str = "MAINSTAY_INSTANCE";

/// The name of the variable that tells for which service it was started.
pub(super) const SERVICE: &str = "MAINSTAY_SERVICE";

/// The name of the variable that tells of which release it is.
pub const RELEASE: &str = "MAINSTAY_RELEASE";

/// Variables in the environment of a child. Who descends from it inherits them, also with a session and a parent of its own;
/// /proc/PID/environ shows the environment that a program was started with, whatever it does to it later (proc(5)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Whose: one for each data directory, so that the next life of the same mainstay knows it again.
    pub instance: String,
    /// For which service.
    pub service: String,
    /// Of which release, where that is said: two of them may run at once.
    #[serde(default)]
    pub release: Option<String>,
}

impl Mark {
    /// Puts the mark on a child to be.
    pub fn put_on(&self, env: &mut Env) {
        env.insert(INSTANCE.to_owned(), self.instance.clone());
        env.insert(SERVICE.to_owned(), self.service.clone());
        env.extend(self.release.clone().map(|release| (RELEASE.to_owned(), release)));
    }

    /// Does a process bear it? False as well when we may not see its environment.
    pub(crate) fn is_on(&self, process: Process) -> bool {
        let environ = process.environ().unwrap_or_default();
        value(&environ, INSTANCE) == Some(self.instance.as_bytes())
            && value(&environ, SERVICE) == Some(self.service.as_bytes())
            && value(&environ, RELEASE) == self.release.as_deref().map(str::as_bytes)
    }
}

/// The service for which a process of `instance` was started.
pub(crate) fn service_of(process: Process, instance: &str) -> Option<String> {
    let environ = process.environ()?;
    (value(&environ, INSTANCE)? == instance.as_bytes()).then(|| {
        let service = value(&environ, SERVICE).unwrap_or_default();
        String::from_utf8_lossy(service).into_owned()
    })
}

fn value<'e>(environ: &'e [u8], name: &str) -> Option<&'e [u8]> {
    let mut entries = environ.split(|byte| *byte == 0);
    entries.find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environ = b"A=1\0MAINSTAY_INSTANCE_X=no\0MAINSTAY_INSTANCE=/srv/a=b\0MAINSTAY_SERVICE=\0";
        assert_eq!(value(environ, INSTANCE), Some(b"/srv/a=b".as_slice()));
        assert_eq!(value(environ, SERVICE), Some(b"".as_slice()));
        assert_eq!(value(environ, "B"), None);
    }
}
