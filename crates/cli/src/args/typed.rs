//! What was typed, as it is meant: a number with a minus is a number that is wrong, not a flag that there is not.

use super::Cli;
use clap::{
    Arg, Command, CommandFactory, FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};
use report::Finding;
use std::{error::Error, ffi::OsString};

impl Cli {
    /// Reads what was typed, with the name of the program before it.
    pub(crate) fn read(typed: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, clap::Error> {
        let mut command = with_negatives(Self::command());
        let mut matches = command.try_get_matches_from_mut(typed)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

fn with_negatives(command: Command) -> Command {
    command.mut_args(with_negative).mut_subcommands(with_negatives)
}

/// Spans and times may begin with a minus and end with a unit; of numbers only those are taken that are some.
fn with_negative(arg: Arg) -> Arg {
    let Some([name]) = arg.get_value_names() else { return arg };
    match name.as_str() {
        "SPAN" | "TIME" => arg.allow_hyphen_values(true),
        "N" | "VERSION" | "DAY" | "START|DAY" => arg.allow_negative_numbers(true),
        _ => arg,
    }
}

/// A flag has a value that it cannot have.
pub(crate) fn bad_value(error: &clap::Error) -> Option<Finding> {
    if error.kind() != ErrorKind::ValueValidation {
        return None;
    }
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let (arg, value) = (text(ContextKind::InvalidArg)?, text(ContextKind::InvalidValue)?);
    let (flag, kind) = arg.split_once(' ').unwrap_or((arg, ""));
    Some(refused(flag, kind, value, error.source().map(ToString::to_string)))
}

fn refused(flag: &str, kind: &str, value: &str, why: Option<String>) -> Finding {
    let whole = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match (kind, why) {
        ("<N>" | "<VERSION>", _) if !whole => {
            Finding::error(format!("`{flag}`: `{value}` is not a whole number")).hint("write a whole number")
        }
        // Who says so names the value.
        (_, Some(why)) if why.starts_with(&format!("`{value}`")) => {
            let finding = Finding::error(format!("`{flag}`: {why}"));
            if kind == "<SPAN>" { finding.hint("write a span of time such as `30s`, `5m` or `1h30m`") } else { finding }
        }
        (_, why) => why.into_iter().fold(Finding::error(format!("`{flag}`: `{value}` cannot be used")), Finding::seen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S2.2: no flag for a number, a span or a time takes one with a minus for another flag.
    #[test]
    fn no_negative_value_is_taken_for_a_flag() {
        fn look(command: &Command, path: &[String], seen: &mut usize) {
            for arg in command.get_arguments() {
                let name = arg.get_value_names().and_then(<[_]>::first).map_or("", |name| name.as_str());
                let value = match name {
                    "SPAN" | "TIME" => "-5s",
                    "N" => "-5",
                    _ => continue,
                };
                let flag = match (arg.get_long(), arg.get_short()) {
                    (Some(long), _) => format!("--{long}"),
                    (None, short) => format!("-{}", short.unwrap()),
                };
                let typed = path.iter().cloned().chain([flag, value.to_owned()]);
                if let Err(error) = Cli::read(typed) {
                    let kind = error.kind();
                    assert_ne!(kind, ErrorKind::UnknownArgument, "{path:?} {arg}: {error}");
                    assert!(kind != ErrorKind::ValueValidation || bad_value(&error).is_some(), "{path:?} {arg}");
                }
                *seen += 1;
            }
            for command in command.get_subcommands() {
                let path: Vec<_> = path.iter().cloned().chain([command.get_name().to_owned()]).collect();
                look(command, &path, seen);
            }
        }
        let mut seen = 0;
        look(&Cli::command(), &["mainstay".to_owned()], &mut seen);
        assert!(seen > 30, "{seen}");
    }
}
