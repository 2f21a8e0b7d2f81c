//! The last answers of a health check, and what they amount to together. Pure.

use config::Window;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Among so many of the last answers changes are counted.
const LOOKED_AT: usize = 10;

/// So many changes between pass and fail among them are called flapping.
const CHANGES: usize = 4;

/// So many of the same in a row end it.
const STEADY: usize = 5;

/// The last answers of one process.
#[derive(Clone, Debug)]
pub(crate) struct Recent {
    fail: Window,
    pass: Window,
    /// Oldest first; true for a pass.
    answers: VecDeque<bool>,
    /// So many of them count towards the next verdict.
    fresh: usize,
    failing: bool,
    flapping: bool,
}

/// What an answer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Too many have failed.
    Failing,
    /// Enough have passed since.
    Passing,
    /// They fail and pass in turns.
    Flapping,
    /// They don't any more.
    Steady,
}

/// What is handed over of them; the windows are not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct HandedRecent {
    answers: VecDeque<bool>,
    fresh: usize,
    failing: bool,
    flapping: bool,
}

impl Recent {
    pub(crate) fn hand_over(&self) -> HandedRecent {
        let (answers, fresh) = (self.answers.clone(), self.fresh);
        HandedRecent { answers, fresh, failing: self.failing, flapping: self.flapping }
    }

    pub(crate) fn take_over(fail: Window, pass: Window, handed: HandedRecent) -> Self {
        let HandedRecent { answers, fresh, failing, flapping } = handed;
        Self { fail, pass, answers, fresh, failing, flapping }
    }

    pub(crate) fn new(fail: Window, pass: Window) -> Self {
        Self { fail, pass, answers: VecDeque::new(), fresh: 0, failing: false, flapping: false }
    }

    /// Takes an answer.
    pub(crate) fn take(&mut self, pass: bool) -> Option<Turn> {
        self.answers.push_back(pass);
        self.fresh += 1;
        let kept = LOOKED_AT.max(self.fail.of as usize).max(self.pass.of as usize);
        if self.answers.len() > kept {
            self.answers.pop_front();
        }
        self.verdict().or_else(|| self.mood())
    }

    /// What failed until now does not count.
    pub(crate) fn pardon(&mut self) {
        self.fresh = 0;
    }

    /// Do they fail and pass in turns? How many of how many have failed.
    pub(crate) fn flapping(&self) -> Option<(usize, usize)> {
        let last = self.last(LOOKED_AT);
        self.flapping.then(|| (last.clone().filter(|pass| !pass).count(), last.count()))
    }

    fn verdict(&mut self) -> Option<Turn> {
        if self.failing && self.full(self.pass, true) {
            (self.failing, self.fresh) = (false, 0);
            return Some(Turn::Passing);
        }
        if self.full(self.fail, false) {
            // A service that stays as it is, is accused again after as many.
            (self.failing, self.fresh) = (true, 0);
            return Some(Turn::Failing);
        }
        None
    }

    /// Are there so many of this kind in the window?
    fn full(&self, window: Window, kind: bool) -> bool {
        let seen = self.last(self.fresh.min(window.of as usize));
        seen.filter(|pass| *pass == kind).count() >= window.count as usize
    }

    fn mood(&mut self) -> Option<Turn> {
        let last: Vec<_> = self.last(LOOKED_AT).collect();
        let changes = last.windows(2).filter(|pair| pair[0] != pair[1]).count();
        let the_same = self.last(STEADY).all(|pass| Some(pass) == last.last().copied()) && last.len() >= STEADY;
        match self.flapping {
            false if changes >= CHANGES && !the_same => {
                self.flapping = true;
                Some(Turn::Flapping)
            }
            true if the_same => {
                self.flapping = false;
                Some(Turn::Steady)
            }
            _ => None,
        }
    }

    fn last(&self, count: usize) -> impl Iterator<Item = bool> + Clone + '_ {
        self.answers.iter().skip(self.answers.len().saturating_sub(count)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turns(fail: (u32, u32), pass: (u32, u32), answers: &str) -> Vec<Option<Turn>> {
        let window = |(count, of)| Window { count, of };
        let mut recent = Recent::new(window(fail), window(pass));
        answers.chars().map(|answer| recent.take(answer == '+')).collect()
    }

    fn marks(fail: (u32, u32), pass: (u32, u32), answers: &str) -> String {
        let mark = |turn| match turn {
            None => '.',
            Some(Turn::Failing) => 'F',
            Some(Turn::Passing) => 'P',
            Some(Turn::Flapping) => '~',
            Some(Turn::Steady) => '=',
        };
        turns(fail, pass, answers).into_iter().map(mark).collect()
    }

    /// S3.7: failures in a row, failures in a window, and the way back.
    #[test]
    fn windows_decide() {
        for (fail, pass, answers, expected) in [
            ((3, 3), (1, 1), "--+--+---+", ".....~..FP"),
            ((3, 3), (1, 1), "------+", "..F..FP"),
            ((3, 5), (2, 2), "-+-+-", "....F"),
            ((3, 5), (2, 2), "+++---+-++", ".....F...P"),
            ((1, 1), (3, 4), "-+-+++", "F.F..P"),
            ((3, 5), (1, 1), "-++++-++++--", "............"),
        ] {
            let seen = marks(fail, pass, answers);
            // Only what is said of windows is compared here; whether it flaps is the next test's matter.
            let plain = |text: &str| text.replace(['~', '='], ".");
            assert_eq!(plain(&seen), plain(expected), "{fail:?} {pass:?} {answers}");
        }
    }

    /// Item 6: who fails and passes in turns is called so once, and once that it is over; no restart hangs on it.
    #[test]
    fn turns_are_flapping() {
        assert_eq!(marks((3, 3), (1, 1), "+-+-+-+-+-"), "....~.....");
        assert_eq!(marks((3, 3), (1, 1), "+-+-+++++++"), "....~...=..");
        assert_eq!(marks((3, 3), (1, 1), "+++-++++++++-+++"), "................");
        let mut recent = Recent::new(Window { count: 3, of: 3 }, Window { count: 1, of: 1 });
        for answer in "+-+-+".chars() {
            recent.take(answer == '+');
        }
        assert_eq!(recent.flapping(), Some((2, 5)));
    }

    proptest! {
        /// Nobody is accused for fewer failures than were said, and a pardon takes back what was counted.
        #[test]
        fn no_verdict_without_its_count(answers in proptest::collection::vec(any::<bool>(), 0..200), count in 1u32..6, more in 0u32..6) {
            let of = count + more;
            let mut recent = Recent::new(Window { count, of }, Window { count: 1, of: 1 });
            let mut since: Vec<bool> = Vec::new();
            for answer in answers {
                since.push(answer);
                let failed = since.iter().rev().take(of as usize).filter(|pass| !**pass).count();
                let turn = recent.take(answer);
                prop_assert_eq!(turn == Some(Turn::Failing), failed >= count as usize && turn != Some(Turn::Passing));
                if matches!(turn, Some(Turn::Failing | Turn::Passing)) {
                    since.clear();
                }
            }
        }
    }
}
