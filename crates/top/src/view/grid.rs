//! Columns that fit.

use super::pen::Pen;
use crate::look::Tone;

/// Between two columns.
const GAP: usize = 2;
/// The last column is worth its place from this width on.
const LEAST_OF_LAST: usize = 10;

/// Columns of this rank are only nice to have: they go as soon as the last column would be cut.
pub(super) const NICE: u8 = 8;

/// A column. The last one of a grid takes what is left; its width is what it would like to have.
pub(super) struct Column {
    pub(super) head: &'static str,
    pub(super) width: usize,
    pub(super) right: bool,
    /// When there is no room for all, those with the highest are left out first.
    pub(super) rank: u8,
}

/// What stands in a column of one row.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    pub(super) fn quiet(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Quiet }
    }
}

/// The columns that are shown, as places among all.
pub(super) struct Grid {
    columns: Vec<Column>,
    shown: Vec<usize>,
}

impl Grid {
    /// As many of them as fit into `room`.
    pub(super) fn fit(columns: Vec<Column>, room: usize) -> Self {
        let mut shown: Vec<usize> = (0..columns.len()).collect();
        while shown.len() > 1 && taken(&columns, &shown) > room {
            let least = shown.iter().copied().max_by_key(|at| columns[*at].rank);
            shown.retain(|at| Some(*at) != least);
        }
        Self { columns, shown }
    }

    pub(super) fn head(&self, pen: &mut Pen<'_>) {
        for at in &self.shown {
            let column = &self.columns[*at];
            // The last one leaves room behind it.
            let width = if *at + 1 == self.columns.len() { column.head.len() } else { column.width };
            pen.put_column(column.head, width, column.right, Tone::Head);
            pen.skip(GAP);
        }
    }

    /// A cell for each column, shown or not.
    pub(super) fn row(&self, pen: &mut Pen<'_>, cells: Vec<Cell>) {
        let shown = cells.into_iter().enumerate().filter(|(at, _)| self.shown.contains(at)).map(|(_, cell)| cell);
        self.put(pen, shown);
    }

    fn put(&self, pen: &mut Pen<'_>, cells: impl Iterator<Item = Cell>) {
        for (at, cell) in self.shown.iter().zip(cells) {
            let column = &self.columns[*at];
            let width = if *at + 1 == self.columns.len() { pen.room() } else { column.width };
            pen.put_column(&cell.text, width, column.right, cell.tone);
            pen.skip(GAP);
        }
    }
}

fn taken(columns: &[Column], shown: &[usize]) -> usize {
    let nice = shown.iter().any(|at| columns[*at].rank >= NICE);
    let width = |at: &usize| match &columns[*at] {
        column if *at + 1 == columns.len() && !nice => column.width.min(LEAST_OF_LAST),
        column => column.width,
    };
    shown.iter().map(width).sum::<usize>() + GAP * shown.len().saturating_sub(1)
}
