//! A program laid out for `execve`: everything is found and allocated before the fork, because a child of a process
//! with threads must not allocate (fork(2), signal-safety(7)).

use super::find_program;
use crate::Env;
use std::{ffi::CString, io, os::raw::c_char, os::unix::ffi::OsStrExt, path::Path};

const LISTEN_PID: &[u8] = b"LISTEN_PID=";
const WATCHDOG_PID: &[u8] = b"WATCHDOG_PID=";
/// A process id is at most 2^22 (proc_sys_kernel(5)); ten digits hold any positive `i32`.
const PID_DIGITS: usize = 10;
const SHELL: &[u8] = b"/bin/sh\0";

/// Texts, each closed by a NUL.
type Texts = Vec<Vec<u8>>;

/// A program with its arguments and its environment.
pub(crate) struct Image {
    program: CString,
    arguments: Texts,
    variables: Texts,
    argv: Pointers,
    envp: Pointers,
}

/// Room for a list of pointers that ends with a null.
struct Pointers(Vec<*const c_char>);

#[expect(unsafe_code, reason = "a raw pointer is not Send, though nothing is shared through it")]
// SAFETY: the list is empty until `fill`, which needs `&mut` and is followed by `execve` on the same thread.
unsafe impl Send for Pointers {}
#[expect(unsafe_code, reason = "a raw pointer is not Sync, though nothing is shared through it")]
// SAFETY: as above; no method takes `&self`.
unsafe impl Sync for Pointers {}

impl Image {
    /// Finds the program. With `listeners`, the environment tells how many sockets are passed from descriptor 3 on. Sockets that
    /// were passed to mainstay are not told of: they are not passed on.
    pub(crate) fn new(argv: &[String], env: &Env, cwd: &Path, listeners: usize) -> io::Result<Self> {
        Self::lay_out(argv, env, cwd, variables(env, listeners)?)
    }

    /// Finds the program that takes our place: what was passed to us is passed to it, and `LISTEN_PID` stays true.
    pub(crate) fn in_our_place(argv: &[String], env: &Env, cwd: &Path) -> io::Result<Self> {
        Self::lay_out(argv, env, cwd, texts(env.iter())?)
    }

    fn lay_out(argv: &[String], env: &Env, cwd: &Path, variables: Texts) -> io::Result<Self> {
        let name = argv.first().ok_or_else(|| invalid("the command is empty"))?;
        let program = find_program(name, env, cwd)?;
        let arguments = argv.iter().map(|argument| text(argument)).collect::<io::Result<Texts>>()?;
        Ok(Self {
            program: CString::new(program.as_os_str().as_bytes()).map_err(|_| invalid("a NUL byte in the program"))?,
            // One more than the arguments, for `/bin/sh`, and the null.
            argv: Pointers(Vec::with_capacity(arguments.len() + 2)),
            envp: Pointers(Vec::with_capacity(variables.len() + 1)),
            arguments,
            variables,
        })
    }

    /// Executes it in a child. Returns only when that fails. Does not allocate.
    pub(crate) fn exec_in_child(&mut self) -> io::Error {
        self.write_pid();
        self.exec()
    }

    /// Executes it. Returns only when that fails. Does not allocate.
    pub(crate) fn exec(&mut self) -> io::Error {
        let environment = self.envp.fill(self.variables.iter().map(Vec::as_slice));
        let arguments = self.argv.fill(self.arguments.iter().map(Vec::as_slice));
        let error = execve(self.program.as_ptr(), arguments, environment);
        if error.raw_os_error() != Some(libc::ENOEXEC) {
            return error;
        }
        // A script without a `#!` line is run by the shell, as execvp(3) does.
        let script = [SHELL, self.program.as_bytes_with_nul()].into_iter();
        let arguments = self.argv.fill(script.chain(self.arguments.iter().skip(1).map(Vec::as_slice)));
        execve(SHELL.as_ptr().cast(), arguments, environment)
    }

    /// `LISTEN_PID` and `WATCHDOG_PID` are the pid of the child, which is known in the child only (sd_listen_fds(3),
    /// sd_watchdog_enabled(3)).
    fn write_pid(&mut self) {
        let (mut left, mut digits) = (std::process::id(), [0; PID_DIGITS]);
        let mut at = PID_DIGITS;
        while left > 0 {
            at -= 1;
            digits[at] = b'0' + (left % 10) as u8;
            left /= 10;
        }
        let written = &digits[at..];
        for variable in &mut self.variables {
            let Some(name) = [LISTEN_PID, WATCHDOG_PID].into_iter().find(|name| variable.starts_with(name)) else {
                continue;
            };
            variable[name.len()..][..written.len()].copy_from_slice(written);
            variable[name.len() + written.len()] = 0;
        }
    }
}

fn variables(env: &Env, listeners: usize) -> io::Result<Texts> {
    // Ours are meant for us: a child must not take them for its own.
    let theirs = env
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "LISTEN_FDS" | "LISTEN_PID" | "LISTEN_FDNAMES" | "WATCHDOG_PID"));
    let mut variables = texts(theirs)?;
    if env.contains_key("WATCHDOG_PID") {
        variables.push([WATCHDOG_PID, &[b'0'; PID_DIGITS], &[0]].concat());
    }
    if listeners > 0 {
        variables.push(text(&format!("LISTEN_FDS={listeners}"))?);
        variables.push([LISTEN_PID, &[b'0'; PID_DIGITS], &[0]].concat());
    }
    Ok(variables)
}

fn texts<'a>(variables: impl Iterator<Item = (&'a String, &'a String)>) -> io::Result<Texts> {
    variables.map(|(name, value)| variable(name, value)).collect()
}

fn variable(name: &str, value: &str) -> io::Result<Vec<u8>> {
    if name.is_empty() || name.contains('=') {
        return Err(invalid(&format!("`{name}` cannot be the name of a variable")));
    }
    // The value may be a secret: only the name is told.
    text(&format!("{name}={value}")).map_err(|_| invalid(&format!("a NUL byte in the variable `{name}`")))
}

fn text(text: &str) -> io::Result<Vec<u8>> {
    CString::new(text).map(CString::into_bytes_with_nul).map_err(|_| invalid("a NUL byte in the command"))
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

impl Pointers {
    /// Room was made in `Image::new`, so that this does not allocate.
    fn fill<'a>(&mut self, texts: impl Iterator<Item = &'a [u8]>) -> *const *const c_char {
        self.0.clear();
        self.0.extend(texts.map(|text| text.as_ptr().cast::<c_char>()));
        self.0.push(std::ptr::null());
        self.0.as_ptr()
    }
}

#[expect(unsafe_code, reason = "execve has no safe interface that takes a ready environment")]
fn execve(program: *const c_char, argv: *const *const c_char, envp: *const *const c_char) -> io::Error {
    // SAFETY: `program` and all entries end with NUL, both lists end with a null, and their owner outlives the call.
    unsafe { libc::execve(program, argv, envp) };
    io::Error::last_os_error()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(env: &[(&str, &str)], listeners: usize) -> io::Result<Image> {
        let env = env.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Image::new(&["/bin/sh".into()], &env, Path::new("/"), listeners)
    }

    #[test]
    fn sockets_are_announced_to_the_process_that_executes() {
        let mut image = image(&[("A", "1"), ("LISTEN_PID", "7"), ("LISTEN_FDS", "9")], 2).unwrap();
        image.write_pid();
        let pid = format!("LISTEN_PID={}\0", std::process::id()).into_bytes();
        assert_eq!(image.variables[..2], [b"A=1\0".to_vec(), b"LISTEN_FDS=2\0".to_vec()]);
        assert!(image.variables[2].starts_with(&pid));
    }

    /// Item 6: whoever has a watchdog is told by its own process id, whatever somebody else's was.
    #[test]
    fn a_watchdog_is_for_the_process_that_executes() {
        let mut image = image(&[("WATCHDOG_PID", "7"), ("WATCHDOG_USEC", "1000")], 0).unwrap();
        image.write_pid();
        let pid = format!("WATCHDOG_PID={}\0", std::process::id()).into_bytes();
        assert_eq!(image.variables[0], b"WATCHDOG_USEC=1000\0");
        assert!(image.variables[1].starts_with(&pid));
    }

    #[test]
    fn a_secret_with_a_nul_is_refused_by_name_only() {
        let error = image(&[("TOKEN", "hunter2\0")], 0).err().unwrap();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::InvalidInput, "a NUL byte in the variable `TOKEN`")
        );
        assert!(image(&[("A=B", "")], 0).is_err());
        assert!(Image::new(&[], &Env::new(), Path::new("/"), 0).is_err());
    }
}
