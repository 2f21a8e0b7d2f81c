//! How far a copy has come, and what that is worth. Pure.
//!
//! `running -> written -> checksummed -> stored -> read back -> restored -> compared`, one after the other; only what was
//! compared and found equal is VERIFIED. Until then a copy protects nothing, and nothing older is removed because of it.

use report::Verdict;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How far a copy has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It is being taken.
    Running,
    /// All of it is in files, and whoever wrote it ended well.
    Written,
    /// The checksums of the files are known.
    Checksummed,
    /// It lies under its final name, and that would outlast the machine.
    Stored,
    /// What lies there was read again and has those checksums.
    ReadBack,
    /// A database was made of it.
    Restored,
    /// That database is what the source was when the copy was taken.
    Compared,
}

const ORDER: [Stage; 7] = [
    Stage::Running,
    Stage::Written,
    Stage::Checksummed,
    Stage::Stored,
    Stage::ReadBack,
    Stage::Restored,
    Stage::Compared,
];

/// How far a copy has come, and what was found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The last stage that was passed.
    pub stage: Stage,
    /// `pass` once it was compared; `skipped` while nobody has looked; else what the next stage found.
    pub verdict: Verdict,
    /// Why it came no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What happens to a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// This stage was passed.
    Passed(Stage),
    /// The next stage found that it is wrong.
    Failed(String),
    /// The next stage could not look.
    CouldNotVerify(String),
    /// It is looked at again, from what is stored.
    Again,
}

/// A stage was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a copy that is {from:?} cannot become {to:?}")]
pub struct OutOfOrder {
    from: Stage,
    to: Stage,
}

impl Standing {
    /// A copy that is begun.
    pub fn begun() -> Self {
        Self { stage: Stage::Running, verdict: Verdict::Skipped, why: None }
    }

    /// What becomes of it.
    ///
    /// # Errors
    /// [`OutOfOrder`]: no stage is left out, and what has failed passes none.
    pub fn step(self, step: Step) -> Result<Self, OutOfOrder> {
        match step {
            Step::Passed(stage) if self.verdict == Verdict::Skipped && self.next() == Some(stage) => Ok(Self {
                stage,
                verdict: if stage == Stage::Compared { Verdict::Pass } else { Verdict::Skipped },
                why: None,
            }),
            Step::Passed(to) => Err(OutOfOrder { from: self.stage, to }),
            Step::Failed(why) => Ok(self.failed(why)),
            Step::CouldNotVerify(why) => Ok(Self { verdict: Verdict::CouldNotVerify, why: Some(why), ..self }),
            Step::Again if self.stage >= Stage::Stored => {
                Ok(Self { stage: Stage::Stored, verdict: Verdict::Skipped, why: None })
            }
            Step::Again => Err(OutOfOrder { from: self.stage, to: Stage::Stored }),
        }
    }

    /// The next stage, or a glance, found that it is wrong.
    pub(crate) fn failed(self, why: String) -> Self {
        Self { verdict: Verdict::Fail, why: Some(why), ..self }
    }

    fn next(&self) -> Option<Stage> {
        let at = ORDER.iter().position(|stage| *stage == self.stage)?;
        ORDER.get(at + 1).copied()
    }

    /// Does it count: for retention, for status, for the gate of a deploy?
    pub fn is_verified(&self) -> bool {
        self.stage == Stage::Compared && self.verdict == Verdict::Pass
    }
}

/// In a word: `VERIFIED`, `not verified`, `FAILED`, `could not verify`.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self.verdict {
            Verdict::Pass if self.is_verified() => "VERIFIED",
            Verdict::Fail => "FAILED",
            Verdict::CouldNotVerify => "could not verify",
            Verdict::Pass | Verdict::Skipped => "not verified",
        })
    }
}

/// `read back`
impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Stage::Running => "running",
            Stage::Written => "written",
            Stage::Checksummed => "checksummed",
            Stage::Stored => "stored",
            Stage::ReadBack => "read back",
            Stage::Restored => "restored",
            Stage::Compared => "compared",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// S1.16: all stages in order make it VERIFIED, and none before.
    #[test]
    fn only_the_whole_way_is_verified() {
        let mut standing = Standing::begun();
        for stage in &ORDER[1..] {
            assert!(!standing.is_verified(), "{standing:?}");
            standing = standing.step(Step::Passed(*stage)).unwrap();
        }
        assert!(standing.is_verified());
        assert_eq!(standing.to_string(), "VERIFIED");
    }

    fn steps() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => (0..ORDER.len()).prop_map(|at| Step::Passed(ORDER[at])),
            1 => Just(Step::Failed("x".into())),
            1 => Just(Step::CouldNotVerify("x".into())),
            1 => Just(Step::Again),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        /// S1.16: whatever happens in whatever order, VERIFIED means that the last look passed every stage after `stored`.
        #[test]
        fn nothing_else_leads_to_verified(history in prop::collection::vec(steps(), 0..40)) {
            let mut standing = Standing::begun();
            let mut passed = vec![Stage::Running];
            for step in history {
                let Ok(next) = standing.clone().step(step.clone()) else { continue };
                match step {
                    Step::Passed(stage) => passed.push(stage),
                    Step::Again => passed.retain(|stage| *stage <= Stage::Stored),
                    Step::Failed(_) | Step::CouldNotVerify(_) => prop_assert!(!next.is_verified()),
                }
                standing = next;
                if standing.is_verified() {
                    prop_assert_eq!(&passed[..], &ORDER[..]);
                }
            }
        }
    }
}
