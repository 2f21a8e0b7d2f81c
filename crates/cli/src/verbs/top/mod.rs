//! `mainstay top`

mod keys;
mod lines;
mod orders;
mod poll;
mod screen;
mod unfit;

use crate::{
    args::{Place, Top},
    context::{Context, tell},
    daemon::{Daemon, SOON},
    load::{Need, Reading, load_in_silence},
};
use config::{Overrides, did_you_mean};
use control::{Ask, Client, Status};
use crossterm::event::EventStream;
use futures_util::StreamExt;
use host::signals::{Signal, Signals};
use lines::Files;
use report::{Finding, Outcome, or_list};
use screen::Screen;
use std::io;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use top::{Effect, Look, Message, Model};

/// So many messages may wait until they are taken in.
const WAITING: usize = 64;

/// The running application on the screen, until somebody has seen enough.
pub(super) async fn top(context: &Context, args: Top) -> Outcome {
    let outcome = match prepared(context, &args).await {
        Ok(shown) => shown.run(context).await,
        Err(outcome) => return outcome,
    };
    outcome.unwrap_or_else(|error| {
        let finding = Finding::error("the terminal cannot be used any more").because(&error);
        tell(context, &[finding], Outcome::Failed)
    })
}

/// What is known before anything is shown.
struct Shown {
    look: Look,
    client: Client,
    app: String,
    files: Files,
    status: Status,
    services: Vec<String>,
}

async fn prepared(context: &Context, args: &Top) -> Result<Shown, Outcome> {
    let look = unfit::look(context).map_err(|finding| tell(context, &[finding], Outcome::Misused))?;
    let daemon = Daemon::of(context, &args.place)?;
    let files = files(context, &args.place);
    let status: Status = daemon.ask(context, &Ask::Status, SOON).await?;
    let unknown = unknown(&args.service, &status);
    if !unknown.is_empty() {
        return Err(tell(context, &unknown, Outcome::Misused));
    }
    let Daemon { client, app } = daemon;
    Ok(Shown { look, client, app, files, status, services: args.service.clone() })
}

/// A file that is wrong by now must not keep anybody from looking.
fn files(context: &Context, place: &Place) -> Files {
    let masker = context.terminal.masker();
    match load_in_silence(context, place, Overrides::default(), Need::File, Reading::Lenient) {
        Ok(resolved) => Files::of(&resolved.app.logs, masker),
        Err(_) => Files::unknown(masker),
    }
}

fn unknown(wanted: &[String], status: &Status) -> Vec<Finding> {
    let services = status.services.iter().map(|service| service.name.as_str());
    let known: Vec<&str> = services.chain(status.jobs.iter().map(|job| job.name.as_str())).collect();
    let missing = wanted.iter().filter(|name| !known.contains(&name.as_str()));
    let finding = |name: &String| {
        let mut finding = Finding::error(format!("there is no service or job `{name}`"));
        if !known.is_empty() {
            finding = finding.seen(format!("there are {}", or_list(&known).replace(" or `", " and `")));
        }
        finding.hint = did_you_mean(name, known.iter().copied());
        finding
    };
    missing.map(finding).collect()
}

impl Shown {
    async fn run(self, context: &Context) -> io::Result<Outcome> {
        let mut signals = Signals::listen()?;
        let (sender, mut messages) = channel(WAITING);
        let lines = lines::follow(self.files, sender.clone());
        poll::poll(context, &self.client, &self.app, sender.clone());
        let clock = poll::clock(context);
        let mut screen = Screen::open()?;
        let (mut model, mut effects) = Model::new(self.look, screen.size()?, self.status, clock, &self.services);
        let world = World { context: context.clone(), client: self.client, app: self.app, sender, lines };
        let mut events = EventStream::new();
        loop {
            for effect in effects.drain(..) {
                match effect {
                    Effect::Quit => return Ok(Outcome::Done),
                    Effect::Redraw => screen.clear()?,
                    effect => world.perform(effect),
                }
            }
            screen.draw(&model)?;
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => {
                        effects.extend(keys::messages(&event?).into_iter().flat_map(|message| model.update(message)));
                    }
                    None => return Ok(Outcome::Done),
                },
                Some(message) = messages.recv() => effects = all(&mut model, message, &mut messages),
                signal = signals.next() => if !matches!(signal, Signal::User1 | Signal::User2) {
                    return Ok(Outcome::Interrupted);
                },
            }
        }
    }
}

/// Takes in all that has come, before it is drawn once.
fn all(model: &mut Model, message: Message, messages: &mut Receiver<Message>) -> Vec<Effect> {
    let mut effects = model.update(message);
    while let Ok(message) = messages.try_recv() {
        effects.extend(model.update(message));
    }
    effects
}

/// Does what is wanted; what becomes of it comes as a message.
struct World {
    context: Context,
    client: Client,
    app: String,
    sender: Sender<Message>,
    lines: lines::Following,
}

impl World {
    fn perform(&self, effect: Effect) {
        match effect {
            Effect::Follow(follow) => self.lines.change(follow),
            Effect::Why(service) => orders::why(self, service),
            Effect::Give(order) => orders::give(self, order),
            Effect::Redraw | Effect::Quit => {}
        }
    }
}
