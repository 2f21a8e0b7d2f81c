//! Lines as they are shown.

use crate::context::Context;
use ::logs::{Line, Origin};
use jiff::Timestamp;
use report::Finding;
use std::io::{self, Write};

/// So much is written at once.
const AT_ONCE: usize = 64 * 1024;

/// Shows lines on standard output.
pub(super) struct Shown<'a> {
    context: &'a Context,
    json: bool,
    width: usize,
}

impl<'a> Shown<'a> {
    /// Names are padded to `width`.
    pub(super) fn new(context: &'a Context, json: bool, width: usize) -> Self {
        Self { context, json, width }
    }

    /// Shows all of them; says whether anybody reads on.
    pub(super) fn all(&mut self, lines: impl IntoIterator<Item = Line>) -> io::Result<bool> {
        let mut out = Vec::with_capacity(AT_ONCE);
        for line in lines {
            self.render(&line, &mut out);
            if out.len() >= AT_ONCE {
                if !self.context.terminal.data_lines(&out)? {
                    return Ok(false);
                }
                out.clear();
            }
        }
        self.context.terminal.data_lines(&out)
    }

    pub(super) fn tell(&self, finding: &Finding) {
        self.context.terminal.finding(finding);
    }

    /// `2026-11-24T22:39:41.123Z api | …`
    fn render(&self, line: &Line, out: &mut Vec<u8>) {
        if self.json {
            return line.write_json(out);
        }
        // Cut off, not rounded: no line seems to be younger than it is.
        let at = Timestamp::from_millisecond(line.at.as_millisecond()).unwrap_or(line.at);
        let width = self.width;
        let ours = if line.origin == Origin::Mainstay { "[mainstay] " } else { "" };
        let _ = write!(out, "{at:.3} {:<width$} | {ours}", line.service);
        out.extend_from_slice(&line.bytes);
        out.push(b'\n');
    }
}
