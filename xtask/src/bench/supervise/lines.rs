//! The lines that `child.c` writes, found again in files of whatever form.
use crate::task::Failure;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of a line with its end, as in `child.c`.
pub(super) const WIDTH: u64 = 100;

/// Each line begins with this and twelve digits.
const BEGINNING: &str = "line ";
const DIGITS: usize = 12;

/// What became of the lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// Those that are nowhere whole.
    pub(super) lost: u64,
    /// Lines of the files that are not one whole line of the service.
    pub(super) torn: u64,
}

impl Kept {
    /// Counts all lines in the files below `dir`, of a service that has written so many bytes.
    pub(super) fn below(dir: &Path, bytes: u64) -> Result<Self, Failure> {
        let mut seen = vec![false; (bytes / WIDTH) as usize];
        let mut torn = 0;
        for file in files(dir) {
            let cannot = |error| Failure::Failed(format!("cannot read {}: {error}", file.display()));
            let mut lines = BufReader::with_capacity(1 << 20, File::open(&file).map_err(cannot)?);
            let mut line = Vec::new();
            while lines.read_until(b'\n', &mut line).map_err(cannot)? > 0 {
                match number(&line).filter(|number| *number < seen.len()) {
                    Some(number) => torn += u64::from(std::mem::replace(&mut seen[number], true)),
                    None => torn += 1,
                }
                line.clear();
            }
        }
        Ok(Self { lost: seen.iter().filter(|seen| !**seen).count() as u64, torn })
    }
}

/// The number of a whole line, alone or as the text of an object of JSON.
fn number(line: &[u8]) -> Option<usize> {
    let text = line.strip_suffix(b"\n")?;
    let text = text.strip_suffix(b"\"}").unwrap_or(text);
    let text = &text[text.len().checked_sub(WIDTH as usize - 1)?..];
    let digits = text.strip_prefix(BEGINNING.as_bytes())?.get(..DIGITS)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Bytes of all files.
pub(super) fn holds(dir: &Path) -> u64 {
    files(dir).iter().filter_map(|file| file.metadata().ok()).map(|facts| facts.len()).sum()
}

/// Does one of the files end with the last line?
pub(super) fn last_is_there(dir: &Path, bytes: u64) -> bool {
    let last = format!("{BEGINNING}{:0DIGITS$}", bytes / WIDTH - 1);
    files(dir).iter().any(|file| end_of(file).is_some_and(|end| end.contains(&last)))
}

fn end_of(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let len = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(1000))).ok()?;
    let mut end = Vec::new();
    file.read_to_end(&mut end).ok()?;
    Some(String::from_utf8_lossy(&end).into_owned())
}

/// Files below a directory, those of their own making (`config`, `lock`, `state`) left out.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let own = |path: &PathBuf| matches!(path.file_name().and_then(|it| it.to_str()), Some("config" | "lock" | "state"));
    dirs.iter().flat_map(|dir| self::files(dir)).chain(files.into_iter().filter(|path| !own(path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_line_is_known_alone_and_in_json() {
        let line = format!("line 000000000042{}", ".".repeat(82));
        assert_eq!(line.len() as u64 + 1, WIDTH);
        assert_eq!(number(format!("{line}\n").as_bytes()), Some(42));
        assert_eq!(number(format!("{{\"time\":\"x\",\"msg\":\"{line}\"}}\n").as_bytes()), Some(42));
        assert_eq!(number(line.as_bytes()), None, "without its end");
        assert_eq!(number(format!("{}\n", &line[1..]).as_bytes()), None, "without its beginning");
    }
}
