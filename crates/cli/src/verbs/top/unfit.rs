//! Whether this is a terminal to show a screen on.

use crate::context::Context;
use host::terminal::{Stream, is_terminal};
use report::Finding;
use top::Look;

/// What else there is.
const HINT: &str = "`mainstay status` and `mainstay ps` answer anywhere, `mainstay logs -f` shows the lines";

/// What the terminal can show, or why it is none.
pub(super) fn look(context: &Context) -> Result<Look, Finding> {
    for (stream, name) in [(Stream::Input, "standard input"), (Stream::Output, "standard output")] {
        if !is_terminal(stream) {
            return Err(Finding::error("`top` needs a terminal").seen(format!("{name} is none")).hint(HINT));
        }
    }
    Look::of(&context.env).ok_or_else(|| {
        let seen = match context.env.get("TERM").filter(|term| !term.is_empty()) {
            Some(term) => format!("TERM is `{term}`"),
            None => "TERM is not set".to_owned(),
        };
        Finding::error("`top` needs a terminal that can move its cursor").seen(seen).hint(HINT)
    })
}
