//! What each key does.

use crate::{
    help::HELP,
    list::Kind,
    logs::Arrangement,
    message::{Act, Effect, Key, Order},
    model::{Detail, Mode, Model, Sifted},
    screen::screen,
};
use control::{Service, Verb};

/// So many columns lines are moved by.
const SIDEWAYS: usize = 20;

impl Model {
    /// Takes in a key; answers with what shall be done.
    pub(crate) fn press(&mut self, key: Key) -> Vec<Effect> {
        match (key, std::mem::take(&mut self.mode)) {
            (Key::Interrupt, _) => vec![Effect::Quit],
            (Key::Redraw, mode) => {
                self.mode = mode;
                vec![Effect::Redraw]
            }
            (key, Mode::Looking) => self.look(key),
            (key, Mode::Asking(order)) => self.decide(key, order),
            (key, Mode::Typing(what, before)) => {
                self.type_on(key, what, before);
                Vec::new()
            }
            (key, Mode::Detail(detail)) => self.read(key, detail),
            (key, Mode::Help(top)) => {
                let top = scrolled(key, top, self.page()).map(|top| top.min(HELP.len() - 1));
                self.mode = top.map_or(Mode::Looking, Mode::Help);
                Vec::new()
            }
        }
    }

    fn look(&mut self, key: Key) -> Vec<Effect> {
        match key {
            Key::Char('q') => return vec![Effect::Quit],
            Key::Char('?') => self.mode = Mode::Help(0),
            Key::Enter => return self.open(),
            Key::Char('r') => self.ask(Act::Do(Verb::Restart)),
            Key::Char('n') => self.ask(Act::RunNow),
            Key::Char('s') => return self.stop_or_start(),
            Key::Char('/') => self.mode = Mode::Typing(Sifted::Lines, self.logs.sieve.text.clone()),
            Key::Char('f') => self.mode = Mode::Typing(Sifted::Names, self.list.filter_text().to_owned()),
            Key::Char('m') => {
                self.list.mark();
                self.list.step(1);
            }
            Key::Tab => self.in_lines = !self.in_lines && self.logs.arrangement != Arrangement::Hidden,
            Key::Escape => self.step_back(),
            key => self.look_at_lines(key),
        }
        Vec::new()
    }

    fn look_at_lines(&mut self, key: Key) {
        match key {
            Key::Char('l') => {
                self.logs.arrangement = self.logs.arrangement.next();
                self.in_lines &= self.logs.arrangement != Arrangement::Hidden;
            }
            Key::Char('v') => self.logs.next_level(),
            Key::Char('p' | ' ') => self.logs.pause(),
            Key::Char('e') => self.jump(|logs, height| logs.error_before(height), "no error before this one"),
            Key::Char('E') => self.jump(|logs, height| logs.error_behind(height), "no error behind this one"),
            Key::Left => self.logs.shift = self.logs.shift.saturating_sub(SIDEWAYS),
            Key::Right => self.logs.shift = (self.logs.shift + SIDEWAYS).min(2000),
            key if self.in_lines => self.scroll(key),
            key => self.walk(key),
        }
    }

    fn jump(&mut self, to: impl Fn(&mut crate::logs::Logs, usize) -> bool, otherwise: &str) {
        let height = self.pane_height();
        if to(&mut self.logs, height) {
            self.orders.forget();
        } else {
            self.orders.tell(true, otherwise);
        }
    }

    /// Among the rows.
    fn walk(&mut self, key: Key) {
        let page = screen(self).map_or(1, |screen| screen.rows(Kind::Service)).max(1).cast_signed();
        match key {
            Key::Up | Key::Char('k') => self.list.step(-1),
            Key::Down | Key::Char('j') => self.list.step(1),
            Key::PageUp => self.list.step(-page),
            Key::PageDown => self.list.step(page),
            Key::Home | Key::Char('g') => self.list.step(isize::MIN),
            Key::End | Key::Char('G') => self.list.step(isize::MAX),
            _ => {}
        }
    }

    /// Among the lines.
    fn scroll(&mut self, key: Key) {
        let height = self.pane_height();
        match key {
            Key::Up | Key::Char('k') => self.logs.back(1, height),
            Key::Down | Key::Char('j') => self.logs.forth(1),
            Key::PageUp => self.logs.back(height, height),
            Key::PageDown => self.logs.forth(height),
            Key::Home | Key::Char('g') => self.logs.go_to_the_first(height),
            Key::End | Key::Char('G') => self.logs.follow(),
            _ => {}
        }
    }

    fn pane_height(&self) -> usize {
        screen(self).map_or(1, |screen| screen.pane_height()).max(1)
    }

    fn page(&self) -> usize {
        usize::from(self.size.1).saturating_sub(4).max(1)
    }

    /// One thing after the other that was set is taken back.
    fn step_back(&mut self) {
        if self.orders.forget() {
            return;
        }
        if self.in_lines {
            self.in_lines = false;
        } else if !self.logs.sieve.text.is_empty() {
            self.logs.sieve.text.clear();
        } else if !self.list.filter_text().is_empty() {
            self.list.filter(String::new());
        } else if !self.list.marked().is_empty() {
            self.list.mark_only(&[]);
        } else {
            self.logs.follow();
        }
    }

    fn open(&mut self) -> Vec<Effect> {
        let Some(service) = self.list.selected().map(str::to_owned) else { return Vec::new() };
        self.mode = Mode::Detail(Detail { service: service.clone(), ..Detail::default() });
        vec![Effect::Why(service)]
    }

    fn read(&mut self, key: Key, detail: Detail) -> Vec<Effect> {
        if let Some(top) = scrolled(key, detail.top, self.page()) {
            let last = detail.text.as_ref().map_or(0, |text| text.len().saturating_sub(1));
            self.mode = Mode::Detail(Detail { top: top.min(last), ..detail });
        }
        Vec::new()
    }

    /// Asks whether it is really meant.
    fn ask(&mut self, act: Act) {
        if self.nobody_listens() {
            return;
        }
        let Some(name) = self.list.selected().map(str::to_owned) else { return };
        match (act, self.list.kind()) {
            (Act::Do(_), Some(Kind::Job)) => self.orders.tell(true, format!("`{name}` is a job: `n` runs it now")),
            (Act::RunNow, Some(Kind::Service)) => {
                self.orders.tell(true, format!("`{name}` is a service: `r` restarts it"));
            }
            _ => self.mode = Mode::Asking(Order { act, name }),
        }
    }

    /// To start what does not run harms nobody.
    fn stop_or_start(&mut self) -> Vec<Effect> {
        let at_rest = |service: &&Service| matches!(service.state.as_str(), "inactive" | "failed");
        let Some(name) = self.selected().filter(at_rest).map(|service| service.name.clone()) else {
            self.ask(Act::Do(Verb::Stop));
            return Vec::new();
        };
        if self.nobody_listens() { Vec::new() } else { self.give(Order { act: Act::Do(Verb::Start), name }) }
    }

    fn decide(&mut self, key: Key, order: Order) -> Vec<Effect> {
        match key {
            Key::Char('y' | 'Y') => self.give(order),
            Key::Char('n' | 'N' | 'q') | Key::Escape => {
                self.orders.tell(true, format!("`{}` is left as it is", order.name));
                Vec::new()
            }
            // Anything else is no answer.
            _ => {
                self.mode = Mode::Asking(order);
                Vec::new()
            }
        }
    }

    fn give(&mut self, order: Order) -> Vec<Effect> {
        if self.orders.give(&order) { vec![Effect::Give(order)] } else { Vec::new() }
    }

    fn nobody_listens(&mut self) -> bool {
        let lost = self.lost.is_some();
        if lost {
            self.orders.tell(false, "nothing can be ordered: mainstay does not answer");
        }
        lost
    }

    /// What is typed has its effect at once; Escape brings back what stood there before.
    fn type_on(&mut self, key: Key, what: Sifted, before: String) {
        let mut text = match what {
            Sifted::Lines => self.logs.sieve.text.clone(),
            Sifted::Names => self.list.filter_text().to_owned(),
        };
        match key {
            Key::Char(char) if text.chars().count() < 200 => text.push(char),
            Key::Backspace => drop(text.pop()),
            Key::Escape => text.clone_from(&before),
            _ => {}
        }
        match what {
            Sifted::Lines => self.logs.sieve.text = text,
            Sifted::Names => self.list.filter(text),
        }
        if !matches!(key, Key::Enter | Key::Escape) {
            self.mode = Mode::Typing(what, before);
        }
    }
}

/// The first line that is read now; nothing when the reader has had enough.
fn scrolled(key: Key, top: usize, page: usize) -> Option<usize> {
    match key {
        Key::Escape | Key::Enter | Key::Char('q' | '?') => None,
        Key::Up | Key::Char('k') => Some(top.saturating_sub(1)),
        Key::Down | Key::Char('j') => Some(top.saturating_add(1)),
        Key::PageUp => Some(top.saturating_sub(page)),
        Key::PageDown | Key::Char(' ') => Some(top.saturating_add(page)),
        Key::Home | Key::Char('g') => Some(0),
        Key::End | Key::Char('G') => Some(usize::MAX / 2),
        _ => Some(top),
    }
}
