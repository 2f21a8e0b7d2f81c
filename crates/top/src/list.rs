//! The rows that one can be on: services, and jobs below them.

use crate::lines::find;
use std::collections::BTreeSet;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Service,
    Job,
}

/// A row. Services and jobs never share a name: their lines are in files of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    name: String,
    kind: Kind,
    /// Its place among those of its kind.
    place: usize,
}

/// The rows that are shown, and the one that the keys mean.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    all: Vec<Row>,
    /// Places in `all` of those that pass the filter.
    shown: Vec<usize>,
    /// Place in `shown`.
    at: usize,
    services: Window,
    jobs: Window,
    /// This stands in the names that are shown.
    filter: String,
    marked: BTreeSet<String>,
}

/// The part of some rows that is on the screen.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    top: usize,
}

impl List {
    /// Whoever is on a row stays on it, wherever it has gone; when it is no more, on the one in its place.
    pub(crate) fn refresh<'a>(&mut self, services: impl Iterator<Item = &'a str>, jobs: impl Iterator<Item = &'a str>) {
        let selected = self.selected().map(str::to_owned);
        let row = |kind| move |(place, name): (usize, &str)| Row { name: name.to_owned(), kind, place };
        self.all = services.enumerate().map(row(Kind::Service)).chain(jobs.enumerate().map(row(Kind::Job))).collect();
        let all: BTreeSet<&str> = self.all.iter().map(|row| row.name.as_str()).collect();
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
        self.shown = all.filter(|(_, row)| find(&row.name, &self.filter).is_some()).map(|(at, _)| at).collect();
        let same = selected.and_then(|name| self.shown.iter().position(|at| self.all[*at].name == name));
        self.at = same.unwrap_or(self.at).min(self.shown.len().saturating_sub(1));
    }

    fn row(&self) -> Option<&Row> {
        self.shown.get(self.at).map(|at| &self.all[*at])
    }

    pub(crate) fn selected(&self) -> Option<&str> {
        self.row().map(|row| row.name.as_str())
    }

    pub(crate) fn kind(&self) -> Option<Kind> {
        self.row().map(|row| row.kind)
    }

    pub(crate) fn select(&mut self, name: &str) {
        if let Some(at) = self.shown.iter().position(|at| self.all[*at].name == name) {
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
        self.marked = self.all.iter().map(|row| &row.name).filter(|name| names.contains(name)).cloned().collect();
    }

    pub(crate) fn is_marked(&self, name: &str) -> bool {
        self.marked.contains(name)
    }

    /// In the order of the rows.
    pub(crate) fn marked(&self) -> Vec<String> {
        self.all.iter().map(|row| &row.name).filter(|name| self.marked.contains(*name)).cloned().collect()
    }

    /// How many rows of a kind there are.
    pub(crate) fn all(&self, kind: Kind) -> usize {
        self.all.iter().filter(|row| row.kind == kind).count()
    }

    /// How many rows of a kind pass the filter. Those of services come first.
    pub(crate) fn shown(&self, kind: Kind) -> usize {
        let services = self.shown.partition_point(|at| self.all[*at].kind == Kind::Service);
        match kind {
            Kind::Service => services,
            Kind::Job => self.shown.len() - services,
        }
    }

    /// So that the selected row is among so many rows of services, or of jobs.
    pub(crate) fn keep_in_sight(&mut self, services: usize, jobs: usize) {
        let (all, all_jobs) = (self.shown(Kind::Service), self.shown(Kind::Job));
        let at = self.at.min(all.saturating_sub(1));
        self.services.keep(at, all, services);
        self.jobs.keep(self.at.saturating_sub(all), all_jobs, jobs);
    }

    /// Places among all of its kind of the rows that are on the screen.
    pub(crate) fn in_sight(&self, kind: Kind, height: usize) -> impl Iterator<Item = usize> + '_ {
        let (begin, end, top) = match kind {
            Kind::Service => (0, self.shown(kind), self.services.top),
            Kind::Job => (self.shown(Kind::Service), self.shown.len(), self.jobs.top),
        };
        self.shown[begin..end].iter().skip(top).take(height).map(|at| self.all[*at].place)
    }

    /// How many rows are above and below those on the screen.
    pub(crate) fn out_of_sight(&self, kind: Kind, height: usize) -> (usize, usize) {
        let top = match kind {
            Kind::Service => self.services.top,
            Kind::Job => self.jobs.top,
        };
        (top, self.shown(kind).saturating_sub(top + height))
    }

    /// The names of the page of `size` rows on which the selected one is.
    pub(crate) fn page(&self, size: usize) -> Vec<String> {
        let size = size.max(1);
        let begin = self.at / size * size;
        self.shown.iter().skip(begin).take(size).map(|at| self.all[*at].name.clone()).collect()
    }
}

impl Window {
    fn keep(&mut self, at: usize, all: usize, height: usize) {
        let height = height.max(1);
        self.top = self.top.clamp((at + 1).saturating_sub(height), at).min(all.saturating_sub(height));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(services: &[&str], jobs: &[&str]) -> List {
        let mut list = List::default();
        list.refresh(services.iter().copied(), jobs.iter().copied());
        list
    }

    #[test]
    fn one_stays_on_a_row_wherever_it_goes() {
        let mut list = list(&["a", "b", "c"], &["tidy"]);
        list.step(1);
        list.mark();
        list.refresh(["x", "y", "b"].into_iter(), [].into_iter());
        assert_eq!((list.selected(), list.marked()), (Some("b"), vec!["b".to_owned()]));
        list.refresh(["x"].into_iter(), [].into_iter());
        assert_eq!((list.selected(), list.marked()), (Some("x"), vec![]));
        list.refresh([].into_iter(), [].into_iter());
        assert_eq!((list.selected(), list.kind()), (None, None));
    }

    #[test]
    fn the_selected_row_is_in_sight() {
        let names: Vec<_> = (0..100).map(|at| format!("s{at:02}")).collect();
        let mut list = list(&names.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
        list.step(50);
        list.keep_in_sight(10, 0);
        assert_eq!(list.in_sight(Kind::Service, 10).last(), Some(50));
        assert_eq!(list.out_of_sight(Kind::Service, 10), (41, 49));
        list.step(-5);
        list.keep_in_sight(10, 0);
        assert_eq!(list.in_sight(Kind::Service, 10).next(), Some(41));
        list.filter("s4".into());
        list.keep_in_sight(10, 0);
        assert_eq!((list.selected(), list.in_sight(Kind::Service, 10).count()), (Some("s45"), 10));
        assert_eq!(list.page(4), ["s44", "s45", "s46", "s47"]);
    }

    #[test]
    fn jobs_are_below_services() {
        let mut list = list(&["a", "b"], &["j", "k", "l"]);
        list.step(isize::MAX);
        list.keep_in_sight(2, 2);
        assert_eq!((list.selected(), list.kind()), (Some("l"), Some(Kind::Job)));
        assert_eq!(list.in_sight(Kind::Job, 2).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(list.in_sight(Kind::Service, 2).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(list.out_of_sight(Kind::Job, 2), (1, 0));
        list.filter("b".into());
        assert_eq!((list.shown(Kind::Service), list.shown(Kind::Job), list.all(Kind::Job)), (1, 0, 3));
        assert_eq!(list.selected(), Some("b"));
    }
}
