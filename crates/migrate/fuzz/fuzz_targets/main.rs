//! Everything that reads SQL text, on any text. `sql` is linked from the crate, and not the crate itself: what is instrumented
//! and built is the reader alone, without SQLite and the rest.
#![no_main]
#![allow(dead_code, unused_imports, reason = "the rest of the crate, which uses them, is not here")]

mod sql;

libfuzzer_sys::fuzz_target!(|text: &str| sql::fuzz(text));
