//! The environment contract: declared once, checked, and written out.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use support::mainstay;
use testkit::Test;

const BOT: &str = "\
name = \"bot\"
[env]
TG_BOT_TOKEN = { about = \"Token of the bot\", secret = true, required = true, example = \"123456:ABC\" }
LOG_LEVEL = { about = \"How much is logged\", default = \"info\" }
SPORTMONKS_API_TOKEN = { about = \"Scores\", secret = true, aliases = [\"SPORTMONKS_TOKEN\"] }
[services.bot]
command = [\"sh\", \"-c\", \"echo $LOG_LEVEL $${#TG_BOT_TOKEN} $${#SPORTMONKS_API_TOKEN}\"]
restart = \"never\"
";

fn bot() -> Test {
    mainstay().file("mainstay.toml", BOT)
}

/// S2.5: `.env.example` and the table of the manual come from the contract.
#[test]
fn the_contract_is_written_out() {
    bot().args(["env", "example"]).run().code(0).stderr_is("").stdout_is(
        "
        # Token of the bot
        # (required, secret)
        TG_BOT_TOKEN=123456:ABC

        # How much is logged
        LOG_LEVEL=info

        # Scores
        # (secret, formerly SPORTMONKS_TOKEN)
        # SPORTMONKS_API_TOKEN=
        ",
    );
    bot().args(["env", "docs"]).run().code(0).stderr_is("").stdout_is(
        "
        | Variable | Purpose | Default | Required | Secret | Old names |
        | --- | --- | --- | --- | --- | --- |
        | `TG_BOT_TOKEN` | Token of the bot |  | yes | yes |  |
        | `LOG_LEVEL` | How much is logged | `info` |  |  |  |
        | `SPORTMONKS_API_TOKEN` | Scores |  |  | yes | `SPORTMONKS_TOKEN` |
        ",
    );
}

/// S2.5: the check fails when the environment, the example or the table drift.
#[test]
fn drift_is_found() {
    let test = bot().secret_env("TG_BOT_TOKEN", "987654:s3cr3t");
    let example = test.again().args(["env", "example"]).run().raw_stdout;
    let docs = test.again().args(["env", "docs"]).run().raw_stdout;
    let test = test.file(".env.example", &example).file("manual.md", &format!("# Variables\n\n{docs}\nMore text.\n"));
    let check = || test.again().args(["env", "check", "--docs", "manual.md"]);
    check().run().code(0).stderr_is("").stdout_is("environment contract: pass\n");
    check()
        .file(".env.example", &example.replace("LOG_LEVEL", "LOGLEVEL"))
        .run()
        .code(1)
        .stdout_is("environment contract: fail: 2 problems\n")
        .stderr_is(
            "
        error: `.env.example` does not list `LOG_LEVEL`
          hint: mainstay env example > .env.example
        error: `.env.example` lists `LOGLEVEL`, which is not declared
          --> .env.example:6:1
           |
         6 | LOGLEVEL=…
           | ^^^^^^^^
          hint: did you mean `LOG_LEVEL`?
        ",
        );
    let drifted = docs.replace("Scores", "Goals");
    check().file(".env.example", &example).file("manual.md", &drifted).run().code(1).stderr_has("SPORTMONKS_API_TOKEN");
    bot().args(["env", "check"]).run().code(1).stderr_has("error: the variable `TG_BOT_TOKEN` is required and not set");
    let json = bot().args(["env", "check", "--json"]).run();
    json.code(1).stderr_is("");
    let json: serde_json::Value = serde_json::from_str(&json.raw_stdout).unwrap();
    assert_eq!((&json["ok"], &json["findings"][0]["severity"]), (&false.into(), &"error".into()));
}

/// S2.4: an old name works and is told; the application sees the new one.
#[test]
fn an_old_name_works_with_a_warning() {
    let test =
        bot().env("TG_BOT_TOKEN", "1234567").env("SPORTMONKS_TOKEN", "12345").env("MAINSTAY_LOG_FORMAT", "human");
    let output = test.args(["up"]).run();
    output.code(0).stdout_is("bot      | info 7 5\n");
    output.stderr_has("warning: the variable `SPORTMONKS_TOKEN` is an old name of `SPORTMONKS_API_TOKEN`\n");
    output.stderr_has("  hint: rename `SPORTMONKS_TOKEN` to `SPORTMONKS_API_TOKEN`\n");
}

/// S1.17: variables from a file, which the process's own environment outranks; one that others may read is told.
#[test]
fn variables_from_a_file() {
    let test = bot().env("MAINSTAY_LOG_FORMAT", "human").secret("s3cret-from-file");
    let test = test.file(".env", "TG_BOT_TOKEN='s3cret-from-file'\nLOG_LEVEL=debug\n").env("LOG_LEVEL", "warn");
    std::fs::set_permissions(test.path().join(".env"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let output = test.args(["up"]).run();
    output
        .code(0)
        .stdout_is("bot      | warn 16 0\n")
        .stderr_has("warning: `.env` holds secrets and is open to others\n");
    output.stderr_has("  hint: chmod 600 .env\n");
}
