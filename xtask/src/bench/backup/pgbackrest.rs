//! pgBackRest, from its Debian package: a full copy of the server's files, two processes, zstd.
use super::field::Field;
use crate::bench::backup::writer::patiently;
use crate::task::{Failure, works};
use std::path::{Path, PathBuf};
use std::process::Command;

const STANZA: &str = "bench";

/// The stanza, and the server's log of changes archived as it wants it.
pub(super) fn prepare(field: &Field) -> Result<(), Failure> {
    let server = field.server.as_ref().ok_or_else(|| Failure::Failed("there is no server".to_owned()))?;
    if !works("pgbackrest", &["version"]) {
        return Err(Failure::Failed("it is not installed; `--peers` installs it".to_owned()));
    }
    let (file, repository) = (config(field), repository(field));
    let text = format!(
        "[global]\nrepo1-path={repo}\nlog-path={dir}\nlock-path={dir}\nspool-path={dir}\nlog-level-file=off\ncompress-type=zst\n\
         process-max=2\nstart-fast=y\n\n[{STANZA}]\npg1-path={data}\npg1-port={port}\npg1-socket-path={socket}\npg1-user=postgres\n",
        repo = repository.display(),
        dir = repository.display(),
        data = server.data_dir().display(),
        port = server.port(),
        socket = server.socket_dir().display(),
    );
    let written =
        std::fs::create_dir_all(&repository).and_then(|()| std::fs::write(&file, text)).and_then(|()| own(&repository));
    written.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
    run(field, "stanza-create")?;
    let push = format!("pgbackrest --config={} --stanza={STANZA} archive-push %p", file.display());
    patiently(server, "postgres", &format!("alter system set archive_command = '{push}'"));
    patiently(server, "postgres", "select pg_reload_conf()");
    Ok(())
}

fn run(field: &Field, verb: &str) -> Result<(), Failure> {
    let words = line(field, &[verb]);
    let output = Command::new(&words[0]).args(&words[1..]).output();
    let output = output.map_err(|error| Failure::Failed(format!("cannot be run: {error}")))?;
    let said = || [output.stdout.clone(), output.stderr.clone()].concat();
    match output.status.success() {
        true => Ok(()),
        false => Err(Failure::Failed(format!("`{verb}` failed: {}", String::from_utf8_lossy(&said()).trim()))),
    }
}

pub(super) fn words(field: &Field) -> Vec<String> {
    line(field, &["--type=full", "--repo1-retention-full=1", "backup"])
}

/// As the server's own user, for it reads the server's files.
fn line(field: &Field, words: &[&str]) -> Vec<String> {
    let config = format!("--config={}", config(field).display());
    let stanza = format!("--stanza={STANZA}");
    let user: &[&str] = match rustix::process::geteuid().is_root() {
        true => &["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"],
        false => &[],
    };
    let ours = ["pgbackrest", &config, &stanza];
    user.iter().chain(&ours).chain(words).map(|word| (*word).to_owned()).collect()
}

fn config(field: &Field) -> PathBuf {
    field.server.as_ref().map_or_else(PathBuf::new, |it| it.socket_dir().join("pgbackrest.conf"))
}

pub(super) fn repository(field: &Field) -> PathBuf {
    field.server.as_ref().map_or_else(PathBuf::new, |it| it.socket_dir().join("pgbackrest"))
}

/// The server's user writes there.
fn own(path: &Path) -> std::io::Result<()> {
    if rustix::process::geteuid().is_root() {
        let status = Command::new("chown").args(["-R", "postgres:postgres"]).arg(path).status()?;
        return if status.success() { Ok(()) } else { Err(std::io::Error::other("chown failed")) };
    }
    Ok(())
}
