//! Whole screens, as they are seen.
#![expect(clippy::disallowed_methods, reason = "the manual is compared with what is drawn")]

mod support;

use support::{PLAIN, Seat, ill, jobs, line, lines, need, service, well};
use top::{Act, Effect, End, Key, Look, Message, Order};

#[track_caller]
fn seen(seat: &Seat, screen: &str) {
    let shown = seat.screen();
    assert_eq!(shown, screen.trim_start_matches('\n'), "\n{shown}");
}

/// S4.7: the states of services and databases, and the lines of the selected service.
#[test]
fn all_is_well() {
    let mut seat = Seat::at(PLAIN, (80, 24), well());
    seat.write(lines());
    seen(
        &seat,
        r#"
 shop  ok · 3 of 3 ready · up 2 h 5 m · disk 12.0 GiB free         10:00:05 UTC
   SERVICE       STATE            FOR    CPU  MEMORY  RESTARTS  REASON
>  api             active     2 h 5 m    3 %    52 M         0
   worker          active     2 h 5 m    3 %    52 M         0
   telegram-bot    active     2 h 5 m    3 %    52 M         0
   NEEDS    STATE            FOR    ANSWER                KIND        REASON
   main       ready      2 h 5 m    1.2 ms             ▃  PostgreSQL
   cache      ready      2 h 5 m    1.2 ms             ▃  Redis
── api ─────────────────────────────────────────────────────────────────────────
  10:00:01 INFO listening on :8000
  10:00:02 WARN slow answer: 2.1 s
! 10:00:03 ERROR GET /bookings failed
! 10:00:03   caused by: timeout
  10:00:04 INFO GET /services 200 日本語









 q quit  ? help  ↑↓ select  Enter why  r restart  s stop  l lines  / search
"#,
    );
}

/// S4.7: how long the services' own health checks took, where they are asked; one that does not pass has no figure.
#[test]
fn checks_are_shown() {
    let mut status = well();
    status.services[0].latency_ms = Some(12.34);
    let mut seat = Seat::at(PLAIN, (120, 24), status.clone());
    status.services[0].latency_ms = Some(3.0);
    status.services[1].latency_ms = Some(200.0);
    seat.tell(Message::Status { status: Box::new(status), clock: "10:00:06".into() });
    let table =
        |seat: &Seat| seat.screen().lines().skip(1).take(4).map(|line| format!("\n{line}")).collect::<String>() + "\n";
    assert_eq!(
        table(&seat),
        r"
   SERVICE       STATE            FOR    CPU                MEMORY  RESTARTS    ANSWER                REASON
>  api             active     2 h 5 m    3 %            ▃▃    52 M         0    3.0 ms            ▇▂
   worker          active     2 h 5 m    3 %            ▃▃    52 M         0  200.0 ms             ▅
   telegram-bot    active     2 h 5 m    3 %            ▃▃    52 M         0         -
"
    );
    seat.tell(Message::Resized { columns: 80, rows: 24 });
    assert_eq!(
        table(&seat),
        r"
   SERVICE       STATE            FOR    CPU  MEMORY  RESTARTS    ANSWER  REASON
>  api             active     2 h 5 m    3 %    52 M         0    3.0 ms
   worker          active     2 h 5 m    3 %    52 M         0  200.0 ms
   telegram-bot    active     2 h 5 m    3 %    52 M         0         -
"
    );
}

/// S4.7: what is wrong is marked by a word and a sign, not by colour alone; what could not be looked at is called so.
#[test]
fn what_is_wrong_stands_out() {
    let mut seat = Seat::at(PLAIN, (80, 24), ill());
    seat.write(lines());
    seen(
        &seat,
        r#"
 shop  critical · 1 of 3 ready · could not verify cache            10:00:05 UTC
 ! `main` is down: Connection refused
 ! `worker` is parked
   SERVICE       STATE                         FOR    CPU  MEMORY  RESTARTS
>  api             active                  2 h 5 m    3 %    52 M         0
   worker        ! parked                  2 h 5 m      -       -         0
   telegram-bot  ! activating (backoff)        3 s      -       -         7
   NEEDS    STATE                     FOR    ANSWER  KIND        REASON
   main     ! down                2 h 5 m         -  PostgreSQL  Connection ref…
   cache    ! could not verify    2 h 5 m         -  Redis
── api ─────────────────────────────────────────────────────────────────────────
  10:00:01 INFO listening on :8000
  10:00:02 WARN slow answer: 2.1 s
! 10:00:03 ERROR GET /bookings failed
! 10:00:03   caused by: timeout
  10:00:04 INFO GET /services 200 日本語







 q quit  ? help  ↑↓ select  Enter why  r restart  s stop  l lines  / search
"#,
    );
}

/// S4.7: jobs are below the services, and run on a key.
#[test]
fn jobs_are_shown_and_run() {
    let mut status = well();
    status.jobs = jobs();
    let mut seat = Seat::at(PLAIN, (80, 24), status);
    seat.press("jjjj");
    seat.write(vec![line(1, "report", None, "no such table")]);
    seen(
        &seat,
        r"
 shop  ok · 3 of 3 ready · up 2 h 5 m · disk 12.0 GiB free         10:00:05 UTC
   SERVICE       STATE            FOR    CPU  MEMORY  RESTARTS  REASON
   api             active     2 h 5 m    3 %    52 M         0
   worker          active     2 h 5 m    3 %    52 M         0
   telegram-bot    active     2 h 5 m    3 %    52 M         0
   JOB      STATE      LAST RUN            NEXT RUN      REASON
   retrain    running  done 3 m 2 s ago    in 1 m
>  report   ! idle     failed 1 h 6 m ago  in 2 h 30 m   exit code 3
   mail       off      -                   -             failsafe
   NEEDS    STATE            FOR    ANSWER                KIND        REASON
   main       ready      2 h 5 m    1.2 ms             ▃  PostgreSQL
   cache      ready      2 h 5 m    1.2 ms             ▃  Redis
── report ──────────────────────────────────────────────────────────────────────
  10:00:01 no such table









 q quit  ? help  ↑↓ select  Enter why  n run now  l lines  / search  e error
",
    );
    let order = Order { act: Act::RunNow, name: "report".into() };
    seat.press("r");
    assert!(seat.screen().contains("`report` is a job: `n` runs it now"), "{}", seat.screen());
    assert_eq!(seat.press("ny"), [Effect::Give(order)]);
    seat.press("kkkn");
    assert!(seat.screen().contains("`worker` is a service: `r` restarts it"), "{}", seat.screen());
}

/// The manual shows what is drawn. `UPDATE=1` writes it there.
#[test]
fn the_manual_shows_it_as_it_is() {
    let mut seat = Seat::at(PLAIN, (80, 24), ill());
    for cpu in [1.0, 2.0, 40.0, 6.0, 3.0, 4.0] {
        let mut status = ill();
        status.reasons.truncate(1);
        status.services[0].usage.as_mut().expect("it runs").cpu_percent = Some(cpu);
        status.services[2] = service("telegram-bot", "active", "running");
        status.dependencies[1] = need("cache", "Redis", "ready", "pass");
        seat.tell(Message::Status { status: Box::new(status), clock: "10:00:06".into() });
    }
    seat.write(lines());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/top.md");
    let page = std::fs::read_to_string(path).expect("the manual");
    let (before, rest) = page.split_once("```screen\n").expect("a screen");
    let (shown, after) = rest.split_once("```\n").expect("its end");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{before}```screen\n{}```\n{after}", seat.screen()))
            .expect("the manual is written");
        return;
    }
    assert_eq!(seat.screen(), shown, "\n{}", seat.screen());
}

/// S4.7
#[test]
fn a_large_terminal_shows_reasons_and_figures() {
    let mut seat = Seat::at(PLAIN, (120, 32), ill());
    for cpu in [0.0, 5.0, 40.0, 90.0, 20.0] {
        let mut status = ill();
        status.services[0].usage.as_mut().expect("it runs").cpu_percent = Some(cpu);
        seat.tell(Message::Status { status: Box::new(status), clock: "10:00:06".into() });
    }
    seat.press("jml");
    seat.write(lines());
    seat.write(vec![line(5, "worker", None, "waiting")]);
    seat.press("kr");
    seen(
        &seat,
        r#"
 shop  critical · 1 of 3 ready · could not verify cache · up 2 h 5 m · disk 12.0 GiB free · pid 4711       10:00:06 UTC
 ! `main` is down: Connection refused
 ! `worker` is parked

   SERVICE       STATE                         FOR    CPU                MEMORY  RESTARTS  REASON
   api             active                  2 h 5 m   20 %        ▁▁▁▄█▃    52 M         0
>* worker        ! parked                  2 h 5 m      -                     -         0  needs `main`, which is down
   telegram-bot  ! activating (backoff)        3 s      -                     -         7  it ended with exit code 1

   NEEDS    STATE                     FOR    ANSWER                KIND        REASON
   main     ! down                2 h 5 m         -                PostgreSQL  Connection refused
   cache    ! could not verify    2 h 5 m         -                Redis

── all services ────────────────────────────────────────────────────────────────────────────────────────────────────────
  10:00:01 api          INFO listening on :8000
  10:00:02 api          WARN slow answer: 2.1 s
! 10:00:03 api          ERROR GET /bookings failed
! 10:00:03 api            caused by: timeout
  10:00:04 api          INFO GET /services 200 日本語
  10:00:05 worker       waiting











 restart `worker`? it is away until it is up again  y / n
"#,
    );
}

/// S4.7: a small terminal shows less, and all of what is wrong.
#[test]
fn a_small_terminal_shows_what_matters() {
    let mut seat = Seat::at(PLAIN, (40, 12), ill());
    seat.write(lines());
    seen(
        &seat,
        r#"
 shop  critical            10:00:05 UTC
 ! `main` is down: Connect… (and 1 more)
   SERVICE       STATE
>  api             active
   worker        ! parked
   telegram-bot  ! activating (backoff)
   ! main down · ! cache could not veri…
── api ─────────────────────────────────
! ERROR GET /bookings failed
!   caused by: timeout
  INFO GET /services 200 日本語
 q quit  ? help  ↑↓ select  Enter why
"#,
    );
}

#[test]
fn a_terminal_that_is_too_small_is_told() {
    let mut seat = Seat::at(PLAIN, (80, 24), well());
    seat.tell(Message::Resized { columns: 39, rows: 6 });
    seen(
        &seat,
        r#"
too small
39x6; it takes 40x10
q quits



"#,
    );
}

/// S4.7: without UTF-8 every sign is ASCII.
#[test]
fn a_terminal_without_unicode_shows_ascii() {
    let mut status = ill();
    status.services[0].name = "апи".into();
    let mut seat = Seat::at(Look { color: false, unicode: false }, (100, 20), status);
    seat.press("ll");
    seat.press("lll");
    seat.write(lines());
    seen(
        &seat,
        r#"
 shop  critical - 1 of 3 ready - could not verify cache - up 2 h 5 m - pid 4711        10:00:05 UTC
 ! `main` is down: Connection refused
 ! `worker` is parked
   SERVICE       STATE                         FOR    CPU  MEMORY  RESTARTS  REASON
>  ???             active                  2 h 5 m    3 %    52 M         0
   worker        ! parked                  2 h 5 m      -       -         0  needs `main`, which is~
   telegram-bot  ! activating (backoff)        3 s      -       -         7  it ended with exit cod~
   NEEDS    STATE                     FOR    ANSWER                KIND        REASON
   main     ! down                2 h 5 m         -                PostgreSQL  Connection refused
   cache    ! could not verify    2 h 5 m         -                Redis
-- all services ------------------------------------------------------------------------------------
  10:00:01 api          INFO listening on :8000
  10:00:02 api          WARN slow answer: 2.1 s
! 10:00:03 api          ERROR GET /bookings failed
! 10:00:03 api            caused by: timeout
  10:00:04 api          INFO GET /services 200 ? ? ?



 q quit  ? help  jk select  Enter why  r restart  s stop  l lines  / search  e error  p pause
"#,
    );
    assert!(seat.screen().is_ascii());
}

/// S4.7: a pane for each service.
#[test]
fn each_service_has_a_pane() {
    let mut seat = Seat::at(PLAIN, (104, 20), ill());
    seat.press("ll");
    seat.write(lines());
    seat.write(vec![line(5, "telegram-bot", None, "Traceback (most recent call last):")]);
    seen(
        &seat,
        r#"
 shop  critical · 1 of 3 ready · could not verify cache · up 2 h 5 m · disk 12.0 GiB free  10:00:05 UTC
 ! `main` is down: Connection refused
 ! `worker` is parked
── api active 3 % ───────────────────────────────── ── worker parked ───────────────────────────────────
  10:00:01 INFO listening on :8000                    no lines yet
  10:00:02 WARN slow answer: 2.1 s
! 10:00:03 ERROR GET /bookings failed
! 10:00:03   caused by: timeout
  10:00:04 INFO GET /services 200 日本語


── telegram-bot activating (backoff) ───────────────────────────────────────────────────────────────────
  10:00:05 Traceback (most recent call last):






 q quit  ? help  ↑↓ select  Enter why  r restart  s stop  l lines  / search  e error  p pause  v level
"#,
    );
}

/// S4.7: lines are sifted while one types, and stand still while one reads.
#[test]
fn lines_are_sifted_and_stand_still() {
    let mut seat = Seat::at(PLAIN, (80, 20), well());
    seat.write(lines());
    seat.press("e/GET");
    seat.write(vec![line(6, "api", None, "INFO GET /late"), line(6, "api", None, "something else")]);
    seen(
        &seat,
        r#"
 shop  ok · 3 of 3 ready · up 2 h 5 m · disk 12.0 GiB free         10:00:05 UTC
   SERVICE       STATE            FOR    CPU  MEMORY  RESTARTS  REASON
>  api             active     2 h 5 m    3 %    52 M         0
   worker          active     2 h 5 m    3 %    52 M         0
   telegram-bot    active     2 h 5 m    3 %    52 M         0
   NEEDS    STATE            FOR    ANSWER                KIND        REASON
   main       ready      2 h 5 m    1.2 ms             ▃  PostgreSQL
   cache      ready      2 h 5 m    1.2 ms             ▃  Redis
── api ── with `GET` ── standing still, 1 below ────────────────────────────────
! 10:00:03 ERROR GET /bookings failed
  10:00:04 INFO GET /services 200 日本語








 lines with: GET_                                     Enter keep  Esc as before
"#,
    );
    seat.key(Key::Enter);
    seat.press("v");
    assert!(seat.screen().contains("info and above"), "{}", seat.screen());
    seat.press("vvv");
    seat.key(Key::Escape);
    seat.key(Key::Escape);
    assert!(seat.screen().contains("something else"), "{}", seat.screen());
}

#[test]
fn the_keys_are_explained() {
    let mut seat = Seat::at(PLAIN, (80, 28), ill());
    seat.press("?");
    seen(
        &seat,
        r#"
 shop  critical · 1 of 3 ready · could not verify cache            10:00:05 UTC
 ! `main` is down: Connection refused
 ! `worker` is parked
 Services and jobs
   Up Down j k    the row above, below
   PgUp PgDn g G  a page; the first, the last row
   Enter          why the service is as it is
   r              restart it (y or n is asked for)
   s              stop it (y or n is asked for); start it when it does not run
   n              run the job now (y or n is asked for)
   f              only the services with this in their name
   m              mark it: the lines of all that are marked are shown together
 Lines
   l              those of the selected service, of all, a pane for each, none
   /              only the lines with this in them; capitals make case count
   v              all lines, or those of level info, warn, error and above
   p Space        stand still, go on
   Tab            the keys that go up and down mean the lines, the services
   g G            (there) the oldest line; the newest, and go on
   e E            the error before, the error behind
   Left Right     the rest of long lines
 All
   Esc            back: takes back filters and marks, one after the other
   Ctrl-L         draw everything anew
   ?              this help
   q Ctrl-C       quit; the application goes on

 Esc back  jk up and down  q back
"#,
    );
    seat.press("Gq");
    assert!(seat.screen().contains("SERVICE"), "{}", seat.screen());
}

/// S4.7: why a service is as it is, asked again as long as somebody reads it.
#[test]
fn a_service_is_explained() {
    let mut seat = Seat::at(PLAIN, (80, 14), ill());
    seat.press("j");
    assert_eq!(seat.key(Key::Enter), [Effect::Why("worker".into())]);
    let text = "`worker` is parked for 2 h 5 m\nblocked on: needs `main`, which is down\nlast lines of standard error:\n  \x1b[1mgone";
    let text = text.lines().map(str::to_owned).collect();
    seat.tell(Message::Why { service: "worker".into(), text });
    seen(
        &seat,
        r#"
 shop  critical · 1 of 3 ready · could not verify cache            10:00:05 UTC
 ! `main` is down: Connection refused (and 1 more)
 why worker ────────────────────────────────────────────────────────────────────
 `worker` is parked for 2 h 5 m
 blocked on: needs `main`, which is down
 last lines of standard error:
   gone






 Esc back  jk up and down  q back
"#,
    );
    let effects = seat.tell(Message::Status { status: Box::new(ill()), clock: "10:00:06".into() });
    assert_eq!(effects, [Effect::Why("worker".into())]);
}

/// S4.7: the daemon goes away and comes back.
#[test]
fn a_mainstay_that_does_not_answer_is_told() {
    let mut seat = Seat::at(PLAIN, (80, 12), well());
    seat.tell(Message::Lost("`shop` is not running".into()));
    assert_eq!(seat.press("rs"), []);
    seen(
        &seat,
        r#"
 shop  no answer · 3 of 3 ready · up 2 h 5 m · disk 12.0 GiB free  10:00:05 UTC
 ! `shop` is not running; this is how it was at 10:00:05 UTC, asking on
   SERVICE       STATE            FOR    CPU  MEMORY  RESTARTS  REASON
>  api             active     2 h 5 m    3 %    52 M         0
   worker          active     2 h 5 m    3 %    52 M         0
   telegram-bot    active     2 h 5 m    3 %    52 M         0
   main ready · cache ready
── api ─────────────────────────────────────────────────────────────────────────
  no lines yet


 nothing can be ordered: mainstay does not answer
"#,
    );
    seat.tell(Message::Status { status: Box::new(well()), clock: "10:00:09".into() });
    assert!(seat.screen().starts_with(" shop  ok"), "{}", seat.screen());
}

/// S4.7: an order is asked for, carried out once, and its end is told.
#[test]
fn orders_are_asked_given_and_told() {
    let mut seat = Seat::at(PLAIN, (80, 12), well());
    let foot = |seat: &Seat| seat.screen().lines().last().unwrap_or_default().to_owned();
    let order = Order { act: Act::Do(control::Verb::Restart), name: "api".into() };
    assert_eq!(seat.press("r"), []);
    assert_eq!(foot(&seat), " restart `api`? it is away until it is up again  y / n");
    assert_eq!(seat.press("xy"), [Effect::Give(order.clone())]);
    assert_eq!(foot(&seat), " restarting `api` …");
    assert_eq!(seat.press("ry"), []);
    assert_eq!(foot(&seat), " restarting `api` …  `api`: the restart is still under way");
    let end = End { good: true, text: "`api` is ready after 210 ms, pid 4713".into() };
    seat.tell(Message::Ordered { order, end });
    assert_eq!(foot(&seat), " `api` is ready after 210 ms, pid 4713");
    seat.press("rn");
    assert_eq!(foot(&seat), " `api` is left as it is");
    seat.key(Key::Escape);
    assert!(foot(&seat).starts_with(" q quit"), "{}", foot(&seat));
}

/// What does not run is started without a question.
#[test]
fn what_is_stopped_is_started() {
    let mut status = well();
    status.services[0] = service("api", "inactive", "stopped");
    let mut seat = Seat::at(PLAIN, (80, 12), status);
    let order = Order { act: Act::Do(control::Verb::Start), name: "api".into() };
    assert_eq!(seat.press("s"), [Effect::Give(order)]);
    assert_eq!(seat.press("q"), [Effect::Quit]);
}

/// Long names, wide characters and many of everything are cut cleanly.
#[test]
fn much_and_long_is_cut() {
    let mut status = ill();
    status.services = (0..40).map(|at| service(&format!("日本語-service-{at:02}"), "active", "running")).collect();
    status.dependencies = (0..9).map(|at| need(&format!("need-{at}"), "tcp", "ready", "pass")).collect();
    status.dependencies.push(need("the-very-last-and-very-long-one", "tcp", "down", "fail"));
    status.reasons = vec!["a very long reason ".repeat(9), "b".into(), "c".into(), "d".into()];
    let mut seat = Seat::at(PLAIN, (80, 24), status);
    seat.key(Key::End);
    seat.write(vec![line(1, "日本語-service-39", None, &"日本語".repeat(40))]);
    seen(
        &seat,
        r#"
 shop  critical · 40 of 40 ready · up 2 h 5 m · pid 4711           10:00:05 UTC
 ! a very long reason a very long reason a very long reason a very long reason …
 ! b
 ! c (and 1 more)
   SERVICE            STATE            FOR    CPU  MEMORY  RESTARTS  REASON
   日本語-service-35    active     2 h 5 m    3 %    52 M         0
   日本語-service-36    active     2 h 5 m    3 %    52 M         0
   日本語-service-37    active     2 h 5 m    3 %    52 M         0
   日本語-service-38    active     2 h 5 m    3 %    52 M         0
>  日本語-service-39    active     2 h 5 m    3 %    52 M         0
   NEEDS                     STATE            FOR    ANSWER  KIND  REASON
   the-very-last-and-very-…  ! down       2 h 5 m         -  tcp
   need-0                      ready      2 h 5 m    1.2 ms  tcp
   need-1                      ready      2 h 5 m    1.2 ms  tcp
   need-2                      ready      2 h 5 m    1.2 ms  tcp
   and 6 more
── 日本語-service-39 ───────────────────────────────────────────────────────────
  10:00:01 日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語日…





 q quit  ? help  ↑↓ select  Enter why  r restart  s stop  l lines  / search
"#,
    );
}

/// S4.7: 500 services are drawn as fast as five: only what is on the screen costs anything.
#[test]
fn many_services_cost_little() {
    let mut status = well();
    status.services = (0..500).map(|at| service(&format!("service-{at:03}"), "active", "running")).collect();
    status.release = Some("1.4.2".into());
    let mut seat = Seat::at(PLAIN, (120, 40), status.clone());
    assert!(seat.screen().contains("up 2 h 5 m · release 1.4.2 · disk"), "{}", seat.screen());
    let begun = std::time::Instant::now();
    for _ in 0..20 {
        seat.tell(Message::Status { status: Box::new(status.clone()), clock: "10:00:06".into() });
        seat.key(Key::PageDown);
        seat.screen();
    }
    // An unoptimized program on a busy machine; optimized, one takes about a millisecond.
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}
