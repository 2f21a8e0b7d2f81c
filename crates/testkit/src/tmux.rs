//! A real terminal of one test, played by tmux.
use crate::components;
use crate::scratch::TempDir;
use crate::spawn;
use crate::wait::wait_for;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(30);

/// A terminal in which a shell runs, in a tmux server of its own without anybody's settings. Killed on drop, and when we die.
#[derive(Debug)]
pub struct Tmux {
    socket: PathBuf,
    server: Child,
    _dir: TempDir,
}

impl Tmux {
    /// A shell in `dir` with nothing but these variables, `PATH` and `TERM`.
    pub fn start(dir: &Path, environment: &[(&str, &str)], columns: u16, rows: u16) -> Self {
        let own = TempDir::new();
        let socket = own.path().join("tmux");
        let mut command = spawn::tied(&components::find("tmux"));
        // UTF-8, and in the foreground, so that it is our child.
        command.args(["-u", "-D", "-f", "/dev/null", "-S"]).arg(&socket).env_clear().envs(environment.iter().copied());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("SHELL", "/bin/sh").env("PS1", "$ ");
        command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = spawn::spawn(command).expect("cannot start tmux");
        let tmux = Self { socket, server, _dir: own };
        wait_for(LIMIT, "tmux listens", || tmux.socket.exists().then_some(()));
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let directory = dir.display().to_string();
        tmux.tell(&["new-session", "-d", "-x", &columns, "-y", &rows, "-c", &directory, "exec sh"]);
        tmux
    }

    /// Types text as it stands, and then the key Enter.
    pub fn type_line(&self, text: &str) {
        self.tell(&["send-keys", "-l", text]);
        self.press(&["Enter"]);
    }

    /// Presses keys, called as tmux calls them: `j`, `Enter`, `Escape`, `C-c`.
    pub fn press(&self, keys: &[&str]) {
        self.tell(&[&["send-keys"], keys].concat());
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.tell(&["resize-window", "-x", &columns.to_string(), "-y", &rows.to_string()]);
    }

    /// What is on the screen, without blanks at the ends of its lines.
    pub fn screen(&self) -> String {
        self.tell(&["capture-pane", "-p"])
    }

    /// Waits until the screen is as it is wanted, and returns it; panics with the last one.
    #[track_caller]
    pub fn wait_for(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        wait_for(LIMIT * 2, what, || {
            let screen = self.screen();
            assert!(wanted(&screen) || begun.elapsed() < LIMIT, "waited in vain: {what}\n{screen}");
            wanted(&screen).then_some(screen)
        })
    }

    /// One of tmux's formats, such as `#{alternate_on}` or `#{cursor_flag}`.
    pub fn format(&self, format: &str) -> String {
        self.tell(&["display-message", "-p", format]).trim_end().to_owned()
    }

    fn tell(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(components::find("tmux"));
        command.arg("-u").arg("-S").arg(&self.socket).args(arguments).stdin(Stdio::null());
        let output = command.output().expect("cannot talk to tmux");
        assert!(output.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        // It takes the shell along.
        let mut command = Command::new(components::find("tmux"));
        let _ = command.arg("-S").arg(&self.socket).arg("kill-server").output();
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
