//! What a delivery of a webhook is worth (S2.16, S4.15).
//!
//! Pure: the head and the body of a request, and what was seen before, lead to an answer, and to a release perhaps. What is not signed
//! is not read. GitHub: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>; GitLab:
//! <https://docs.gitlab.com/user/project/integrations/webhook_events/>.

mod event;
mod seen;
mod signature;

pub use seen::Seen;

use config::{Provider, Webhook};
use event::Event;

/// A larger body is no push.
pub const MAX_BODY: usize = 1 << 20;

/// The head of a delivery; `header` is asked in lower case.
pub struct Head<'a> {
    /// Was it a `POST`?
    pub is_post: bool,
    /// The length of the body, where it is told.
    pub length: Option<u64>,
    /// The value of a header.
    pub header: &'a dyn Fn(&str) -> Option<String>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A release is to be made.
    Release(Wanted),
    /// It is fine, and nothing follows from it.
    Nothing(String),
    /// It is not taken, with this HTTP status.
    Refused(u16, &'static str),
}

/// The release that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The branch, as it is when its turn comes: an old delivery that somebody sends again brings no old commit back. Or the commit
    /// that has passed.
    pub reference: String,
    /// Who asks for it: `webhook push by ada`.
    pub by: String,
}

/// What can be told of the head alone, before the body is read.
///
/// # Errors
/// The answer, when the body need not be read.
pub fn check_head(hook: &Webhook, head: &Head<'_>) -> Result<(), Answer> {
    if !head.is_post {
        return Err(Answer::Refused(405, "only POST\n"));
    }
    if head.length.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(Answer::Refused(413, "the body is too large\n"));
    }
    match hook.provider {
        Provider::GitHub if (head.header)("x-hub-signature-256").is_none() => {
            Err(Answer::Refused(401, "there is no X-Hub-Signature-256: set the secret of the webhook\n"))
        }
        Provider::GitLab if !signature::is_token(hook, (head.header)("x-gitlab-token").as_deref()) => {
            Err(Answer::Refused(401, "X-Gitlab-Token is not the secret\n"))
        }
        Provider::GitHub | Provider::GitLab => match (head.header)("content-type") {
            Some(kind) if !kind.to_ascii_lowercase().starts_with("application/json") => {
                Err(Answer::Refused(415, "choose application/json as content type of the webhook\n"))
            }
            _ => Ok(()),
        },
    }
}

/// What the whole delivery is worth. Call it after [`check_head`].
pub fn judge(hook: &Webhook, head: &Head<'_>, body: &[u8], seen: &mut Seen) -> Answer {
    if body.len() > MAX_BODY {
        return Answer::Refused(413, "the body is too large\n");
    }
    if hook.provider == Provider::GitHub
        && !signature::is_signed(hook, (head.header)("x-hub-signature-256").as_deref(), body)
    {
        return Answer::Refused(401, "the signature is not that of the secret\n");
    }
    let Ok(value) = serde_json::from_slice(body) else {
        return Answer::Refused(400, "the body is no JSON\n");
    };
    let Some(event) = Event::of(hook.provider, head, &value) else {
        return Answer::Nothing("no event that a release follows from\n".to_owned());
    };
    match event.wanted(hook) {
        Err(why) => Answer::Nothing(why),
        Ok(wanted) => {
            let ids = ["x-github-delivery", "idempotency-key", "x-gitlab-event-uuid"];
            let id = ids.iter().find_map(|name| (head.header)(name));
            match seen.is_new(id.as_deref(), body) {
                true => Answer::Release(wanted),
                false => Answer::Nothing("this delivery was seen before\n".to_owned()),
            }
        }
    }
}
