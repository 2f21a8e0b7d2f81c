//! The files of a server that nobody has used yet, kept packed: making them anew costs more than many a copy.
//!
//! `initdb` starts a server several times, one after the other. What it makes depends on nothing but the programs, how they are asked
//! and by whom, so the name of a template says all of that; one that fits no more is never read, and only a few are kept. A template
//! that is damaged, or not ours alone, is made anew.

use super::{
    ground::{ProgramsOfServer, data},
    program::{command, run},
};
use crate::{BackupError, Job, passing::Passing};
use host::{fs, process::find_program, user::uid};
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// So many are kept, the newest ones.
const KEPT: usize = 4;
/// None is larger: they are packed to a tenth.
const LARGEST: u64 = 64 << 20;
/// Before the packed files: the BLAKE3 of what follows.
const SUM: usize = 32;
/// Packing must not take longer than making.
const LEVEL: i32 = 1;
const SUFFIX: &str = ".tar.zst";
/// Beside the files of the server while they are unpacked.
const UNPACKED: &str = "data.tar";

/// A template that fits, whether it is there or not.
pub(super) struct Template {
    path: PathBuf,
    tar: PathBuf,
}

impl Template {
    /// Nothing where none can be kept.
    pub(super) fn of(job: &Job<'_>, programs: &ProgramsOfServer, flags: &[&str]) -> Option<Self> {
        let tar = find_program("tar", job.env, job.root).ok()?;
        let mut hasher = blake3::Hasher::new();
        for program in [&programs.initdb, &programs.postgres] {
            let facts = fs::metadata(program).ok()?;
            let changed = facts.modified?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
            hasher.update(format!("{}\n{} {changed}\n", program.display(), facts.len).as_bytes());
        }
        let user = programs.account.map_or_else(uid, |account| account.uid);
        hasher.update(format!("{user}\n{}", flags.join("\n")).as_bytes());
        let name = format!("postgresql-{}{SUFFIX}", &hasher.finalize().to_hex()[..16]);
        Some(Self { path: job.templates?.join(name), tar })
    }

    /// Makes the files of a server of it; false when there is none.
    pub(super) async fn unpack(
        &self,
        job: &Job<'_>,
        programs: &ProgramsOfServer,
        files: &Passing,
    ) -> Result<bool, BackupError> {
        let unpacked = files.path().join(UNPACKED);
        let Some(packed) = self.read() else { return Ok(false) };
        // Nobody else gets there yet.
        decode(&packed, &unpacked, programs).map_err(|error| BackupError::files("a template is damaged", error))?;
        drop(packed);
        let (file, dir) = (unpacked.display().to_string(), files.path().display().to_string());
        let flags = ["--extract", "--preserve-permissions", "--file", &file, "--directory", &dir];
        run(job, &command(job, programs.line(&self.tar, flags), None), sink).await?;
        fs::remove(&unpacked).map_err(|error| BackupError::files("a template cannot be used", error))?;
        Ok(true)
    }

    /// Only what we have written ourselves, and as we have written it.
    fn read(&self) -> Option<Vec<u8>> {
        let facts = fs::metadata(&self.path).ok()?;
        if facts.uid != uid() || facts.mode & 0o077 != 0 {
            return None;
        }
        let mut packed = fs::read(&self.path, LARGEST).ok()?;
        let (sum, content) = packed.split_at_checked(SUM)?;
        let whole = blake3::hash(content).as_bytes() == sum;
        whole.then(|| packed.split_off(SUM))
    }

    /// Keeps the files of a server that was never started. Whoever cannot has to make them again.
    pub(super) async fn keep(&self, job: &Job<'_>, programs: &ProgramsOfServer, files: &Passing) {
        let data = data(files);
        let (Some(parent), Some(name)) = (data.parent(), data.file_name()) else { return };
        let (dir, name) = (parent.display().to_string(), name.to_string_lossy().into_owned());
        let flags = ["--create", "--file=-", "--directory", &dir, &name];
        let command = command(job, programs.line(&self.tar, flags), None);
        let packed = run(job, &command, |mut pieces| {
            let mut encoder = zstd::Encoder::new(vec![0; SUM], LEVEL)?;
            io::copy(&mut pieces, &mut encoder)?;
            encoder.finish()
        });
        let Ok(mut packed) = packed.await else { return };
        let sum = blake3::hash(&packed[SUM..]);
        packed[..SUM].copy_from_slice(sum.as_bytes());
        let Some(shelf) = self.path.parent() else { return };
        let kept = fs::create_dir_all_private(shelf, 0o700).and_then(|()| fs::write_atomic(&self.path, &packed, 0o600));
        if kept.is_ok() {
            sweep(shelf);
        }
    }

    /// No server came of it.
    pub(super) fn forget(&self) {
        // What stays will be found to be of no use again.
        let _ = fs::remove(&self.path);
    }
}

fn decode(packed: &[u8], to: &Path, programs: &ProgramsOfServer) -> io::Result<()> {
    let mut file = fs::create(to, 0o600)?;
    io::copy(&mut zstd::Decoder::new(packed)?, &mut file)?;
    file.flush()?;
    if let Some(account) = programs.account {
        fs::give(to, account)?;
        to.parent().map_or(Ok(()), |dir| fs::give(dir, account))?;
    }
    Ok(())
}

fn sink(mut pieces: impl Read) -> io::Result<()> {
    io::copy(&mut pieces, &mut io::sink()).map(drop)
}

/// Removes all but the newest ones.
fn sweep(shelf: &Path) {
    let mut all: Vec<_> = fs::list(shelf).unwrap_or_default();
    all.retain(|path| path.to_string_lossy().ends_with(SUFFIX));
    all.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).ok().and_then(|facts| facts.modified)));
    for old in all.iter().skip(KEPT) {
        // It is swept the next time.
        let _ = fs::remove(old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use testkit::TempDir;

    /// S1.16: nothing is made of a template that was changed, or that others could have changed.
    #[test]
    fn only_a_whole_template_of_ours_is_read() {
        let dir = TempDir::new();
        let template = Template { path: dir.path().join("a.tar.zst"), tar: PathBuf::from("tar") };
        assert_eq!(template.read(), None);
        let content = b"packed".as_slice();
        let whole = [blake3::hash(content).as_bytes().as_slice(), content].concat();
        let write = |bytes: &[u8], mode| {
            fs::write_atomic(&template.path, bytes, mode).unwrap();
            fs::set_mode(&template.path, mode).unwrap();
        };
        write(&whole, 0o600);
        assert_eq!(template.read().as_deref(), Some(content));
        write(&whole, 0o644);
        assert_eq!(template.read(), None, "open to others");
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            write(&damaged, 0o600);
            assert_eq!(template.read(), None, "byte {at}");
            write(&whole[..at], 0o600);
            assert_eq!(template.read(), None, "cut at {at}");
        }
    }

    /// S1.16: templates of programs that are gone do not pile up.
    #[test]
    fn only_some_are_kept() {
        let dir = TempDir::new();
        for number in 0..KEPT + 2 {
            fs::write_atomic(&dir.path().join(format!("{number}{SUFFIX}")), b"", 0o600).unwrap();
        }
        sweep(dir.path());
        assert_eq!(fs::list(dir.path()).unwrap().len(), KEPT);
    }
}
