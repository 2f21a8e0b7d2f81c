//! Deliveries in the shapes of GitHub and GitLab.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use config::{HookOn, Provider, Webhook};
use deploy::webhook::{Answer, Head, MAX_BODY, Seen, Wanted, check_head, judge};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::BTreeMap;

const SECRET: &str = "It's a Secret to Everybody";
const COMMIT: &str = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";

fn hook(provider: Provider, on: HookOn) -> Webhook {
    Webhook {
        listen: None,
        path: "/hooks/deploy".into(),
        secret: SECRET.into(),
        provider,
        branch: "main".into(),
        on,
        command: Vec::new(),
    }
}

struct Delivery {
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Delivery {
    fn github(event: &str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(&body);
        let signature: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let delivery = Self { headers: BTreeMap::new(), body };
        delivery
            .with("content-type", "application/json")
            .with("x-github-event", event)
            .with("x-github-delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958")
            .with("x-hub-signature-256", &format!("sha256={signature}"))
    }

    fn gitlab(event: &str, body: &Value) -> Self {
        let delivery = Self { headers: BTreeMap::new(), body: body.to_string().into_bytes() };
        delivery
            .with("content-type", "application/json")
            .with("x-gitlab-event", event)
            .with("x-gitlab-event-uuid", "13792a34-cac6-4fda-95a8-c58e00a3954e")
            .with("x-gitlab-token", SECRET)
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    fn to(&self, hook: &Webhook, seen: &mut Seen) -> Answer {
        let header = |name: &str| self.headers.get(name).cloned();
        let head = Head { is_post: true, length: Some(self.body.len() as u64), header: &header };
        match check_head(hook, &head) {
            Ok(()) => judge(hook, &head, &self.body, seen),
            Err(answer) => answer,
        }
    }

    fn once(&self, hook: &Webhook) -> Answer {
        self.to(hook, &mut Seen::default())
    }
}

fn github_push() -> Value {
    serde_json::from_str(include_str!("payloads/github-push.json")).unwrap()
}

fn gitlab_push() -> Value {
    serde_json::from_str(include_str!("payloads/gitlab-push.json")).unwrap()
}

fn workflow_run() -> Value {
    json!({ "action": "completed", "repository": { "full_name": "octo/shop" }, "workflow_run": {
        "head_branch": "main", "head_sha": COMMIT, "event": "push", "conclusion": "success",
        "head_repository": { "full_name": "octo/shop" }, "pull_requests": [] } })
}

fn pipeline() -> Value {
    json!({ "object_kind": "pipeline", "object_attributes": { "ref": "main", "tag": false, "sha": COMMIT, "status": "success",
        "source": "push" }, "user": { "username": "ada" } })
}

fn branch(by: &str) -> Answer {
    Answer::Release(Wanted { reference: "main".into(), by: format!("webhook: push by {by}") })
}

fn passed() -> Answer {
    let by = "webhook: continuous integration has passed".into();
    Answer::Release(Wanted { reference: COMMIT.into(), by })
}

fn status(answer: &Answer) -> u16 {
    match answer {
        Answer::Release(_) => 202,
        Answer::Nothing(_) => 200,
        Answer::Refused(status, _) => *status,
    }
}

/// The example of GitHub's documentation: "Hello, World!" under "It's a Secret to Everybody".
#[test]
fn the_documented_signature_is_right() {
    let known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let body = b"Hello, World!".to_vec();
    let delivery = Delivery { headers: BTreeMap::new(), body }.with("x-hub-signature-256", known);
    // It is signed, and no JSON.
    assert_eq!(status(&delivery.once(&hook(Provider::GitHub, HookOn::Push))), 400);
}

/// S2.16: a push to the branch is released, whoever tells of it.
#[test]
fn a_push_is_released() {
    let github = Delivery::github("push", &github_push());
    assert_eq!(github.once(&hook(Provider::GitHub, HookOn::Push)), branch("octocat"));
    let gitlab = Delivery::gitlab("Push Hook", &gitlab_push());
    assert_eq!(gitlab.once(&hook(Provider::GitLab, HookOn::Push)), branch("jsmith"));
}

/// S4.15: without the secret nothing is read, whatever it is.
#[test]
fn what_is_not_signed_is_refused() {
    let github = hook(Provider::GitHub, HookOn::Push);
    for wrong in [
        "",
        "sha256=",
        "sha256=00",
        "sha1=757107ea",
        "sha256=zz7107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    ] {
        let delivery = Delivery::github("push", &github_push()).with("x-hub-signature-256", wrong);
        assert_eq!(status(&delivery.once(&github)), 401, "{wrong}");
    }
    let mut changed = Delivery::github("push", &github_push());
    changed.body.push(b' ');
    assert_eq!(status(&changed.once(&github)), 401);
    assert_eq!(status(&Delivery::github("push", &github_push()).without("x-hub-signature-256").once(&github)), 401);
    let gitlab = hook(Provider::GitLab, HookOn::Push);
    for wrong in ["", "it's a secret to everybody", "It's a Secret to Everybod", "It's a Secret to Everybody!"] {
        let delivery = Delivery::gitlab("Push Hook", &gitlab_push()).with("x-gitlab-token", wrong);
        assert_eq!(status(&delivery.once(&gitlab)), 401, "{wrong}");
    }
    assert_eq!(status(&Delivery::gitlab("Push Hook", &gitlab_push()).without("x-gitlab-token").once(&gitlab)), 401);
}

/// Bad input of issue 6: a large body is refused before it is read, and other methods and types.
#[test]
fn what_is_no_delivery_is_refused() {
    let github = hook(Provider::GitHub, HookOn::Push);
    let header = |_: &str| None;
    let large = Head { is_post: true, length: Some(100 << 20), header: &header };
    assert_eq!(check_head(&github, &large).map_err(|answer| status(&answer)), Err(413));
    let untold = Head { is_post: true, length: None, header: &header };
    assert_eq!(status(&judge(&github, &untold, &vec![b' '; MAX_BODY + 1], &mut Seen::default())), 413);
    let got = Head { is_post: false, length: None, header: &header };
    assert_eq!(check_head(&github, &got).map_err(|answer| status(&answer)), Err(405));
    let form = Delivery::github("push", &github_push()).with("content-type", "application/x-www-form-urlencoded");
    assert_eq!(status(&form.once(&github)), 415);
}

/// Issue 6: a delivery counts once, also under another name, and of what was seen only so much is remembered.
#[test]
fn a_delivery_counts_once() {
    let (github, mut seen) = (hook(Provider::GitHub, HookOn::Push), Seen::default());
    let delivery = Delivery::github("push", &github_push());
    assert_eq!(status(&delivery.to(&github, &mut seen)), 202);
    assert_eq!(status(&delivery.to(&github, &mut seen)), 200);
    assert_eq!(
        status(&Delivery::github("push", &github_push()).with("x-github-delivery", "other").to(&github, &mut seen)),
        200
    );
    let kept: Seen = serde_json::from_str(&serde_json::to_string(&seen).unwrap()).unwrap();
    assert_eq!(kept, seen);
    for number in 0..2000 {
        let mut push = github_push();
        push["number"] = json!(number);
        let next = Delivery::github("push", &push).with("x-github-delivery", &number.to_string());
        assert_eq!(status(&next.to(&github, &mut seen)), 202, "{number}");
    }
    assert!(serde_json::to_string(&seen).unwrap().len() < 200_000);
}

/// Issue 6: other branches, tags and deleted ones are no release; nor is what forges send besides.
#[test]
fn other_branches_are_left_alone() {
    let github = hook(Provider::GitHub, HookOn::Push);
    for reference in ["refs/heads/feature", "refs/tags/main", "main", "refs/heads/main/x"] {
        let mut push = github_push();
        push["ref"] = json!(reference);
        assert_eq!(status(&Delivery::github("push", &push).once(&github)), 200, "{reference}");
    }
    let mut deleted = github_push();
    deleted["deleted"] = json!(true);
    let answer = Delivery::github("push", &deleted).once(&github);
    assert_eq!(answer, Answer::Nothing("the branch was deleted: what runs goes on\n".into()));
    let mut gone = gitlab_push();
    gone["after"] = json!("0".repeat(40));
    assert_eq!(status(&Delivery::gitlab("Push Hook", &gone).once(&hook(Provider::GitLab, HookOn::Push))), 200);
    for event in ["ping", "issues"] {
        assert_eq!(
            status(&Delivery::github(event, &json!({ "zen": "Keep it logically awesome." })).once(&github)),
            200
        );
    }
}

/// Issue 6: with `on = "ci"` the commit that has passed is released, not one of a fork nor of a merge request.
#[test]
fn continuous_integration_is_waited_for() {
    let (github, gitlab) = (hook(Provider::GitHub, HookOn::Ci), hook(Provider::GitLab, HookOn::Ci));
    assert_eq!(Delivery::github("workflow_run", &workflow_run()).once(&github), passed());
    assert_eq!(Delivery::gitlab("Pipeline Hook", &pipeline()).once(&gitlab), passed());
    assert_eq!(status(&Delivery::github("push", &github_push()).once(&github)), 200);
    let changes: [(&str, Value); 5] = [
        ("/workflow_run/conclusion", json!("failure")),
        ("/workflow_run/event", json!("pull_request")),
        ("/workflow_run/head_repository/full_name", json!("eve/shop")),
        ("/workflow_run/head_sha", json!("--upload-pack=sh")),
        ("/action", json!("requested")),
    ];
    for (at, value) in changes {
        let mut run = workflow_run();
        *run.pointer_mut(at).unwrap() = value;
        assert_eq!(status(&Delivery::github("workflow_run", &run).once(&github)), 200, "{at}");
    }
    for (at, value) in [("status", json!("failed")), ("source", json!("merge_request_event")), ("tag", json!(true))] {
        let mut run = pipeline();
        run["object_attributes"][at] = value;
        assert_eq!(status(&Delivery::gitlab("Pipeline Hook", &run).once(&gitlab)), 200, "{at}");
    }
}
