//! The screen, drawn.

mod detail;
mod foot;
mod grid;
mod header;
mod help;
mod jobs;
mod needs;
mod panes;
mod pen;
mod services;

use crate::{
    look::Tone,
    model::{Mode, Model},
    screen::{LEAST, screen},
};
use pen::Pen;
use ratatui_core::{buffer::Buffer, layout::Rect};

/// Draws all of it. Only what is on the screen costs anything.
pub fn view(model: &Model, buffer: &mut Buffer) {
    let area = buffer.area;
    draw(model, buffer);
    if !model.look.unicode {
        as_ascii(buffer, area);
    }
}

fn draw(model: &Model, buffer: &mut Buffer) {
    let Some(screen) = screen(model) else { return too_small(model, buffer) };
    header::header(model, &mut Pen::new(buffer, screen.header, model.look));
    header::because(model, &mut Pen::new(buffer, screen.because, model.look));
    let top = screen.because.bottom();
    let middle = Rect { y: top, height: screen.foot.y - top, ..screen.foot };
    match &model.mode {
        Mode::Help(top) => help::help(*top, &mut Pen::new(buffer, middle, model.look)),
        Mode::Detail(detail) => detail::detail(detail, &mut Pen::new(buffer, middle, model.look)),
        Mode::Looking | Mode::Asking(_) | Mode::Typing(..) => {
            services::services(model, &mut Pen::new(buffer, screen.services, model.look));
            jobs::jobs(model, &mut Pen::new(buffer, screen.jobs, model.look));
            needs::needs(model, &mut Pen::new(buffer, screen.needs, model.look));
            panes::panes(model, buffer, &screen.panes);
        }
    }
    foot::foot(model, &mut Pen::new(buffer, screen.foot, model.look));
}

fn too_small(model: &Model, buffer: &mut Buffer) {
    let (columns, rows) = model.size;
    let mut pen = Pen::new(buffer, Rect::new(0, 0, columns, rows), model.look);
    pen.put("too small", Tone::Warning);
    pen.next_line();
    pen.put(&format!("{columns}x{rows}; it takes {}x{}", LEAST.0, LEAST.1), Tone::Plain);
    pen.next_line();
    pen.put("q quits", Tone::Quiet);
}

/// A terminal without UTF-8 shows something else for each byte.
fn as_ascii(buffer: &mut Buffer, area: Rect) {
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position).filter(|cell| !cell.symbol().is_ascii()) {
            cell.set_symbol("?");
        }
    }
}
