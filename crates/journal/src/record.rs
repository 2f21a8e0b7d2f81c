//! An event as it is remembered.

use jiff::Timestamp;
use report::{Event, Level};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Fields that say whom an event is about: a service, a job, a database or another dependency.
const SUBJECTS: [&str; 4] = ["service", "job", "target", "subject"];

/// No text is longer, in bytes: what is longer is cut off.
const LONGEST: usize = 4096;

/// An event as it is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The start that it belongs to; 0 before it was written.
    pub start: i64,
    /// Its number within the start, from 1.
    pub number: u64,
    /// When, to the millisecond.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// Its stable name.
    pub name: String,
    /// The sentence.
    pub text: String,
    /// The fields, in their order.
    pub fields: Map<String, Value>,
}

impl Record {
    /// What is remembered of `event`; `mask` takes secrets out of its texts.
    pub fn of(event: &Event, number: u64, at: Timestamp, mask: impl Fn(&str) -> String) -> Self {
        let field = |(name, value): &(&str, report::Value)| {
            let value = serde_json::to_value(value).unwrap_or_default();
            let value = value.as_str().map(|text| shortened(mask(text)).into()).unwrap_or(value);
            ((*name).to_owned(), value)
        };
        Self {
            start: 0,
            number,
            at: Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at),
            level: event.level,
            name: event.name.to_owned(),
            text: shortened(mask(&event.text)),
            fields: event.fields.iter().map(field).collect(),
        }
    }

    /// Whom it is about.
    pub fn subject(&self) -> Option<&str> {
        SUBJECTS.iter().find_map(|key| self.word(key))
    }

    /// The words of a field.
    pub fn word(&self, key: &str) -> Option<&str> {
        self.fields.get(key)?.as_str()
    }

    /// The number of a field; spans are in seconds.
    pub fn figure(&self, key: &str) -> Option<f64> {
        self.fields.get(key)?.as_f64()
    }

    /// Is it one of these, by name or by the part before a dot?
    pub fn is_called(&self, name: &str) -> bool {
        self.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// About so many bytes of memory.
    pub(crate) fn weight(&self) -> usize {
        let field = |(key, value): (&String, &Value)| 64 + key.len() + value.as_str().map_or(8, str::len);
        size_of::<Self>() + self.name.len() + self.text.len() + self.fields.iter().map(field).sum::<usize>()
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        text.push('…');
    }
    text
}

/// As it is written: 0 to 3.
pub(crate) fn level_number(level: Level) -> i64 {
    match level {
        Level::Debug => 0,
        Level::Info => 1,
        Level::Warn => 2,
        Level::Error => 3,
    }
}

/// As it was written.
pub(crate) fn level_numbered(number: i64) -> Level {
    match number {
        ..=0 => Level::Debug,
        1 => Level::Info,
        2 => Level::Warn,
        3.. => Level::Error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S0.6: no secret is remembered, in a sentence or in a field.
    #[test]
    fn secrets_are_taken_out_and_long_texts_cut_off() {
        let event = Event::new("test", "said hush").with("reason", "hush, hush").with("n", 3).with("target", "main");
        let record = Record::of(&event, 7, Timestamp::UNIX_EPOCH, |text| text.replace("hush", "***"));
        assert_eq!((record.text.as_str(), record.word("reason")), ("said ***", Some("***, ***")));
        assert_eq!((record.figure("n"), record.subject(), record.number), (Some(3.0), Some("main"), 7));
        let long = Record::of(&Event::new("test", "ö".repeat(5000)), 1, Timestamp::UNIX_EPOCH, str::to_owned);
        assert_eq!(long.text.len(), LONGEST + '…'.len_utf8());
    }

    #[test]
    fn a_name_is_asked_for_whole_or_by_its_first_part() {
        let record = Record::of(&Event::new("health.down", ""), 1, Timestamp::UNIX_EPOCH, str::to_owned);
        let asked = ["health", "health.down", "health.do", "heal", ""].map(|name| record.is_called(name));
        assert_eq!(asked, [true, true, false, false, false]);
    }
}
