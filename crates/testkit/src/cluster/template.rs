//! A data directory made once per machine and copied for every test.
use crate::scratch::TempDir;
use crate::spawn::{self, Account};
use crate::{components, find_component};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies the template to `target`, whose parent exists, making the template first when it is missing.
///
/// `initdb` takes half a second, a copy some 40 ms.
pub(super) fn copy_to(target: &Path) {
    copy(&template(), target);
}

/// Copies a whole directory with owners and modes.
pub(super) fn copy(from: &Path, to: &Path) {
    let mut command = Command::new(find_component("cp"));
    command.args(["-a", "--reflink=auto", "--"]).arg(from).arg(to);
    spawn::run(command);
}

fn template() -> PathBuf {
    let cache = cache();
    std::fs::create_dir_all(&cache).expect("cannot make the directory of cluster templates");
    let template = cache.join(name());
    let lock = cache.join(format!("{}.lock", name()));
    let lock =
        OpenOptions::new().create(true).append(true).mode(0o666).open(lock).expect("cannot open the templates' lock");
    lock.lock().expect("cannot lock the templates");
    if !template.exists() {
        make(&template);
    }
    template
}

/// Keyed by version and owner: another version cannot read it, another user may not.
fn name() -> String {
    let mut command = Command::new(components::find("postgres"));
    command.arg("--version");
    let version = spawn::run(command);
    let number = version.split_whitespace().nth(2).unwrap_or("unknown");
    let owner = Account::for_servers().map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid);
    format!("postgres-{number}-{owner}")
}

/// Below the build directory, which a test binary lies in; else below the temporary directory.
fn cache() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let build = program.ancestors().find(|directory| directory.join("CACHEDIR.TAG").exists());
    build.map_or_else(std::env::temp_dir, Path::to_path_buf).join("testkit")
}

/// Made in a directory that the servers' account can reach, then moved in whole: a killed test leaves no half template.
fn make(template: &Path) {
    let scratch = TempDir::new();
    Account::own(scratch.path());
    let made = scratch.path().join("data");
    let mut command = spawn::server(&components::find("initdb"));
    command.arg("-D").arg(&made);
    command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]);
    spawn::run(command);
    let staged = template.with_extension(format!("{}.tmp", std::process::id()));
    copy(&made, &staged);
    std::fs::rename(&staged, template).expect("cannot keep the cluster template");
}
