//! Becoming another program.

use crate::{Env, process::image::Image};
use std::{io, path::Path};

/// Replaces this process by the program `argv[0]`, found in the `PATH` of `env`, with exactly `env`, in `cwd`. Returns
/// only when that fails. The program starts with nothing blocked and with `SIGPIPE` as everybody expects it: Rust
/// programs ignore it, and an ignored signal would stay ignored across `execve` (execve(2)). Descriptors that were
/// passed to mainstay from outside are passed on, sockets with `LISTEN_FDS` too (sd_listen_fds(3)).
pub fn exec(argv: &[String], env: &Env, cwd: &Path) -> io::Error {
    match Image::in_our_place(argv, env, cwd) {
        Err(error) => error,
        Ok(mut image) => match std::env::set_current_dir(cwd) {
            Err(error) => io::Error::new(error.kind(), format!("change to `{}`: {error}", cwd.display())),
            Ok(()) => with_default_signals(|| image.exec()),
        },
    }
}

#[expect(unsafe_code, reason = "signal masks and dispositions have no safe interface")]
fn with_default_signals(exec: impl FnOnce() -> io::Error) -> io::Error {
    // SAFETY: plain libc calls on a local, initialised set; SIGPIPE is put back when the program could not be run, so
    // that the rest of mainstay still sees a broken pipe as an error.
    unsafe {
        let mut nothing: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut nothing);
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const nothing, std::ptr::null_mut());
        let before = libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let error = exec();
        libc::signal(libc::SIGPIPE, before);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_is_not_there_is_named_with_the_path_searched() {
        let env = Env::from([("PATH".into(), "/nowhere:/neither".into())]);
        let error = exec(&["no-such-program".into()], &env, Path::new("/"));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(error.to_string(), "command `no-such-program` not found in PATH `/nowhere:/neither`");
    }
}
