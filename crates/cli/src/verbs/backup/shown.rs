//! Copies as people and programs read them.

use backup::{Copy, Exposure};
use control::span;
use jiff::Timestamp;
use report::{age, bytes, seconds};
use serde::Serialize;
use serde_json::json;
use std::{path::Path, time::Duration};

/// A copy as it is shown.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Shown {
    id: String,
    /// Which database it is of.
    database: String,
    name: String,
    kind: String,
    taken: Timestamp,
    /// `VERIFIED`, `not verified`, `FAILED`, `could not verify`, `unreadable`.
    state: String,
    verified: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    bytes: u64,
    rows: u64,
    tables: usize,
    /// Seconds.
    took: f64,
    /// Seconds.
    restore: Option<f64>,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<String>,
    pub(crate) path: String,
    /// Where it lies, the nearest first.
    pub(crate) places: Vec<At>,
}

/// One of the places of a copy.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct At {
    /// `local`, `s3`
    place: String,
    /// What it is worth there.
    state: String,
    pub(crate) path: String,
}

/// What would be lost of a database.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Risk {
    pub(crate) database: String,
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) exposure: Exposure,
}

impl Shown {
    pub(crate) fn of(copy: &Copy, cwd: &Path) -> Self {
        let path = copy.path.strip_prefix(cwd).unwrap_or(&copy.path).display().to_string();
        let state = copy.known().map_or_else(|| "unreadable".to_owned(), |manifest| manifest.standing.to_string());
        let places = vec![At { place: copy.place.to_string(), state: state.clone(), path: path.clone() }];
        let (id, database) = (copy.id.to_string(), copy.database.clone());
        match &copy.manifest {
            Ok(manifest) => Self {
                id,
                database,
                name: manifest.source.name.clone(),
                kind: manifest.source.kind.to_string(),
                taken: manifest.taken,
                state,
                verified: manifest.is_verified(),
                stage: Some(manifest.standing.stage.to_string()),
                reason: manifest.standing.why.clone(),
                bytes: manifest.bytes(),
                rows: manifest.content.rows(),
                tables: manifest.content.tables.len(),
                took: manifest.took,
                restore: manifest.proof.as_ref().map(|proof| proof.restore),
                why: manifest.why.to_string(),
                pin: manifest.pin.clone(),
                path,
                places,
            },
            Err(error) => Self {
                id,
                database,
                name: String::new(),
                kind: String::new(),
                taken: copy.id.time(),
                state,
                verified: false,
                stage: None,
                reason: Some(error.to_string()),
                bytes: 0,
                rows: 0,
                tables: 0,
                took: 0.0,
                restore: None,
                why: String::new(),
                pin: None,
                path,
                places,
            },
        }
    }

    /// Copies, the newest first: one that is the same in several places is shown once.
    pub(crate) fn each_once(copies: &[Copy], cwd: &Path) -> Vec<Self> {
        let mut all: Vec<Self> = Vec::new();
        for copy in copies {
            let shown = Self::of(copy, cwd);
            match all.iter_mut().find(|known| known.id == shown.id && known.state == shown.state) {
                Some(known) => known.places.extend(shown.places),
                None => all.push(shown),
            }
        }
        all
    }

    /// `local, s3`
    fn lies(&self) -> String {
        self.places.iter().map(|at| at.place.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn cells(&self, now: Timestamp) -> [String; 9] {
        let old = Duration::try_from(now.duration_since(self.taken)).unwrap_or_default();
        let why = match &self.pin {
            Some(pin) => format!("{}, pinned: {pin}", self.why),
            None => self.why.clone(),
        };
        [
            self.id.clone(),
            self.name.clone(),
            self.taken.strftime("%F %T UTC").to_string(),
            age(old),
            self.state.clone(),
            bytes(self.bytes),
            format!("{} rows in {}", self.rows, seconds(span(self.took))),
            self.lies(),
            why,
        ]
    }
}

/// Copies as JSON.
pub(crate) fn listed(copies: &[Shown], risks: Option<&[Risk]>) -> String {
    let answer = match risks {
        Some(risks) => json!({ "copies": copies, "exposure": risks }),
        None => json!({ "copies": copies }),
    };
    format!("{answer:#}")
}

/// One line for each copy, then one for each database.
pub(crate) fn table(copies: &[Shown], risks: &[Risk], now: Timestamp) -> String {
    if copies.is_empty() {
        return "no copies\n".to_owned();
    }
    let rows: Vec<_> = copies.iter().map(|copy| (copy.cells(now), &copy.reason)).collect();
    let width = |column: usize| rows.iter().map(|(cells, _)| cells[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<_> = (0..9).map(width).collect();
    let mut text = String::new();
    for (cells, reason) in &rows {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text += &(padded.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n");
        if let Some(reason) = reason {
            text += &format!("  {reason}\n");
        }
    }
    for risk in risks {
        text += &format!("{}: {}\n", risk.name, risk.exposure);
    }
    text
}
