//! `.env` files and the contract.

mod support;

use config::{EnvContract, TextFile, env_check, env_docs, env_example};
use std::collections::BTreeMap;
use support::{file, nothing, told};

const CONTRACT: &str = "[env]
TG_BOT_TOKEN = { about = 'Bot token', secret = true, required = true }
LOG_LEVEL = { about = 'Log level, `debug` | `info`', default = 'info' }
API_TOKEN = { secret = true, aliases = ['OLD_TOKEN'] }
WORKERS = '4'
";

fn contract() -> EnvContract {
    file(CONTRACT).var("TG_BOT_TOKEN", "123456:abcdef").app().contract
}

/// S1.17: settings from an env file; the process's environment wins over files, later files over earlier ones.
#[test]
fn files_fill_what_the_environment_leaves_open() {
    let given = file("env_files = ['.env', '.env.prod']\n[databases.main]")
        .with(".env", "PGHOST=dev\nA=1\nB=1\nC=1", 0o600)
        .with(".env.prod", "PGHOST=prod\nPGPASSWORD='p@ss w#rd'\nB=2\nC=2", 0o600)
        .var("C", "3");
    let app = given.app();
    assert_eq!((app.env["A"].as_str(), app.env["B"].as_str(), app.env["C"].as_str()), ("1", "2", "3"));
    assert_eq!(app.dependencies[0].target.to_string(), "postgres://bot@prod:5432/bot");
    assert_eq!(app.dependencies[0].target.password().unwrap().reveal(), "p@ss w#rd");
    let flagged = nothing().with("x.env", "A=x", 0o600).flags(|it| it.env_files = vec!["x.env".into()]);
    assert_eq!(flagged.app().env["A"], "x");
    assert_eq!(nothing().with(".env", "A=y", 0o600).app().env["A"], "y");
}

#[test]
fn a_named_file_must_be_there_and_readable() {
    let told = file("env_files = ['.env.prod']").problems();
    assert!(
        told.contains("`env_files`: there is no file `.env.prod`") && told.contains("mainstay.toml:1:14"),
        "{told}"
    );
    let told = nothing().with(".env", "A=1\nhunter2", 0o600).problems();
    assert!(told.contains("/srv/booking/.env:2:1") && !told.contains("hunter2"), "{told}");
}

/// A setting of ours in a `.env` file that cannot be read is shown there.
#[test]
fn a_bad_setting_in_a_file_of_variables_has_its_place() {
    let told = file("[databases.main]").with(".env", "A=1\nMAINSTAY_TIMEOUT=soon", 0o600).problems();
    assert!(told.contains("variable `MAINSTAY_TIMEOUT`: `soon`") && told.contains("/srv/booking/.env:2:1"), "{told}");
}

/// S4.11: the mode of files with secrets is checked.
#[test]
fn an_open_file_with_secrets_is_a_warning() {
    let warnings = |text: &str, mode| file("[env]\nINNOCENT = { secret = true }").with(".env", text, mode).warnings();
    let told = warnings("DB_PASSWORD=hunter22", 0o644);
    assert_eq!(
        told,
        "warning: `/srv/booking/.env` holds secrets and is open to others\n  seen: mode 0644, `DB_PASSWORD`\n  hint: chmod \
         600 /srv/booking/.env"
    );
    assert!(warnings("INNOCENT=longenough", 0o660).contains("`INNOCENT`"));
    assert_eq!(warnings("DB_PASSWORD=hunter22", 0o640), "");
    assert_eq!(warnings("LOG_LEVEL=info", 0o644), "");
}

/// S2.4: old names work, with a warning.
#[test]
fn old_names_keep_working() {
    let given = file(CONTRACT).var("TG_BOT_TOKEN", "123456:abcdef").var("OLD_TOKEN", "0123456789");
    assert_eq!(given.app().env["API_TOKEN"], "0123456789");
    let told = given.warnings();
    assert!(told.starts_with("warning: the variable `OLD_TOKEN` is an old name of `API_TOKEN`"), "{told}");
    assert!(told.contains("mainstay.toml:4:1") && told.contains("rename `OLD_TOKEN` to `API_TOKEN`"), "{told}");
    assert_eq!(given.var("API_TOKEN", "new-value-1").app().env["API_TOKEN"], "new-value-1");
}

#[test]
fn defaults_of_the_contract_are_there_for_references_too() {
    let app = file("[env]\nWORKERS = '4'\n[services.api]\ncommand = 'run --workers ${WORKERS}'").app();
    assert_eq!((app.env["WORKERS"].as_str(), app.services[0].argv[2].as_str()), ("4", "4"));
}

/// Commands that start nothing may do without a required variable.
#[test]
fn lenient_sources_only_warn_of_what_is_missing() {
    let mut given = file(CONTRACT);
    assert!(given.problems().contains("`TG_BOT_TOKEN` is required"));
    given.lenient = true;
    assert!(given.warnings().contains("warning: the variable `TG_BOT_TOKEN` is required"));
}

/// S4.11: strength.
#[test]
fn weak_secrets_are_a_warning_and_never_shown() {
    for weak in ["changeme", "your-token-here", "short"] {
        let told = file(CONTRACT).var("TG_BOT_TOKEN", weak).warnings();
        assert!(told.contains("the secret `TG_BOT_TOKEN`") && !told.contains(weak), "{told}");
    }
}

/// S2.5: the example and the table are generated, and a check finds drift.
#[test]
fn what_is_generated_passes_the_check_and_drift_does_not() {
    let contract = contract();
    let env = BTreeMap::from([("TG_BOT_TOKEN".to_owned(), "123456:abcdef".to_owned())]);
    let text = |name: &str, text: String| TextFile { name: name.into(), text, mode: 0o644 };
    let (example, docs) = (env_example(&contract), env_docs(&contract));
    assert_eq!(
        example,
        "# Bot token\n# (required, secret)\nTG_BOT_TOKEN=\n\n# Log level, `debug` | `info`\nLOG_LEVEL=info\n\n# (secret, \
         formerly OLD_TOKEN)\n# API_TOKEN=\n\nWORKERS=4\n"
    );
    assert!(docs.contains("| `LOG_LEVEL` | Log level, `debug` \\| `info` | `info` |  |  |  |"), "{docs}");
    let check = |example: String, docs: String| {
        told(&env_check(&contract, &env, Some(&text(".env.example", example)), Some(&text("env.md", docs))))
    };
    assert_eq!(check(example.clone(), format!("# Variables\n\n{docs}\nmore")), "");
    let drifted = example.replace("LOG_LEVEL=info", "LOG_LEVEL=debug\nLOG_LEVLE=info").replace("WORKERS=4\n", "");
    let found = check(drifted, docs.replace("Bot token", "Token"));
    for expected in [
        "the example of `LOG_LEVEL` is not the declared one",
        "lists `LOG_LEVLE`, which is not declared",
        "did you mean `LOG_LEVEL`?",
        "`.env.example` does not list `WORKERS`",
        "`env.md` describes `TG_BOT_TOKEN` differently",
        "mainstay env example > .env.example",
    ] {
        assert!(found.contains(expected), "{expected}\n{found}");
    }
}

#[test]
fn the_check_finds_what_the_environment_lacks() {
    let found = told(&env_check(&contract(), &BTreeMap::new(), None, None));
    assert_eq!(
        found,
        "error: the variable `TG_BOT_TOKEN` is required and not set\n  seen: Bot token\n  hint: set `TG_BOT_TOKEN` in the \
         environment or in `.env`"
    );
}

/// S4.11: a password is hidden as it stands in a variable too, however its escapes are written, also one of a URL that
/// mainstay itself has no use for.
#[test]
fn passwords_are_hidden_as_they_are_written() {
    let given = file("[databases.main]\n[services.api]\ncommand = 'api'\nenv = { MQ = 'amqp://bot:hunter4@mq' }")
        .var("DATABASE_URL", "postgres://bot:p%40ss%2fhunter2@db/app")
        .var("BROKER", "amqp://bot:hunter3@mq:5672/");
    let secrets = given.app().secrets();
    for hidden in ["p@ss/hunter2", "p%40ss%2fhunter2", "p%40ss%2Fhunter2", "hunter3", "hunter4"] {
        assert!(secrets.iter().any(|secret| secret.reveal() == hidden), "{hidden}");
    }
}

/// S2.5: the contract can be asked for before anything of it is set.
#[test]
fn the_contract_is_known_before_anything_is_set() {
    let file = format!("{CONTRACT}[databases.main]\nurl = '${{DATABASE_URL}}'\n");
    let (env, files) = (BTreeMap::new(), config::FileMap::default());
    let mut sources = config::Sources::new("/srv/booking", &env, &files);
    sources.file = Some(TextFile { name: "mainstay.toml".into(), text: file, mode: 0o644 });
    let declared = config::declared(&sources).unwrap();
    assert!(env_example(&declared.contract).contains("TG_BOT_TOKEN="));
    assert_eq!(declared.env["LOG_LEVEL"], "info");
    sources.file = Some(TextFile { name: "mainstay.toml".into(), text: "nmae = 'x'".into(), mode: 0o644 });
    assert!(told(&config::declared(&sources).unwrap_err()).contains("did you mean `name`?"));
}

/// Issue 6, point 5: what the files of variables say is kept with a release, whatever is in it, without what the process has.
#[test]
fn variables_of_files_are_kept_as_they_are() {
    let written = "A=1\nSECRET='p$a\"s\\s'\nLINES=\"a\\nb\"\n";
    let given = file("env_files = ['.env', '.env.local']").with(".env", written, 0o600).var("A", "of the process");
    let read = |given: &support::Given| {
        let mut sources = config::Sources::new("/srv/booking", &given.env, &given.files);
        sources.file =
            given.file.clone().map(|text| config::TextFile { name: "mainstay.toml".into(), text, mode: 0o644 });
        config::variables_of_files(&sources).unwrap()
    };
    let values = read(&given);
    assert_eq!((values["A"].as_str(), values["SECRET"].as_str(), values["LINES"].as_str()), ("1", "p$a\"s\\s", "a\nb"));
    let again = file("").with(".env", &config::variables_as_file(&values), 0o600);
    assert_eq!(read(&again), values);
}
