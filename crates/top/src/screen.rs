//! What stands where on the screen.

use crate::{logs::Arrangement, model::Model};
use ratatui_core::layout::Rect;

/// On less than this nothing can be read.
pub(crate) const LEAST: (u16, u16) = (40, 10);
/// From this height on there is room for what is only good to know.
const ROOMY: u16 = 20;
/// From this height on blocks stand apart.
const AIRY: u16 = 30;
/// So many dependencies have a row of their own.
const NEEDS: usize = 5;
/// A pane with lines is at least so wide and high where there are several.
const PANE: (u16, u16) = (50, 6);

/// What stands where.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    pub(crate) header: Rect,
    /// Why not all is well.
    pub(crate) because: Rect,
    pub(crate) table: Rect,
    pub(crate) needs: Rect,
    pub(crate) panes: Vec<Rect>,
    pub(crate) foot: Rect,
}

/// Nothing when the terminal is too small.
pub(crate) fn screen(model: &Model) -> Option<Screen> {
    let (columns, height) = model.size;
    if columns < LEAST.0 || height < LEAST.1 {
        return None;
    }
    let mut rest = Rest { area: Rect::new(0, 0, columns, height) };
    let header = rest.take(1);
    let foot = rest.take_last(1);
    let because = rest.take(because_height(model, height));
    let hidden = model.logs.arrangement == Arrangement::Hidden;
    if model.logs.arrangement == Arrangement::Each {
        let panes = panes(rest.area, model.chosen().len());
        return Some(Screen { header, because, table: Rect::ZERO, needs: Rect::ZERO, panes, foot });
    }
    let gap = u16::from(height >= AIRY);
    rest.take(gap);
    let needs_height = needs_height(model, height);
    let room = rest.area.height.saturating_sub(needs_height + gap);
    let half = if hidden { room } else { (room / 2).max(4) };
    let (_, rows) = model.list.counts();
    let table = rest.take(small(rows.max(1) + 1).min(half));
    rest.take(if needs_height > 0 { gap } else { 0 });
    let needs = rest.take(needs_height);
    rest.take(if hidden { 0 } else { gap });
    let panes = if hidden { Vec::new() } else { vec![rest.area] };
    Some(Screen { header, because, table, needs, panes, foot })
}

/// How many panes have room instead of the table.
pub(crate) fn capacity(model: &Model) -> usize {
    let (columns, height) = model.size;
    let height = height.saturating_sub(2 + because_height(model, height));
    usize::from((columns / PANE.0).clamp(1, 3)) * usize::from((height / PANE.1).clamp(1, 4))
}

fn because_height(model: &Model, height: u16) -> u16 {
    let most = if height >= ROOMY { 3 } else { 1 };
    small(model.reasons().len()).min(most)
}

/// Where there is little room, they share one line.
pub(crate) fn needs_height(model: &Model, height: u16) -> u16 {
    match model.status.dependencies.len() {
        0 => 0,
        _ if height < ROOMY => 1,
        all => 1 + small(all.min(NEEDS)),
    }
}

/// So many panes side by side and below each other.
fn panes(area: Rect, count: usize) -> Vec<Rect> {
    let count = small(count.max(1));
    let across = (area.width / PANE.0).clamp(1, 3).min(count);
    let down = count.div_ceil(across).min((area.height / PANE.1).max(1));
    let cells = (0..down).flat_map(|row| (0..across).map(move |column| (row, column))).take(usize::from(count));
    let part = |whole: u16, parts: u16, at: u16| (whole / parts * at, whole / parts);
    cells
        .map(|(row, column)| {
            let (x, width) = part(area.width, across, column);
            let (y, height) = part(area.height, down, row);
            // What is left over belongs to the last ones.
            let width = if column + 1 == across { area.width - x } else { width - 1 };
            let height = if row + 1 == down { area.height - y } else { height };
            Rect::new(area.x + x, area.y + y, width, height)
        })
        .collect()
}

/// What is not given away yet.
struct Rest {
    area: Rect,
}

impl Rest {
    fn take(&mut self, height: u16) -> Rect {
        let height = height.min(self.area.height);
        let taken = Rect { height, ..self.area };
        self.area = Rect { y: self.area.y + height, height: self.area.height - height, ..self.area };
        taken
    }

    fn take_last(&mut self, height: u16) -> Rect {
        let height = height.min(self.area.height);
        self.area.height -= height;
        Rect { y: self.area.bottom(), height, ..self.area }
    }
}

fn small(number: usize) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}

impl Screen {
    /// How many rows of the table are in sight.
    pub(crate) fn rows(&self) -> usize {
        usize::from(self.table.height.saturating_sub(1)).max(1)
    }

    /// How many lines a pane shows.
    pub(crate) fn pane_height(&self) -> usize {
        self.panes.first().map_or(0, |pane| usize::from(pane.height.saturating_sub(1)))
    }
}
