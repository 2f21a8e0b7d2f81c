//! Files of a copy: compressed, perhaps encrypted, with checksums taken of the very bytes that are written; and the way back.

use crate::{
    BackupError, Doing, Keys, Manifest, Progress,
    following::{Growing, Growth},
    keys::{NoKey, SUFFIX},
    manifest::Part,
};
use age::stream::StreamWriter;
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};
use zstd::zstd_safe::CParameter;

/// The best ratio that costs no time beside a dump (zstd's own default).
const LEVEL: i32 = 3;
/// Compression goes on beside whoever writes.
const WORKERS: u32 = 2;
/// So much each of them is given at once: with more, memory grows and nothing gets quicker.
const JOB: u32 = 2 << 20;
const MODE: u32 = 0o600;
const PIECE: usize = 256 * 1024;

/// A file that is being written: what comes is compressed and hashed on its way.
pub(crate) struct Sealing {
    name: String,
    encoder: zstd::Encoder<'static, Outlet>,
    raw_bytes: u64,
}

impl Sealing {
    /// Begins `dir/name`, which must not be there; encrypted it has a longer name. Somebody may read along by `growth`.
    pub(crate) fn begin(dir: &Path, name: &str, keys: &Keys, growth: &Growth) -> io::Result<Self> {
        let name = file_name(name, keys);
        let mut encoder = zstd::Encoder::new(Outlet::begin(&dir.join(&name), keys, Some(growth))?, LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.multithread(WORKERS)?;
        encoder.set_parameter(CParameter::JobSize(JOB))?;
        Ok(Self { name, encoder, raw_bytes: 0 })
    }

    /// The end: everything is on the disk, and would outlast the machine.
    pub(crate) fn end(self) -> io::Result<Part> {
        self.encoder.finish()?.end(self.name, self.raw_bytes)
    }
}

impl Write for Sealing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.encoder.write(bytes)?;
        self.raw_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

/// A small file that is not compressed, with its checksums.
pub(crate) fn plain(dir: &Path, name: &str, bytes: &[u8], keys: &Keys) -> io::Result<Part> {
    let name = file_name(name, keys);
    let mut file = Outlet::begin(&dir.join(&name), keys, None)?;
    file.write_all(bytes)?;
    file.end(name, bytes.len() as u64)
}

/// A file that somebody else has written becomes one of the copy, encrypted where that is wanted, and not compressed.
pub(crate) fn take_in(dir: &Path, name: &str, from: &Path, keys: &Keys) -> io::Result<Part> {
    if keys.encrypt() {
        let name = file_name(name, keys);
        let mut file = Outlet::begin(&dir.join(&name), keys, None)?;
        let bytes = io::copy(&mut host::fs::open(from)?, &mut file)?;
        host::fs::remove(from)?;
        return file.end(name, bytes);
    }
    let to = dir.join(name);
    host::fs::rename(from, &to)?;
    host::fs::set_mode(&to, MODE)?;
    let (mut file, mut sums) = (host::fs::open(&to)?, Sums::default());
    let bytes = sums.add_all(&mut file, |_| ())?;
    file.sync_all()?;
    Ok(sums.of(name.to_owned(), bytes))
}

/// The other way: as it was before.
pub(crate) fn decrypt(dir: &Path, part: &Part, keys: &Keys, to: &Path) -> io::Result<()> {
    let mut plain = decrypted(host::fs::open(&dir.join(&part.name))?, &part.name, keys)?;
    let copied = io::copy(&mut plain, &mut host::fs::create(to, MODE)?)?;
    as_large(part, copied)
}

/// How a file is called that is written now.
pub(crate) fn file_name(name: &str, keys: &Keys) -> String {
    format!("{name}{}", if keys.encrypt() { SUFFIX } else { "" })
}

/// Where the bytes of a file go: into it, or through the cipher.
enum Outlet {
    Plain(Box<BufWriter<Hashing>>),
    Encrypted(Box<StreamWriter<BufWriter<Hashing>>>),
}

impl Outlet {
    fn begin(path: &Path, keys: &Keys, growth: Option<&Growth>) -> io::Result<Self> {
        let file = BufWriter::with_capacity(PIECE, Hashing::begin(path, growth)?);
        Ok(match keys.encrypt() {
            true => Self::Encrypted(Box::new(keys.lock(file)?)),
            false => Self::Plain(Box::new(file)),
        })
    }

    fn end(self, name: String, raw_bytes: u64) -> io::Result<Part> {
        let file = match self {
            Self::Plain(file) => *file,
            Self::Encrypted(cipher) => cipher.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.end(name, raw_bytes)
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Encrypted(cipher) => cipher.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Encrypted(cipher) => cipher.flush(),
        }
    }
}

struct Hashing {
    file: File,
    sums: Sums,
    growing: Option<Growing>,
}

impl Hashing {
    fn begin(path: &Path, growth: Option<&Growth>) -> io::Result<Self> {
        let file = host::fs::create(path, MODE)?;
        let growing = growth.map(|growth| host::fs::open(path).map(|file| growth.begin(file))).transpose()?;
        Ok(Self { file, sums: Sums::default(), growing })
    }

    fn end(mut self, name: String, raw_bytes: u64) -> io::Result<Part> {
        self.growing.take().into_iter().for_each(Growing::whole);
        self.file.sync_all()?;
        Ok(self.sums.of(name, raw_bytes))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sums.add(&bytes[..written]);
        self.growing.iter().for_each(|growing| growing.grew(written));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Checksums of bytes as they pass.
#[derive(Default)]
pub(crate) struct Sums {
    blake3: blake3::Hasher,
    sha256: Sha256,
    bytes: u64,
}

impl Sums {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// All that can be read, told as it comes; answers with how much that is.
    fn add_all(&mut self, from: &mut impl Read, read: impl Fn(u64)) -> io::Result<u64> {
        let mut piece = vec![0; PIECE];
        loop {
            match from.read(&mut piece)? {
                0 => return Ok(self.bytes),
                some => {
                    self.add(&piece[..some]);
                    read(some as u64);
                }
            }
        }
    }

    /// Are they those of `part`? Answers with what is wrong.
    pub(crate) fn compared(self, part: &Part) -> Result<(), String> {
        let seen = self.of(part.name.clone(), part.raw_bytes);
        match seen == *part {
            true => Ok(()),
            false if seen.bytes != part.bytes => Err(other_size(part, seen.bytes)),
            false => Err(format!("`{}` was changed: its checksum is another one", part.name)),
        }
    }

    fn of(self, name: String, raw_bytes: u64) -> Part {
        Part {
            name,
            bytes: self.bytes,
            blake3: self.blake3.finalize().to_hex().to_string(),
            sha256: hex(&self.sha256.finalize()),
            raw_bytes,
        }
    }
}

/// In hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut digits, byte| {
        // Writing to a text cannot fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

fn other_size(part: &Part, bytes: u64) -> String {
    format!("`{}` has {bytes} bytes, not {}", part.name, part.bytes)
}

fn gone(part: &Part) -> String {
    format!("`{}` is gone", part.name)
}

/// Is there a file in `dir` as large as it was? It is not read. Answers with what is wrong with it; what cannot be looked at is not known to
/// be wrong.
pub(crate) fn glance(dir: &Path, part: &Part) -> Result<(), String> {
    match host::fs::metadata(&dir.join(&part.name)) {
        Ok(seen) if seen.len != part.bytes => Err(other_size(part, seen.len)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(gone(part)),
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Is the file in `dir` still what it was? Answers with what is wrong with it.
pub(crate) fn check(dir: &Path, part: &Part, progress: &Progress) -> io::Result<Result<(), String>> {
    let mut file = match host::fs::open(&dir.join(&part.name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(gone(part))),
        file => file?,
    };
    let mut sums = Sums::default();
    sums.add_all(&mut file, |some| progress.add(Doing::ReadingBack, some))?;
    Ok(sums.compared(part))
}

/// Is there a key to every file of the copy in `dir`? Answers with what is missing.
pub(crate) fn check_keys(dir: &Path, manifest: &Manifest, keys: &Keys) -> io::Result<Result<(), String>> {
    for part in manifest.files.iter().filter(|part| part.name.ends_with(SUFFIX)) {
        if let Err(NoKey) = keys.unlock(host::fs::open(&dir.join(&part.name))?)? {
            let whose = report::or_list(&manifest.recipients);
            let given = keys.own_recipients();
            return Ok(Err(match given.is_empty() {
                true => format!("it is encrypted for {whose}, and no key was given"),
                false => format!(
                    "it is encrypted for {whose}, and the key that was given is that of {}",
                    report::or_list(given)
                ),
            }));
        }
    }
    Ok(Ok(()))
}

/// The same for who needs them.
///
/// # Errors
/// [`BackupError::Locked`], and that it cannot be read.
pub(crate) fn need_keys(dir: &Path, manifest: &Manifest, keys: &Keys) -> Result<(), BackupError> {
    let checked =
        check_keys(dir, manifest, keys).map_err(|error| BackupError::files("the copy cannot be read", error))?;
    checked.map_err(|why| BackupError::NoKey { id: manifest.id.to_string(), why })
}

/// The content of a file: decrypted and unpacked.
pub(crate) fn open(dir: &Path, part: &Part, keys: &Keys) -> io::Result<Box<dyn Read + Send>> {
    content(host::fs::open(&dir.join(&part.name))?, &part.name, keys)
}

/// The same of a file called `name` that is read by somebody else.
pub(crate) fn content<'a>(
    file: impl Read + Send + 'a,
    name: &str,
    keys: &Keys,
) -> io::Result<Box<dyn Read + Send + 'a>> {
    let content = decrypted(file, name, keys)?;
    Ok(Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(PIECE, content))?))
}

fn decrypted<'a>(file: impl Read + Send + 'a, name: &str, keys: &Keys) -> io::Result<Box<dyn Read + Send + 'a>> {
    let no_key = |NoKey| io::Error::new(io::ErrorKind::PermissionDenied, format!("there is no key to `{name}`"));
    Ok(match name.ends_with(SUFFIX) {
        true => Box::new(keys.unlock(file)?.map_err(no_key)?),
        false => Box::new(file),
    })
}

fn as_large(part: &Part, copied: u64) -> io::Result<()> {
    match copied == part.raw_bytes {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` holds {copied} bytes, not {}", part.name, part.raw_bytes),
        )),
    }
}

/// Unpacks a file to a new one.
pub(crate) fn unpack(
    dir: &Path,
    part: &Part,
    keys: &Keys,
    to: &Path,
    mode: u32,
    progress: &Progress,
) -> io::Result<()> {
    let mut file = progress.counting(Doing::Restoring, host::fs::create(to, mode)?);
    let copied = io::copy(&mut open(dir, part, keys)?, &mut file)?;
    as_large(part, copied)
}
