//! Something that happened.

use serde::{Deserialize, Serialize, Serializer};
use std::{fmt, time::Duration};

/// How much an [`Event`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For the developers of mainstay.
    Debug,
    /// The ordinary course.
    Info,
    /// Works, but somebody should look.
    Warn,
    /// Does not work.
    Error,
}

/// Something that happened, told twice: as a sentence for people and as fields for machines.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Stable dotted name for `grep` and dashboards: `gate.waiting`.
    pub name: &'static str,
    /// How much it matters.
    pub level: Level,
    /// One plain line for people, complete without the fields.
    pub text: String,
    /// The same for machines, in the order they read best.
    pub fields: Vec<(&'static str, Value)>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Words.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A ratio or a rate.
    Float(f64),
    /// Yes or no.
    Bool(bool),
    /// A span; seconds in JSON, `1.234s` in logfmt.
    Span(Duration),
}

impl Event {
    /// An ordinary event without fields.
    pub fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, level: Level::Info, text: text.into(), fields: Vec::new() }
    }

    /// The same event at another level.
    #[must_use]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// Adds a field.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((key, value.into()));
        self
    }

    /// The field of this name.
    pub fn field(&self, key: &str) -> Option<&Value> {
        self.fields.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warn => "warn",
            Level::Error => "error",
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Text(text) => f.write_str(text),
            Value::Number(number) => write!(f, "{number}"),
            Value::Float(float) => write!(f, "{float}"),
            Value::Bool(bool) => write!(f, "{bool}"),
            Value::Span(span) => write!(f, "{:.3}s", span.as_secs_f64()),
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Number(number) => serializer.serialize_i64(*number),
            Value::Float(float) => serializer.serialize_f64(*float),
            Value::Bool(bool) => serializer.serialize_bool(*bool),
            Value::Span(span) => serializer.serialize_f64((span.as_secs_f64() * 1e6).round() / 1e6),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Value::Bool(bool)
    }
}

impl From<Duration> for Value {
    fn from(span: Duration) -> Self {
        Value::Span(span)
    }
}

impl From<f64> for Value {
    fn from(float: f64) -> Self {
        Value::Float(float)
    }
}

macro_rules! from_whole_number {
    ($($number:ty),*) => {$(
        impl From<$number> for Value {
            fn from(number: $number) -> Self {
                Value::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    )*};
}

from_whole_number!(i32, i64, u16, u32, u64, usize);
