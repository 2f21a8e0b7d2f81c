//! A schedule as a person would say it.

use super::{Cron, next::bits};
use std::time::Duration;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// More times than this are not listed.
const MOST_LISTED: usize = 4;

impl Cron {
    /// In words: `every day at 03:00`.
    pub fn words(&self) -> String {
        let (time, day) = (self.time(), self.day());
        match day.as_str() {
            // `every 5 minutes` needs no `every day`.
            "every day" if !time.starts_with("at ") => time,
            _ if time.starts_with("at ") => format!("{day} {time}"),
            _ => format!("{time}, {day}"),
        }
    }

    fn time(&self) -> String {
        let minutes: Vec<_> = bits(self.minutes).collect();
        let hours: Vec<_> = bits(u64::from(self.hours)).collect();
        let within = |what: String| match hours.len() {
            24 => what,
            _ => format!("{what} in the hours {}", listed(&hours, |hour| format!("{hour:02}"))),
        };
        match (step(&minutes, 60), minutes.as_slice()) {
            (Some(1), _) => within("every minute".to_owned()),
            (Some(step), [0, _, ..]) => within(format!("every {step} minutes")),
            (_, [minute]) if hours.len() == 24 => format!("every hour at minute {minute}"),
            (_, [0]) if step(&hours, 24).is_some_and(|step| step > 1) && hours[0] == 0 && hours.len() > MOST_LISTED => {
                format!("every {} hours", step(&hours, 24).unwrap_or(1))
            }
            (_, minutes) if minutes.len() * hours.len() <= MOST_LISTED => {
                let times: Vec<_> = hours
                    .iter()
                    .flat_map(|hour| minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}")))
                    .collect();
                format!("at {}", and_list(&times))
            }
            (_, minutes) => {
                let listed = listed(minutes, |minute| minute.to_string());
                match hours.len() {
                    24 => format!("every hour at the minutes {listed}"),
                    _ => within(format!("at the minutes {listed}")),
                }
            }
        }
    }

    fn day(&self) -> String {
        let (days, weekdays): (Vec<_>, Vec<_>) =
            (bits(u64::from(self.days)).collect(), bits(u64::from(self.weekdays)).collect());
        let months: Vec<_> = bits(u64::from(self.months)).collect();
        let of_month = format!("on day {} of", listed(&days, |day| day.to_string()));
        let month = match months.len() {
            12 => "every month".to_owned(),
            _ => listed(&months, |month| MONTHS[usize::try_from(month - 1).unwrap_or_default()].to_owned()),
        };
        let weekday = match weekdays.as_slice() {
            [1, 2, 3, 4, 5] => "Monday to Friday".to_owned(),
            _ => listed(&weekdays, |day| WEEKDAYS[usize::try_from(day).unwrap_or_default()].to_owned()),
        };
        let of = if months.len() == 12 { String::new() } else { format!(" of {month}") };
        match (days.len() == 31, weekdays.len() == 7) {
            (true, true) => format!("every day{of}"),
            (true, false) => format!("every {weekday}{of}").replace("every Monday to Friday", "Monday to Friday"),
            (false, true) => format!("{of_month} {month}"),
            (false, false) if self.either_day => format!("{of_month} {month} and every {weekday}{of}"),
            (false, false) => format!("{of_month} {month} if that is a {weekday}"),
        }
    }
}

/// The distance between all values of a whole range, if it is the same.
fn step(values: &[i8], range: i8) -> Option<i8> {
    let first = *values.first()?;
    let step = values.get(1)? - first;
    let regular = values.windows(2).all(|pair| pair[1] - pair[0] == step);
    // The distance over the end of the range must be the same, too.
    (regular && range % step == 0 && values.last()? + step >= range).then_some(step)
}

/// Neighbours as ranges: `1, 3 to 5`.
fn listed(values: &[i8], name: impl Fn(i8) -> String) -> String {
    let mut ranges: Vec<(i8, i8)> = Vec::new();
    for value in values {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *value => *last = *value,
            _ => ranges.push((*value, *value)),
        }
    }
    let shown = ranges.into_iter().flat_map(|(first, last)| match last - first {
        0 => vec![name(first)],
        1 => vec![name(first), name(last)],
        _ => vec![format!("{} to {}", name(first), name(last))],
    });
    and_list(&shown.collect::<Vec<_>>())
}

fn and_list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// As it would be written: `15m`, `1h30m`.
pub(super) fn span(span: Duration) -> String {
    let mut rest = span.as_millis();
    let mut text = String::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)] {
        if rest >= millis {
            text += &format!("{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    text
}
