//! Other migration tools, the real ones from their registries: the heavier tests and `bench migrate` run beside them. They lie below
//! the build directory; nothing is installed on the machine.
use crate::setup::Need;
use crate::task::{Done, Failure, cargo, step, target, works};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where they are looked for instead, when it is set.
pub(crate) const VARIABLE: &str = "MAINSTAY_PEERS";

/// What they need of the machine beside what the tests need.
pub(crate) const NEEDS: &[Need] = &[
    Need { program: "npm", package: "npm", found: || works("npm", &["--version"]) },
    Need {
        program: "venv of Python",
        package: "python3-venv",
        found: || works("python3", &["-c", "import ensurepip, venv"]),
    },
    Need { program: "libpq to link with", package: "libpq-dev", found: links_libpq },
];

/// A tool of crates.io: package, what it is to be able to, and its program.
struct Crate {
    package: &'static str,
    features: &'static str,
    program: &'static str,
}

const CRATES: &[Crate] = &[
    Crate { package: "sqlx-cli", features: "rustls,postgres,sqlite", program: "sqlx" },
    Crate { package: "refinery_cli", features: "postgresql,sqlite-bundled", program: "refinery" },
    Crate { package: "diesel_cli", features: "postgres,sqlite-bundled", program: "diesel" },
];

/// pglast is PostgreSQL's own parser, for comparison; yoyo asks for what comes with setuptools.
const PYTHON: &[&str] = &["alembic", "yoyo-migrations", "psycopg2-binary", "pglast", "setuptools"];
const MODULES: &str = "import alembic, yoyo, psycopg2, pglast, setuptools";

/// The directory of all of them: `npm`, `cargo` and `python` lie in it.
pub(crate) fn directory() -> PathBuf {
    let named = std::env::var_os(VARIABLE).filter(|it| !it.is_empty()).map(PathBuf::from);
    // Those who are told of it may run in other directories.
    named.map_or_else(|| target().join("peers"), |it| std::path::absolute(&it).unwrap_or(it))
}

/// Fetches those that are not there; what is there is left as it is.
pub(crate) fn fetch() -> Done {
    let directory = directory();
    fetch_npm(&directory.join("npm"))?;
    fetch_crates(&directory)?;
    fetch_python(&directory.join("python"))?;
    println!("peers: everything is in {}", directory.display());
    Ok(())
}

fn fetch_npm(into: &Path) -> Done {
    if into.join("node_modules/.bin/dbmate").exists() {
        return Ok(());
    }
    make(into)?;
    let mut install = Command::new("npm");
    install.args(["install", "--no-audit", "--no-fund", "--prefix"]).arg(into).arg("dbmate");
    step("npm install dbmate", install)
}

/// One build directory for all: they share most of what they are made of. It is large, and of no use afterwards.
fn fetch_crates(directory: &Path) -> Done {
    let (into, build) = (directory.join("cargo"), directory.join("build"));
    let missing = CRATES.iter().filter(|it| !into.join("bin").join(it.program).exists());
    for it in missing {
        let mut install = cargo(["install", "--quiet", "--locked", it.package, "--no-default-features"]);
        install.args(["--features", it.features]).arg("--root").arg(&into).arg("--target-dir").arg(&build);
        step(&format!("cargo install {}", it.package), install)?;
    }
    let gone = if build.exists() { std::fs::remove_dir_all(&build) } else { Ok(()) };
    gone.map_err(|error| Failure::Failed(format!("cannot remove {}: {error}", build.display())))
}

fn fetch_python(into: &Path) -> Done {
    let python = into.join("bin/python3").display().to_string();
    if works(&python, &["-c", MODULES]) {
        return Ok(());
    }
    python_with(into, PYTHON)
}

/// An environment of Python with these packages.
pub(crate) fn python_with(into: &Path, packages: &[&str]) -> Done {
    let mut make = Command::new("python3");
    make.args(["-m", "venv"]).arg(into);
    step("make a Python environment", make)?;
    let mut install = Command::new(into.join("bin/python3"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    step(&format!("pip install {}", packages.join(" ")), install)
}

/// Makes a directory, with those above it.
pub(crate) fn make(directory: &Path) -> Done {
    let made = std::fs::create_dir_all(directory);
    made.map_err(|error| Failure::Failed(format!("cannot make {}: {error}", directory.display())))
}

fn links_libpq() -> bool {
    works("sh", &["-c", "echo 'int main(void) { return 0; }' | cc -x c - -lpq -o /dev/null"])
}
