//! Asks and orders what a key has asked for.

use super::{World, poll::sentence};
use crate::{daemon::SOON, verbs::order::LONGEST, words};
use control::{Answer, Ask, AskError, Client, Done, RunTold, Settled, Verb, What, Why};
use top::{Act, End, Message, Order};

/// Why a service is as it is.
pub(super) fn why(world: &World, service: String) {
    let (context, client, app, sender) =
        (world.context.clone(), world.client.clone(), world.app.clone(), world.sender.clone());
    tokio::spawn(async move {
        let text = match client.ask::<Why>(&Ask::Why(service.clone()), SOON).await {
            Ok(answer) => context.terminal.mask(&words::why(&answer.body)),
            Err(error) => sentence(&error, &app, &client),
        };
        let text = text.lines().map(str::to_owned).collect();
        // Whoever has quit does not want to know any more.
        let _ = sender.send(Message::Why { service, text }).await;
    });
}

/// Answers when the order is carried out, or its time is up.
pub(super) fn give(world: &World, order: Order) {
    let (context, client, app, sender) =
        (world.context.clone(), world.client.clone(), world.app.clone(), world.sender.clone());
    tokio::spawn(async move {
        let end = match order.act {
            Act::Do(verb) => done(&client, verb, &order.name).await,
            Act::RunNow => run(&client, &order.name).await,
        };
        let End { good, text } = end.unwrap_or_else(|error| End { good: false, text: sentence(&error, &app, &client) });
        let end = End { good, text: context.terminal.mask(&text) };
        let _ = sender.send(Message::Ordered { order, end }).await;
    });
}

async fn done(client: &Client, verb: Verb, service: &str) -> Result<End, AskError> {
    let order = control::Order { services: vec![service.to_owned()], timeout_s: None };
    let done = client.ask::<Done>(&Ask::Do(verb, order), LONGEST).await?.body;
    let good = done.services.iter().all(|change| change.settled == Settled::Done);
    let changes = done.services.iter().map(|change| words::changed(change, verb));
    Ok(End { good, text: changes.collect::<String>().trim_end().replace('\n', "; ") })
}

/// How the run ends, or why it does not begin.
async fn run(client: &Client, job: &str) -> Result<End, AskError> {
    let mut end = End { good: false, text: format!("mainstay says no more about `{job}`") };
    let hear = |told: Answer<RunTold>| {
        let over = matches!(told.body.what, What::Over | What::LeftOut | What::CalledOff);
        if over {
            let good = told.body.run.as_ref().is_some_and(|run| run.result == "done");
            end = End { good, text: told.body.text };
        }
        !over
    };
    client.follow(&Ask::RunNow(job.to_owned()), hear).await?;
    Ok(end)
}
