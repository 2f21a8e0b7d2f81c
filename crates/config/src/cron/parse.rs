//! Reading the five fields.

use super::Cron;
use std::{fmt, ops::Range, str::FromStr};

/// What is wrong, and where in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError {
    /// What is wrong.
    pub summary: String,
    /// What to write instead.
    pub hint: String,
    /// Bytes of the text.
    pub at: Range<usize>,
}

/// One field: its name, its range, and what its values are called.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", least: 0, most: 59, names: &[] },
    Field { name: "hour", least: 0, most: 23, names: &[] },
    Field { name: "day of the month", least: 1, most: 31, names: &[] },
    Field { name: "month", least: 1, most: 12, names: &MONTHS },
    Field { name: "day of the week", least: 0, most: 7, names: &WEEKDAYS },
];

/// Short forms, and what they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// Days of each month, February in a leap year.
const LENGTHS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(text: &str) -> Result<Self, CronError> {
        let word = text.trim();
        if !word.starts_with('@') {
            return fields(text, text);
        }
        let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
        let Some((_, meaning)) = known else {
            let names: Vec<_> = NICKNAMES.iter().map(|(name, _)| *name).collect();
            let hint = match word.eq_ignore_ascii_case("@reboot") {
                true => "what runs at every start is a service with `restart = \"never\"`".to_owned(),
                false => format!("known are {}", report::or_list(names)),
            };
            return Err(CronError { summary: format!("`{word}` is not a schedule"), hint, at: span_of(text, word) });
        };
        fields(meaning, text)
    }
}

fn fields(text: &str, shown: &str) -> Result<Cron, CronError> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let all = || span_of(text, text.trim());
    if words.len() != FIELDS.len() {
        let hint = match words.len() {
            6 => "there are no seconds and no years: leave one field out".to_owned(),
            _ => "write minute, hour, day of the month, month, day of the week: `0 3 * * *`".to_owned(),
        };
        let summary = format!("{} instead of 5", report::count(words.len(), "field"));
        return Err(CronError { summary, hint, at: all() });
    }
    let mut sets = [0u64; 5];
    for ((set, field), word) in sets.iter_mut().zip(&FIELDS).zip(&words) {
        *set =
            field.read(word).map_err(|(summary, hint, part)| CronError { summary, hint, at: span_of(text, part) })?;
    }
    let [minutes, hours, days, months, weekdays] = sets;
    let cron = Cron {
        text: shown.trim().to_owned(),
        minutes,
        hours: hours as u32,
        days: days as u32,
        months: months as u16,
        // 7 is Sunday, too.
        weekdays: ((weekdays | weekdays >> 7) & 0x7f) as u8,
        either_day: !words[2].starts_with('*') && !words[4].starts_with('*'),
    };
    match cron.either_day || cron.has_a_date() {
        true => Ok(cron),
        false => {
            let start = span_of(text, words[2]).start;
            Err(CronError {
                summary: format!("no month has the day `{}` of `{}`", words[2], words[3]),
                hint: "it would never run: change the day or the month, or write `off`".to_owned(),
                at: start..span_of(text, words[3]).end,
            })
        }
    }
}

/// Where `part`, a piece of `text`, stands in it.
fn span_of(text: &str, part: &str) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

impl Cron {
    /// Is there a day that its days of the month and its months have in common?
    fn has_a_date(&self) -> bool {
        let fits = |month: usize| {
            self.months & (1 << (month + 1)) != 0 && (1..=LENGTHS[month]).any(|day| self.days & (1 << day) != 0)
        };
        (0..12).any(fits)
    }
}

/// What is wrong, what to write instead, and the part of the text.
type Wrong<'a> = (String, String, &'a str);

impl Field {
    fn read<'a>(&self, word: &'a str) -> Result<u64, Wrong<'a>> {
        word.split(',').try_fold(0, |set, part| Ok(set | self.part(word, part)?))
    }

    fn part<'a>(&self, word: &'a str, part: &'a str) -> Result<u64, Wrong<'a>> {
        if part.is_empty() {
            return Err((format!("the {} `{word}` has an empty place in its list", self.name), self.range(), word));
        }
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, if self.most == 7 { 6 } else { self.most }),
            Some((first, last)) => (self.value(first)?, self.value(last)?),
            None => {
                let value = self.value(range)?;
                if step.is_some() {
                    let hint = format!("write where it ends: `{range}-{}/{}`", self.most, step.unwrap_or(1));
                    return Err((format!("the {} `{part}` has a step and no range", self.name), hint, part));
                }
                (value, value)
            }
        };
        // `fri-sun` is a range all the same: Sunday ends the week as well as it begins it.
        let last = if self.most == 7 && last == 0 && first > 0 { 7 } else { last };
        if first > last {
            let hint = format!("write two ranges: `{first}-{},{}-{last}`", self.most, self.least);
            return Err((format!("the {} `{range}` ends before it begins", self.name), hint, part));
        }
        Ok((first..=last).step_by(step.unwrap_or(1) as usize).fold(0, |set, value| set | 1 << value))
    }

    fn step<'a>(&self, step: &'a str) -> Result<u32, Wrong<'a>> {
        match step.parse::<u32>() {
            Ok(step) if (1..=self.most).contains(&step) => Ok(step),
            _ => Err((
                format!("the step `{step}` of the {} is not a number from 1 to {}", self.name, self.most),
                "`*/15` means every fifteenth".to_owned(),
                step,
            )),
        }
    }

    fn value<'a>(&self, text: &'a str) -> Result<u32, Wrong<'a>> {
        if let Some(index) = self.names.iter().position(|name| name.eq_ignore_ascii_case(text)) {
            return Ok(self.least + u32::try_from(index).unwrap_or_default());
        }
        // `parse` alone would take a `+`.
        let number = text.parse::<u32>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        number.filter(|number| (self.least..=self.most).contains(number)).ok_or_else(|| {
            let article = if self.name == "hour" { "an" } else { "a" };
            (format!("`{text}` is not {article} {}", self.name), self.range(), text)
        })
    }

    fn range(&self) -> String {
        let names = match (self.names.first(), self.names.last()) {
            (Some(first), Some(last)) => format!(", or `{first}` to `{last}`"),
            _ => String::new(),
        };
        format!("write `*` or {} to {}{names}, ranges `a-b`, lists `a,b`, steps `*/n`", self.least, self.most)
    }
}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.summary)
    }
}

impl std::error::Error for CronError {}
