use super::*;

#[test]
fn a_name_may_hold_anything() {
    let text = "42 (a) (b c) Z 7 42 3 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0 98765 1000 200 18446744073709551615\n";
    let stat = Stat::parse(text).unwrap();
    assert_eq!(stat.name, "a) (b c");
    assert_eq!((stat.state, stat.parent, stat.group, stat.session), ('Z', 7, 42, 3));
    assert_eq!((stat.cpu, stat.start_time, stat.has_ended()), (200, 98765, true));
    assert_eq!(Stat::parse("42 (a) R"), None);
    assert_eq!(Stat::parse(""), None);
}

#[test]
fn this_process_is_found() {
    let this = Process::this();
    assert!(this.is_running());
    assert!(all().contains(&this));
    assert!(this.parent().unwrap().children().contains(&this));
    assert_eq!(this.exe(), std::env::current_exe().ok());
    assert_eq!(this.cwd(), std::env::current_dir().ok());
    assert!(this.cmdline().unwrap().contains("host"));
    assert!(this.rss().unwrap() > 100_000);
    assert!(this.cpu().is_some());
    assert_eq!(this.start_time(), this.start_time());
}

#[test]
fn nobody_is_nobody() {
    let nobody = Process::new(u32::MAX);
    assert_eq!((nobody.stat(), nobody.cmdline(), nobody.parent()), (None, None, None));
    assert!(nobody.children().is_empty());
}

#[test]
fn the_machine_has_a_name_and_an_age() {
    assert_eq!(boot_id().unwrap().len(), 36);
    assert!(!hostname().unwrap().is_empty());
    assert!(uptime().unwrap() > Duration::ZERO);
}

#[test]
fn files_with_code_are_listed() {
    let is = |rest: &str, file: Option<&str>| assert_eq!(code_of(&format!("7f0a-7f0b {rest}")), file, "{rest}");
    is("r-xp 00001000 fe:00 12                 /usr/lib/a b.so.1", Some("/usr/lib/a b.so.1"));
    is("r--p 00000000 fe:00 12                 /usr/lib/a.so.1", None);
    is("r-xp 00001000 fe:00 12                 /tmp/a.so (deleted)", None);
    is("r-xp 00000000 00:00 0                  [vdso]", None);
    is("rwxp 00000000 00:00 0", None);
    let own = Process::this().code();
    assert!(own.iter().any(|file| file.canonicalize().ok() == std::env::current_exe().ok()), "{own:?}");
}
