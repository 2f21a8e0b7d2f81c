//! Asks how the application is, as long as somebody looks.

use crate::{context::Context, daemon::SOON};
use control::{Ask, AskError, Client, Status};
use std::time::Duration;
use tokio::{sync::mpsc::Sender, time::sleep};
use top::Message;

/// The time between an answer and the next question.
const PAUSE: Duration = Duration::from_secs(1);

/// Asks until nobody listens any more. One question is on its way at a time.
pub(super) fn poll(context: &Context, client: &Client, app: &str, sender: Sender<Message>) {
    let (context, client, app) = (context.clone(), client.clone(), app.to_owned());
    tokio::spawn(async move {
        loop {
            sleep(PAUSE).await;
            let message = match client.ask::<Status>(&Ask::Status, SOON).await {
                Ok(answer) => Message::Status { status: Box::new(answer.body), clock: clock(&context) },
                Err(error) => Message::Lost(sentence(&error, &app, &client)),
            };
            if sender.send(message).await.is_err() {
                return;
            }
        }
    });
}

/// The time of day in UTC.
pub(super) fn clock(context: &Context) -> String {
    let now = context.now();
    now.strftime("%H:%M:%S").to_string()
}

/// What went wrong, on one line.
pub(super) fn sentence(error: &AskError, app: &str, client: &Client) -> String {
    let findings = error.findings(app, client.path());
    let one = |finding: &report::Finding| match finding.seen.first() {
        Some(seen) => format!("{}: {seen}", finding.summary),
        None => finding.summary.clone(),
    };
    findings.iter().map(one).collect::<Vec<_>>().join("; ")
}
