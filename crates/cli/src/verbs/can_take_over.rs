//! `mainstay can-take-over`, which one mainstay asks another one.

use crate::{
    args::{Cli, Verb},
    context::{Context, tell},
    load::load_texts,
    start::{FORMAT, State},
};
use control::VERSION;
use report::{Finding, Outcome};

/// Says whether the state that is shown could be taken over, before anything is stopped for that.
pub(super) fn can_take_over(context: &Context) -> Outcome {
    match look(context) {
        Ok(()) => {
            let answer = serde_json::json!({ "takes_over": FORMAT, "version": VERSION });
            super::answer(context, &answer.to_string(), Outcome::Done)
        }
        Err(findings) => tell(context, &findings, Outcome::Misused),
    }
}

fn look(context: &Context) -> Result<(), Vec<Finding>> {
    let shown = host::handover::shown().map_err(|error| {
        let finding = Finding::error("no state is shown on descriptor 3").because(&error);
        vec![finding.hint("`mainstay reexec` asks this; people need not")]
    })?;
    let state = State::read(&shown).map_err(|finding| vec![finding])?;
    let typed = ["mainstay".to_owned()].into_iter().chain(state.arguments.iter().cloned());
    let typed = Cli::read(typed).map_err(|error| {
        let seen = error.to_string();
        let finding = Finding::error("what the running mainstay was started with is not understood here");
        vec![finding.seen(seen.lines().next().unwrap_or_default())]
    })?;
    let Verb::Up(up) = typed.verb else {
        return Err(vec![Finding::error("only what `mainstay up` has started is taken over")]);
    };
    let flags = super::up::flags(&up);
    load_texts(context, &state.start, flags.clone())?;
    load_texts(context, &state.latest, flags)?;
    Ok(())
}
