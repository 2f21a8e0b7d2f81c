//! Goes through a page and tells all that is not true in it.

use crate::block::{Block, Piece, pieces};
use crate::world::{LIMIT, Printed, World};
use crate::{compare, flags, parsed, read, root};
use std::time::Instant;

/// What a comment asks for, for readers need not see it.
pub(crate) enum Direction {
    /// `copy examples/booking`: from the repository.
    Copy(String),
    /// `file mainstay.toml`: the next block is written there.
    File(String),
    /// `with` and lines: what completes the next block to a whole file.
    With(String),
    /// `background`: the command of the next block goes on.
    Background,
    /// `stop`: stops what runs.
    Stop,
    /// `postgres`: starts one, at `DATABASE_URL`; with a password, one that demands it of the role `app`, and sets nothing.
    Postgres(String),
    /// `crash`: crashes it; its recovery goes on once the next command has told of it.
    Crash,
    /// `kill postgres`: its port refuses from now on.
    Kill,
    /// `restart postgres`: the killed one, with its data.
    Restart,
    /// `more`: the next block is what the program that runs in the background goes on to print.
    More,
    /// `redis`: starts one.
    Redis,
    /// `set NAME=value`: a variable from here on.
    Set(String, String),
    /// `program alembic` and a script: stands for a program of the reader's own.
    Program(String, String),
}

/// Checks a page; panics with all that is not true. With `UPDATE` set, writes what was really printed.
pub(crate) fn check(name: &str) {
    let text = read(name);
    let mut page = Page::new();
    page.go_through(&text);
    if std::env::var_os("UPDATE").is_some() && !page.edits.is_empty() {
        std::fs::write(root().join(name), page.edited(&text)).expect("the page can be written");
    }
    assert!(page.complaints.is_empty(), "{name} is not true\n\n{}", page.complaints.join("\n\n"));
}

/// All that is not true in this text.
pub(crate) fn complaints(text: &str) -> Vec<String> {
    let mut page = Page::new();
    page.go_through(text);
    page.complaints
}

struct Page {
    world: World,
    complaints: Vec<String>,
    file: Option<String>,
    with: Option<String>,
    background: bool,
    more: bool,
    /// Files that were written and not used yet.
    unused: bool,
    /// Lines from, lines to, what should stand there.
    edits: Vec<(usize, usize, Vec<String>)>,
}

/// A command of a `console` block.
struct Command {
    text: String,
    /// The first line after it.
    line: usize,
    expected: Vec<String>,
}

impl Page {
    fn new() -> Self {
        let (complaints, edits) = (Vec::new(), Vec::new());
        Self {
            world: World::new(),
            complaints,
            file: None,
            with: None,
            background: false,
            more: false,
            unused: false,
            edits,
        }
    }

    fn go_through(&mut self, text: &str) {
        self.complaints = flags::unknown(text);
        for piece in pieces(text) {
            match piece {
                Piece::Direction(text) => match direction(&text) {
                    Some(direction) => self.follow(direction),
                    None => self.complaints.push(format!("`test: {text}` means nothing")),
                },
                Piece::Block(block) => self.block(&block),
                Piece::Indented(line) => {
                    self.complaints.push(format!("line {}: nobody runs or parses this block", line + 1))
                }
            }
        }
        self.world.stop();
        if self.file.is_some() || self.with.is_some() || self.background || self.more {
            self.complaints.push("the last direction is of no use".into());
        }
        if self.unused {
            self.complaints.push("nobody uses the last `sql` block".into());
        }
    }

    fn follow(&mut self, direction: Direction) {
        match direction {
            Direction::Copy(name) => self.world.copy(&name),
            Direction::File(name) => self.file = Some(name),
            Direction::With(text) => self.with = Some(text),
            Direction::Background => self.background = true,
            Direction::Stop => self.world.stop(),
            Direction::Postgres(password) => self.world.postgres(&password),
            Direction::Crash => self.world.crash(),
            Direction::Kill => self.world.kill_postgres(),
            Direction::Restart => self.world.restart_postgres(),
            Direction::More => self.more = true,
            Direction::Redis => self.world.redis(),
            Direction::Set(name, value) => self.world.set.push((name, value)),
            Direction::Program(name, script) => self.world.program(&name, &script),
        }
    }

    fn block(&mut self, block: &Block) {
        let text = block.text();
        let file = self.file.take();
        if let Some(name) = &file {
            self.world.write(name, &text);
        }
        let wrong = match block.language.as_str() {
            "console" => return self.console(block),
            "toml" => parsed::toml(&text, &self.with.take().unwrap_or_default(), &self.world.set),
            "sql" if file.is_some() => {
                self.unused = true;
                Ok(())
            }
            "sql" => Err("nobody uses this `sql` block: `test: file NAME` is missing".into()),
            other => parsed::other(other, &text)
                .unwrap_or_else(|| Err(format!("nobody runs or parses a block of `{other}`"))),
        };
        if let Err(wrong) = wrong {
            self.complaints.push(format!("line {}: {wrong}", block.start));
        }
    }

    fn console(&mut self, block: &Block) {
        self.unused = false;
        if std::mem::take(&mut self.more) {
            return self.goes_on(block);
        }
        let commands = commands(block);
        if commands.is_empty() {
            self.complaints.push(format!("line {}: there is no command in this block", block.start));
        }
        let background = std::mem::take(&mut self.background);
        for (at, command) in commands.iter().enumerate() {
            let last = at + 1 == commands.len();
            if command.text == "cargo xtask test" {
                continue; // that is who runs us
            }
            if background && last {
                self.start(command);
            } else {
                let told = commands.get(at + 1).is_some_and(|next| next.text == "echo $?");
                self.run(command, told);
            }
        }
    }

    /// Somewhere in what the last program in the background has printed since it was started.
    fn goes_on(&mut self, block: &Block) {
        let expected: Vec<_> = std::iter::once("...".to_owned()).chain(block.lines.iter().cloned()).collect();
        match self.world.take_running() {
            Some(mut running) => {
                self.wait_for(&mut running, &expected);
                self.world.keep(running);
            }
            None => self.complaints.push(format!("line {}: nothing runs in the background", block.start)),
        }
    }

    fn run(&mut self, command: &Command, code_is_told: bool) {
        let Some(at) = command.expected.iter().position(|line| line == "^C") else {
            let printed = self.world.run(&command.text);
            return self.compare(command, &printed, code_is_told);
        };
        let mut running = self.world.start(&command.text);
        let before = &command.expected[..at];
        let fits = self.wait_for(&mut running, before);
        let seen = self.world.shown(&running.stdout()).len();
        running.interrupt();
        let mut printed = self.world.ended(running);
        let shown = |end: &usize| compare::begins(before, &printed.lines[..*end]);
        let at = (0..=printed.lines.len()).find(shown).filter(|_| fits).unwrap_or(seen);
        printed.lines.insert(at, "^C".into());
        self.compare(command, &printed, true);
    }

    fn compare(&mut self, command: &Command, printed: &Printed, code_is_told: bool) {
        if printed.code != 0 && !code_is_told {
            let told = printed.lines.join("\n");
            self.complaints
                .push(format!("$ {}\nends with exit code {} and nobody says so\n{told}", command.text, printed.code));
        }
        if !command.expected.is_empty() && !compare::fits(&command.expected, &printed.lines) {
            self.differs(command, &printed.lines);
        }
    }

    fn differs(&mut self, command: &Command, lines: &[String]) {
        let (expected, printed) = (command.expected.join("\n"), lines.join("\n"));
        self.complaints.push(format!("$ {}\nshown:\n{expected}\nprinted:\n{printed}", command.text));
        self.edits.push((command.line, command.line + command.expected.len(), lines.to_vec()));
    }

    fn start(&mut self, command: &Command) {
        let mut running = self.world.start(&command.text);
        self.wait_for(&mut running, &command.expected);
        self.world.keep(running);
    }

    /// Waits until a running program has printed what the page shows.
    fn wait_for(&mut self, running: &mut testkit::Running, expected: &[String]) -> bool {
        let begun = Instant::now();
        // One question mark is a place for what `UPDATE` writes.
        let limit = if expected == ["?"] { LIMIT / 20 } else { LIMIT };
        loop {
            let over = !running.running() || begun.elapsed() > limit;
            self.world.look(running);
            let printed = self.world.shown(&running.stdout());
            if compare::begins(expected, &printed) {
                return true;
            }
            if over {
                let (expected, printed) = (expected.join("\n"), printed.join("\n"));
                self.complaints.push(format!("a running program\nshould print:\n{expected}\nprinted:\n{printed}"));
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    fn edited(&self, text: &str) -> String {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        for (from, to, new) in self.edits.iter().rev() {
            lines.splice(from..to, new.iter().cloned());
        }
        lines.join("\n") + "\n"
    }
}

fn commands(block: &Block) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for (at, line) in block.lines.iter().enumerate() {
        let after = block.start + at + 1;
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(text), _) => commands.push(Command { text: text.to_owned(), line: after, expected: Vec::new() }),
            (None, Some(command)) if command.expected.is_empty() && command.text.ends_with('\\') => {
                command.text = format!("{}{}", command.text.trim_end_matches('\\'), line.trim_start());
                command.line = after;
            }
            (None, Some(command)) => command.expected.push(line.clone()),
            (None, None) => {}
        }
    }
    for command in &mut commands {
        let filled = command.expected.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        command.expected.truncate(filled);
    }
    commands
}

fn direction(text: &str) -> Option<Direction> {
    let (word, rest) = text.split_once([' ', '\n']).unwrap_or((text, ""));
    Some(match word {
        "copy" => Direction::Copy(rest.to_owned()),
        "file" => Direction::File(rest.to_owned()),
        "with" => Direction::With(rest.to_owned()),
        "background" => Direction::Background,
        "stop" => Direction::Stop,
        "postgres" => Direction::Postgres(rest.to_owned()),
        "crash" => Direction::Crash,
        "kill" => Direction::Kill,
        "restart" => Direction::Restart,
        "more" => Direction::More,
        "redis" => Direction::Redis,
        "set" => rest.split_once('=').map(|(name, value)| Direction::Set(name.to_owned(), value.to_owned()))?,
        "program" => {
            rest.split_once('\n').map(|(name, script)| Direction::Program(name.to_owned(), script.to_owned()))?
        }
        _ => return None,
    })
}
