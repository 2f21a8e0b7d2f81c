//! The rows that one can be on.

use crate::lines::find;
use std::collections::BTreeSet;

/// The rows that are shown, and the one that the keys mean.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    /// The names of all rows, in their order.
    all: Vec<String>,
    /// Places in `all` of those that pass the filter.
    shown: Vec<usize>,
    /// Place in `shown`.
    at: usize,
    /// The first place in `shown` that is on the screen.
    top: usize,
    /// This stands in the names that are shown.
    filter: String,
    marked: BTreeSet<String>,
}

impl List {
    /// Whoever is on a row stays on it, wherever it has gone; when it is no more, on the one in its place.
    pub(crate) fn refresh<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let selected = self.selected().map(str::to_owned);
        self.all = names.map(str::to_owned).collect();
        let all: BTreeSet<&str> = self.all.iter().map(String::as_str).collect();
        self.marked.retain(|name| all.contains(name.as_str()));
        self.sift(selected);
    }

    pub(crate) fn filter(&mut self, text: String) {
        let selected = self.selected().map(str::to_owned);
        self.filter = text;
        self.sift(selected);
    }

    pub(crate) fn filter_text(&self) -> &str {
        &self.filter
    }

    fn sift(&mut self, selected: Option<String>) {
        let all = self.all.iter().enumerate();
        self.shown = all.filter(|(_, name)| find(name, &self.filter).is_some()).map(|(at, _)| at).collect();
        let same = selected.and_then(|name| self.shown.iter().position(|at| self.all[*at] == name));
        self.at = same.unwrap_or(self.at).min(self.shown.len().saturating_sub(1));
    }

    pub(crate) fn selected(&self) -> Option<&str> {
        self.shown.get(self.at).map(|at| self.all[*at].as_str())
    }

    pub(crate) fn select(&mut self, name: &str) {
        if let Some(at) = self.shown.iter().position(|at| self.all[*at] == name) {
            self.at = at;
        }
    }

    pub(crate) fn step(&mut self, by: isize) {
        self.at = self.at.saturating_add_signed(by).min(self.shown.len().saturating_sub(1));
    }

    /// Marks the row, or takes its mark away.
    pub(crate) fn mark(&mut self) {
        let Some(name) = self.selected().map(str::to_owned) else { return };
        if !self.marked.remove(&name) {
            self.marked.insert(name);
        }
    }

    /// Marks these alone.
    pub(crate) fn mark_only(&mut self, names: &[String]) {
        self.marked = names.iter().filter(|name| self.all.contains(name)).cloned().collect();
    }

    pub(crate) fn is_marked(&self, name: &str) -> bool {
        self.marked.contains(name)
    }

    /// In the order of the rows.
    pub(crate) fn marked(&self) -> Vec<String> {
        self.all.iter().filter(|name| self.marked.contains(*name)).cloned().collect()
    }

    /// How many rows there are, all and shown.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.all.len(), self.shown.len())
    }

    /// So that the selected row is among `height` rows.
    pub(crate) fn keep_in_sight(&mut self, height: usize) {
        let height = height.max(1);
        let last = self.shown.len().saturating_sub(height);
        self.top = self.top.clamp((self.at + 1).saturating_sub(height), self.at).min(last);
    }

    /// Places among all rows of those on the screen.
    pub(crate) fn in_sight(&self, height: usize) -> impl Iterator<Item = usize> + '_ {
        self.shown.iter().skip(self.top).take(height).copied()
    }

    /// The names of the page of `size` rows on which the selected one is.
    pub(crate) fn page(&self, size: usize) -> Vec<String> {
        let size = size.max(1);
        let begin = self.at / size * size;
        self.shown.iter().skip(begin).take(size).map(|at| self.all[*at].clone()).collect()
    }

    /// How many rows are above and below those on the screen.
    pub(crate) fn out_of_sight(&self, height: usize) -> (usize, usize) {
        (self.top, self.shown.len().saturating_sub(self.top + height))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> List {
        let mut list = List::default();
        list.refresh(names.iter().copied());
        list
    }

    #[test]
    fn one_stays_on_a_row_wherever_it_goes() {
        let mut list = list(&["a", "b", "c"]);
        list.step(1);
        list.mark();
        list.refresh(["x", "y", "b"].into_iter());
        assert_eq!((list.selected(), list.marked()), (Some("b"), vec!["b".to_owned()]));
        list.refresh(["x"].into_iter());
        assert_eq!((list.selected(), list.marked()), (Some("x"), vec![]));
        list.refresh([].into_iter());
        assert_eq!(list.selected(), None);
    }

    #[test]
    fn the_selected_row_is_in_sight() {
        let names: Vec<_> = (0..100).map(|at| format!("s{at:02}")).collect();
        let mut list = list(&names.iter().map(String::as_str).collect::<Vec<_>>());
        list.step(50);
        list.keep_in_sight(10);
        assert_eq!(list.in_sight(10).last(), Some(50));
        assert_eq!(list.out_of_sight(10), (41, 49));
        list.step(-5);
        list.keep_in_sight(10);
        assert_eq!(list.in_sight(10).next(), Some(41));
        list.filter("s4".into());
        list.keep_in_sight(10);
        assert_eq!((list.selected(), list.in_sight(10).count()), (Some("s45"), 10));
        assert_eq!(list.page(4), ["s44", "s45", "s46", "s47"]);
    }
}
