//! What is meant by `[logs]`.

use std::{path::PathBuf, time::Duration};

/// Where the lines of services are kept, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logs {
    /// Are they kept in files at all?
    pub enabled: bool,
    /// The directory of the files. Absolute.
    pub dir: PathBuf,
    /// What a line looks like.
    pub format: LogFormat,
    /// A file that would become larger, in bytes, is put aside.
    pub max_size: u64,
    /// So many that were put aside are kept of each service.
    pub keep: u32,
    /// One that was put aside longer ago is removed.
    pub max_age: Duration,
    /// All files together, in bytes.
    pub total: u64,
    /// Are files that were put aside compressed?
    pub compress: bool,
    /// What happens when [`Logs::buffer`] is full.
    pub when_full: WhenFull,
    /// So many bytes may wait for the disk.
    pub buffer: u64,
    /// Do the lines go to the terminal too?
    pub echo: bool,
}

impl Default for Logs {
    /// Off; everything else as it is when nothing is said.
    fn default() -> Self {
        Self {
            enabled: false,
            dir: PathBuf::new(),
            format: LogFormat::Json,
            max_size: 10 << 20,
            keep: 5,
            max_age: Duration::from_secs(7 * 86_400),
            total: 1 << 30,
            compress: true,
            when_full: WhenFull::Block,
            buffer: 4 << 20,
            echo: true,
        }
    }
}

/// What a line of a log file looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One object a line.
    #[default]
    Json,
    /// As it came.
    Raw,
}

/// What happens to lines when the disk is too slow for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Whoever writes them waits.
    #[default]
    Block,
    /// They are left out and counted.
    Drop,
}
