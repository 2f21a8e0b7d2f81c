//! What a delivery tells.

use super::{Head, Wanted};
use config::{HookOn, Provider, Webhook};
use serde_json::Value;

/// What a delivery tells.
pub(super) enum Event {
    /// Somebody has pushed.
    Push { branch: Option<String>, deleted: bool, by: String },
    /// Continuous integration has ended.
    Ci { branch: Option<String>, commit: String, good: bool, of_push: bool },
}

impl Event {
    /// Nothing where it is another one.
    pub(super) fn of(provider: Provider, head: &Head<'_>, body: &Value) -> Option<Self> {
        match provider {
            Provider::GitHub => match (head.header)("x-github-event")?.as_str() {
                "push" => Some(push(body, text(&body["pusher"]["name"]))),
                "workflow_run" => github_run(body, &body["workflow_run"]),
                "check_suite" => github_run(body, &body["check_suite"]),
                _ => None,
            },
            Provider::GitLab => match body["object_kind"].as_str()? {
                "push" => Some(push(body, text(&body["user_username"]))),
                "pipeline" => gitlab_pipeline(&body["object_attributes"]),
                _ => None,
            },
        }
    }

    /// The release that follows, or why none does.
    pub(super) fn wanted(self, hook: &Webhook) -> Result<Wanted, String> {
        let told = match &self {
            Event::Push { branch, .. } | Event::Ci { branch, .. } => branch.clone(),
        };
        if told.as_deref() != Some(hook.branch.as_str()) {
            return Err(format!("only `{}` is released\n", hook.branch));
        }
        match (self, hook.on) {
            (Event::Push { deleted: true, .. }, _) => Err("the branch was deleted: what runs goes on\n".to_owned()),
            (Event::Push { by, .. }, HookOn::Push) => {
                Ok(Wanted { reference: hook.branch.clone(), by: format!("webhook: push by {by}") })
            }
            (Event::Push { .. }, HookOn::Ci) => Err("its continuous integration is waited for\n".to_owned()),
            (Event::Ci { .. }, HookOn::Push) => Err("the push was what counted\n".to_owned()),
            (Event::Ci { of_push: false, .. }, _) => Err("it was not one of a push to this repository\n".to_owned()),
            (Event::Ci { good: false, .. }, _) => Err("it has not passed\n".to_owned()),
            (Event::Ci { commit, .. }, HookOn::Ci) => {
                Ok(Wanted { reference: commit, by: "webhook: continuous integration has passed".to_owned() })
            }
        }
    }
}

fn push(body: &Value, by: String) -> Event {
    let branch = body["ref"].as_str().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    let nothing = |commit: &Value| commit.as_str().is_some_and(|commit| commit.bytes().all(|digit| digit == b'0'));
    Event::Push { branch, deleted: body["deleted"] == true || nothing(&body["after"]), by }
}

/// A run of a fork can bear the name of our branch: only one of a push to the repository itself counts.
fn github_run(body: &Value, run: &Value) -> Option<Event> {
    if body["action"] != "completed" {
        return None;
    }
    let ours = match run.get("head_repository") {
        Some(head) => head["full_name"] == body["repository"]["full_name"],
        None => true,
    };
    let of_push = match run.get("event") {
        Some(event) => event == "push",
        // A suite of checks tells of pull requests instead.
        None => run["pull_requests"].as_array().is_none_or(Vec::is_empty),
    };
    Some(Event::Ci {
        branch: run["head_branch"].as_str().map(str::to_owned),
        commit: commit(&run["head_sha"])?,
        good: run["conclusion"] == "success",
        of_push: ours && of_push,
    })
}

fn gitlab_pipeline(pipeline: &Value) -> Option<Event> {
    Some(Event::Ci {
        branch: pipeline["ref"].as_str().filter(|_| pipeline["tag"] != true).map(str::to_owned),
        commit: commit(&pipeline["sha"])?,
        good: pipeline["status"] == "success",
        of_push: pipeline["source"] != "merge_request_event" && pipeline["source"] != "external_pull_request_event",
    })
}

/// The digits of a commit, all of them.
fn commit(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let good = matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    good.then(|| text.to_owned())
}

/// A name that can be shown.
fn text(value: &Value) -> String {
    let name: String = value.as_str().unwrap_or("somebody").chars().filter(|c| !c.is_control()).take(64).collect();
    name
}
