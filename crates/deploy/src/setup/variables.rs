//! The file of variables of a site, completed (S4.5, S4.11): what is there stays, what is missing is added, secrets are made up where
//! nobody else gives them out.

use config::{EnvContract, Variable};
use std::{collections::BTreeMap, io};

/// In a template: a secret that is made up.
const GENERATE: &str = "<generate>";

/// A completed file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled {
    /// Its whole text.
    pub text: String,
    /// The variables whose secrets were made up.
    pub generated: Vec<String>,
    /// Those that were added with a value from the template.
    pub copied: Vec<String>,
    /// Those that somebody has to set.
    pub open: Vec<String>,
}

/// Completes `text`, which says `present`, by what the contract requires and what a template has; `secret` makes one up.
///
/// # Errors
/// Those of `secret`.
pub fn fill(
    text: &str,
    present: &BTreeMap<String, String>,
    contract: &EnvContract,
    template: &BTreeMap<String, String>,
    secret: impl Fn() -> io::Result<String>,
) -> io::Result<Filled> {
    let mut filled = Filled { text: text.to_owned(), ..Filled::default() };
    let undeclared = template.keys().filter(|name| contract.variable(name).is_none());
    let plain = undeclared.map(|name| plain(name)).collect::<Vec<_>>();
    for variable in contract.variables.iter().chain(&plain) {
        let is_set = |name: &String| present.get(name).is_some_and(|value| !value.is_empty());
        if is_set(&variable.name) || variable.aliases.iter().any(is_set) {
            continue;
        }
        let given = template.get(&variable.name).map(String::as_str).filter(|value| !value.is_empty());
        let name = variable.name.clone();
        match given {
            Some(GENERATE) => filled.put(variable, &secret()?, |it| it.generated.push(name)),
            None if variable.generate => filled.put(variable, &secret()?, |it| it.generated.push(name)),
            Some(value) => filled.put(variable, value, |it| it.copied.push(name)),
            None if variable.required && variable.default.is_none() => {
                filled.put(variable, "", |it| it.open.push(name));
            }
            None => {}
        }
    }
    Ok(filled)
}

/// A variable that the template alone knows.
fn plain(name: &str) -> Variable {
    Variable {
        name: name.to_owned(),
        about: None,
        default: None,
        example: None,
        secret: false,
        required: false,
        generate: false,
        aliases: Vec::new(),
    }
}

impl Filled {
    /// In the place of a line that sets it to nothing, else at the end.
    fn put(&mut self, variable: &Variable, value: &str, note: impl FnOnce(&mut Self)) {
        let pair = BTreeMap::from([(variable.name.clone(), value.to_owned())]);
        let line = config::variables_as_file(&pair);
        let empty = format!("{}=", variable.name);
        let lines: Vec<&str> = self.text.lines().collect();
        match lines.iter().position(|line| line.trim() == empty) {
            Some(at) => {
                let new = line.trim_end();
                let lines = lines.iter().enumerate().map(|(other, old)| if other == at { new } else { old });
                self.text = lines.map(|line| format!("{line}\n")).collect();
            }
            None => {
                if !self.text.is_empty() && !self.text.ends_with('\n') {
                    self.text.push('\n');
                }
                if let Some(about) = &variable.about {
                    self.text.push_str(&format!("# {}\n", about.replace('\n', " ")));
                }
                self.text.push_str(&line);
            }
        }
        note(self);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> EnvContract {
        let token = Variable { required: true, secret: true, about: Some("Bot token".into()), ..plain("TOKEN") };
        let key = Variable { generate: true, secret: true, ..plain("SESSION_KEY") };
        let level = Variable { default: Some("info".into()), required: true, ..plain("LEVEL") };
        let old = Variable { required: true, aliases: vec!["OLD_NAME".into()], ..plain("NEW_NAME") };
        EnvContract { variables: vec![token, key, level, old] }
    }

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// S4.5, S4.11: what is there stays, secrets are made up once, and what only a person knows is told.
    #[test]
    fn what_is_missing_is_added() {
        let secret = || Ok("f00d".to_owned());
        let template = pairs(&[("PORT", "8000"), ("PASSWORD", "<generate>"), ("EMPTY", "")]);
        let first = fill("OLD_NAME=1", &pairs(&[("OLD_NAME", "1")]), &contract(), &template, secret).unwrap();
        assert_eq!(first.text, "OLD_NAME=1\n# Bot token\nTOKEN=\nSESSION_KEY=f00d\nPASSWORD=f00d\nPORT=8000\n");
        assert_eq!(first.generated, ["SESSION_KEY", "PASSWORD"]);
        assert_eq!((first.copied, first.open), (vec!["PORT".to_owned()], vec!["TOKEN".to_owned()]));
        let present =
            pairs(&[("OLD_NAME", "1"), ("TOKEN", ""), ("SESSION_KEY", "f00d"), ("PASSWORD", "f00d"), ("PORT", "1")]);
        let again = fill(&first.text, &present, &contract(), &template, || panic!("another secret")).unwrap();
        assert_eq!((again.text, again.open), (first.text, vec!["TOKEN".to_owned()]));
    }
}
