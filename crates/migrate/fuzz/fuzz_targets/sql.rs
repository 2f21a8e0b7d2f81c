//! Everything that reads SQL text, on any text.
#![no_main]

libfuzzer_sys::fuzz_target!(|sql: &str| migrate::fuzz(sql));
