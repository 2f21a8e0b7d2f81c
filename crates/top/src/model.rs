//! All that is known and looked at, and how it changes.

use crate::{
    figures::Figures,
    list::{Kind, List},
    logs::{Arrangement, Logs},
    look::Look,
    message::{Effect, Follow, Message, Order},
    orders::Orders,
    screen::{capacity, screen},
    text::tame,
};
use control::{Service, Status};

/// So many lines that were written before are asked for.
const BEFORE: usize = 1000;

/// All that is known and looked at.
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) look: Look,
    /// Columns and rows of the terminal.
    pub(crate) size: (u16, u16),
    pub(crate) status: Status,
    /// The time of day of the last answer.
    pub(crate) clock: String,
    /// Why the last question was not answered.
    pub(crate) lost: Option<String>,
    pub(crate) figures: Figures,
    pub(crate) list: List,
    pub(crate) logs: Logs,
    pub(crate) orders: Orders,
    pub(crate) mode: Mode,
    /// The keys that go up and down mean the lines, not the table.
    pub(crate) in_lines: bool,
    followed: Option<Follow>,
}

/// What the keys mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Mode {
    /// To look and to order.
    #[default]
    Looking,
    /// Yes or no.
    Asking(Order),
    /// A text that lines or names are sifted by; what stood there before.
    Typing(Sifted, String),
    /// To read why a service is as it is.
    Detail(Detail),
    /// To read what the keys do.
    Help(usize),
}

/// What is sifted by a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sifted {
    Lines,
    Names,
}

/// Why a service is as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Detail {
    pub(crate) service: String,
    /// Nothing until it has come.
    pub(crate) text: Option<Vec<String>>,
    /// The first line that is shown.
    pub(crate) top: usize,
}

impl Model {
    /// As `status` says it is, on a terminal of this size. `services` are marked; none for the selected one alone.
    pub fn new(
        look: Look,
        size: (u16, u16),
        status: Status,
        clock: String,
        services: &[String],
    ) -> (Self, Vec<Effect>) {
        let mut model = Self {
            look,
            size,
            status: Status::default(),
            clock: String::new(),
            lost: None,
            figures: Figures::default(),
            list: List::default(),
            logs: Logs::default(),
            orders: Orders::default(),
            mode: Mode::Looking,
            in_lines: false,
            followed: None,
        };
        let mut effects = model.update(Message::Status { status: Box::new(status), clock });
        if let Some(first) = services.first() {
            model.list.mark_only(services);
            model.list.select(first);
            effects = model.settle(Vec::new());
        }
        (model, effects)
    }

    /// Takes in what has come; answers with what shall be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let effects = match message {
            Message::Key(key) => self.press(key),
            Message::Resized { columns, rows } => {
                self.size = (columns, rows);
                Vec::new()
            }
            Message::Status { status, clock } => self.answered(*status, clock),
            Message::Lost(why) => {
                self.lost = Some(tame(why.as_bytes()));
                self.orders.tick();
                Vec::new()
            }
            Message::Why { service, text } => {
                self.explain(&service, text);
                Vec::new()
            }
            Message::Ordered { order, end } => {
                self.orders.ended(&order, end);
                Vec::new()
            }
            Message::Lines { follow, lines } => {
                if self.followed.as_ref().is_some_and(|followed| followed.number == follow) {
                    self.logs.add(lines);
                }
                Vec::new()
            }
            Message::NoLines(why) => {
                self.logs.problem = Some(why);
                Vec::new()
            }
        };
        self.settle(effects)
    }

    fn answered(&mut self, status: Status, clock: String) -> Vec<Effect> {
        if self.lost.take().is_some() {
            // What was told of it is over.
            self.orders.forget();
        }
        self.clock = clock;
        self.figures.record(&status);
        self.status = harmless(status);
        let services = self.status.services.iter().map(|service| service.name.as_str());
        let jobs = self.status.jobs.iter().map(|job| job.name.as_str());
        self.list.refresh(services, jobs);
        self.orders.tick();
        match &self.mode {
            Mode::Detail(detail) => vec![Effect::Why(detail.service.clone())],
            _ => Vec::new(),
        }
    }

    fn explain(&mut self, about: &str, text: Vec<String>) {
        if let Mode::Detail(detail) = &mut self.mode
            && detail.service == about
        {
            detail.text = Some(text.iter().map(|line| tame(line.as_bytes())).collect());
        }
    }

    /// What hangs on something else follows it.
    fn settle(&mut self, mut effects: Vec<Effect>) -> Vec<Effect> {
        let screen = screen(self);
        let (services, jobs) = screen.map_or((1, 1), |screen| (screen.rows(Kind::Service), screen.rows(Kind::Job)));
        self.list.keep_in_sight(services, jobs);
        let wanted = self.wanted();
        if wanted.as_ref() != self.followed.as_ref().map(|followed| &followed.services)
            && let Some(services) = wanted
        {
            let number = self.followed.as_ref().map_or(1, |followed| followed.number + 1);
            let follow = Follow { number, services, last: BEFORE };
            self.followed = Some(follow.clone());
            self.logs.begin_anew();
            effects.push(Effect::Follow(follow));
        }
        effects
    }

    /// Whose lines are on the screen; none for all, nothing for as before.
    fn wanted(&self) -> Option<Vec<String>> {
        match self.logs.arrangement {
            Arrangement::All => Some(Vec::new()),
            Arrangement::Hidden => None,
            // An empty list would mean all; of no services there is nothing to follow.
            Arrangement::Chosen | Arrangement::Each => Some(self.chosen()).filter(|chosen| !chosen.is_empty()),
        }
    }

    /// The services whose lines are chosen: the marked ones; else the selected one, or those that have a pane.
    pub(crate) fn chosen(&self) -> Vec<String> {
        let marked = self.list.marked();
        match self.logs.arrangement {
            _ if !marked.is_empty() => marked,
            Arrangement::Each => self.list.page(capacity(self)),
            _ => self.list.selected().map(str::to_owned).into_iter().collect(),
        }
    }

    pub(crate) fn selected(&self) -> Option<&Service> {
        let name = self.list.selected().filter(|_| self.list.kind() == Some(Kind::Service))?;
        self.status.services.iter().find(|service| service.name == name)
    }
}

/// What others have said may hold whatever they were told.
fn harmless(mut status: Status) -> Status {
    let services = status.services.iter_mut().flat_map(|it| it.reason.iter_mut().chain([&mut it.name]));
    let needs = status.dependencies.iter_mut().flat_map(|it| it.reason.iter_mut().chain([&mut it.name]));
    let jobs = status.jobs.iter_mut().flat_map(|it| {
        let last = it.last.iter_mut().flat_map(|run| run.reason.iter_mut());
        it.reason.iter_mut().chain([&mut it.name]).chain(last)
    });
    let texts = services
        .chain(jobs)
        .chain(needs)
        .chain(&mut status.reasons)
        .chain([&mut status.app])
        .chain(&mut status.release);
    texts.for_each(|text| *text = tame(text.as_bytes()));
    status
}
