//! Asks and orders what a key has asked for.

use super::{World, poll::sentence};
use crate::{daemon::SOON, verbs::order::LONGEST, words};
use control::{Ask, Done, Settled, Why};
use top::{End, Message, Order};

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
        let body = control::Order { services: vec![order.service.clone()], timeout_s: None };
        let end = match client.ask::<Done>(&Ask::Do(order.verb, body), LONGEST).await {
            Ok(answer) => end(&order, &answer.body),
            Err(error) => End { good: false, text: sentence(&error, &app, &client) },
        };
        let end = End { text: context.terminal.mask(&end.text), ..end };
        let _ = sender.send(Message::Ordered { order, end }).await;
    });
}

fn end(order: &Order, done: &Done) -> End {
    let good = done.services.iter().all(|change| change.settled == Settled::Done);
    let changes = done.services.iter().map(|change| words::changed(change, order.verb));
    End { good, text: changes.collect::<String>().trim_end().replace('\n', "; ") }
}
