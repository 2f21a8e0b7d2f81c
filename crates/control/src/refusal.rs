//! Why nothing was done, and what is wrong, on its way from one mainstay to another.

use report::{Finding, Outcome, Severity};
use serde::{Deserialize, Serialize};

/// Why nothing was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refusal {
    /// The exit code that tells it.
    pub code: u8,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// A [`Finding`] on its way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// `note`, `warning` or `error`.
    pub severity: String,
    /// What is wrong.
    pub summary: String,
    /// Where.
    pub place: Option<Place>,
    /// What was seen.
    pub seen: Vec<String>,
    /// What to do.
    pub hint: Option<String>,
}

/// A spot in a text, with its line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// The whole line.
    pub source: String,
    /// How many characters are meant.
    pub width: usize,
}

impl Refusal {
    /// Nothing was done, because of `findings`.
    pub fn new(outcome: Outcome, findings: &[Finding]) -> Self {
        Self { code: outcome.code(), problems: findings.iter().map(Problem::from).collect() }
    }

    /// The same as findings.
    pub fn findings(&self) -> Vec<Finding> {
        self.problems.iter().map(Finding::from).collect()
    }
}

impl From<&Finding> for Problem {
    fn from(finding: &Finding) -> Self {
        let place = finding.place.as_deref().map(|place| Place {
            file: place.file.clone(),
            line: place.line,
            column: place.column,
            source: place.source.clone(),
            width: place.width,
        });
        let (summary, seen, hint) = (finding.summary.clone(), finding.seen.clone(), finding.hint.clone());
        Self { severity: finding.severity.to_string(), summary, place, seen, hint }
    }
}

impl From<&Problem> for Finding {
    fn from(problem: &Problem) -> Self {
        let severity = match problem.severity.as_str() {
            "note" => Severity::Note,
            "warning" => Severity::Warning,
            _ => Severity::Error,
        };
        // Of another version, or of somebody else: a place that is none would not be drawable.
        let place = problem.place.as_ref().filter(|place| place.line > 0 && place.column > 0).map(|place| {
            let (line, column, width) = (place.line, place.column, place.width.clamp(1, 1000));
            Box::new(report::Place { file: place.file.clone(), line, column, source: place.source.clone(), width })
        });
        let (summary, seen, hint) = (problem.summary.clone(), problem.seen.clone(), problem.hint.clone());
        Finding { severity, summary, place, seen, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_arrives_as_it_left() {
        let text = "name = \"booking\"\ncomand = \"x\"\n";
        let place = report::Place::in_text("mainstay.toml", text, 17, 23);
        let finding = Finding::error("unknown key `comand`").at(place).seen("a").seen("b").hint("c");
        let refusal = Refusal::new(Outcome::Misused, &[finding.clone(), Finding::warning("w")]);
        let sent = serde_json::to_string(&refusal).unwrap();
        let came: Refusal = serde_json::from_str(&sent).unwrap();
        assert_eq!((came.code, came.findings()), (2, vec![finding, Finding::warning("w")]));
    }
}
