//! `mainstay history`

use super::{
    moment::asked,
    remembered::{Remembered, unreadable},
};
use crate::{
    args,
    context::{Context, tell},
    words,
};
use jiff::Timestamp;
use journal::{Hour, Span};
use report::{Finding, Outcome};
use serde_json::{Value, json};

/// Availability and answering times by the hour, and what the machine had left.
pub(super) async fn history(context: &Context, args: args::History) -> Outcome {
    let now = context.now();
    let (since, until) = (asked("--since", Some(&args.since), now), asked("--until", args.until.as_deref(), now));
    let (since, until) = match (since, until) {
        (Ok(since), Ok(until)) => (since.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX)),
        (since, until) => {
            let problems: Vec<_> = [since.err(), until.err()].into_iter().flatten().collect();
            return tell(context, &problems, Outcome::Misused);
        }
    };
    match told(context, &args, since, until).await {
        Ok(text) => super::answer(context, &text, Outcome::Done),
        Err(outcome) => outcome,
    }
}

async fn told(context: &Context, args: &args::History, since: Timestamp, until: Timestamp) -> Result<String, Outcome> {
    let reader = Remembered::of(context, &args.place)?.opened(context).await?;
    let by = if args.minutes { Span::Minute } else { Span::Hour };
    let mut hours = reader.hours(since, until, by).map_err(|error| unreadable(context, &error))?;
    let known: Vec<String> = hours.iter().map(|hour| hour.subject.clone()).filter(|it| !it.is_empty()).collect();
    if let Some(unknown) = args.names.iter().find(|name| !known.contains(name)) {
        let mut finding = Finding::error(format!("nothing is known of `{unknown}` in this time"));
        finding.hint = config::did_you_mean(unknown, known.iter().map(String::as_str));
        return Err(tell(context, &[finding], Outcome::Misused));
    }
    hours.retain(|hour| args.names.is_empty() || args.names.contains(&hour.subject));
    Ok(match args.json {
        true => format!("{:#}", Value::Array(hours.iter().map(|hour| shown(hour, by)).collect())),
        false => words::hours(&hours, by),
    })
}

fn shown(hour: &Hour, by: Span) -> Value {
    let when = if by == Span::Minute { "minute" } else { "hour" };
    let figure = |it: &journal::Figure| json!({ "count": it.count, "min": it.min, "mean": it.mean(), "max": it.max, "sum": it.sum });
    let figures: serde_json::Map<_, _> = hour.figures.iter().map(|(name, it)| (name.clone(), figure(it))).collect();
    json!({ when: hour.at, "of": hour.subject, "availability": words::availability(hour), "figures": figures })
}
