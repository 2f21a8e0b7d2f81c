//! The last few verdicts, for telling an unsteady dependency from a steady one.

/// The last ten verdicts of a dependency that is up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recent {
    failed: u16,
    unsteady: bool,
}

/// How a verdict changed what is thought of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Unsteady,
    Steady,
}

/// So many are remembered.
const WINDOW: u32 = 10;
/// So many failures among them make it unsteady, so few make it steady again. The gap keeps the word from flapping.
const MANY: u32 = 3;
const FEW: u32 = 0;

impl Recent {
    pub(super) fn push(&mut self, failed: bool) -> Option<Turn> {
        self.failed = (self.failed << 1 | u16::from(failed)) & ((1 << WINDOW) - 1);
        let turn = match (self.unsteady, self.failed.count_ones()) {
            (false, MANY..) => Turn::Unsteady,
            (true, ..=FEW) => Turn::Steady,
            _ => return None,
        };
        self.unsteady = turn == Turn::Unsteady;
        Some(turn)
    }

    pub(super) fn unsteady(self) -> bool {
        self.unsteady
    }
}
