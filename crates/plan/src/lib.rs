//! The order of things: printable, performable.
