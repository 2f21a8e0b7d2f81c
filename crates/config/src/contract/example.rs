//! `.env.example` from the contract.

use super::{EnvContract, Variable};
use crate::dotenv::quoted;

/// `.env.example`: every declared variable with its purpose; secrets without a value, unless an example is declared.
pub fn env_example(contract: &EnvContract) -> String {
    contract.variables.iter().map(block).collect::<Vec<_>>().join("\n")
}

fn block(variable: &Variable) -> String {
    let mut text = String::new();
    if let Some(about) = &variable.about {
        text.push_str(&format!("# {}\n", about.replace('\n', " ")));
    }
    let notes = notes(variable);
    if !notes.is_empty() {
        text.push_str(&format!("# ({})\n", notes.join(", ")));
    }
    let optional = !variable.required && value(variable).is_empty();
    let comment = if optional { "# " } else { "" };
    text.push_str(&format!("{comment}{}={}\n", variable.name, quoted(value(variable))));
    text
}

fn notes(variable: &Variable) -> Vec<String> {
    let mut notes = Vec::new();
    if variable.required {
        notes.push("required".to_owned());
    }
    if variable.secret {
        notes.push("secret".to_owned());
    }
    if !variable.aliases.is_empty() {
        notes.push(format!("formerly {}", variable.aliases.join(", ")));
    }
    notes
}

/// What stands behind the `=`.
pub(super) fn value(variable: &Variable) -> &str {
    let default = variable.default.as_deref().filter(|_| !variable.secret);
    variable.example.as_deref().or(default).unwrap_or_default()
}
