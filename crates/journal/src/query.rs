//! Which events are asked for. Pure.

use crate::Record;
use jiff::Timestamp;
use regex::Regex;
use report::Level;

/// Which events are asked for; all of them by default.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Not after this time.
    pub until: Option<Timestamp>,
    /// About one of these services, jobs or dependencies.
    pub subjects: Vec<String>,
    /// Called so, or so before a dot.
    pub names: Vec<String>,
    /// This is found in the sentence.
    pub grep: Option<Regex>,
    /// At least of this level.
    pub least: Option<Level>,
}

impl Query {
    /// Is this event asked for?
    pub fn takes(&self, record: &Record) -> bool {
        let subject = record.subject();
        self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at <= until)
            && (self.subjects.is_empty() || self.subjects.iter().any(|asked| Some(asked.as_str()) == subject))
            && (self.names.is_empty() || self.names.iter().any(|name| record.is_called(name)))
            && self.grep.as_ref().is_none_or(|grep| grep.is_match(&record.text))
            && self.least.is_none_or(|least| record.level >= least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use report::Event;

    #[test]
    fn all_that_is_asked_for_has_to_be_so() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let event =
            Event::new("service.exited", "api ended with exit code 1").with("service", "api").level(Level::Warn);
        let record = Record::of(&event, 1, at(100), str::to_owned);
        let grep = |pattern| Some(Regex::new(pattern).unwrap());
        for (query, taken) in [
            (Query::default(), true),
            (Query { since: Some(at(100)), until: Some(at(100)), ..Query::default() }, true),
            (Query { since: Some(at(101)), ..Query::default() }, false),
            (Query { until: Some(at(99)), ..Query::default() }, false),
            (Query { subjects: vec!["bot".into(), "api".into()], ..Query::default() }, true),
            (Query { subjects: vec!["bot".into()], ..Query::default() }, false),
            (Query { names: vec!["health".into(), "service".into()], ..Query::default() }, true),
            (Query { names: vec!["service.ready".into()], ..Query::default() }, false),
            (Query { grep: grep("code [1-9]"), ..Query::default() }, true),
            (Query { grep: grep("^code"), ..Query::default() }, false),
            (Query { least: Some(Level::Warn), ..Query::default() }, true),
            (Query { least: Some(Level::Error), ..Query::default() }, false),
        ] {
            assert_eq!(query.takes(&record), taken, "{query:?}");
        }
    }
}
