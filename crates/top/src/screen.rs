//! What stands where on the screen.

use crate::{list::Kind, logs::Arrangement, model::Model};
use ratatui_core::layout::Rect;

/// On less than this nothing can be read.
pub(crate) const LEAST: (u16, u16) = (40, 10);
/// From this height on there is room for what is only good to know.
const ROOMY: u16 = 20;
/// From this height on blocks stand apart.
const AIRY: u16 = 30;
/// However little room there is, a heading and three services.
const LEAST_TABLE: u16 = 4;
/// So many jobs are shown at once.
const JOBS: usize = 5;
/// So many dependencies have a row of their own.
const NEEDS: usize = 5;
/// A pane with lines is at least so wide and high where there are several.
const PANE: (u16, u16) = (51, 6);

/// What stands where.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    pub(crate) header: Rect,
    /// Why not all is well.
    pub(crate) because: Rect,
    pub(crate) services: Rect,
    pub(crate) jobs: Rect,
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
    if model.logs.arrangement == Arrangement::Each {
        let (panes, none) = (panes(rest.area, model.chosen().len()), Rect::ZERO);
        return Some(Screen { header, because, services: none, jobs: none, needs: none, panes, foot });
    }
    let gap = u16::from(height >= AIRY);
    rest.take(gap);
    let (needs, jobs) = (needs_height(model, height), jobs_height(model, height));
    let with_gap = |height: u16| if height > 0 { height + gap } else { 0 };
    let hidden = model.logs.arrangement == Arrangement::Hidden;
    let room = rest.area.height.saturating_sub(with_gap(needs) + with_gap(jobs));
    let most = if hidden { room } else { (room / 2).max(LEAST_TABLE) };
    let services = rest.take(small(model.list.shown(Kind::Service).max(1) + 1).min(most));
    let mut block = |height| {
        rest.take(if height > 0 { gap } else { 0 });
        rest.take(height)
    };
    let (jobs, needs) = (block(jobs), block(needs));
    rest.take(gap);
    let panes = if hidden { Vec::new() } else { vec![rest.area] };
    Some(Screen { header, because, services, jobs, needs, panes, foot })
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

fn jobs_height(model: &Model, height: u16) -> u16 {
    let most = if height < ROOMY { 1 } else { JOBS };
    match model.list.shown(Kind::Job) {
        0 => 0,
        shown => 1 + small(shown.min(most)),
    }
}

/// So many panes, side by side and below each other; the last ones share what is left.
fn panes(area: Rect, count: usize) -> Vec<Rect> {
    let count = small(count.max(1));
    let across = (area.width / PANE.0).clamp(1, 3).min(count);
    let down = count.div_ceil(across).min((area.height / PANE.1).max(1));
    let mut left = count.min(across * down);
    let mut panes = Vec::new();
    for (y, height) in parts(area.height, down) {
        let here = left.min(across);
        left -= here;
        for (x, width) in parts(area.width, here) {
            // A blank between two.
            let gap = u16::from(x + width < area.width);
            panes.push(Rect::new(area.x + x, area.y + y, width - gap, height));
        }
    }
    panes
}

/// Where each of `count` equal parts begins, and how long it is; what is left over belongs to the last one.
fn parts(whole: u16, count: u16) -> impl Iterator<Item = (u16, u16)> {
    let one = whole / count.max(1);
    (0..count).map(move |at| (at * one, if at + 1 == count { whole - at * one } else { one }))
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
    /// How many rows of a kind are in sight.
    pub(crate) fn rows(&self, kind: Kind) -> usize {
        let block = match kind {
            Kind::Service => self.services,
            Kind::Job => self.jobs,
        };
        usize::from(block.height.saturating_sub(1))
    }

    /// How many lines a pane shows.
    pub(crate) fn pane_height(&self) -> usize {
        self.panes.first().map_or(0, |pane| usize::from(pane.height.saturating_sub(1)))
    }
}
