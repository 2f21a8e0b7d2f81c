//! A command line without a shell.

/// Why a text is no command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotACommand {
    pub(crate) summary: String,
    pub(crate) hint: String,
}

/// Splits a command into words as a shell would, with quotes and `\`, and nothing else of a shell: what a shell would
/// carry out is refused rather than passed on as a word.
pub(crate) fn split(text: &str) -> Result<Vec<String>, NotACommand> {
    if let Some(feature) = shell_feature(text) {
        return Err(NotACommand {
            summary: format!("`{feature}` needs a shell, and commands are run without one"),
            hint: format!("write `[\"sh\", \"-c\", \"…\"]`, or put `{feature}` in quotes if it is meant as it stands"),
        });
    }
    let words = shell_words::split(text).map_err(|_| NotACommand {
        summary: "a quote is never closed".into(),
        hint: "close it, or write `\\\"`".into(),
    })?;
    check(words)
}

/// A command has a program.
pub(crate) fn check(words: Vec<String>) -> Result<Vec<String>, NotACommand> {
    match words.first() {
        Some(program) if !program.is_empty() => Ok(words),
        _ => Err(NotACommand {
            summary: "the command is empty".into(),
            hint: "write the program and its arguments: `\"uvicorn app:app\"`".into(),
        }),
    }
}

/// The first operator of a shell outside quotes.
fn shell_feature(text: &str) -> Option<&'static str> {
    const FEATURES: [&str; 10] = ["&&", "||", ">>", "$(", "|", ">", "<", ";", "`", "&"];
    let mut quote = None;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            _ if escaped => escaped = false,
            (None | Some('"'), '\\') => escaped = true,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, _) => {
                let found = FEATURES.into_iter().find(|feature| text[at..].starts_with(feature));
                // Inside a word, as in a URL's `a=1&b=2`, `&` is as good as a separator to a shell: refused as well.
                if found.is_some() {
                    return found;
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_a_shell_would_split_them() {
        let words = split(r#"uvicorn 'my app:app' --log "a \"b\"" c\ d"#).unwrap();
        assert_eq!(words, ["uvicorn", "my app:app", "--log", "a \"b\"", "c d"]);
        assert_eq!(split("echo 'a && b' \"c | d\"").unwrap(), ["echo", "a && b", "c | d"]);
    }

    #[test]
    fn what_needs_a_shell_is_refused() {
        for (text, feature) in
            [("a && b", "&&"), ("a | b", "|"), ("a > b", ">"), ("a; b", ";"), ("a $(b)", "$("), ("a &", "&")]
        {
            let problem = split(text).unwrap_err();
            assert!(problem.summary.contains(&format!("`{feature}` needs a shell")), "{}", problem.summary);
            assert!(problem.hint.contains("\"sh\", \"-c\""));
        }
        assert_eq!(split("  ").unwrap_err().summary, "the command is empty");
        assert_eq!(split("a 'b").unwrap_err().summary, "a quote is never closed");
    }
}
