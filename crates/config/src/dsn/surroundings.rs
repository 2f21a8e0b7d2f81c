//! What fills the gaps of a data source name.

use crate::{FileMap, Files};
use report::Finding;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// What fills the gaps of a data source name, as libpq does it: `PG*` variables, the user's name, the password file.
pub struct Surroundings<'a> {
    /// The environment.
    pub env: &'a BTreeMap<String, String>,
    /// Name of the operating system's user.
    pub user: Option<&'a str>,
    /// The home directory.
    pub home: Option<&'a Path>,
    /// Reads the password file.
    pub files: &'a dyn Files,
    /// What was noticed on the way.
    pub warnings: RefCell<Vec<Finding>>,
}

static NO_VARIABLES: BTreeMap<String, String> = BTreeMap::new();
static NO_FILES: LazyLock<FileMap> = LazyLock::new(FileMap::default);

impl<'a> Surroundings<'a> {
    /// These variables and nothing else.
    pub fn of(env: &'a BTreeMap<String, String>) -> Self {
        Self { env, user: None, home: None, files: &*NO_FILES, warnings: RefCell::default() }
    }

    /// The value of a variable, unless it is unset or empty.
    pub(crate) fn var(&self, name: &str) -> Option<&'a str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(crate) fn warn(&self, warning: Finding) {
        let mut warnings = self.warnings.borrow_mut();
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    pub(crate) fn in_home(&self, path: &str) -> Option<PathBuf> {
        self.home.map(|home| home.join(path))
    }
}

impl Default for Surroundings<'static> {
    /// Nothing fills any gap.
    fn default() -> Self {
        Surroundings::of(&NO_VARIABLES)
    }
}
