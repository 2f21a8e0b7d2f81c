//! Variables of the environment in goose's files, as mfridman/interpolate fills them in (`parser.go`, `README.md`):
//! `$A` and `${A}`, `${A:-x}` when it is unset or empty, `${A-x}` when it is unset, `${A?why}` which must be set, `${A:2:3}` a
//! piece of it; `$$` and `\$` are a dollar sign. What is not set is nothing.

use std::collections::BTreeMap;

/// `text` with its variables filled in.
///
/// # Errors
/// Why it cannot be read, or which variable must be set.
pub(super) fn fill(text: &str, vars: &BTreeMap<String, String>) -> Result<String, String> {
    let mut reader = Reader { rest: text, vars, unset: None };
    let filled = reader.expression(None)?;
    match reader.unset {
        Some(complaint) => Err(complaint),
        None => Ok(filled),
    }
}

struct Reader<'a> {
    rest: &'a str,
    vars: &'a BTreeMap<String, String>,
    /// A variable that must be set and is not.
    unset: Option<String>,
}

/// What stands for something else, in the order in which it is looked for.
const ESCAPES: [(&str, &str); 4] = [("\\\\", "\\\\"), ("\\$", "$"), ("$$", "$"), ("$(", "$(")];

impl<'a> Reader<'a> {
    fn expression(&mut self, stop: Option<char>) -> Result<String, String> {
        let mut filled = String::new();
        while let Some(c) = self.rest.chars().next().filter(|c| Some(*c) != stop) {
            if let Some((escape, plain)) = ESCAPES.into_iter().find(|(escape, _)| self.rest.starts_with(escape)) {
                self.rest = &self.rest[escape.len()..];
                filled.push_str(plain);
            } else if c == '$' && self.rest.len() > 1 {
                self.rest = &self.rest[1..];
                filled.push_str(&self.variable()?);
            } else {
                self.rest = &self.rest[c.len_utf8()..];
                filled.push(c);
            }
        }
        Ok(filled)
    }

    fn variable(&mut self) -> Result<String, String> {
        match self.take("{") {
            true => self.braces(),
            false => self.identifier().map(|name| self.value(name).unwrap_or_default().to_owned()),
        }
    }

    fn braces(&mut self) -> Result<String, String> {
        let name = self.identifier()?;
        let value = self.value(name);
        let filled = if self.rest.starts_with('}') {
            value.unwrap_or_default().to_owned()
        } else if self.take(":-") {
            self.or_else(value.filter(|value| !value.is_empty()))?
        } else if self.take(":") {
            self.piece(value.unwrap_or_default())?
        } else if self.take("-") {
            self.or_else(value)?
        } else if self.take("?") {
            self.required(name, value)?
        } else {
            return Err(format!("after `{name}` there is no `}}`, `:-`, `-`, `:` or `?`"));
        };
        if self.take("}") { Ok(filled) } else { Err(format!("the `}}` of `${{{name}` is missing")) }
    }

    /// The value, or what stands up to the closing brace; what is not used is not missed.
    fn or_else(&mut self, value: Option<&str>) -> Result<String, String> {
        let unset = self.unset.take();
        let other = self.expression(Some('}'))?;
        match value {
            Some(value) => {
                self.unset = unset;
                Ok(value.to_owned())
            }
            None => {
                self.unset = unset.or(self.unset.take());
                Ok(other)
            }
        }
    }

    fn required(&mut self, name: &str, value: Option<&str>) -> Result<String, String> {
        let why = self.expression(Some('}'))?;
        if value.is_none() {
            let why = if why.is_empty() { "not set" } else { &why };
            self.unset.get_or_insert(format!("`${name}`: {why}"));
        }
        Ok(value.unwrap_or_default().to_owned())
    }

    /// From an offset on, up to a length; negative ones count from the end.
    fn piece(&mut self, value: &str) -> Result<String, String> {
        let length = i64::try_from(value.len()).unwrap_or(i64::MAX);
        let from = self.number()?;
        let from = if from < 0 { from + length } else { from }.clamp(0, length);
        let to = match self.take(":") {
            true => match self.number()? {
                to if to >= 0 => from.saturating_add(to),
                to => (to + length).max(from),
            },
            false => length,
        };
        let index = |at: i64| usize::try_from(at.min(length)).unwrap_or_default();
        let piece = value.get(index(from)..index(to));
        piece.map(str::to_owned).ok_or_else(|| "a piece of a variable would cut a character in two".to_owned())
    }

    fn number(&mut self) -> Result<i64, String> {
        let end = self.rest.find([':', '}']).unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        let number = digits.trim().parse::<i32>().map_err(|_| format!("`{digits}` is no number"))?;
        Ok(number.into())
    }

    fn identifier(&mut self) -> Result<&'a str, String> {
        let first = self.rest.chars().next();
        if !first.is_some_and(char::is_alphabetic) {
            let seen = first.map_or_else(|| "nothing".to_owned(), |c| format!("`{c}`"));
            return Err(format!("the name of a variable begins with a letter, not with {seen}"));
        }
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(name)
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.vars.get(name).map(String::as_str)
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        let vars = [("A", "one"), ("EMPTY", ""), ("HASH", "1adf998e39"), ("UMLAUT", "ä"), ("DEEP", "$A")];
        fill(text, &vars.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// What mfridman/interpolate's own tests expect (`interpolate_test.go`), with other words.
    #[test]
    fn variables_are_filled_in() {
        let cases = [
            ("", ""),
            ("x $A-${A}, $A_B $DEEP", "x one-one,  $A"),
            ("$GONE|${GONE}|${GONE:3}", "||"),
            ("${GONE:-x ${B:-$A} y}|${EMPTY:-x}|${A:-x}", "x one y|x|one"),
            ("${GONE-x}|${EMPTY-x}|${EMPTY:--:{}}", "x||-:{}"),
            ("${A?why}|${EMPTY?why}", "one|"),
            ("${A:-${GONE?why}}", "one"),
            (
                "${HASH:0:7}|${HASH:7}|${HASH: -3}|${HASH:-3}|${HASH: -99}|${HASH:99}",
                "1adf998|e39|e39|1adf998e39|1adf998e39|",
            ),
            ("${HASH:2:-3}|${HASH:2:0}|${HASH:2:99}|${HASH:2:-99}", "df998||df998e39|"),
            ("$$A \\$A $${A} \\\\ $(A) $", "$A $A ${A} \\\\ $(A) $"),
        ];
        for (text, expected) in cases {
            assert_eq!(filled(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_filled_in() {
        let cases = [
            ("${GONE?}", "`$GONE`: not set"),
            ("${GONE:-${B?no B}}", "`$B`: no B"),
            ("$1", "the name of a variable begins with a letter, not with `1`"),
            ("${", "the name of a variable begins with a letter, not with nothing"),
            ("${A!}", "after `A` there is no `}`, `:-`, `-`, `:` or `?`"),
            ("${A:-x", "the `}` of `${A` is missing"),
            ("${A:x}", "`x` is no number"),
            ("${UMLAUT:1}", "a piece of a variable would cut a character in two"),
        ];
        for (text, complaint) in cases {
            assert_eq!(filled(text), Err(complaint.to_owned()), "{text}");
        }
    }
}
