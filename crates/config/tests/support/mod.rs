//! A configuration in memory.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use config::{App, FileMap, Overrides, Resolved, Sources, TextFile, resolve};
use report::Finding;
use std::collections::BTreeMap;

/// The sources of one test.
#[derive(Clone, Default)]
pub struct Given {
    pub file: Option<String>,
    pub env: BTreeMap<String, String>,
    pub flags: Overrides,
    pub files: FileMap,
    pub lenient: bool,
}

/// No file.
pub fn nothing() -> Given {
    Given::default()
}

/// `mainstay.toml` in `/srv/booking`.
pub fn file(text: &str) -> Given {
    Given { file: Some(text.to_owned()), ..Given::default() }
}

impl Given {
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn flags(mut self, set: impl FnOnce(&mut Overrides)) -> Self {
        set(&mut self.flags);
        self
    }

    pub fn with(mut self, path: &str, text: &str, mode: u32) -> Self {
        self.files = self.files.with_mode(format!("/srv/booking/{path}"), text, mode);
        self
    }

    pub fn resolve(&self) -> Result<Resolved, Vec<Finding>> {
        let mut sources = Sources::new("/srv/booking", &self.env, &self.files);
        sources.file = self.file.clone().map(|text| TextFile { name: "mainstay.toml".into(), text, mode: 0o644 });
        sources.flags = self.flags.clone();
        sources.user = Some("bot".into());
        sources.home = Some("/home/bot".into());
        sources.lenient = self.lenient;
        resolve(&sources)
    }

    /// The application; the test fails with the problems.
    pub fn app(&self) -> App {
        match self.resolve() {
            Ok(resolved) => resolved.app,
            Err(problems) => panic!("{}", told(&problems)),
        }
    }

    pub fn warnings(&self) -> String {
        match self.resolve() {
            Ok(resolved) => told(&resolved.warnings),
            Err(problems) => panic!("{}", told(&problems)),
        }
    }

    /// All problems as they are printed; the test fails when there is none.
    pub fn problems(&self) -> String {
        told(&self.resolve().expect_err("there should be problems"))
    }
}

pub fn told(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
