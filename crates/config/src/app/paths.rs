//! Where an application keeps what it writes.

use super::App;
use std::path::PathBuf;

impl App {
    /// Locks, process ids and the control socket.
    pub fn run_dir(&self) -> PathBuf {
        self.data.join("run")
    }

    /// Servers for the proof of a copy, as they are before anybody uses them.
    pub fn templates_dir(&self) -> PathBuf {
        self.data.join("templates")
    }

    /// The lock of the single instance.
    pub fn lock_file(&self) -> PathBuf {
        self.run_dir().join("mainstay.lock")
    }

    /// The lock of those who change this database.
    pub fn database_lock(&self, database: &str) -> PathBuf {
        self.run_dir().join(format!("database-{database}.lock"))
    }

    /// Where a running mainstay is asked.
    pub fn control_socket(&self) -> PathBuf {
        self.run_dir().join("control.sock")
    }

    /// What `up -d` writes.
    pub fn up_log(&self) -> PathBuf {
        self.run_dir().join("up.log")
    }

    /// What it wrote before: the end of an earlier start, or what did not fit any more.
    pub fn up_log_before(&self) -> PathBuf {
        self.run_dir().join("up.log.1")
    }

    /// What is remembered of the jobs.
    pub fn schedule_file(&self) -> PathBuf {
        self.run_dir().join("schedule.json")
    }

    /// What became of the last try to copy this database.
    pub fn backup_file(&self, database: &str) -> PathBuf {
        self.run_dir().join(format!("backup-{database}.json"))
    }

    /// What happened.
    pub fn journal_file(&self) -> PathBuf {
        self.data.join("journal.db")
    }
}
