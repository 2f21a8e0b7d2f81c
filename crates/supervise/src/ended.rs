//! How it all ended.

use crate::state::{Failure, State, exit_words};
use config::RestartWhen;
use host::process::Exit;
use report::{Finding, Outcome};

/// How it all ended: every service is down, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The services in the order in which they were started.
    pub services: Vec<EndedService>,
    /// Somebody asked for it.
    pub on_request: bool,
}

/// How one service ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedService {
    /// Its name.
    pub name: String,
    /// Its policy.
    pub restart: RestartWhen,
    /// Its last state: [`State::Done`], [`State::Failed`] or [`State::Stopped`].
    pub state: State,
}

impl Ended {
    /// The exit code.
    ///
    /// A single service that ended by itself passes its own on, as a shell would: 128 and the number for a signal. A
    /// program that could not be started is a use that waiting cannot mend. Otherwise one that failed fails them all.
    /// What was stopped on request has done what was asked for.
    pub fn code(&self) -> u8 {
        match self.services.as_slice() {
            [EndedService { state: State::Done(exit) | State::Failed(Failure::Ended(exit)), .. }] => exit_code(*exit),
            services => services.iter().map(EndedService::outcome).fold(Outcome::Done, Outcome::and).code(),
        }
    }

    /// What went wrong, one finding for each service that failed.
    pub fn findings(&self) -> Vec<Finding> {
        self.services.iter().filter_map(EndedService::finding).collect()
    }
}

impl EndedService {
    fn outcome(&self) -> Outcome {
        match &self.state {
            State::Failed(Failure::Spawn { .. }) => Outcome::Misused,
            State::Failed(_) => Outcome::Failed,
            _ => Outcome::Done,
        }
    }

    fn finding(&self) -> Option<Finding> {
        let State::Failed(failure) = &self.state else { return None };
        let finding = Finding::error(format!("service `{}` has failed", self.name)).seen(failure);
        Some(match failure {
            Failure::Ended(exit) => finding.hint(self.ended_hint(*exit)),
            Failure::Spawn { .. } => finding.hint(format!("check `command` and `cwd` of `[services.{}]`", self.name)),
            Failure::Spent { .. } => {
                finding.hint("its own last lines say why; `budget` of `restart` says how often it is started again")
            }
            Failure::After { name } => finding.hint(format!("mend `{name}` first")),
            Failure::Unkillable { pid, .. } => {
                finding.hint(format!("look for processes in state D: `ps -o pid,stat,wchan,args -g {pid}`"))
            }
        })
    }

    fn ended_hint(&self, exit: Exit) -> String {
        match exit {
            Exit::Signal(9) => {
                "something killed it; `dmesg` tells whether the kernel did for want of memory".to_owned()
            }
            _ => format!("its own last lines say why; its policy is `{}`", policy_words(self.restart)),
        }
    }
}

fn policy_words(when: RestartWhen) -> &'static str {
    match when {
        RestartWhen::Always => "restart = \"always\"",
        RestartWhen::OnFailure => "restart = \"on-failure\"",
        RestartWhen::Never => "restart = \"never\"",
    }
}

fn exit_code(exit: Exit) -> u8 {
    u8::try_from(exit.shell_code()).unwrap_or(u8::MAX)
}

impl std::fmt::Display for EndedService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.state {
            State::Done(exit) => write!(f, "{} is done with {}", self.name, exit_words(*exit)),
            State::Failed(failure) => write!(f, "{} has failed: {failure}", self.name),
            state => write!(f, "{} is {}", self.name, state.fine()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(states: impl IntoIterator<Item = State>) -> Ended {
        let one = |state| EndedService { name: "job".into(), restart: RestartWhen::Never, state };
        Ended { services: states.into_iter().map(one).collect(), on_request: false }
    }

    fn failed(exit: Exit) -> State {
        State::Failed(Failure::Ended(exit))
    }

    /// S3.3: the exit code of a one-shot is passed on.
    #[test]
    fn exit_codes() {
        let spawn = || State::Failed(Failure::Spawn { reason: "not found".into() });
        let table = [
            (vec![State::Done(Exit::Code(0))], 0),
            (vec![failed(Exit::Code(7))], 7),
            (vec![failed(Exit::Signal(15))], 143),
            (vec![spawn()], 2),
            (vec![State::Stopped], 0),
            (vec![State::Done(Exit::Code(0)), State::Stopped], 0),
            (vec![State::Done(Exit::Code(0)), failed(Exit::Code(7))], 1),
            (vec![failed(Exit::Code(7)), spawn()], 2),
            (vec![], 0),
        ];
        for (states, code) in table {
            assert_eq!(ended(states.clone()).code(), code, "{states:?}");
        }
    }

    #[test]
    fn a_failure_says_what_to_do() {
        let findings = ended([failed(Exit::Signal(9)), State::Stopped]).findings();
        assert_eq!(
            findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["error: service `job` has failed\n  seen: it ended with signal 9 (SIGKILL)\n  \
              hint: something killed it; `dmesg` tells whether the kernel did for want of memory"]
        );
    }
}
