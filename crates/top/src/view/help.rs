//! What the keys do.

use super::pen::Pen;
use crate::{help::HELP, look::Tone};

const KEYS: usize = 15;

/// From the line `top` on.
pub(super) fn help(top: usize, pen: &mut Pen<'_>) {
    for (key, what) in HELP.iter().skip(top).take(pen.height()) {
        if key.is_empty() {
            pen.skip(1);
            pen.put(what, Tone::Head);
        } else {
            pen.skip(3);
            pen.put_column(key, KEYS, false, Tone::Head);
            pen.put(what, Tone::Plain);
        }
        pen.next_line();
    }
}
