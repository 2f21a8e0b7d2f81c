//! Wires the chapters together.
fn main() {}
