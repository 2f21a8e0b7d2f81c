//! Events in the words of the protocol, and back; as people read them.

use control::Event;
use jiff::Timestamp;
use journal::Record;
use report::Level;

/// An event in the words of the protocol.
pub(crate) fn told(record: &Record) -> Event {
    Event {
        number: record.number,
        start: (record.start > 0).then_some(record.start),
        time: format!("{:.3}", record.at),
        level: record.level.to_string(),
        event: record.name.clone(),
        text: record.text.clone(),
        fields: record.fields.clone(),
    }
}

/// The same back; a level that is not known is taken for `info`.
pub(crate) fn heard(event: &Event) -> Record {
    let levels = [Level::Debug, Level::Info, Level::Warn, Level::Error];
    Record {
        start: event.start.unwrap_or_default(),
        number: event.number,
        at: event.time.parse().unwrap_or(Timestamp::UNIX_EPOCH),
        level: levels.into_iter().find(|level| level.to_string() == event.level).unwrap_or(Level::Info),
        name: event.event.clone(),
        text: event.text.clone(),
        fields: event.fields.clone(),
    }
}

/// One line.
pub(crate) fn line(record: &Record, json: bool) -> String {
    match json {
        // Numbers and texts are always what JSON can hold.
        true => serde_json::to_string(&told(record)).unwrap_or_default(),
        false => format!("{:.3} {:<5} {}", record.at, record.level, record.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_as_it_went() {
        let event =
            report::Event::new("health.down", "main is down").level(Level::Error).with("target", "main").with("n", 2);
        let record = Record::of(&event, 7, "2026-11-29T20:01:02.345Z".parse().unwrap(), str::to_owned);
        assert_eq!(heard(&told(&record)), record);
        assert_eq!(line(&record, false), "2026-11-29T20:01:02.345Z error main is down");
    }
}
