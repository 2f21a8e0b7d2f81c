//! The terminal while it is ours; given back as it was, however that ends.

use crossterm::{
    cursor::Show,
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode, size},
};
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use std::{
    io::{self, BufWriter, Stdout, stdout},
    panic,
    sync::atomic::{AtomicBool, Ordering},
};
use top::{Model, view};

/// A whole screen goes out at once.
const AT_ONCE: usize = 64 * 1024;

/// The terminal while it is ours.
pub(super) struct Screen(Terminal<CrosstermBackend<BufWriter<Stdout>>>);

impl Screen {
    /// Takes the terminal over until dropped.
    pub(super) fn open() -> io::Result<Self> {
        give_back_on_panic();
        enable_raw_mode()?;
        OURS.store(true, Ordering::Relaxed);
        let opened = execute!(stdout(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(AT_ONCE, stdout()))));
        match opened {
            Ok(terminal) => Ok(Self(terminal)),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        size()
    }

    /// Draws what has changed.
    pub(super) fn draw(&mut self, model: &Model) -> io::Result<()> {
        self.0.draw(|frame| view(model, frame.buffer_mut()))?;
        Ok(())
    }

    /// What others have written on the screen is gone with the next drawing.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.0.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Is the terminal ours? A panic gives it back, and then the drop finds nothing to do.
static OURS: AtomicBool = AtomicBool::new(false);

/// A terminal that is gone needs nothing back.
fn give_back() {
    if !OURS.swap(false, Ordering::Relaxed) {
        return;
    }
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// What a panic says must be readable, and the shell behind it usable.
fn give_back_on_panic() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        give_back();
        usual(info);
    }));
}
