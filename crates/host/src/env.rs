//! The environment mainstay was started with.

use crate::Env;
use std::{
    ffi::OsString,
    io::{self, Read},
};

/// Every variable whose name and value are UTF-8; [`unreadable`] names the others.
pub fn read() -> Env {
    std::env::vars_os().filter_map(readable).collect()
}

/// The names of the variables that [`read`] leaves out, with `�` in place of what is not UTF-8.
pub fn unreadable() -> Vec<String> {
    let name = |(name, _): (OsString, OsString)| name.to_string_lossy().into_owned();
    std::env::vars_os().filter(|pair| readable(pair.clone()).is_none()).map(name).collect()
}

/// What was typed after the program's name. What is not UTF-8 in it is replaced.
pub fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// What is written to us, to its end, at most `max_bytes` of it.
///
/// # Errors
/// More than that is written, or it is no text.
pub fn input(max_bytes: u64) -> io::Result<String> {
    let mut text = String::new();
    io::stdin().lock().take(max_bytes + 1).read_to_string(&mut text)?;
    match text.len() as u64 > max_bytes {
        true => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("more than {max_bytes} bytes are written to us")))
        }
        false => Ok(text),
    }
}

fn readable((name, value): (OsString, OsString)) -> Option<(String, String)> {
    Some((name.into_string().ok()?, value.into_string().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn what_is_not_text_is_left_out() {
        let broken = OsString::from_vec(vec![b'a', 0xff]);
        assert_eq!(readable(("A".into(), "ы".into())), Some(("A".into(), "ы".into())));
        assert_eq!(readable(("A".into(), broken.clone())), None);
        assert_eq!(readable((broken, "x".into())), None);
    }

    #[test]
    fn the_environment_of_this_test_is_read() {
        assert!(read().contains_key("PATH"));
        assert_eq!(unreadable(), Vec::<String>::new());
    }
}
