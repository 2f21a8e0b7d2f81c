use super::*;
use proptest::prelude::*;

fn cron(text: &str) -> Cron {
    text.parse().unwrap_or_else(|error: CronError| panic!("{text}: {error}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn due(text: &str, zone_name: &str, from: &str, to: &str) -> Vec<String> {
    let rhythm = Rhythm::Cron { cron: cron(text), zone: zone(zone_name).unwrap() };
    let shown = |due: Timestamp| due.to_zoned(rhythm.zone()).strftime("%m-%d %H:%M%:z").to_string();
    rhythm.between(at(from), at(to)).map(shown).collect()
}

/// S2.15: when the clocks change, a job of fixed hours runs once; one of every hour whenever the clock shows its minute.
#[test]
fn changes_of_the_clocks() {
    let table: &[(&str, &str, &str, &str, &[&str])] = &[
        // Berlin: 02:00 to 03:00 is left out on March 28, 2027, and comes twice on October 31.
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2027-03-27T00:00:00Z",
            "2027-03-29T12:00:00Z",
            &["03-27 02:30+01:00", "03-28 03:00+02:00", "03-29 02:30+02:00"],
        ),
        ("0,30 2 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T12:00:00Z", &["03-28 03:00+02:00"]),
        ("0 2,3 * * *", "Europe/Berlin", "2027-03-28T00:00:00Z", "2027-03-28T12:00:00Z", &["03-28 03:00+02:00"]),
        (
            "0 * * * *",
            "Europe/Berlin",
            "2027-03-27T23:30:00Z",
            "2027-03-28T02:30:00Z",
            &["03-28 01:00+01:00", "03-28 03:00+02:00", "03-28 04:00+02:00"],
        ),
        (
            "30 2 * * *",
            "Europe/Berlin",
            "2027-10-30T12:00:00Z",
            "2027-11-01T12:00:00Z",
            &["10-31 02:30+02:00", "11-01 02:30+01:00"],
        ),
        (
            "30 * * * *",
            "Europe/Berlin",
            "2027-10-30T23:45:00Z",
            "2027-10-31T02:45:00Z",
            &["10-31 02:30+02:00", "10-31 02:30+01:00", "10-31 03:30+01:00"],
        ),
        // New York: March 14 and November 7.
        (
            "30 2 * * *",
            "America/New_York",
            "2027-03-14T00:00:00Z",
            "2027-03-15T12:00:00Z",
            &["03-14 03:00-04:00", "03-15 02:30-04:00"],
        ),
        (
            "30 1 * * *",
            "America/New_York",
            "2027-11-07T00:00:00Z",
            "2027-11-08T12:00:00Z",
            &["11-07 01:30-04:00", "11-08 01:30-05:00"],
        ),
        // Lord Howe moves by half an hour: 02:00 to 02:30 on October 3, 01:30 to 02:00 twice on April 4.
        (
            "15 2 * * *",
            "Australia/Lord_Howe",
            "2027-10-02T00:00:00Z",
            "2027-10-03T20:00:00Z",
            &["10-03 02:30+11:00", "10-04 02:15+11:00"],
        ),
        (
            "45 1 * * *",
            "Australia/Lord_Howe",
            "2027-04-03T00:00:00Z",
            "2027-04-04T20:00:00Z",
            &["04-04 01:45+11:00", "04-05 01:45+10:30"],
        ),
        (
            "30 2 * * *",
            "UTC",
            "2027-03-27T12:00:00Z",
            "2027-03-29T12:00:00Z",
            &["03-28 02:30+00:00", "03-29 02:30+00:00"],
        ),
        // Samoa had no December 30 in 2011.
        ("0 5 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", "2012-01-30T00:00:00Z", &["12-31 00:00+14:00"]),
    ];
    for (text, zone, from, to, wanted) in table {
        assert_eq!(due(text, zone, from, to), *wanted, "{text} {zone}");
    }
}

/// An interval knows no calendar: at both changes it neither skips nor doubles.
#[test]
fn intervals_are_the_same_all_year() {
    let rhythm = Rhythm::Every(Duration::from_secs(900));
    for day in ["2027-03-28T00:00:00Z", "2027-10-31T00:00:00Z"] {
        let all: Vec<_> = rhythm.between(at(day), at(day) + jiff::SignedDuration::from_hours(24)).collect();
        assert_eq!(all.len(), 96);
        assert!(all.windows(2).all(|pair| pair[1].duration_since(pair[0]).as_secs() == 900));
    }
    assert_eq!(rhythm.next_after(at("1969-12-31T23:59:59Z")), Some(at("1970-01-01T00:00:00Z")));
}

#[test]
fn days_of_month_and_week() {
    // Both restricted: either. November 2026 begins on a Sunday.
    let from = ("2026-11-01T00:00:00Z", "2026-11-16T00:00:00Z");
    assert_eq!(due("0 12 13 * fri", "UTC", from.0, from.1).len(), 2, "the 6th and the 13th");
    assert_eq!(due("0 12 1-7 * 1", "UTC", from.0, from.1).len(), 8, "the 1st to the 7th, and the 9th");
    // One begins with a star: both.
    assert_eq!(due("0 12 */2 * mon", "UTC", from.0, from.1), ["11-09 12:00+00:00"]);
    assert_eq!(due("0 12 * * 7", "UTC", from.0, from.1), due("0 12 * * sun", "UTC", from.0, from.1));
    assert_eq!(due("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", "2033-01-01T00:00:00Z").len(), 2);
    assert_eq!(due("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2105-01-01T00:00:00Z"), ["02-29 00:00+00:00"]);
}

#[test]
fn in_words() {
    for (text, words) in [
        ("0 3 * * *", "every day at 03:00"),
        ("@hourly", "every hour at minute 0"),
        ("*/15 * * * *", "every 15 minutes"),
        ("* * * * *", "every minute"),
        ("0 */2 * * *", "every 2 hours"),
        ("30 2,14 * * mon-fri", "Monday to Friday at 02:30 and 14:30"),
        ("0 4 * * 0", "every Sunday at 04:00"),
        ("0 0 1 * *", "on day 1 of every month at 00:00"),
        ("*/10 9-17 * * 1-5", "every 10 minutes in the hours 09 to 17, Monday to Friday"),
        ("0 12 13 * fri", "on day 13 of every month and every Friday at 12:00"),
        ("0 0 1 1,7 *", "on day 1 of January and July at 00:00"),
        ("5,10,35 * * * *", "every hour at the minutes 5, 10 and 35"),
    ] {
        assert_eq!(cron(text).words(), words, "{text}");
    }
    assert_eq!(Rhythm::Every(Duration::from_secs(5400)).words(), "every 1h30m");
}

/// The caret stands below what is wrong.
#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (text, part, summary) in [
        ("61 3 * * *", "61", "`61` is not a minute"),
        ("0 24 * * *", "24", "`24` is not an hour"),
        ("0 3 * *", "0 3 * *", "4 fields instead of 5"),
        ("0 0 3 * * *", "0 0 3 * * *", "6 fields instead of 5"),
        ("0 3 * * mun", "mun", "`mun` is not a day of the week"),
        ("*/0 * * * *", "0", "the step `0` of the minute is not a number from 1 to 59"),
        ("5/15 * * * *", "5/15", "the minute `5/15` has a step and no range"),
        ("0 22-6 * * *", "22-6", "the hour `22-6` ends before it begins"),
        ("1,,2 * * * *", "1,,2", "the minute `1,,2` has an empty place in its list"),
        ("0 0 31 2 *", "31 2", "no month has the day `31` of `2`"),
        ("0 0 31 4,6 *", "31 4,6", "no month has the day `31` of `4,6`"),
        ("0 0 L * *", "L", "`L` is not a day of the month"),
        ("-5 * * * *", "", "`` is not a minute"),
        ("@often", "@often", "`@often` is not a schedule"),
        ("@reboot", "@reboot", "`@reboot` is not a schedule"),
        ("", "", "0 fields instead of 5"),
    ] {
        let error = text.parse::<Cron>().unwrap_err();
        assert_eq!((&text[error.at.clone()], error.summary.as_str()), (part, summary), "{text}");
    }
    for text in ["0 0 31 2 mon", "0 0 29 2 *", "0 0 * * fri-sun", "@DAILY", " 0  3 * JAN-mar * "] {
        cron(text);
    }
}

#[test]
fn what_was_missed_is_counted_and_the_last_one_known() {
    let daily = Rhythm::Cron { cron: cron("0 3 * * *"), zone: TimeZone::UTC };
    let missed = daily.missed(at("2026-11-01T03:00:00Z"), at("2026-11-04T02:59:59Z"));
    assert_eq!(missed, Some(Missed { latest: at("2026-11-03T03:00:00Z"), count: 2 }));
    assert_eq!(daily.missed(at("2026-11-01T03:00:00Z"), at("2026-11-02T02:59:59Z")), None);
    let often = Rhythm::Every(Duration::from_secs(1)).missed(at("2016-11-01T03:00:00Z"), at("2026-11-02T03:00:00Z"));
    assert_eq!(often, Some(Missed { latest: at("2026-11-02T03:00:00Z"), count: 1000 }));
    assert_eq!(Rhythm::Off.missed(at("2016-11-01T03:00:00Z"), at("2026-11-02T03:00:00Z")), None);
}

/// The slow way: minute for minute.
fn slowly(cron: &Cron, from: Timestamp) -> Option<Timestamp> {
    let step = jiff::SignedDuration::from_mins(1);
    let begin = Timestamp::from_second(from.as_second().div_euclid(60) * 60).unwrap();
    std::iter::successors(Some(begin + step), |it| Some(*it + step)).take(3 * 24 * 60).find(|it| {
        let shown = it.to_zoned(TimeZone::UTC);
        let (minute, hour) = (1u64 << shown.minute(), 1u32 << shown.hour());
        cron.minutes & minute != 0 && cron.hours & hour != 0
    })
}

fn field(least: u32, most: u32) -> impl Strategy<Value = String> {
    let one = move || least..=most;
    prop_oneof![
        Just("*".to_owned()),
        one().prop_map(|it| it.to_string()),
        (one(), one()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        (one(), one(), 1..10u32).prop_map(|(a, b, n)| format!("{}-{}/{n}", a.min(b), a.max(b))),
        (1..30u32).prop_map(move |n| format!("*/{}", n.min(most))),
        (one(), one()).prop_map(|(a, b)| format!("{a},{b}")),
    ]
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[@*/,0-9a-z -]{0,24}|\\PC{0,12}") {
        if let Err(error) = text.parse::<Cron>() {
            prop_assert!(text.get(error.at.clone()).is_some(), "{:?}", error);
        }
    }

    #[test]
    fn the_next_time_is_the_first_that_fits(minute in field(0, 59), hour in field(0, 23), from in 0i64..4_000_000_000) {
        let (cron, from) = (cron(&format!("{minute} {hour} * * *")), Timestamp::from_second(from).unwrap());
        prop_assert_eq!(cron.next_after(from, &TimeZone::UTC), slowly(&cron, from));
    }

    /// However it is asked, times come in order and none is left out; a job of one time a day comes once on each day.
    #[test]
    fn each_day_has_its_run(zone_index in 0usize..6, minute in 0u32..60, hour in 0u32..24, from in 1_700_000_000i64..1_900_000_000) {
        let names = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Africa/Casablanca", "America/Sao_Paulo"];
        let rhythm = Rhythm::Cron { cron: cron(&format!("{minute} {hour} * * *")), zone: zone(names[zone_index]).unwrap() };
        let from = Timestamp::from_second(from).unwrap();
        let dues: Vec<_> = rhythm.between(from, from + jiff::SignedDuration::from_hours(24 * 400)).collect();
        let days: Vec<_> = dues.iter().map(|due| due.to_zoned(rhythm.zone()).date()).collect();
        prop_assert!(days.windows(2).all(|pair| pair[0].tomorrow().unwrap() == pair[1]), "{:?}", days);
    }
}
