//! What a process does to itself.

use rustix::process::{Signal, getpid, kill_process, nice};
use std::path::Path;

/// How [`signal_self`] deals with this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fatal {
    /// It ends, as when the kernel has no memory left for it.
    Kill,
    /// It stops until somebody continues it.
    Stop,
}

/// Ends or stops this process at this very place: for tests of what the next life makes of it.
pub fn signal_self(how: Fatal) {
    let signal = match how {
        Fatal::Kill => Signal::KILL,
        Fatal::Stop => Signal::STOP,
    };
    // A process may always do this to itself.
    let _ = kill_process(getpid(), signal);
}

/// Asks this process to finish, as whoever sends it a `SIGTERM` does.
pub fn ask_self_to_stop() {
    // A process may always do this to itself.
    let _ = kill_process(getpid(), Signal::TERM);
}

/// Lets all others go first: for a thread whose work may take its time. It is the thread alone that becomes nicer (nice(2)).
pub fn give_way() {
    // Who may not is as fast as before.
    let _ = nice(10);
}

/// Gives back the pages of the program's code: the next ones that are needed come back by themselves, from the file that is cached
/// anyway. What only a start needs does not count as ours for ever.
pub fn give_back_code() {
    let code = std::env::current_exe().ok().zip(crate::proc::Process::this().maps());
    let Some((program, maps)) = code else { return };
    for (from, to) in maps.lines().filter_map(|line| code_of(line, &program)) {
        #[expect(unsafe_code, reason = "memory is given back by address")]
        // SAFETY: a mapping of a file, private and never written to: what is dropped is read again from the file, which
        // nobody can write to while it runs (ETXTBSY, execve(2)).
        unsafe {
            libc::madvise(std::ptr::without_provenance_mut(from), to - from, libc::MADV_DONTNEED)
        };
    }
}

/// The addresses of a line of /proc/PID/maps (proc(5)), if it is code of `program`, or the constants before it, at the file's begin; what
/// stands behind the code was written to when the program was loaded (its relocations), and is not in the file.
fn code_of(line: &str, program: &Path) -> Option<(usize, usize)> {
    let (range, rest) = line.split_once(' ')?;
    let (from, to) = range.split_once('-')?;
    let path = rest.splitn(5, ' ').nth(4)?.trim_start();
    let untouched = rest.starts_with("r-xp ") || rest.starts_with("r--p 00000000 ");
    let ours = untouched && Path::new(path) == program;
    ours.then(|| Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?)))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_the_program_is_given_back() {
        let program = Path::new("/usr/bin/main stay");
        let line = "55d0a000-55d0b000 r-xp 00002000 fe:00 12   /usr/bin/main stay";
        assert_eq!(code_of(line, program), Some((0x55d0_a000, 0x55d0_b000)));
        assert_eq!(code_of(&line.replace("r-xp", "r--p"), program), None, "its relocations");
        assert_eq!(code_of(&line.replace("r-xp 00002000", "r--p 00000000"), program), Some((0x55d0_a000, 0x55d0_b000)));
        assert_eq!(code_of(&line.replace("r-xp 00002000", "rw-p 00000000"), program), None);
        assert_eq!(code_of(&line.replace("main stay", "libc.so.6"), program), None);
        assert_eq!(code_of("7ffc0000-7ffc1000 rw-p 00000000 00:00 0   [stack]", program), None);
        assert_eq!(code_of("7ffc0000-7ffc1000 rw-p 00000000 00:00 0", program), None);
        give_back_code();
        assert!(crate::proc::Process::this().is_running(), "and all goes on");
    }
}
