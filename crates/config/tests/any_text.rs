//! Whatever is written, `resolve` answers.

mod support;

use proptest::prelude::*;
use support::{file, told};

/// Lines that look like ours, in any order, with any values.
fn lines() -> impl Strategy<Value = String> {
    let header = prop::sample::select(vec![
        "[env]",
        "[env.A]",
        "[databases.main]",
        "[databases.ro]",
        "[dependencies.redis]",
        "[dependencies.x]",
        "[migrations]",
        "[services.api]",
        "[services.b]",
        "[services.api.health]",
        "[services.api.stop]",
        "[health]",
        "[backup]",
        "[[services]]",
    ]);
    let key = prop::sample::select(vec![
        "name",
        "data",
        "role",
        "env_files",
        "env",
        "databases",
        "url",
        "access",
        "wait",
        "attempts",
        "interval",
        "monitor",
        "dir",
        "command",
        "backoff",
        "needs",
        "listen",
        "health",
        "restart",
        "stop",
        "signal",
        "http",
        "metrics",
        "secret",
        "required",
        "aliases",
        "default",
        "queues",
        "roles",
        "x y",
    ]);
    let value = prop_oneof![
        Just("true".to_owned()),
        Just("-1".to_owned()),
        Just("1e99".to_owned()),
        Just("0xff".to_owned()),
        Just("1979-05-27".to_owned()),
        Just("{ every = '1s', http = '/x' }".to_owned()),
        Just("['main', 'api', 'redis']".to_owned()),
        Just("[1, ['x']]".to_owned()),
        Just("'${A}'".to_owned()),
        "'[ -&(-~é]{0,12}'",
        "[ -~]{0,8}",
    ];
    let line = prop_oneof![
        3 => header.prop_map(str::to_owned),
        6 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => "\\PC{0,20}",
    ];
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_text_is_answered(text in lines(), variable in "\\PC{0,10}") {
        let given = file(&text)
            .var("MAINSTAY_TIMEOUT", &variable)
            .var("DATABASE_URL", &variable)
            .with(".env", &format!("{text}\nA={variable}"), 0o644);
        match given.resolve() {
            Ok(resolved) => {
                let printed = format!("{:?}", resolved.app);
                prop_assert!(printed.starts_with("App"));
                told(&resolved.warnings);
            }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(problems.iter().all(|problem| problem.severity == report::Severity::Error));
                told(&problems);
            }
        }
    }

    #[test]
    fn any_bytes_of_text_are_answered(text in "[\\PC\n\t\"'=\\[\\]{}.#]{0,120}") {
        if let Err(problems) = file(&text).resolve() {
            told(&problems);
        }
    }
}
