//! Numbers of `/metrics` that the board does not know itself.

/// A number for `/metrics`, read when it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its documented name, without `_total`.
    pub name: &'static str,
    /// What it says, in one line.
    pub help: &'static str,
    /// Does it only grow?
    pub total: bool,
    /// What tells it from others of its name.
    pub labels: Vec<(&'static str, String)>,
    /// Its value.
    pub value: f64,
}

impl Reading {
    /// A number that goes up and down.
    pub fn gauge(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { name, help, total: false, labels: Vec::new(), value: value as f64 }
    }

    /// A number that only grows.
    pub fn total(name: &'static str, help: &'static str, value: u64) -> Self {
        Self { total: true, ..Self::gauge(name, help, value) }
    }

    /// Tells it from others of its name, which have to follow one another.
    #[must_use]
    pub fn labelled(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}
