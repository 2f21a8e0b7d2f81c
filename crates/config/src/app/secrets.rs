//! What must never be printed, and how an application prints without it.

use super::{App, Deploy, Sign};
use crate::{
    Credentials, Target,
    dsn::encode,
    redact::{self, is_secret},
};
use report::{Masker, Secret};
use std::{collections::BTreeMap, fmt};

impl App {
    /// Everything that must never be printed: declared secrets, variables that are secrets by their name, and the passwords
    /// of all targets, also as they look in a URL.
    pub fn secrets(&self) -> Vec<Secret> {
        let declared = self.contract.secrets(&self.env);
        let of_services = self.services.iter().flat_map(|service| secrets_by_name(&service.env));
        let of_jobs = self.jobs.iter().flat_map(|job| secrets_by_name(&job.env));
        let targets = self.dependencies.iter().map(|it| &it.target);
        let checks = self.services.iter().filter_map(|it| match &it.health.as_ref()?.sign {
            Sign::Target(target) => Some(target),
            Sign::Line(_) | Sign::Notify { .. } => None,
        });
        let passwords = targets.chain(checks).filter_map(Target::password);
        let known: Vec<_> = declared
            .into_iter()
            .chain(secrets_by_name(&self.env))
            .chain(of_services)
            .chain(of_jobs)
            .chain(passwords)
            .chain(self.passwords_as_written())
            .chain(self.backup.s3.iter().filter_map(|it| it.credentials.as_ref()).flat_map(Credentials::secrets))
            .chain(self.deploy.iter().flat_map(Deploy::secrets))
            .collect();
        let encoded: Vec<_> =
            known.iter().map(|it| Secret::new(encode(it.reveal()))).filter(|it| !known.contains(it)).collect();
        known.into_iter().chain(encoded).collect()
    }

    /// Passwords within the URLs of variables, as they stand there: escapes can be written in several ways (`%2f`, `%2F`), and what is printed is the text of the variable.
    fn passwords_as_written(&self) -> impl Iterator<Item = Secret> {
        let of_services = self.services.iter().flat_map(|service| service.env.values());
        let of_jobs =
            self.jobs.iter().flat_map(|job| job.env.values().chain(&job.ping_success).chain(&job.ping_failure));
        let values = self.env.values().chain(of_services).chain(of_jobs);
        values.flat_map(|value| redact::in_urls(value).into_iter().map(|at| Secret::new(&value[at])))
    }
}

pub(super) fn secrets_by_name(env: &BTreeMap<String, String>) -> impl Iterator<Item = Secret> {
    let secret = env.iter().filter(|(name, value)| is_secret(name, value));
    secret.map(|(_, value)| Secret::new(value.as_str()))
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut masker = Masker::default();
        masker.extend(self.secrets());
        let lines = [
            format!("name: {:?}, root: {:?}, data: {:?}", self.name, self.root, self.data),
            format!("contract: {:?}, env: {:?}", self.contract, self.env.keys()),
            format!("dependencies: {:?}", self.dependencies),
            format!("migrations: {:?}, services: {:?}, jobs: {:?}", self.migrations, self.services, self.jobs),
            format!("health: {:?}, logs: {:?}, journal: {:?}", self.health, self.logs, self.journal),
            format!("deploy: {:?}, roles: {:?}", self.deploy, self.roles),
        ];
        write!(f, "App {{ {} }}", masker.mask(&lines.join(", ")))
    }
}
