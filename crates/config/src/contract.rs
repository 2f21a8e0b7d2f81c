//! The environment contract: every variable the application reads, declared once.

use report::Secret;
use std::collections::BTreeMap;

/// Every variable the application reads, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvContract {
    /// The declared variables.
    pub variables: Vec<Variable>,
}

/// One declared variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Purpose, one line.
    pub about: Option<String>,
    /// Used when it is not set.
    pub default: Option<String>,
    /// An example for `.env.example`.
    pub example: Option<String>,
    /// Never printed.
    pub secret: bool,
    /// The application cannot start without it.
    pub required: bool,
    /// Old names that still work, with a warning.
    pub aliases: Vec<String>,
}

impl EnvContract {
    /// The values of the declared secrets.
    pub fn secrets(&self, env: &BTreeMap<String, String>) -> Vec<Secret> {
        let secret = self.variables.iter().filter(|variable| variable.secret);
        secret.filter_map(|variable| env.get(&variable.name)).map(|value| Secret::new(value.as_str())).collect()
    }
}
