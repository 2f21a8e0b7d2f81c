//! An [`Event`] as one line of text, three ways.

use crate::{Event, Level, Value};
use jiff::{Timestamp, Unit};
use serde_json::{Map, json};
use std::fmt::Write;

/// When an event was noted, and by what.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// UTC.
    pub at: Timestamp,
    /// The application, as `app` in every line.
    pub app: Option<&'a str>,
}

impl Stamp<'_> {
    /// RFC 3339 with milliseconds, UTC.
    pub fn time(&self) -> String {
        rfc3339(self.at)
    }
}

/// RFC 3339 with milliseconds, UTC.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{:.3}", at.round(Unit::Millisecond).unwrap_or(at))
}

/// For people: a mark for what is not ordinary, then the sentence.
pub fn human(event: &Event) -> String {
    match event.level {
        Level::Debug | Level::Info => event.text.clone(),
        level => format!("{level}: {}", event.text),
    }
}

/// `level=info event=gate.waiting msg="…" attempt=3 …`, without a time.
pub fn logfmt(event: &Event) -> String {
    let mut line = format!("level={} event={} msg={}", event.level, event.name, quoted(&event.text));
    for (key, value) in &event.fields {
        let _ = write!(line, " {key}={}", quoted(&value.to_string()));
    }
    line
}

/// One JSON object.
pub fn json(event: &Event, stamp: Stamp<'_>) -> String {
    let mut object = Map::new();
    object.insert("time".into(), json!(stamp.time()));
    if let Some(app) = stamp.app {
        object.insert("app".into(), json!(app));
    }
    object.insert("level".into(), json!(event.level));
    object.insert("event".into(), json!(event.name));
    object.insert("msg".into(), json!(event.text));
    for (key, value) in &event.fields {
        object.insert((*key).into(), json!(value));
    }
    serde_json::Value::Object(object).to_string()
}

/// A value as logfmt writes it: quoted when it has to be, always on one line.
pub fn quoted(text: &str) -> String {
    match text.is_empty()
        || text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '=' | '\\'))
    {
        true => format!("{text:?}"),
        false => text.to_owned(),
    }
}

impl Value {
    /// The words of a text value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn event() -> Event {
        Event::new("gate.waiting", "main is recovering")
            .level(Level::Warn)
            .with("attempt", 3)
            .with("reason", "the \"system\" is starting")
            .with("elapsed", Duration::from_millis(1234))
    }

    #[test]
    fn three_renderings_of_one_event() {
        assert_eq!(human(&event()), "warn: main is recovering");
        assert_eq!(
            logfmt(&event()),
            r#"level=warn event=gate.waiting msg="main is recovering" attempt=3 reason="the \"system\" is starting" elapsed=1.234s"#
        );
        let stamp = Stamp { at: Timestamp::UNIX_EPOCH, app: Some("booking") };
        assert_eq!(
            json(&event(), stamp),
            r#"{"time":"1970-01-01T00:00:00.000Z","app":"booking","level":"warn","event":"gate.waiting","msg":"main is recovering","attempt":3,"reason":"the \"system\" is starting","elapsed":1.234}"#
        );
    }

    #[test]
    fn a_line_stays_one_line() {
        assert!(!logfmt(&Event::new("x", "a\nb").with("k", "c\r\nd")).contains('\n'));
    }
}
