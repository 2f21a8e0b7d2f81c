//! The figures of the last minutes.

use control::Status;
use std::collections::{BTreeMap, VecDeque};

/// So many are kept, one for each question: two minutes.
const KEPT: usize = 120;

/// The figures of the last minutes, of each service and dependency.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    cpu: BTreeMap<String, Trace>,
    answer: BTreeMap<String, Trace>,
    check: BTreeMap<String, Trace>,
}

/// One figure over time, newest last; nothing where it was not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trace(VecDeque<Option<f64>>);

impl Figures {
    pub(crate) fn record(&mut self, status: &Status) {
        let cpu = status.services.iter().map(|it| (it.name.as_str(), cpu_of(it)));
        let answer = status.dependencies.iter().map(|it| (it.name.as_str(), it.latency_ms));
        record(&mut self.cpu, cpu);
        let check = status.services.iter().map(|it| (it.name.as_str(), it.latency_ms));
        record(&mut self.answer, answer);
        record(&mut self.check, check);
    }

    /// Of a service, in per cent of one processor.
    pub(crate) fn cpu(&self, service: &str) -> Option<&Trace> {
        self.cpu.get(service)
    }

    /// How long the health check of a service took, in milliseconds.
    pub(crate) fn check(&self, service: &str) -> Option<&Trace> {
        self.check.get(service)
    }

    /// Has it passed in the last minutes?
    pub(crate) fn check_is_known(&self, service: &str) -> bool {
        self.check.get(service).is_some_and(|trace| trace.0.iter().any(Option::is_some))
    }

    /// How long a dependency took to answer, in milliseconds.
    pub(crate) fn answer(&self, dependency: &str) -> Option<&Trace> {
        self.answer.get(dependency)
    }
}

/// In per cent of one processor.
pub(crate) fn cpu_of(service: &control::Service) -> Option<f64> {
    service.usage.as_ref()?.cpu_percent
}

/// In bytes.
pub(crate) fn memory_of(service: &control::Service) -> Option<u64> {
    service.usage.as_ref()?.memory_bytes
}

/// Those that are no more are forgotten.
fn record<'a>(traces: &mut BTreeMap<String, Trace>, now: impl Iterator<Item = (&'a str, Option<f64>)>) {
    let mut known = std::mem::take(traces);
    for (name, figure) in now {
        let mut trace = known.remove(name).unwrap_or_default();
        trace.push(figure);
        traces.insert(name.to_owned(), trace);
    }
}

impl Trace {
    fn push(&mut self, figure: Option<f64>) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(figure.filter(|figure| figure.is_finite()));
    }

    /// The last `columns` figures as bars, newest last. The full height is at least `least`, so that little things look
    /// little, and twice their mean, so that what is always the same looks calm.
    pub(crate) fn bars(&self, columns: usize, least: f64, bars: &[char; 8]) -> String {
        let skip = self.0.len().saturating_sub(columns);
        let shown: Vec<_> = self.0.iter().skip(skip).copied().collect();
        let known = shown.iter().flatten().count().max(1) as f64;
        let mean = shown.iter().flatten().sum::<f64>() / known;
        let top = shown.iter().flatten().copied().fold(least.max(2.0 * mean), f64::max);
        let bar = |figure: &Option<f64>| figure.map_or(' ', |figure| bars[height(figure, top, bars.len())]);
        std::iter::repeat_n(' ', columns.saturating_sub(shown.len())).chain(shown.iter().map(bar)).collect()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is clamped to the few bars")]
fn height(figure: f64, top: f64, bars: usize) -> usize {
    let share = if top > 0.0 { (figure / top).clamp(0.0, 1.0) } else { 0.0 };
    (share * (bars - 1) as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(figures: &[Option<f64>]) -> Trace {
        let mut trace = Trace::default();
        figures.iter().for_each(|figure| trace.push(*figure));
        trace
    }

    #[test]
    fn bars_are_as_high_as_figures() {
        let bars = ['0', '1', '2', '3', '4', '5', '6', '7'];
        let some = trace(&[Some(0.0), Some(35.0), None, Some(70.0), Some(f64::NAN), Some(-1.0)]);
        assert_eq!(some.bars(8, 1.0, &bars), "  04 7 0");
        assert_eq!(some.bars(3, 1.0, &bars), "7 0");
        assert_eq!(trace(&[Some(30.0); 3]).bars(3, 1.0, &bars), "444");
        assert_eq!(some.bars(6, 700.0, &bars), "00 1 0");
        assert_eq!(trace(&[]).bars(2, 0.0, &bars), "  ");
    }

    #[test]
    fn only_the_last_minutes_are_kept() {
        let long = trace(&vec![Some(1.0); KEPT * 3]);
        assert_eq!(long.0.len(), KEPT);
    }
}
