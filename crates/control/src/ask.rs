//! What can be asked, and how that is written as method and path.

use crate::{Asked, Generation, JobRun, Order, PROTOCOL, Takeover};

/// A question.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// All services.
    Ps,
    /// The whole application.
    Status,
    /// Why the service of this name is as it is.
    Why(String),
    /// What happened.
    Events(Asked),
    /// Do something with services.
    Do(Verb, Order),
    /// Run the job of this name now, and tell what becomes of that.
    RunNow(String),
    /// The job of this name was run by somebody else, with this result.
    Ran(String, Box<JobRun>),
    /// Read the configuration anew.
    Reload,
    /// Let the program that stands in its place by now take over.
    Reexec(Takeover),
    /// Start this release beside the one that serves.
    Candidate(Generation),
    /// That release serves from now on.
    Promote(Generation),
    /// Stop the release beside the one that serves.
    Discard,
    /// Stop everything and end.
    Down,
}

/// What can be done with services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Stop and start.
    Restart,
    /// Start what does not run.
    Start,
    /// Stop, until somebody starts it.
    Stop,
}

/// Why a path is no question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoAsk {
    /// It is one of another protocol.
    Protocol(String),
    /// Nobody here knows it.
    Unknown,
    /// The path is known, and not with this method, but with that one.
    Method(&'static str),
    /// What it asks for is no number.
    Number(String),
}

/// The most events that are told at once.
const MOST_EVENTS: usize = 10_000;
/// The longest wait for an event, in seconds.
const LONGEST_WAIT: u64 = 60;

impl Verb {
    const ALL: [Self; 3] = [Self::Restart, Self::Start, Self::Stop];

    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Start => "start",
            Self::Stop => "stop",
        }
    }
}

impl Ask {
    /// Does it change anything?
    pub(crate) fn method(&self) -> &'static str {
        match self {
            Ask::Ps | Ask::Status | Ask::Why(_) | Ask::Events(_) => "GET",
            Ask::Discard => "DELETE",
            Ask::Do(..) | Ask::RunNow(_) | Ask::Ran(..) | Ask::Reload | Ask::Reexec(_) | Ask::Down => "POST",
            Ask::Candidate(_) | Ask::Promote(_) => "POST",
        }
    }

    /// Its path and query.
    pub(crate) fn path(&self) -> String {
        let rest = match self {
            Ask::Ps => "ps".to_owned(),
            Ask::Status => "status".to_owned(),
            Ask::Why(service) => format!("why/{}", escaped(service)),
            Ask::Events(Asked { after, count, wait_s }) => {
                format!("events?after={after}&count={count}&wait_s={wait_s}")
            }
            Ask::Do(verb, _) => verb.word().to_owned(),
            Ask::RunNow(job) => format!("run-now/{}", escaped(job)),
            Ask::Ran(job, _) => format!("ran/{}", escaped(job)),
            Ask::Reload => "reload".to_owned(),
            Ask::Reexec(_) => "reexec".to_owned(),
            Ask::Candidate(_) | Ask::Discard => "candidate".to_owned(),
            Ask::Promote(_) => "candidate/promote".to_owned(),
            Ask::Down => "down".to_owned(),
        };
        format!("/v{PROTOCOL}/{rest}")
    }

    /// The question at this path; what stands in the body, as the order of a [`Ask::Do`], is empty here.
    pub(crate) fn read(method: &str, path: &str, query: &str) -> Result<Self, NoAsk> {
        let rest = within_protocol(path)?;
        let ask = match rest.split_once('/') {
            Some(("why", service)) if !service.is_empty() => Ask::Why(unescaped(service)),
            Some(("run-now", job)) if !job.is_empty() => Ask::RunNow(unescaped(job)),
            Some(("candidate", "promote")) => Ask::Promote(Generation::default()),
            Some(("ran", job)) if !job.is_empty() => Ask::Ran(unescaped(job), Box::default()),
            Some(_) => return Err(NoAsk::Unknown),
            None if (method, rest) == ("DELETE", "candidate") => Ask::Discard,
            None => named(rest, query)?,
        };
        match ask.method() {
            wanted if wanted == method => Ok(ask),
            wanted => Err(NoAsk::Method(wanted)),
        }
    }
}

/// What stands behind `/v1/`.
fn within_protocol(path: &str) -> Result<&str, NoAsk> {
    let (version, rest) = path.strip_prefix("/v").and_then(|path| path.split_once('/')).ok_or(NoAsk::Unknown)?;
    match version.parse::<u32>() {
        Ok(PROTOCOL) => Ok(rest),
        Ok(other) => Err(NoAsk::Protocol(other.to_string())),
        Err(_) => Err(NoAsk::Unknown),
    }
}

fn named(word: &str, query: &str) -> Result<Ask, NoAsk> {
    if let Some(verb) = Verb::ALL.into_iter().find(|verb| verb.word() == word) {
        return Ok(Ask::Do(verb, Order::default()));
    }
    Ok(match word {
        "ps" => Ask::Ps,
        "status" => Ask::Status,
        "events" => Ask::Events(Asked {
            after: number(query, "after", 0)?,
            count: usize::try_from(number(query, "count", 100)?).unwrap_or(MOST_EVENTS).min(MOST_EVENTS),
            wait_s: number(query, "wait_s", 0)?.min(LONGEST_WAIT),
        }),
        "reload" => Ask::Reload,
        "reexec" => Ask::Reexec(Takeover::default()),
        "candidate" => Ask::Candidate(Generation::default()),
        "down" => Ask::Down,
        _ => return Err(NoAsk::Unknown),
    })
}

fn number(query: &str, key: &str, usual: u64) -> Result<u64, NoAsk> {
    let given = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == key);
    given.map_or(Ok(usual), |(_, value)| value.parse().map_err(|_| NoAsk::Number(format!("{key}={value}"))))
}

/// Names of services need no escape; what somebody typed instead may.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, others @ ..] = rest {
        let hex = others.get(..2).filter(|_| *first == b'%').and_then(|hex| str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => (bytes.push(byte), rest = &others[2..]).1,
            None => (bytes.push(*first), rest = others).1,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_question_is_read_as_it_was_written() {
        let asked = Asked { after: 7, count: 20, wait_s: 30 };
        let order = Order::default;
        for ask in [
            Ask::Ps,
            Ask::Status,
            Ask::Why("api".into()),
            Ask::Why("a b/ы%41?#".into()),
            Ask::Events(asked),
            Ask::RunNow("retrain".into()),
            Ask::Ran("retrain".into(), Box::default()),
            Ask::Do(Verb::Restart, order()),
            Ask::Do(Verb::Start, order()),
            Ask::Do(Verb::Stop, order()),
            Ask::Reload,
            Ask::Reexec(Takeover::default()),
            Ask::Candidate(Generation::default()),
            Ask::Promote(Generation::default()),
            Ask::Discard,
            Ask::Down,
        ] {
            let whole = ask.path();
            let (path, query) = whole.split_once('?').unwrap_or((&whole, ""));
            assert_eq!(Ask::read(ask.method(), path, query), Ok(ask.clone()), "{whole}");
        }
    }

    #[test]
    fn what_is_no_question_is_told_apart() {
        for (method, path, query, no) in [
            ("GET", "/v2/ps", "", NoAsk::Protocol("2".into())),
            ("GET", "/", "", NoAsk::Unknown),
            ("GET", "/vx/ps", "", NoAsk::Unknown),
            ("GET", "/v1/dance", "", NoAsk::Unknown),
            ("GET", "/v1/why/", "", NoAsk::Unknown),
            ("GET", "/v1/ps/all", "", NoAsk::Unknown),
            ("POST", "/v1/ps", "", NoAsk::Method("GET")),
            ("GET", "/v1/down", "", NoAsk::Method("POST")),
            ("GET", "/v1/candidate", "", NoAsk::Method("POST")),
            ("DELETE", "/v1/candidate/promote", "", NoAsk::Method("POST")),
            ("GET", "/v1/events", "after=-1", NoAsk::Number("after=-1".into())),
        ] {
            assert_eq!(Ask::read(method, path, query), Err(no), "{method} {path}");
        }
        let huge = Ask::read("GET", "/v1/events", "count=99999999&wait_s=9999");
        assert_eq!(huge, Ok(Ask::Events(Asked { after: 0, count: MOST_EVENTS, wait_s: LONGEST_WAIT })));
    }
}
