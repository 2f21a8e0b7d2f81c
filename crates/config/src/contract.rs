//! The environment contract: every variable the application reads, declared once.

mod check;
mod docs;
mod example;

pub(crate) use check::check_variable;
pub use check::env_check;
pub use docs::env_docs;
pub use example::env_example;

use report::Secret;
use std::{collections::BTreeMap, fmt};

/// Every variable the application reads, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvContract {
    /// The declared variables.
    pub variables: Vec<Variable>,
}

/// One declared variable. Prints without the default of a secret.
#[derive(Clone, PartialEq, Eq)]
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
    /// A secret that nobody else gives out: it may be made up.
    pub generate: bool,
    /// Old names that still work, with a warning.
    pub aliases: Vec<String>,
}

impl EnvContract {
    /// The declared variable of this name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// The values of the declared secrets.
    pub fn secrets(&self, env: &BTreeMap<String, String>) -> Vec<Secret> {
        let secret = self.variables.iter().filter(|variable| variable.secret);
        let names = secret.flat_map(|variable| [&variable.name].into_iter().chain(&variable.aliases));
        names.filter_map(|name| env.get(name)).map(|value| Secret::new(value.as_str())).collect()
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default.as_deref().map(|default| if self.secret { "***" } else { default });
        f.debug_struct("Variable")
            .field("name", &self.name)
            .field("about", &self.about)
            .field("default", &default)
            .field("secret", &self.secret)
            .field("required", &self.required)
            .field("aliases", &self.aliases)
            .finish_non_exhaustive()
    }
}
