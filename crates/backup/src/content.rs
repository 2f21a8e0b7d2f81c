//! What is in a database, so that two of them can be compared. Pure.

use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, collections::BTreeMap, fmt};

/// What is in a database.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// Tables with rows of their own, by name.
    pub tables: BTreeMap<String, Rows>,
    /// Sequences by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sequences: BTreeMap<String, Sequence>,
    /// Everything else that can be listed: kind, then name, then what it is like, or a hash of that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub things: BTreeMap<String, BTreeMap<String, String>>,
}

/// The rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// How many.
    pub rows: u64,
    /// Of all values of all rows; nothing where the server cannot compute one.
    pub hash: Option<String>,
}

/// Where a sequence is. It moves on while others write, outside of every transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Its last value.
    pub last: i64,
    /// How it goes on.
    pub increment: i64,
    /// Does it begin anew at its end?
    pub cycles: bool,
}

/// Something is not as it was in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// It is not there.
    Missing(String),
    /// It was not there.
    Extra(String),
    /// It is different: how it was, and how it is.
    Other(String, String, String),
}

impl Content {
    /// All rows of all tables.
    pub fn rows(&self) -> u64 {
        self.tables.values().map(|table| table.rows).sum()
    }

    /// How many things of one kind.
    pub fn number_of(&self, kind: &str) -> usize {
        self.things.get(kind).map_or(0, BTreeMap::len)
    }
}

/// Everything in which `restored` is not what `source` was.
pub fn compare(source: &Content, restored: &Content) -> Vec<Difference> {
    let mut differences = Vec::new();
    each("table", &source.tables, &restored.tables, &mut differences, table);
    each("sequence", &source.sequences, &restored.sequences, &mut differences, sequence);
    let none = BTreeMap::new();
    for kind in source.things.keys().chain(restored.things.keys().filter(|kind| !source.things.contains_key(*kind))) {
        let of = |content: &'_ Content| content.things.get(kind).cloned().unwrap_or_else(|| none.clone());
        each(kind, &of(source), &of(restored), &mut differences, |was, is| {
            (was != is).then(|| (was.clone(), is.clone()))
        });
    }
    differences
}

fn each<T>(
    kind: &str,
    source: &BTreeMap<String, T>,
    restored: &BTreeMap<String, T>,
    differences: &mut Vec<Difference>,
    differs: impl Fn(&T, &T) -> Option<(String, String)>,
) {
    let named = |name: &str| if name.is_empty() { kind.to_owned() } else { format!("{kind} `{name}`") };
    for (name, was) in source {
        match restored.get(name) {
            None => differences.push(Difference::Missing(named(name))),
            Some(is) => differences.extend(differs(was, is).map(|(was, is)| Difference::Other(named(name), was, is))),
        }
    }
    differences
        .extend(restored.keys().filter(|name| !source.contains_key(*name)).map(|name| Difference::Extra(named(name))));
}

/// A hash that one side could not compute says nothing.
fn table(was: &Rows, is: &Rows) -> Option<(String, String)> {
    if was.rows != is.rows {
        return Some((format!("{} rows", was.rows), format!("{} rows", is.rows)));
    }
    let (before, after) = (was.hash.as_ref()?, is.hash.as_ref()?);
    (before != after).then(|| (format!("{} rows with hash {before}", was.rows), format!("hash {after}")))
}

/// The copy may have read it a moment later than we did, so it may be further, but never behind.
fn sequence(was: &Sequence, is: &Sequence) -> Option<(String, String)> {
    let behind = match was.increment.cmp(&0) {
        Ordering::Less => is.last > was.last,
        _ => is.last < was.last,
    };
    let other = (was.increment, was.cycles) != (is.increment, is.cycles);
    (other || behind && !was.cycles).then(|| (was.to_string(), is.to_string()))
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} by {}", self.last, self.increment)
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing(what) => write!(f, "{what} is missing"),
            Difference::Extra(what) => write!(f, "{what} was not there"),
            Difference::Other(what, was, is) => write!(f, "{what}: was {was}, is {is}"),
        }
    }
}

/// The first differences as one sentence.
pub(crate) fn sentence(differences: &[Difference]) -> String {
    const TOLD: usize = 5;
    let mut told: Vec<_> = differences.iter().take(TOLD).map(ToString::to_string).collect();
    if differences.len() > TOLD {
        told.push(format!("and {} more", differences.len() - TOLD));
    }
    told.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(rows: u64, hash: Option<&str>, last: i64) -> Content {
        Content {
            tables: BTreeMap::from([("public.a".into(), Rows { rows, hash: hash.map(str::to_owned) })]),
            sequences: BTreeMap::from([("public.s".into(), Sequence { last, increment: 1, cycles: false })]),
            things: BTreeMap::from([("view".into(), BTreeMap::from([("public.v".into(), "1".into())]))]),
        }
    }

    fn told(source: &Content, restored: &Content) -> Vec<String> {
        compare(source, restored).iter().map(ToString::to_string).collect()
    }

    /// S1.16: what is equal is equal, and every difference is told.
    #[test]
    fn differences_are_told() {
        let source = content(3, Some("x"), 5);
        assert_eq!(told(&source, &source), [""; 0]);
        assert_eq!(told(&source, &content(3, Some("x"), 9)), [""; 0], "a sequence may be further");
        assert_eq!(told(&source, &content(3, None, 5)), [""; 0], "no hash says nothing");
        assert_eq!(told(&source, &content(2, Some("x"), 5)), ["table `public.a`: was 3 rows, is 2 rows"]);
        assert_eq!(
            told(&source, &content(3, Some("y"), 4)),
            ["table `public.a`: was 3 rows with hash x, is hash y", "sequence `public.s`: was at 5 by 1, is at 4 by 1"]
        );
        assert_eq!(
            told(&source, &Content::default()),
            ["table `public.a` is missing", "sequence `public.s` is missing", "view `public.v` is missing"]
        );
        assert_eq!(
            told(&Content::default(), &source),
            ["table `public.a` was not there", "sequence `public.s` was not there", "view `public.v` was not there"]
        );
    }
}
