//! Secrets that nobody can guess.

use std::{fmt::Write, fs::File, io, io::Read};

/// So many random bytes of the kernel (random(4)), in hexadecimal digits.
///
/// # Errors
/// Those of the file system.
pub fn hex(bytes: usize) -> io::Result<String> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    /// S4.11: no two are the same.
    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (super::hex(32).unwrap(), super::hex(32).unwrap());
        assert_eq!((one.len(), one == other), (64, false));
    }
}
