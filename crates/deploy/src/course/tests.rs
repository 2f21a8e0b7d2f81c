use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

const ALL: Rules = Rules { builds: true, migrates: true, copies: Copies::Pending, watches: true };

/// Plays a course against a world in which the steps in `failing` fail and the undoings in `stubborn` do not work.
#[derive(Debug, Default)]
struct World {
    failing: Option<Step>,
    /// What is wrong comes after the work of the step was half done.
    late: bool,
    stubborn: Option<&'static str>,
    pending: usize,
    reversible: bool,
    interrupt_at: Option<Step>,
    told: Vec<String>,
    /// What is there that was not: made by a step, gone by its undoing.
    made: BTreeMap<&'static str, bool>,
    live: bool,
    proven: bool,
    in_place: bool,
    finished: Option<Verdict>,
}

impl World {
    fn play(mut self, plan: Plan) -> Self {
        let mut course = Course::new(plan);
        let mut inputs = vec![Input::Begin];
        let mut steps = 0;
        while let Some(input) = inputs.pop() {
            for effect in course.step(input) {
                self.told.push(format!("{effect:?}"));
                self.carry_out(&mut course, effect, &mut inputs);
            }
            steps += 1;
            assert!(steps < 200, "it goes on for ever: {:?}", self.told);
        }
        assert!(course.is_over(), "{:?}", self.told);
        self
    }

    fn carry_out(&mut self, course: &mut Course, effect: Effect, inputs: &mut Vec<Input>) {
        match effect {
            Effect::Do(step) if self.interrupt_at == Some(step) => {
                let effects = course.step(Input::Interrupt);
                let cancelled = effects == [Effect::Cancel(step)];
                assert_eq!(cancelled, step.can_be_cancelled());
                // What is cancelled may have done some of its work.
                let end = self.work(course, step);
                inputs.push(if cancelled { Input::Failed("cancelled".into()) } else { end });
            }
            Effect::Do(step) => {
                let end = self.work(course, step);
                inputs.push(end);
            }
            Effect::Undo(undo) => inputs.push(Input::Undone(self.take_back(undo))),
            Effect::Skip(..) => {}
            Effect::Cancel(_) => unreachable!("only answered to an interruption"),
            Effect::Finish(verdict) => {
                assert_eq!(self.finished.replace(verdict), None, "it ends once");
            }
        }
    }

    fn work(&mut self, course: &mut Course, step: Step) -> Input {
        let fails = self.failing == Some(step);
        if !fails || self.late {
            self.have(course, step);
        }
        if fails { Input::Failed(format!("{step} is broken")) } else { Input::Done }
    }

    fn have(&mut self, course: &mut Course, step: Step) {
        match step {
            Step::Check => {
                course.step(Input::Learned(Fact::Pending(self.pending)));
                if self.in_place {
                    course.step(Input::Learned(Fact::InPlace));
                }
            }
            Step::Fetch => drop(self.made.insert("tree", true)),
            Step::Migrate => {
                let fact = Fact::Applied { count: self.pending, reversible: self.reversible };
                course.step(Input::Learned(fact));
                self.made.insert("migrations", true);
            }
            Step::Start => drop(self.made.insert("candidate", true)),
            Step::Stop => drop(self.made.insert("stopped", true)),
            Step::Restore => drop(self.made.insert("prepared", true)),
            Step::Empty | Step::Exchange => {
                assert_eq!(self.made.get("stopped"), Some(&true), "nothing is taken from under the feet of who runs");
                self.made.insert("emptied", true);
            }
            Step::Prove => self.proven = true,
            Step::Switch => {
                assert!(self.proven || self.in_place, "nobody becomes live unproven");
                course.step(Input::Learned(Fact::Switched));
                self.live = true;
            }
            Step::Revert => {
                course.step(Input::Learned(Fact::Reverted(2)));
                self.made.insert("reverted", true);
            }
            _ => {}
        }
    }

    fn take_back(&mut self, undo: Undo) -> Result<(), String> {
        let what = match undo {
            Undo::RemoveTree => "tree",
            Undo::TakeBackMigrations { .. } => "migrations",
            Undo::MigrateAgain { .. } => "reverted",
            Undo::StopCandidate => "candidate",
            Undo::SwitchBack => "live",
            Undo::StartAgain => "stopped",
            Undo::PutBack => "emptied",
            Undo::RemoveNew => "prepared",
        };
        if self.stubborn == Some(what) {
            return Err("no".to_owned());
        }
        if undo == Undo::SwitchBack {
            self.live = false;
        } else {
            // The schema of a rollback moves while its release is live, both ways.
            assert!(!self.live || what == "reverted", "{what} is taken from under the feet of the live release");
            self.made.remove(what);
        }
        Ok(())
    }
}

fn verdict(world: World, plan: Plan) -> Verdict {
    world.play(plan).finished.expect("it ends")
}

/// S1.7, issue 6, point 1: the order of a release.
#[test]
fn a_release_goes_from_lock_to_confirm() {
    let world = World { pending: 1, ..World::default() }.play(Plan::release(ALL));
    let order: Vec<_> = RELEASE_ORDER.iter().map(|step| format!("Do({step:?})")).collect();
    assert_eq!(world.told[..order.len()], order);
    assert_eq!(world.finished, Some(Verdict::Confirmed));
    assert!(world.live);
}

const RELEASE_ORDER: [Step; 13] = [
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

/// S4.6: what is not needed is left out, and it is said why.
#[test]
fn nothing_pending_means_no_copy_and_no_migration() {
    let world = World::default().play(Plan::release(ALL));
    assert!(world.told.contains(&"Skip(Backup, \"no migration is pending\")".to_owned()));
    assert!(world.told.contains(&"Skip(Migrate, \"nothing is pending\")".to_owned()));
    let rules = Rules { builds: false, migrates: false, copies: Copies::Never, watches: false };
    let world = World::default().play(Plan::release(rules));
    for step in ["Build", "Backup", "Migrate", "Watch"] {
        assert!(world.told.iter().any(|told| told.starts_with(&format!("Skip({step}"))), "{step}");
    }
    let rules = Rules { copies: Copies::Always, ..rules };
    assert!(World::default().play(Plan::release(rules)).told.contains(&"Do(Backup)".to_owned()));
}

/// Issue 6, point 1: what the release itself asks for is known once its files are there.
#[test]
fn the_release_says_what_is_left_out() {
    let mut course = Course::new(Plan::release(Rules::UNKNOWN));
    course.step(Input::Begin);
    let done = |course: &mut Course| course.step(Input::Done);
    assert_eq!(
        (done(&mut course), done(&mut course)),
        (vec![Effect::Do(Step::Preflight)], vec![Effect::Do(Step::Fetch)])
    );
    done(&mut course);
    course.step(Input::Learned(Fact::Rules(Rules { builds: false, migrates: false, ..ALL })));
    let effects = course.step(Input::Done);
    assert_eq!(effects.first(), Some(&Effect::Skip(Step::Build, "nothing to build")));
    assert_eq!(effects.last(), Some(&Effect::Do(Step::Start)));
}

/// Issue 6, point 1: undone in reverse, from the step that failed.
#[test]
fn what_was_done_is_undone_in_reverse() {
    let world = World { pending: 2, reversible: true, failing: Some(Step::Watch), ..World::default() };
    let world = world.play(Plan::release(ALL));
    let undone: Vec<_> = world.told.iter().filter(|told| told.starts_with("Undo")).collect();
    let order =
        ["Undo(SwitchBack)", "Undo(StopCandidate)", "Undo(TakeBackMigrations { count: 2 })", "Undo(RemoveTree)"];
    assert_eq!(undone, order);
    let Some(Verdict::RolledBack(failure)) = world.finished else { panic!("{:?}", world.finished) };
    assert_eq!((failure.step, failure.cause.as_str(), failure.remains.len()), (Step::Watch, "watch is broken", 0));
}

/// Issue 6, point 5: what cannot be taken back is named.
#[test]
fn migrations_without_a_way_back_stay_and_are_named() {
    let world = World { pending: 2, failing: Some(Step::Prove), ..World::default() };
    let Verdict::Failed(failure) = verdict(world, Plan::release(ALL)) else { panic!("it failed") };
    assert_eq!(failure.remains, [Remains::Migrations { count: 2 }]);
}

/// Issue 6, point 1: the files of a release that cannot be taken from the door are not removed.
#[test]
fn who_cannot_be_switched_back_keeps_files_and_schema() {
    let world =
        World { pending: 1, reversible: true, failing: Some(Step::Watch), stubborn: Some("live"), ..World::default() };
    let world = world.play(Plan::release(ALL));
    assert!(world.live && world.made["tree"] && world.made["migrations"]);
    assert!(matches!(world.finished, Some(Verdict::Stuck(_))));
}

/// Issue 6, point 5: a rollback whose schema cannot go back leads to where it began.
#[test]
fn a_rollback_that_fails_is_undone_too() {
    let world = World { failing: Some(Step::Revert), late: true, ..World::default() };
    let world = world.play(Plan::rollback(Schema::Back));
    let undone: Vec<_> = world.told.iter().filter(|told| told.starts_with("Undo")).collect();
    assert_eq!(undone, ["Undo(MigrateAgain { count: 2 })", "Undo(SwitchBack)", "Undo(StopCandidate)"]);
}

/// S1.8: a clean release that fails gives back the data first, then starts what ran.
#[test]
fn a_clean_release_that_fails_gives_the_data_back() {
    let world = World { pending: 1, failing: Some(Step::Prove), ..World::default() }.play(Plan::clean(ALL));
    let undone: Vec<_> = world.told.iter().filter(|told| told.starts_with("Undo")).collect();
    assert_eq!(undone, ["Undo(StopCandidate)", "Undo(PutBack)", "Undo(StartAgain)", "Undo(RemoveTree)"]);
}

/// S1.8, issue 6, point 6: whose data could not be put back is not started on an empty database.
#[test]
fn nobody_is_started_on_a_database_that_is_not_his() {
    let world = World { failing: Some(Step::Migrate), pending: 1, stubborn: Some("emptied"), ..World::default() };
    let world = world.play(Plan::clean(ALL));
    let undone: Vec<_> = world.told.iter().filter(|told| told.starts_with("Undo")).collect();
    assert_eq!(undone, ["Undo(PutBack)", "Undo(RemoveTree)"]);
}

/// Issue 6, point 6: where the new take the place of the old, the databases are asked first and the proof comes last; what then
/// fails is taken back.
#[test]
fn in_place_the_proof_comes_after_the_switch() {
    let world = World { pending: 1, reversible: true, in_place: true, failing: Some(Step::Prove), ..World::default() };
    let world = world.play(Plan::release(ALL));
    let done: Vec<_> = world.told.iter().filter(|told| told.starts_with("Do")).skip(6).collect();
    assert_eq!(done, ["Do(Migrate)", "Do(Gate)", "Do(Switch)", "Do(Prove)"]);
    let undone: Vec<_> = world.told.iter().filter(|told| told.starts_with("Undo")).collect();
    assert_eq!(undone, ["Undo(SwitchBack)", "Undo(TakeBackMigrations { count: 1 })", "Undo(RemoveTree)"]);
    assert!(matches!(world.finished, Some(Verdict::RolledBack(_))));
    let world = World { in_place: true, ..World::default() }.play(Plan::rollback(Schema::Back));
    let done: Vec<_> = world.told.iter().filter(|told| told.starts_with("Do")).skip(3).collect();
    assert_eq!(done, ["Do(Gate)", "Do(Switch)", "Do(Prove)", "Do(Revert)", "Do(Confirm)"]);
}

/// Issue 6, point 6: whoever breaks off an unproven release that is live already gets the one before.
#[test]
fn an_interruption_of_the_proof_in_place_leads_back() {
    let world = World { in_place: true, interrupt_at: Some(Step::Prove), ..World::default() };
    assert!(matches!(verdict(world, Plan::release(ALL)), Verdict::RolledBack(_)));
}

/// S2.17, issue 6, point 5: a rollback to a copy makes the database before anything stops, and one that fails puts back what was there
/// first, then starts what ran.
#[test]
fn a_rollback_to_a_copy_that_fails_gives_the_data_back() {
    let world = World { failing: Some(Step::Prove), ..World::default() }.play(Plan::rollback(Schema::Restored));
    let done: Vec<_> = world.told.iter().filter_map(|told| told.strip_prefix("Do(")).collect();
    let order = ["Lock)", "Preflight)", "Check)", "Restore)", "Stop)", "Exchange)", "Start)", "Prove)"];
    assert_eq!(done, order);
    let undone: Vec<_> = world.told.iter().filter(|told| told.starts_with("Undo")).collect();
    assert_eq!(undone, ["Undo(StopCandidate)", "Undo(PutBack)", "Undo(StartAgain)", "Undo(RemoveNew)"]);
}

/// S1.7: whoever stops watching does not take a live release away.
#[test]
fn an_interruption_in_the_watch_leaves_the_release_live() {
    let world = World { interrupt_at: Some(Step::Watch), ..World::default() }.play(Plan::release(ALL));
    assert!(world.live);
    assert_eq!(world.finished, Some(Verdict::Unwatched));
}

/// S2.17: what is live already is not made again, and that is known before anything is made.
#[test]
fn enough_is_only_said_before_anything_was_made() {
    let mut course = Course::new(Plan::release(ALL));
    for input in [Input::Begin, Input::Done, Input::Done] {
        course.step(input);
    }
    assert_eq!(course.doing(), Some(Step::Fetch));
    assert_eq!(course.clone().step(Input::Enough), vec![Effect::Finish(Verdict::AlreadyThere)]);
    course.step(Input::Done);
    assert_eq!((course.step(Input::Enough), course.doing()), (Vec::new(), Some(Step::Check)));
}

fn steps() -> impl Strategy<Value = Option<Step>> {
    prop::option::of(prop::sample::select(
        RELEASE_ORDER
            .iter()
            .copied()
            .chain([Step::Revert, Step::Stop, Step::Empty, Step::Gate, Step::Restore, Step::Exchange])
            .collect::<Vec<_>>(),
    ))
}

fn plans() -> impl Strategy<Value = Plan> {
    let copies = prop::sample::select(vec![Copies::Pending, Copies::Always, Copies::Never]);
    let releases = (any::<bool>(), any::<bool>(), copies, any::<bool>())
        .prop_map(|(builds, migrates, copies, watches)| Plan::release(Rules { builds, migrates, copies, watches }));
    let schemas = prop::sample::select(vec![Schema::Same, Schema::Back, Schema::Kept, Schema::Restored]);
    let clean = prop::sample::select(vec![Plan::clean(ALL)]);
    prop_oneof![releases, clean, schemas.prop_map(Plan::rollback)]
}

proptest! {
    /// Issue 6, point 1: at every point of failure, the old version serves until the new one is proven, each course ends
    /// once, and what is left is named.
    #[test]
    fn every_course_ends_well(
        plan in plans(),
        failing in steps(),
        late in any::<bool>(),
        interrupt_at in steps(),
        stubborn in prop::option::of(prop::sample::select(vec!["tree", "migrations", "candidate", "live", "reverted", "stopped", "emptied", "prepared"])),
        pending in 0usize..3,
        reversible in any::<bool>(),
        in_place in any::<bool>(),
    ) {
        let world = World { failing, late, interrupt_at, stubborn, pending, reversible, in_place, ..World::default() };
        let world = world.play(plan);
        let verdict = world.finished.expect("it ends");
        let remains = verdict.failure().map(|failure| failure.remains.len()).unwrap_or_default();
        match &verdict {
            Verdict::AlreadyThere => prop_assert!(false, "nobody said so"),
            Verdict::Confirmed | Verdict::Unwatched => prop_assert!(world.live),
            Verdict::Stuck(_) => prop_assert!(world.live && remains > 0),
            Verdict::Failed(_) | Verdict::RolledBack(_) => {
                prop_assert!(!world.live);
                let migrated = pending > 0 && world.made.get("migrations") == Some(&true);
                let gone_with_database = plan == Plan::clean(ALL);
                let migrated = migrated && !gone_with_database;
                let left = world.made.iter().filter(|(what, _)| **what != "migrations").count() + usize::from(migrated);
                prop_assert!(left == 0 || remains > 0, "left behind unnamed: {:?}", world.made);
            }
        }
    }

    /// What does not belong into the course changes nothing.
    #[test]
    fn stray_inputs_change_nothing(which in 0usize..4) {
        let strays = [Input::Done, Input::Undone(Ok(())), Input::Failed("?".into()), Input::Learned(Fact::Pending(1))];
        let stray = strays[which].clone();
        let mut course = Course::new(Plan::release(ALL));
        prop_assert!(course.step(stray).is_empty());
        prop_assert_eq!(course.step(Input::Begin), vec![Effect::Do(Step::Lock)]);
        prop_assert!(course.step(Input::Undone(Ok(()))).is_empty());
        prop_assert_eq!(course.doing(), Some(Step::Lock));
    }
}
