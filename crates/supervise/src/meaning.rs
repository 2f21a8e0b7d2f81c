//! What the end of a process usually means.

use host::process::Exit;

/// What the end of a process usually means, in one sentence; nothing where nothing is usual. `out_of_memory` tells
/// whether the kernel killed processes for want of memory in its time.
///
/// The codes above 125 are those of shells (POSIX, 2.8.2 "Exit status for commands"), the signals those of signal(7).
pub fn meaning(exit: Exit, out_of_memory: bool) -> Option<&'static str> {
    Some(match exit {
        Exit::Signal(9) if out_of_memory => {
            "killed while the kernel killed processes for want of memory, so most likely that was it"
        }
        Exit::Signal(9) | Exit::Code(137) => {
            "killed without a chance to finish: by a person, by a time limit, or by the kernel for want of memory"
        }
        Exit::Code(0) => "it ended by itself and was content",
        Exit::Code(1) => "it failed; its last lines tell why",
        Exit::Code(2) => "it was used wrongly: arguments or configuration",
        Exit::Code(126) => "the program is there and cannot be executed: its x permission, or its format",
        Exit::Code(127) => "a program was not found: one that its shell or script calls",
        Exit::Signal(15) | Exit::Code(143) => "somebody asked it to stop (SIGTERM)",
        Exit::Signal(2) | Exit::Code(130) => "it was interrupted (SIGINT)",
        Exit::Signal(1) | Exit::Code(129) => "its terminal went away, or it was told to reload and cannot (SIGHUP)",
        Exit::Signal(6) | Exit::Code(134) => "it gave itself up: a failed assertion or a panic (SIGABRT)",
        Exit::Signal(11) | Exit::Code(139) => {
            "it touched memory that is not its own: a bug in it or in a library (SIGSEGV)"
        }
        Exit::Signal(7) | Exit::Code(135) => {
            "it touched memory that could not be had: a file cut short or a full tmpfs (SIGBUS)"
        }
        Exit::Signal(4) | Exit::Code(132) => "it was built for another processor (SIGILL)",
        Exit::Signal(8) | Exit::Code(136) => "it divided by zero (SIGFPE)",
        Exit::Signal(13) | Exit::Code(141) => "it wrote to a pipe or socket that nobody reads any more (SIGPIPE)",
        Exit::Signal(24) | Exit::Code(152) => "it used more processor time than its limit allows (SIGXCPU)",
        Exit::Signal(25) | Exit::Code(153) => "it wrote a larger file than its limit allows (SIGXFSZ)",
        Exit::Signal(31) | Exit::Code(159) => "it made a system call that is forbidden to it (SIGSYS)",
        Exit::Code(_) | Exit::Signal(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S3.6: `why` says what 126, 127, 137 and signals mean.
    #[test]
    fn the_usual_ends_have_a_meaning() {
        for (exit, oom, part) in [
            (Exit::Code(126), false, "cannot be executed"),
            (Exit::Code(127), false, "not found"),
            (Exit::Code(137), false, "want of memory"),
            (Exit::Signal(9), false, "by a person"),
            (Exit::Signal(9), true, "most likely"),
            (Exit::Signal(11), false, "SIGSEGV"),
            (Exit::Code(139), false, "SIGSEGV"),
        ] {
            assert!(meaning(exit, oom).unwrap().contains(part), "{exit:?}");
        }
        assert_eq!((meaning(Exit::Code(42), false), meaning(Exit::Signal(40), true)), (None, None));
    }
}
