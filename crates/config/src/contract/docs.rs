//! The table of variables from the contract.

use super::{EnvContract, Variable};

/// A Markdown table of all declared variables.
pub fn env_docs(contract: &EnvContract) -> String {
    let mut text =
        "| Variable | Purpose | Default | Required | Secret | Old names |\n| --- | --- | --- | --- | --- | --- |\n"
            .to_owned();
    for variable in &contract.variables {
        text.push_str(&row(variable));
    }
    text
}

fn row(variable: &Variable) -> String {
    let default = match &variable.default {
        Some(_) if variable.secret => "***".to_owned(),
        Some(default) => code(default),
        None => String::new(),
    };
    let yes = |it: bool| if it { "yes" } else { "" };
    let aliases: Vec<_> = variable.aliases.iter().map(|alias| code(alias)).collect();
    let cells = [
        code(&variable.name),
        escape(variable.about.as_deref().unwrap_or_default()),
        default,
        yes(variable.required).to_owned(),
        yes(variable.secret).to_owned(),
        aliases.join(", "),
    ];
    format!("| {} |\n", cells.join(" | "))
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{}`", escape(text)) }
}

fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
