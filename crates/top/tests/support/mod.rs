//! What the tests of the screen share: an application, and its screen as text.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use control::{Dependency, Disk, Job, JobRun, Migrations, Service, Status, Usage};
use ratatui_core::{buffer::Buffer, layout::Rect};
use report::Level;
use top::{Effect, Key, LogLine, Look, Message, Model, view};

pub const PLAIN: Look = Look { color: false, unicode: true };

/// A model and what it has asked for.
pub struct Seat {
    pub model: Model,
    pub effects: Vec<Effect>,
    size: (u16, u16),
}

pub fn service(name: &str, state: &str, fine: &str) -> Service {
    let (name, state, fine) = (name.to_owned(), state.to_owned(), fine.to_owned());
    let ready = state == "active";
    let usage = Usage { cpu_percent: Some(3.2), memory_bytes: Some(52 << 20), ..Usage::default() };
    let usage = ready.then_some(usage);
    Service { name, ready, pid: ready.then_some(4712), state, fine, for_s: 7512.0, usage, ..Service::default() }
}

pub fn need(name: &str, kind: &str, state: &str, verdict: &str) -> Dependency {
    let (name, kind, state, verdict) = (name.to_owned(), kind.to_owned(), state.to_owned(), verdict.to_owned());
    let latency_ms = (verdict == "pass").then_some(1.24);
    Dependency { name, kind, state, verdict, latency_ms, required: true, for_s: 7512.0, ..Dependency::default() }
}

/// All is well.
pub fn well() -> Status {
    Status {
        app: "shop".into(),
        mainstay: "0.1.0".into(),
        pid: 4711,
        uptime_s: 7515.0,
        phase: "watch".into(),
        health: "ok".into(),
        ok: true,
        services: vec![
            service("api", "active", "running"),
            service("worker", "active", "running"),
            service("telegram-bot", "active", "running"),
        ],
        dependencies: vec![need("main", "PostgreSQL", "ready", "pass"), need("cache", "Redis", "ready", "pass")],
        migrations: Migrations { state: "done".into(), message: None },
        disk: Disk { path: "/srv/shop/data".into(), free_bytes: Some(12 << 30) },
        ..Status::default()
    }
}

/// One job that works, one that has failed, one that is off.
pub fn jobs() -> Vec<Job> {
    let job = |name: &str, state: &str| Job { name: name.into(), state: state.into(), ..Job::default() };
    let run = |result: &str, ago| JobRun { result: result.into(), ago_s: Some(ago), ..JobRun::default() };
    vec![
        Job { last: Some(run("done", 182.0)), next_in_s: Some(60.0), pid: Some(7), ..job("retrain", "running") },
        Job {
            last: Some(JobRun { reason: Some("exit code 3".into()), ..run("failed", 4000.0) }),
            next_in_s: Some(9000.0),
            ..job("report", "idle")
        },
        Job { reason: Some("failsafe".into()), ..job("mail", "off") },
    ]
}

/// The database is down.
pub fn ill() -> Status {
    let mut status = well();
    status.health = "critical".into();
    status.reasons = vec!["`main` is down: Connection refused".into(), "`worker` is parked".into()];
    status.services.iter_mut().skip(1).for_each(|service| service.usage = None);
    let worker = &mut status.services[1];
    (worker.state, worker.fine, worker.ready) = ("parked".into(), "parked".into(), false);
    worker.reason = Some("needs `main`, which is down".into());
    let bot = &mut status.services[2];
    (bot.state, bot.fine, bot.ready) = ("activating".into(), "backoff".into(), false);
    (bot.restarts, bot.for_s) = (7, 3.0);
    bot.reason = Some("it ended with exit code 1".into());
    let main = &mut status.dependencies[0];
    (main.state, main.verdict, main.latency_ms) = ("down".into(), "fail".into(), None);
    main.reason = Some("Connection refused".into());
    let cache = &mut status.dependencies[1];
    (cache.verdict, cache.latency_ms) = ("could not verify".into(), None);
    status
}

pub fn line(second: u32, service: &str, level: Option<Level>, text: &str) -> LogLine {
    LogLine::new(format!("10:00:{second:02}"), service.into(), level, text.as_bytes())
}

/// Some lines of `api`.
pub fn lines() -> Vec<LogLine> {
    vec![
        line(1, "api", Some(Level::Info), "INFO listening on :8000"),
        line(2, "api", Some(Level::Warn), "WARN slow answer: 2.1 s"),
        line(3, "api", Some(Level::Error), "ERROR \x1b[31mGET /bookings\x1b[0m failed"),
        line(3, "api", None, "  caused by: timeout"),
        line(4, "api", Some(Level::Info), "INFO GET /services 200 日本語"),
    ]
}

impl Seat {
    pub fn at(look: Look, size: (u16, u16), status: Status) -> Self {
        let (model, effects) = Model::new(look, size, status, "10:00:05".into(), &[]);
        Self { model, effects, size }
    }

    pub fn tell(&mut self, message: Message) -> Vec<Effect> {
        if let Message::Resized { columns, rows } = message {
            self.size = (columns, rows);
        }
        let effects = self.model.update(message);
        self.effects.extend(effects.clone());
        effects
    }

    pub fn press(&mut self, keys: &str) -> Vec<Effect> {
        keys.chars().flat_map(|key| self.tell(Message::Key(Key::Char(key)))).collect()
    }

    pub fn key(&mut self, key: Key) -> Vec<Effect> {
        self.tell(Message::Key(key))
    }

    /// Lines that belong to what is followed now.
    pub fn write(&mut self, lines: Vec<LogLine>) {
        let mut follows = self.effects.iter().filter_map(|effect| match effect {
            Effect::Follow(follow) => Some(follow.number),
            _ => None,
        });
        let follow = follows.next_back().expect("lines are followed");
        self.tell(Message::Lines { follow, lines });
    }

    pub fn buffer(&self) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.size.0, self.size.1));
        view(&self.model, &mut buffer);
        buffer
    }

    /// What is seen, without blanks at the ends of lines.
    pub fn screen(&self) -> String {
        let buffer = self.buffer();
        let row = |y| {
            let cells = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol());
            // The cell behind a wide character is its other half.
            let mut text = String::new();
            let mut wide = false;
            for cell in cells {
                if !wide {
                    text.push_str(cell);
                }
                wide = !wide && unicode_width::UnicodeWidthStr::width(cell) > 1;
            }
            text.trim_end().to_owned() + "\n"
        };
        (0..buffer.area.height).map(row).collect()
    }
}
