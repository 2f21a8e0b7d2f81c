//! What mainstay's own input and output are connected to.

use rustix::termios::tcgetwinsize;
use std::io::IsTerminal;

/// One of the three standard descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard input.
    Input,
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// Is it a terminal?
pub fn is_terminal(stream: Stream) -> bool {
    match stream {
        Stream::Input => std::io::stdin().is_terminal(),
        Stream::Output => std::io::stdout().is_terminal(),
        Stream::Error => std::io::stderr().is_terminal(),
    }
}

/// Its width in columns; nothing when it is no terminal or does not say.
pub fn width(stream: Stream) -> Option<u16> {
    let size = match stream {
        Stream::Input => tcgetwinsize(std::io::stdin()),
        Stream::Output => tcgetwinsize(std::io::stdout()),
        Stream::Error => tcgetwinsize(std::io::stderr()),
    };
    size.ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}
