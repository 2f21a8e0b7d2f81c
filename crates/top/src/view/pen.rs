//! Writes from the left to the right, never over the edge.

use crate::{
    look::{Look, Tone},
    text::{cut, width},
};
use ratatui_core::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

/// Writes into an area.
pub(super) struct Pen<'a> {
    buffer: &'a mut Buffer,
    area: Rect,
    pub(super) look: Look,
    x: u16,
    y: u16,
}

impl<'a> Pen<'a> {
    pub(super) fn new(buffer: &'a mut Buffer, area: Rect, look: Look) -> Self {
        let area = area.intersection(buffer.area);
        Self { buffer, area, look, x: area.x, y: area.y }
    }

    /// How many columns are left on this line.
    pub(super) fn room(&self) -> usize {
        usize::from(self.area.right().saturating_sub(self.x))
    }

    pub(super) fn width(&self) -> usize {
        usize::from(self.area.width)
    }

    pub(super) fn height(&self) -> usize {
        usize::from(self.area.height)
    }

    /// Writes as much of `text` as there is room.
    pub(super) fn put(&mut self, text: &str, tone: Tone) {
        self.put_styled(text, self.look.style(tone));
    }

    pub(super) fn put_styled(&mut self, text: &str, style: Style) {
        if self.y >= self.area.bottom() || self.room() == 0 {
            return;
        }
        let shown = cut(text, self.room(), self.look.ellipsis());
        let (x, _) = self.buffer.set_stringn(self.x, self.y, &shown, self.room(), style);
        self.x = x;
    }

    /// The same with blanks on one side, or cut, so that it takes `columns`.
    pub(super) fn put_column(&mut self, text: &str, columns: usize, right: bool, tone: Tone) {
        let shown = cut(text, columns, self.look.ellipsis());
        let blanks = columns.saturating_sub(width(&shown));
        if right {
            self.skip(blanks);
        }
        self.put(&shown, tone);
        if !right {
            self.skip(blanks);
        }
    }

    /// Blanks.
    pub(super) fn skip(&mut self, columns: usize) {
        self.x = (self.x + u16::try_from(columns).unwrap_or(u16::MAX).min(1000)).min(self.area.right());
    }

    /// Goes on at the beginning of the next line.
    pub(super) fn next_line(&mut self) {
        (self.x, self.y) = (self.area.x, self.y.saturating_add(1));
    }

    /// Writes at the right end of this line, if there is room for it and a blank.
    pub(super) fn put_at_end(&mut self, text: &str, tone: Tone) {
        if width(text) < self.room() {
            self.skip(self.room() - width(text));
            self.put(text, tone);
        }
    }

    /// The rest of the line as a rule.
    pub(super) fn rule(&mut self, tone: Tone) {
        let rule = self.look.rule().repeat(self.room());
        self.put(&rule, tone);
    }

    /// The whole line stands out.
    pub(super) fn reverse_line(&mut self) {
        let line = Rect { y: self.y, height: 1, ..self.area }.intersection(self.area);
        self.buffer.set_style(line, Style::new().add_modifier(Modifier::REVERSED));
    }
}
