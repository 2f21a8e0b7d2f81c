//! Who has a file open?

use super::{Identity, identity};
use std::{fs, path::Path};

/// The processes that have the file at `path` open, by number, as far as we may see (same user or root); this one left out.
pub fn openers(path: &Path) -> Vec<u32> {
    let Ok(wanted) = identity(path) else { return Vec::new() };
    let numbers = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = numbers.filter(|pid| *pid != std::process::id() && has_open(*pid, wanted)).collect();
    found.sort_unstable();
    found
}

fn has_open(pid: u32, wanted: Identity) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|descriptor| identity(&descriptor.path()).is_ok_and(|it| it == wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::File, process};

    #[test]
    fn another_process_is_seen_and_this_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let ours = File::create(&path).unwrap();
        assert_eq!(openers(&path), []);
        #[expect(clippy::disallowed_methods, reason = "a test plays another program")]
        let mut other = process::Command::new("sleep").arg("60").stdin(ours).spawn().unwrap();
        assert_eq!(openers(&path), [other.id()]);
        other.kill().unwrap();
        other.wait().unwrap();
        assert_eq!(openers(&dir.path().join("gone")), []);
    }
}
