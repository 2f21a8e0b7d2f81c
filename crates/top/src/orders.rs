//! Orders that were given, and what became of the last one.

use crate::{
    message::{End, Order},
    text::tame,
};

/// A good end is told for so many answers, then it is quiet again.
const TOLD_FOR: u32 = 15;

/// Orders that were given, and what is told of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    under_way: Vec<Order>,
    told: Option<Told>,
}

#[derive(Clone, Debug)]
struct Told {
    end: End,
    /// How many answers ago.
    age: u32,
}

impl Orders {
    /// Nothing but a sentence when the service has an order that is not carried out yet.
    pub(crate) fn give(&mut self, order: &Order) -> bool {
        if let Some(other) = self.under_way.iter().find(|other| other.name == order.name) {
            let text = format!("`{}`: the {} is still under way", other.name, other.act.word());
            self.tell(false, text);
            return false;
        }
        self.told = None;
        self.under_way.push(order.clone());
        true
    }

    pub(crate) fn ended(&mut self, order: &Order, end: End) {
        self.under_way.retain(|other| other != order);
        self.tell(end.good, tame(end.text.as_bytes()));
    }

    pub(crate) fn tell(&mut self, good: bool, text: impl Into<String>) {
        self.told = Some(Told { end: End { good, text: text.into() }, age: 0 });
    }

    /// Says whether it was something bad, which somebody may want to be rid of before anything else.
    pub(crate) fn forget(&mut self) -> bool {
        self.told.take().is_some_and(|told| !told.end.good)
    }

    /// Time goes on.
    pub(crate) fn tick(&mut self) {
        if let Some(told) = &mut self.told {
            told.age += 1;
        }
        if self.told.as_ref().is_some_and(|told| told.end.good && told.age > TOLD_FOR) {
            self.told = None;
        }
    }

    /// What became of the last one.
    pub(crate) fn end(&self) -> Option<&End> {
        self.told.as_ref().map(|told| &told.end)
    }

    /// What is being done.
    pub(crate) fn under_way(&self) -> String {
        let one = |order: &Order| format!("{} `{}`", order.act.doing(), order.name);
        self.under_way.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}
