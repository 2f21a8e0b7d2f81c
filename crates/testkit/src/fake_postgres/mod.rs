//! A server that speaks PostgreSQL's protocol and does as it is told, for what a real one cannot be timed to do.
mod serve;
mod value;

pub use value::Value;

use crate::listener::Listener;
use crate::server_error::ServerError;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What happens to one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// FATAL in answer to the startup packet, then the end.
    Refuse(ServerError),
    /// Lets in, then a WARNING and the end before the session is ready: how a crash of another backend looks.
    WarnAndHangUp(ServerError),
    /// Accepts and says nothing, for ever.
    Silent,
    /// Reads the startup packet and closes.
    HangUp,
    /// Logs in without a password and answers queries.
    Ready,
}

impl Answer {
    /// A refusal by SQLSTATE and message.
    pub fn refuse(sqlstate: &str, message: &str) -> Self {
        Self::Refuse(ServerError::new(sqlstate, message))
    }

    /// The usual refusal of a server that recovers from a crash.
    pub fn recovering() -> Self {
        let error = ServerError::new("57P03", "the database system is not yet accepting connections");
        Self::Refuse(error.detail("Consistent recovery state has not been yet reached."))
    }

    /// The warning of a server of which another backend has crashed, then the end.
    pub fn crash() -> Self {
        Self::WarnAndHangUp(crash())
    }
}

/// What a query brings.
#[derive(Clone, Debug, PartialEq)]
pub enum Reaction {
    /// These columns, these rows.
    Rows(Vec<&'static str>, Vec<Vec<Value>>),
    /// An ERROR; the session goes on.
    Fail(ServerError),
    /// The warning 57P02, then the end of the session.
    Crash,
    /// No answer, for ever.
    Silent,
}

/// A scripted PostgreSQL on a port of its own. Queries without a rule get an empty result.
#[derive(Debug)]
pub struct FakePostgres {
    listener: Listener,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    script: Mutex<Script>,
}

#[derive(Debug, Default)]
struct Script {
    answers: VecDeque<Answer>,
    rules: Vec<(String, Reaction)>,
    parameters: Vec<(String, String)>,
    connections: Vec<Instant>,
    queries: Vec<String>,
}

impl FakePostgres {
    /// Listens and gives one answer per connection, in order; the last one for ever. Without answers it is `Ready`.
    pub fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Script { answers: answers.into_iter().collect(), ..Script::default() };
        let shared = Arc::new(Shared { script: Mutex::new(script) });
        let serving = Arc::clone(&shared);
        // A connection that ends in an error has been dropped by the client, which is the client's right.
        let listener = Listener::start(0, move |stream| drop(serve::serve(&stream, &serving)));
        Self { listener: listener.expect("cannot listen on 127.0.0.1"), shared }
    }

    /// Adds a rule: a query that contains `part` (any case) brings `reaction`. The first rule that fits wins.
    pub fn on(self, part: &str, reaction: Reaction) -> Self {
        self.shared.script().rules.push((part.to_lowercase(), reaction));
        self
    }

    /// Adds or replaces a parameter that the server reports at login, such as `in_hot_standby`.
    pub fn parameter(self, name: &str, value: &str) -> Self {
        self.shared.script().parameters.push((name.into(), value.into()));
        self
    }

    /// Replaces the answers to the connections that follow.
    pub fn now(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.script().answers = answers.into_iter().collect();
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.listener.port()
    }

    /// `postgres://app@127.0.0.1:PORT/app?sslmode=disable`
    pub fn url(&self) -> String {
        format!("postgres://app@127.0.0.1:{}/app?sslmode=disable", self.port())
    }

    /// When each connection came.
    pub fn connections(&self) -> Vec<Instant> {
        self.shared.script().connections.clone()
    }

    /// Every query so far, in order.
    pub fn queries(&self) -> Vec<String> {
        self.shared.script().queries.clone()
    }
}

impl Drop for FakePostgres {
    fn drop(&mut self) {
        self.listener.hang_up();
    }
}

impl Shared {
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_answer(&self) -> Answer {
        let mut script = self.script();
        script.connections.push(Instant::now());
        let last = script.answers.len() <= 1;
        let answer = if last { script.answers.front().cloned() } else { script.answers.pop_front() };
        answer.unwrap_or(Answer::Ready)
    }

    fn react(&self, sql: &str) -> Reaction {
        let mut script = self.script();
        script.queries.push(sql.to_owned());
        let sql = sql.to_lowercase();
        let rule = script.rules.iter().find(|(part, _)| sql.contains(part.as_str()));
        rule.map_or_else(|| Reaction::Rows(Vec::new(), Vec::new()), |(_, reaction)| reaction.clone())
    }
}

fn crash() -> ServerError {
    ServerError::new("57P02", "terminating connection because of crash of another server process").detail(
        "The postmaster has commanded this server process to roll back the current transaction and exit, because another server process \
         exited abnormally and possibly corrupted shared memory.",
    )
}
