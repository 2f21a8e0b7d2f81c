//! The steps of a release and of a rollback, and which of them are left out.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Nobody else deploys here meanwhile.
    Lock,
    /// Is the site fit for another release: room, the running application, what an earlier one has left?
    Preflight,
    /// The files of the commit.
    Fetch,
    /// Is the new version fit: its configuration, its variables, connections, its pending migrations?
    Check,
    /// What it needs is built.
    Build,
    /// A copy of the database that was restored and compared.
    Backup,
    /// Of a rollback with a copy: a database is made of it, beside the one that is there.
    Restore,
    /// Of a clean one, and of a rollback with a copy: what runs is stopped.
    Stop,
    /// Of a rollback with a copy: the new database takes the place of the one that is there.
    Exchange,
    /// Of a clean one: empty databases take the place of those that are there.
    Empty,
    /// The schema.
    Migrate,
    /// Are the databases ready? Asked where the new services cannot be started beside the old ones.
    Gate,
    /// The new services, beside the old ones.
    Start,
    /// Do they what they should?
    Prove,
    /// New requests go to them.
    Switch,
    /// The old ones finish what they have begun.
    Drain,
    /// Of a rollback: the schema goes back too.
    Revert,
    /// Is it well for a while?
    Watch,
    /// It stays; what is too old goes.
    Confirm,
}

impl Step {
    /// The word.
    pub const fn word(self) -> &'static str {
        match self {
            Step::Lock => "lock",
            Step::Preflight => "preflight",
            Step::Fetch => "fetch",
            Step::Check => "check",
            Step::Build => "build",
            Step::Backup => "backup",
            Step::Restore => "restore",
            Step::Stop => "stop",
            Step::Exchange => "exchange",
            Step::Empty => "empty",
            Step::Migrate => "migrate",
            Step::Gate => "gate",
            Step::Start => "start",
            Step::Prove => "prove",
            Step::Switch => "switch",
            Step::Drain => "drain",
            Step::Revert => "revert",
            Step::Watch => "watch",
            Step::Confirm => "confirm",
        }
    }

    /// May it be broken off in the middle? Migrations and the switch end in one way or another first.
    pub const fn can_be_cancelled(self) -> bool {
        use Step::{Confirm, Drain, Empty, Exchange, Migrate, Revert, Stop, Switch};
        !matches!(self, Stop | Empty | Exchange | Migrate | Switch | Drain | Revert | Confirm)
    }

    /// Does it only look?
    pub(super) const fn makes_nothing(self) -> bool {
        matches!(self, Step::Lock | Step::Preflight)
    }

    /// Does the release stay, whoever asks for its end?
    pub(super) const fn is_last_word(self) -> bool {
        matches!(self, Step::Watch | Step::Confirm)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What the application asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Is there something to build?
    pub builds: bool,
    /// Are there migrations at all?
    pub migrates: bool,
    /// Is a copy taken before migrations?
    pub copies: Copies,
    /// Is it watched after the switch?
    pub watches: bool,
}

impl Rules {
    /// Nothing is left out, as long as nothing is known of the release.
    pub const UNKNOWN: Self = Self { builds: true, migrates: true, copies: Copies::Pending, watches: true };
}

/// When a copy is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Copies {
    /// When migrations are pending.
    #[default]
    Pending,
    /// Before each release.
    Always,
    /// Never.
    Never,
}

/// What a rollback does to the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// The release before knows this schema.
    Same,
    /// It goes back by the SQL that was kept when it was applied.
    Back,
    /// It stays, as somebody wished.
    Kept,
    /// It goes back together with all rows: the copy from before takes the place of the database.
    Restored,
}

/// The steps in their order, and which of them are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    steps: &'static [Step],
    rules: Rules,
}

const RELEASE: &[Step] = &[
    Step::Lock,
    Step::Preflight,
    Step::Fetch,
    Step::Check,
    Step::Build,
    Step::Backup,
    Step::Migrate,
    Step::Start,
    Step::Prove,
    Step::Switch,
    Step::Drain,
    Step::Watch,
    Step::Confirm,
];

/// Nothing serves while there is nothing in the databases.
const CLEAN: &[Step] = &[
    Step::Lock,
    Step::Preflight,
    Step::Fetch,
    Step::Check,
    Step::Build,
    Step::Backup,
    Step::Stop,
    Step::Empty,
    Step::Migrate,
    Step::Start,
    Step::Prove,
    Step::Switch,
    Step::Drain,
    Step::Watch,
    Step::Confirm,
];

/// The release before was built and proven once. The schema goes back last, when nobody needs the newer one any more.
const ROLLBACK: &[Step] = &[
    Step::Lock,
    Step::Preflight,
    Step::Check,
    Step::Start,
    Step::Prove,
    Step::Switch,
    Step::Drain,
    Step::Revert,
    Step::Confirm,
];

const ROLLBACK_OF_CODE: &[Step] =
    &[Step::Lock, Step::Preflight, Step::Check, Step::Start, Step::Prove, Step::Switch, Step::Drain, Step::Confirm];

/// Nobody may write into a database that is about to be replaced, so what runs is stopped; only the exchange itself and the start
/// come in between.
const ROLLBACK_TO_COPY: &[Step] = &[
    Step::Lock,
    Step::Preflight,
    Step::Check,
    Step::Restore,
    Step::Stop,
    Step::Exchange,
    Step::Start,
    Step::Prove,
    Step::Switch,
    Step::Drain,
    Step::Confirm,
];

/// Where others than mainstay run the services, the new ones take the place of the old ones, and are proven afterwards. Up to `check`,
/// which tells that, the steps are those of the others.
const RELEASE_IN_PLACE: &[Step] = &[
    Step::Lock,
    Step::Preflight,
    Step::Fetch,
    Step::Check,
    Step::Build,
    Step::Backup,
    Step::Migrate,
    Step::Gate,
    Step::Switch,
    Step::Prove,
    Step::Watch,
    Step::Confirm,
];

const CLEAN_IN_PLACE: &[Step] = &[
    Step::Lock,
    Step::Preflight,
    Step::Fetch,
    Step::Check,
    Step::Build,
    Step::Backup,
    Step::Stop,
    Step::Empty,
    Step::Migrate,
    Step::Gate,
    Step::Switch,
    Step::Prove,
    Step::Watch,
    Step::Confirm,
];

const ROLLBACK_IN_PLACE: &[Step] =
    &[Step::Lock, Step::Preflight, Step::Check, Step::Gate, Step::Switch, Step::Prove, Step::Revert, Step::Confirm];

const ROLLBACK_OF_CODE_IN_PLACE: &[Step] =
    &[Step::Lock, Step::Preflight, Step::Check, Step::Gate, Step::Switch, Step::Prove, Step::Confirm];

/// The same, where nothing new can run beside the old.
const IN_PLACE: [(&[Step], &[Step]); 4] = [
    (RELEASE, RELEASE_IN_PLACE),
    (CLEAN, CLEAN_IN_PLACE),
    (ROLLBACK, ROLLBACK_IN_PLACE),
    (ROLLBACK_OF_CODE, ROLLBACK_OF_CODE_IN_PLACE),
];

impl Plan {
    /// Of a release; what it asks for may be learned on the way ([`super::Fact::Rules`]).
    pub const fn release(rules: Rules) -> Self {
        Self { steps: RELEASE, rules }
    }

    /// Of a release that begins with empty databases.
    pub const fn clean(rules: Rules) -> Self {
        Self { steps: CLEAN, rules }
    }

    /// Of a rollback to a release that is there.
    pub const fn rollback(schema: Schema) -> Self {
        let steps = match schema {
            Schema::Back => ROLLBACK,
            Schema::Restored => ROLLBACK_TO_COPY,
            Schema::Same | Schema::Kept => ROLLBACK_OF_CODE,
        };
        Self { steps, rules: Rules { builds: false, migrates: false, copies: Copies::Never, watches: false } }
    }

    /// The same steps by other rules.
    pub(super) const fn with(&self, rules: Rules) -> Self {
        Self { steps: self.steps, rules }
    }

    /// The same where the new services take the place of the old ones. Only as long as nothing after `check` was begun.
    pub fn in_place(&self) -> Self {
        let found = IN_PLACE.iter().find(|(beside, _)| *beside == self.steps);
        Self { steps: found.map_or(self.steps, |(_, in_place)| in_place), rules: self.rules }
    }

    /// All steps, also those that are left out.
    pub const fn steps(&self) -> &'static [Step] {
        self.steps
    }

    /// Why a step is left out, if it is. `pending` is how many migrations would be applied, once that is known.
    pub fn left_out(&self, step: Step, pending: Option<usize>) -> Option<&'static str> {
        let nothing_pending = pending == Some(0);
        match step {
            Step::Build if !self.rules.builds => Some("nothing to build"),
            Step::Migrate if !self.rules.migrates => Some("no migrations"),
            Step::Migrate if nothing_pending => Some("nothing is pending"),
            Step::Backup => match self.rules.copies {
                Copies::Never => Some("`[deploy] backup = \"never\"`"),
                Copies::Pending if !self.rules.migrates => Some("no migrations"),
                Copies::Pending if nothing_pending => Some("no migration is pending"),
                Copies::Pending | Copies::Always => None,
            },
            Step::Watch if !self.rules.watches => Some("`[deploy] watch = \"0s\"`"),
            _ => None,
        }
    }
}
