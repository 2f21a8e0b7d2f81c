//! `mainstay timeline`

use super::remembered::{Remembered, unreadable};
use crate::{
    args,
    context::{Context, tell},
    words::timeline,
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use journal::Reader;
use report::{Finding, Outcome};

/// Which part of the past is asked for.
enum Which {
    /// A start by its number, or the last one.
    Start(Option<i64>),
    Day(Date),
    List,
}

/// The course of a start, or a day.
pub(super) async fn timeline(context: &Context, args: args::Timeline) -> Outcome {
    let which = match which(context, &args) {
        Ok(which) => which,
        Err(finding) => return tell(context, &[finding], Outcome::Misused),
    };
    match told(context, &args, which).await {
        Ok(text) => super::answer(context, &text, Outcome::Done),
        Err(outcome) => outcome,
    }
}

fn which(context: &Context, args: &args::Timeline) -> Result<Which, Finding> {
    if args.list {
        return Ok(Which::List);
    }
    let Some(text) = args.day.as_deref().or(args.which.as_deref()) else { return Ok(Which::Start(None)) };
    let today = context.now().to_zoned(TimeZone::UTC).date();
    match (text, text.parse::<i64>(), text.parse::<Date>()) {
        ("today", ..) => Ok(Which::Day(today)),
        ("yesterday", ..) => Ok(Which::Day(today.saturating_sub(1.day()))),
        (_, Ok(number), _) if number > 0 && args.day.is_none() => Ok(Which::Start(Some(number))),
        // A number without dashes is a date to some and a start to us.
        (_, Err(_), Ok(day)) => Ok(Which::Day(day)),
        _ => {
            let (what, hint) = match args.day {
                Some(_) => ("no day", "write `2026-11-24`, `today` or `yesterday`"),
                None => (
                    "neither the number of a start nor a day",
                    "`--list` lists the starts; write a day as `2026-11-24`",
                ),
            };
            Err(Finding::error(format!("`{text}` is {what}")).hint(hint))
        }
    }
}

async fn told(context: &Context, args: &args::Timeline, which: Which) -> Result<String, Outcome> {
    let remembered = Remembered::of(context, &args.place)?;
    let reader = remembered.opened(context).await?;
    match which {
        Which::Start(number) => start(context, &reader, number, args.json),
        Which::Day(date) => day(context, &reader, date, args.json),
        Which::List => {
            let lives = reader.lives(Timestamp::MIN, Timestamp::MAX).map_err(|error| unreadable(context, &error))?;
            Ok(super::text(args.json, &lives, timeline::list(&lives)))
        }
    }
}

fn start(context: &Context, reader: &Reader, number: Option<i64>, json: bool) -> Result<String, Outcome> {
    let start = reader.start(number).map_err(|error| unreadable(context, &error))?;
    let Some(start) = start else {
        let finding = match number {
            Some(number) => Finding::error(format!("there is no start {number}")),
            None => Finding::error("no start is remembered"),
        };
        return Err(tell(context, &[finding.hint("`mainstay timeline --list` lists the starts")], Outcome::Misused));
    };
    Ok(super::text(json, &start, timeline::start(&start)))
}

fn day(context: &Context, reader: &Reader, date: Date, json: bool) -> Result<String, Outcome> {
    let begin = |date: Date| date.to_zoned(TimeZone::UTC).map(|begin| begin.timestamp()).unwrap_or_default();
    let end = begin(date.saturating_add(1.day())).saturating_sub(1.millisecond()).unwrap_or(Timestamp::MAX);
    let day = reader.day(begin(date), end).map_err(|error| unreadable(context, &error))?;
    Ok(super::text(json, &day, timeline::day(date, &day)))
}
