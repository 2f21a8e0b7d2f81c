//! Other supervisors to compare with: those of the machine, or fetched below the build directory. Nothing but s6 is
//! installed, and that only by root.
use crate::peers::{make, python_with};
use crate::task::{Done, Failure, step};
use std::path::{Path, PathBuf};
use std::process::Command;

const DEBIAN: &str = "runit";
/// It looks for its parts in `/usr/bin` alone, so it has to be installed.
const INSTALLED: &str = "s6";
const NPM: &str = "pm2";
/// supervisor asks for pkg_resources, which newer releases of setuptools have no more.
const PYTHON: &[&str] = &["setuptools<81", "supervisor", "honcho"];

/// Where other supervisors are.
pub(super) struct Rivals {
    directories: Vec<PathBuf>,
}

impl Rivals {
    /// Looks for them; with `fetch` fetches them before. One that cannot be had is told and left out.
    pub(super) fn find(bench: &Path, fetch: bool) -> Self {
        let (python, debian, npm) = (bench.join("python"), bench.join("debian"), bench.join("npm"));
        if fetch {
            let fetched = [
                ("pip", python_with(&python, PYTHON)),
                ("apt", fetch_debian(&debian)),
                ("apt", install_s6()),
                ("npm", fetch_npm(&npm)),
            ];
            for (what, fetched) in fetched {
                if let Err(Failure::Usage(why) | Failure::Failed(why)) = fetched {
                    println!("note: no peers from {what}: {why}");
                }
            }
        }
        let machine = std::env::var_os("PATH").unwrap_or_default();
        let ours = [python.join("bin"), debian.join("usr/bin"), npm.join("node_modules/.bin")];
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

fn install_s6() -> Done {
    if Path::new("/usr/bin/s6-svscan").exists() {
        return Ok(());
    }
    let mut install = Command::new("apt-get");
    install
        .args(["install", "-y", "-q", "--no-install-recommends", INSTALLED])
        .env("DEBIAN_FRONTEND", "noninteractive");
    step("apt-get install s6", install)
}

fn fetch_npm(into: &Path) -> Done {
    make(into)?;
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(into).arg(NPM);
    step("npm install pm2", install)
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
