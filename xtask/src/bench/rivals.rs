//! Other supervisors to compare with: those of the machine, or fetched below the build directory. Nothing is installed.
use crate::peers::{make, python_with};
use crate::task::{Done, Failure, step};
use std::path::{Path, PathBuf};
use std::process::Command;

/// s6 is measured where it is installed: it looks for its parts in `/usr/bin` alone.
const DEBIAN: &str = "runit";
/// supervisor asks for pkg_resources, which newer releases of setuptools have no more.
const PYTHON: &[&str] = &["setuptools<81", "supervisor", "honcho"];

/// Where other supervisors are.
pub(super) struct Rivals {
    directories: Vec<PathBuf>,
}

impl Rivals {
    /// Looks for them; with `fetch` fetches them before. One that cannot be had is told and left out.
    pub(super) fn find(bench: &Path, fetch: bool) -> Self {
        let (python, debian) = (bench.join("python"), bench.join("debian"));
        if fetch {
            for (what, fetched) in [("pip", python_with(&python, PYTHON)), ("apt", fetch_debian(&debian))] {
                if let Err(Failure::Usage(why) | Failure::Failed(why)) = fetched {
                    println!("note: no peers from {what}: {why}");
                }
            }
        }
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let ours = [python.join("bin"), debian.join("usr/bin")];
        Self { directories: ours.into_iter().chain(std::env::split_paths(&machine)).collect() }
    }

    /// The path of a program, if it is here.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        self.directories.iter().map(|directory| directory.join(name)).find(|path| path.is_file())
    }

    /// A `PATH` with which they find their own parts.
    pub(super) fn path(&self) -> String {
        std::env::join_paths(&self.directories).unwrap_or_default().to_string_lossy().into_owned()
    }
}

fn fetch_debian(into: &Path) -> Done {
    make(into)?;
    let mut download = Command::new("apt-get");
    download.args(["-o", "APT::Sandbox::User=root", "download", "-qq", DEBIAN]).current_dir(into);
    step("apt-get download runit", download)?;
    let entries = std::fs::read_dir(into).into_iter().flatten().flatten().map(|entry| entry.path());
    for package in entries.filter(|path| path.extension().is_some_and(|ending| ending == "deb")) {
        let mut unpack = Command::new("dpkg-deb");
        unpack.arg("-x").arg(&package).arg(into);
        step("unpack runit", unpack)?;
    }
    Ok(())
}
