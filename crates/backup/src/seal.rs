//! Files of a copy: compressed, with checksums taken of the very bytes that are written; and the way back.

use crate::manifest::Part;
use sha2::{Digest, Sha256};
use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

/// The best ratio that costs no time beside a dump (zstd's own default).
const LEVEL: i32 = 3;
/// Compression goes on beside whoever writes.
const WORKERS: u32 = 2;
const MODE: u32 = 0o600;
const PIECE: usize = 256 * 1024;

/// A file that is being written: what comes is compressed and hashed on its way.
pub(crate) struct Sealing {
    name: String,
    encoder: zstd::Encoder<'static, BufWriter<Hashing>>,
    raw_bytes: u64,
}

impl Sealing {
    /// Begins `dir/name`, which must not be there.
    pub(crate) fn begin(dir: &Path, name: &str) -> io::Result<Self> {
        let file = BufWriter::with_capacity(PIECE, Hashing::begin(&dir.join(name))?);
        let mut encoder = zstd::Encoder::new(file, LEVEL)?;
        encoder.include_checksum(true)?;
        encoder.multithread(WORKERS)?;
        Ok(Self { name: name.to_owned(), encoder, raw_bytes: 0 })
    }

    /// The end: everything is on the disk, and would outlast the machine.
    pub(crate) fn end(self) -> io::Result<Part> {
        let hashing = self.encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        hashing.end(self.name, Some(self.raw_bytes))
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

/// A small file as it is, with its checksums.
pub(crate) fn plain(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<Part> {
    let mut file = Hashing::begin(&dir.join(name))?;
    file.write_all(bytes)?;
    file.end(name.to_owned(), None)
}

struct Hashing {
    file: File,
    sums: Sums,
}

impl Hashing {
    fn begin(path: &Path) -> io::Result<Self> {
        Ok(Self { file: host::fs::create(path, MODE)?, sums: Sums::default() })
    }

    fn end(self, name: String, raw_bytes: Option<u64>) -> io::Result<Part> {
        self.file.sync_all()?;
        Ok(self.sums.of(name, raw_bytes))
    }
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.sums.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[derive(Default)]
struct Sums {
    blake3: blake3::Hasher,
    sha256: Sha256,
    bytes: u64,
}

impl Sums {
    fn add(&mut self, bytes: &[u8]) {
        self.blake3.update(bytes);
        self.sha256.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    fn of(self, name: String, raw_bytes: Option<u64>) -> Part {
        Part {
            name,
            bytes: self.bytes,
            blake3: self.blake3.finalize().to_hex().to_string(),
            sha256: hex(&self.sha256.finalize()),
            raw_bytes: raw_bytes.unwrap_or(self.bytes),
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

/// Is the file in `dir` still what it was? Answers with what is wrong with it.
pub(crate) fn check(dir: &Path, part: &Part) -> io::Result<Result<(), String>> {
    let mut file = match host::fs::open(&dir.join(&part.name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(format!("`{}` is gone", part.name))),
        file => file?,
    };
    let (mut sums, mut piece) = (Sums::default(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece)? {
            0 => break,
            some => sums.add(&piece[..some]),
        }
    }
    let seen = sums.of(part.name.clone(), Some(part.raw_bytes));
    Ok(match seen == *part {
        true => Ok(()),
        false if seen.bytes != part.bytes => {
            Err(format!("`{}` has {} bytes, not {}", part.name, seen.bytes, part.bytes))
        }
        false => Err(format!("`{}` was changed: its checksum is another one", part.name)),
    })
}

/// The content of a compressed file.
pub(crate) fn open(dir: &Path, part: &Part) -> io::Result<impl Read + use<>> {
    zstd::Decoder::new(BufReader::with_capacity(PIECE, host::fs::open(&dir.join(&part.name))?).into_inner())
}

/// Unpacks a compressed file to a new one.
pub(crate) fn unpack(dir: &Path, part: &Part, to: &Path, mode: u32) -> io::Result<()> {
    let mut file = host::fs::create(to, mode)?;
    let copied = io::copy(&mut open(dir, part)?, &mut file)?;
    match copied == part.raw_bytes {
        true => Ok(()),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("`{}` holds {copied} bytes, not {}", part.name, part.raw_bytes),
        )),
    }
}
