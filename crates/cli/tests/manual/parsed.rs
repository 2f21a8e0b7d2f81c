//! Blocks that are not run: they are at least what they say they are.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use testkit::TempDir;

/// What is wrong with a `toml` block; `more` completes a fragment.
pub(crate) fn toml(text: &str, more: &str, set: &[(String, String)]) -> Result<(), String> {
    let example = "postgres://booking@127.0.0.1/booking";
    let mut env = BTreeMap::from([("DATABASE_URL".to_owned(), example.to_owned())]);
    env.extend(set.iter().cloned());
    let files = config::FileMap::default();
    let file = config::TextFile { name: "mainstay.toml".into(), text: format!("{text}{more}"), mode: 0o644 };
    let sources =
        config::Sources { file: Some(file), lenient: true, ..config::Sources::new("/srv/booking", &env, &files) };
    match config::resolve(&sources) {
        Ok(_) => Ok(()),
        Err(findings) => Err(findings.iter().map(|finding| format!("{finding}\n")).collect()),
    }
}

/// What is wrong with a block in one of the other languages; nothing when nobody can tell.
pub(crate) fn other(language: &str, text: &str) -> Option<Result<(), String>> {
    match language {
        "sh" => Some(by("sh", &["-n"], "block.sh", text)),
        "json" => Some(by("python3", &["-m", "json.tool"], "block.json", text)),
        "yaml" => Some(by(
            "python3",
            &["-c", "import sys, yaml; list(yaml.safe_load_all(open(sys.argv[1])))"],
            "block.yaml",
            text,
        )),
        "dockerfile" => Some(dockerfile(text)),
        "screen" => Some(screen(text)),
        "ini" => Some(unit(text)),
        _ => None,
    }
}

/// A whole screen of `mainstay top`, which the tests of the crate `top` compare with what is drawn.
fn screen(text: &str) -> Result<(), String> {
    let lines = text.lines().count();
    if lines == 24 { Ok(()) } else { Err(format!("a screen of {lines} lines instead of 24")) }
}

/// A program reads the text as a file and is content.
fn by(program: &str, arguments: &[&str], name: &str, text: &str) -> Result<(), String> {
    let dir = TempDir::new();
    let path = dir.write(name, text);
    let output =
        Command::new(program).args(arguments).arg(&path).output().map_err(|error| format!("{program}: {error}"))?;
    let told = format!("{name}: {}{}", output.status, String::from_utf8_lossy(&output.stderr));
    // A unit with a mistake in it is told and accepted all the same.
    if output.status.success() && output.stderr.is_empty() { Ok(()) } else { Err(told) }
}

const INSTRUCTIONS: &[&str] = &[
    "FROM",
    "RUN",
    "COPY",
    "ENV",
    "WORKDIR",
    "ENTRYPOINT",
    "CMD",
    "HEALTHCHECK",
    "EXPOSE",
    "USER",
    "VOLUME",
    "STOPSIGNAL",
];

/// Every line is an instruction, goes one on, or is a comment; lists are JSON.
fn dockerfile(text: &str) -> Result<(), String> {
    let joined = text.replace("\\\n", " ");
    for line in joined.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let word = line.split(' ').next().unwrap_or_default();
        if !INSTRUCTIONS.contains(&word) {
            return Err(format!("dockerfile: `{word}` is no instruction: {line}"));
        }
        let list = line.find('[').map(|at| &line[at..]);
        if let Some(list) = list.filter(|_| matches!(word, "ENTRYPOINT" | "CMD" | "HEALTHCHECK"))
            && let Err(error) = serde_json::from_str::<Vec<String>>(list)
        {
            return Err(format!("dockerfile: {error}: {list}"));
        }
    }
    Ok(())
}

/// A unit of systemd: its form, and what `systemd-analyze verify` says of it where there is one.
fn unit(text: &str) -> Result<(), String> {
    let mut in_section = false;
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        in_section |= line.starts_with('[') && line.ends_with(']');
        if !in_section || !(line.starts_with('[') || line.contains('=')) {
            return Err(format!("ini: `{line}` is not in a section, or sets nothing"));
        }
    }
    if !Path::new("/usr/bin/systemd-analyze").exists() {
        return Ok(());
    }
    by("systemd-analyze", &["verify", "--man=no"], "booking.service", &installed(text))
}

/// What the unit starts is not installed here; what it names must exist all the same.
fn installed(unit: &str) -> String {
    unit.replace("/usr/local/bin/mainstay", env!("CARGO_BIN_EXE_mainstay"))
        .replace("/srv/booking/bin/booking-backend", "/bin/true")
        .replace("/srv/booking", "/tmp")
        .replace("User=booking", "User=daemon")
}
