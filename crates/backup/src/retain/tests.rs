use super::*;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn policy(last: u32) -> Policy {
    Policy { last, daily: 0, weekly: 0, monthly: 0, yearly: 0, min_keep: 1, zone: TimeZone::UTC }
}

fn copy(day: i64, verified: bool) -> Kept {
    let taken = Timestamp::from_second(1_700_000_000 + day * DAY).unwrap();
    Kept { id: Id::new(taken), database: "one".into(), taken, verified, pinned: false }
}

fn days(plan: &Plan, copies: &[Kept]) -> Vec<usize> {
    let at = |id: &Id| copies.iter().position(|copy| copy.id == *id).unwrap();
    plan.keep.iter().map(|(id, _)| at(id)).collect()
}

/// S2.14: keep = 10 keeps the last ten.
#[test]
fn the_last_ones_are_kept() {
    let copies: Vec<_> = (0..15).map(|day| copy(day, true)).collect();
    let plan = plan(&copies, "one", &policy(10));
    assert_eq!(days(&plan, &copies), (5..15).rev().collect::<Vec<_>>());
    assert_eq!(plan.remove.first(), Some(&copies[0].id));
    assert_eq!((plan.verified, plan.verified_removed, plan.is_drastic()), (15, 5, false));
}

/// S1.16: failed copies push no good one out, and go themselves once they are older than all that is kept.
#[test]
fn a_copy_that_is_not_verified_counts_for_nothing() {
    let copies = [true, false, true, false, false, false, false].iter().enumerate();
    let copies: Vec<_> = copies.map(|(day, verified)| copy(i64::try_from(day).unwrap(), *verified)).collect();
    assert_eq!(days(&plan(&copies, "one", &policy(2)), &copies), [6, 5, 4, 3, 2, 1, 0]);
    assert_eq!(days(&plan(&copies, "one", &policy(1)), &copies), [6, 5, 4, 3, 2]);
    let none: Vec<_> = (0..30).map(|day| copy(day, false)).collect();
    assert_eq!(plan(&none, "one", &policy(1)).remove, [], "without a VERIFIED one nothing goes");
}

/// S1.16: grandfather, father, son.
#[test]
fn the_last_of_each_period_is_kept() {
    let copies: Vec<_> = (0..400).map(|day| copy(day, true)).collect();
    let policy = Policy { daily: 3, weekly: 2, monthly: 3, yearly: 2, ..policy(1) };
    let plan = plan(&copies, "one", &policy);
    let told: Vec<_> = plan.keep.iter().map(|(id, reason)| (id.time().strftime("%F").to_string(), *reason)).collect();
    let expected = [
        ("2024-12-17", Reason::Newest),
        ("2024-12-16", Reason::Daily),
        ("2024-12-15", Reason::Daily),
        ("2024-11-30", Reason::Monthly),
        ("2024-10-31", Reason::Monthly),
        ("2023-12-31", Reason::Yearly),
    ];
    assert_eq!(told, expected.map(|(day, reason)| (day.to_owned(), reason)));
}

/// S1.16: days begin where the operator lives.
#[test]
fn days_begin_in_the_zone() {
    let at = |text: &str| {
        let taken: Timestamp = text.parse().unwrap();
        Kept { id: Id::new(taken), database: "one".into(), taken, verified: true, pinned: false }
    };
    let copies = [at("2026-03-01T22:30:00Z"), at("2026-03-01T23:30:00Z")];
    let of = |zone| Policy { daily: 2, zone, ..policy(0) };
    assert_eq!(plan(&copies, "one", &of(TimeZone::UTC)).keep.len(), 1);
    assert_eq!(plan(&copies, "one", &of(TimeZone::get("Europe/Berlin").unwrap())).keep.len(), 2);
}

fn histories() -> impl Strategy<Value = Vec<Kept>> {
    let one = (0..3 * 365 * DAY, prop::bool::weighted(0.7), prop::bool::weighted(0.1), prop::bool::weighted(0.8));
    prop::collection::vec(one, 0..60).prop_map(|copies| {
        let kept = |(second, verified, pinned, ours)| {
            let taken = Timestamp::from_second(1_700_000_000 + second).unwrap();
            // A database whose name begins like the other's.
            let database = if ours { "app" } else { "app-test" }.to_owned();
            Kept { id: Id::new(taken), database, taken, verified, pinned }
        };
        copies.into_iter().map(kept).collect()
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    (0u32..8, 0u32..8, 0u32..5, 0u32..5, 0u32..3, 0u32..6).prop_map(
        |(last, daily, weekly, monthly, yearly, min_keep)| Policy {
            last,
            daily,
            weekly,
            monthly,
            yearly,
            min_keep,
            zone: TimeZone::UTC,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// S1.16: never the newest VERIFIED one, never below `min_keep`, never a pinned one, never another database's; and what was
    /// carried out leaves nothing to do.
    #[test]
    fn what_must_stay_stays(copies in histories(), policy in policies()) {
        let plan = plan(&copies, "app", &policy);
        let goes = |copy: &&Kept| plan.remove.contains(&copy.id);
        let verified: Vec<_> = copies.iter().filter(|copy| copy.database == "app" && copy.verified).collect();
        if let Some(newest) = verified.iter().max_by_key(|copy| (copy.taken, copy.id)) {
            prop_assert!(!goes(newest));
        }
        let left = verified.iter().filter(|copy| !goes(copy)).count();
        prop_assert!(left >= verified.len().min(policy.min_keep.max(1) as usize));
        prop_assert!(left >= verified.len().min(policy.last as usize));
        prop_assert!(!copies.iter().any(|copy| goes(&copy) && (copy.pinned || copy.database != "app")));
        prop_assert_eq!(verified.len() - left, plan.verified_removed);
        if verified.is_empty() {
            prop_assert!(plan.remove.is_empty());
        }
        let after: Vec<_> = copies.iter().filter(|copy| !goes(copy)).cloned().collect();
        prop_assert_eq!(super::plan(&after, "app", &policy).remove, vec![]);
        let all: BTreeSet<_> = plan.keep.iter().map(|(id, _)| *id).chain(plan.remove.iter().copied()).collect();
        prop_assert_eq!(all.len(), copies.iter().filter(|copy| copy.database == "app").count());
    }
}
