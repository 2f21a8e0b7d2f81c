//! Measurements side by side: ours first, each with its peers.
use serde_json::{Value, json};
use std::fmt;

/// The name that our own rows have.
pub(super) const OURS: &str = "mainstay";

/// Measurements of one kind.
pub(super) struct Table {
    title: String,
    unit: &'static str,
    rows: Vec<Row>,
    notes: Vec<String>,
    /// Is more better?
    more: bool,
}

/// What one contestant came to in one case.
pub(super) struct Row {
    pub(super) case: String,
    pub(super) who: String,
    pub(super) values: Vec<f64>,
    /// Rounds in which it said "go" before it was true: no time is good enough for that.
    pub(super) early: usize,
    pub(super) target: Option<Target>,
}

/// What our median is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    AtMost(f64),
    /// Less than this peer's.
    Below(&'static str),
    /// Where more is better.
    AtLeast(f64),
    /// At most this share of the best peer's.
    ShareOfBest(f64),
}

impl Table {
    pub(super) fn new(title: impl Into<String>, unit: &'static str) -> Self {
        Self { title: title.into(), unit, rows: Vec::new(), notes: Vec::new(), more: false }
    }

    /// Of what more is better.
    pub(super) fn of_gain(title: impl Into<String>, unit: &'static str) -> Self {
        Self { more: true, ..Self::new(title, unit) }
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Rows of those who have nothing to tell in it are left out.
    pub(super) fn without_empty_rows(mut self) -> Self {
        self.rows.retain(|row| !row.values.is_empty());
        self
    }

    /// Rows of one case belong together and come one after the other.
    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Everything, each value included.
    pub(super) fn json(&self) -> Value {
        let rows: Vec<Value> = self.rows.iter().map(|row| self.row_json(row)).collect();
        json!({ "title": self.title, "unit": self.unit, "rows": rows, "notes": self.notes })
    }

    fn row_json(&self, row: &Row) -> Value {
        json!({
            "case": row.case, "who": row.who, "values": row.values, "early": row.early,
            "median": number(median(&row.values)), "p95": number(quantile(&row.values, 0.95)),
            "max": number(quantile(&row.values, 1.0)), "times_best_peer": self.ratio(row),
            "target": self.target(row), "met": self.met(row),
        })
    }

    fn peer(&self, case: &str, who: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.case == case && row.who == who)
    }

    /// The best median of a peer that was never early: the least one, or where more is better the most.
    fn best_peer(&self, case: &str) -> Option<f64> {
        let honest = self.rows.iter().filter(|row| row.case == case && row.who != OURS && row.early == 0);
        let medians = honest.map(|row| median(&row.values)).filter(|it| it.is_finite());
        if self.more { medians.max_by(f64::total_cmp) } else { medians.min_by(f64::total_cmp) }
    }

    /// Our median as a share of the best peer's.
    fn ratio(&self, row: &Row) -> Option<f64> {
        let peer = self.best_peer(&row.case).filter(|_| row.who == OURS)?;
        (peer > 0.0).then(|| median(&row.values) / peer)
    }

    fn target(&self, row: &Row) -> Option<String> {
        match row.target? {
            Target::AtMost(most) => Some(format!("<= {}", short(most))),
            Target::AtLeast(least) => Some(format!(">= {}", short(least))),
            Target::Below(peer) => {
                let least = self.peer(&row.case, peer).map_or(f64::NAN, |peer| median(&peer.values));
                Some(format!("< {}", short(least)))
            }
            Target::ShareOfBest(share) => {
                Some(format!("<= {}", short(share * self.best_peer(&row.case).unwrap_or(f64::NAN))))
            }
        }
    }

    /// Nothing when there is no target, or nothing to compare with.
    fn met(&self, row: &Row) -> Option<bool> {
        let ours = median(&row.values);
        let met = match row.target? {
            Target::AtMost(most) => ours <= most,
            Target::AtLeast(least) => ours >= least,
            Target::Below(peer) => ours < median(&self.peer(&row.case, peer)?.values),
            Target::ShareOfBest(share) => ours <= share * self.best_peer(&row.case)?,
        };
        Some(met && row.early == 0)
    }

    fn cells(&self) -> Vec<[String; 10]> {
        let heads = ["case", "who", "n", "early", "median", "p95", "max", "of best peer", "target", ""];
        let rows = self.rows.iter().enumerate().map(|(index, row)| {
            let again = index > 0 && self.rows[index - 1].case == row.case;
            [
                if again { String::new() } else { row.case.clone() },
                row.who.clone(),
                row.values.len().to_string(),
                if row.early == 0 { "-".to_owned() } else { row.early.to_string() },
                short(median(&row.values)),
                short(quantile(&row.values, 0.95)),
                short(quantile(&row.values, 1.0)),
                self.ratio(row).map(|ratio| format!("x {}", short(ratio))).unwrap_or_default(),
                self.target(row).unwrap_or_default(),
                self.met(row).map(|met| if met { "met" } else { "MISSED" }.to_owned()).unwrap_or_default(),
            ]
        });
        std::iter::once(heads.map(str::to_owned)).chain(rows).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} [{}]", self.title, self.unit)?;
        let lines = self.cells();
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..10).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).enumerate().map(|(column, (text, width))| {
                if column < 2 { format!("{text:<width$}") } else { format!("{text:>width$}") }
            });
            writeln!(f, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  {note}"))
    }
}

/// `1 service`, `2 services`
pub(super) fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("{number} {what}") } else { format!("{number} {what}s") }
}

/// The middle one, by rank; NaN of nothing.
pub(super) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value that this share of all does not exceed.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn number(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// Three digits are enough.
fn short(value: f64) -> String {
    match value.abs() {
        _ if !value.is_finite() => "-".to_owned(),
        0.0 => "0".to_owned(),
        size if size < 0.1 => format!("{value:.3}"),
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(who: &str, values: &[f64], early: usize, target: Option<Target>) -> Row {
        Row { case: "a".to_owned(), who: who.to_owned(), values: values.to_vec(), early, target }
    }

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values = [3.0, 1.0, 2.0, 4.0];
        assert_eq!((median(&values), quantile(&values, 0.95), quantile(&values, 1.0)), (2.0, 4.0, 4.0));
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_best_peer_is_the_quickest_that_was_never_early() {
        let mut table = Table::new("t", "ms");
        table.add(row(OURS, &[5.0], 0, Some(Target::AtMost(10.0))));
        table.add(row("hasty", &[-3000.0], 1, None));
        table.add(row("slow", &[500.0], 0, None));
        assert_eq!(table.ratio(&table.rows[0]), Some(0.01));
        assert_eq!(table.met(&table.rows[0]), Some(true));
    }

    #[test]
    fn early_is_never_good_enough() {
        let mut table = Table::new("t", "ms");
        table.add(row(OURS, &[5.0], 1, Some(Target::AtMost(10.0))));
        assert_eq!(table.met(&table.rows[0]), Some(false));
    }

    #[test]
    fn a_target_may_be_a_peer() {
        let mut table = Table::new("t", "lines/min");
        table.add(row(OURS, &[12.0], 0, Some(Target::Below("loop"))));
        table.add(row("loop", &[60.0], 0, None));
        assert_eq!((table.target(&table.rows[0]), table.met(&table.rows[0])), (Some("< 60.0".to_owned()), Some(true)));
    }

    #[test]
    fn a_target_may_be_a_share_of_the_best_peer() {
        let mut table = Table::new("t", "ms");
        table.add(row(OURS, &[600.0], 0, Some(Target::ShareOfBest(0.5))));
        assert_eq!(table.met(&table.rows[0]), None);
        table.add(row("slow", &[5000.0], 0, None));
        assert_eq!(table.met(&table.rows[0]), Some(true));
        table.add(row("quick", &[1000.0], 0, None));
        assert_eq!((table.target(&table.rows[0]), table.met(&table.rows[0])), (Some("<= 500".to_owned()), Some(false)));
    }
}
