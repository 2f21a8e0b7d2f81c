//! Services are told where their database and their Redis are, so that they and mainstay cannot mean different ones.

use crate::{Dependency, Target};
use std::collections::BTreeMap;

/// The names under which most frameworks look for the address of a dependency.
const NAMES: [(&str, &str); 2] = [("main", "DATABASE_URL"), ("redis", "REDIS_URL")];

/// `env` with `DATABASE_URL` and `REDIS_URL` where they are unset and the dependency is known, however its address was
/// put together.
pub(super) fn told(mut env: BTreeMap<String, String>, dependencies: &[Dependency]) -> BTreeMap<String, String> {
    for (name, variable) in NAMES {
        let url = dependencies.iter().find(|it| it.name == name).and_then(|it| url(&it.target));
        if let Some(url) = url.filter(|_| env.get(variable).is_none_or(String::is_empty)) {
            env.insert(variable.to_owned(), url);
        }
    }
    env
}

fn url(target: &Target) -> Option<String> {
    match target {
        Target::Postgres(dsn) => Some(dsn.to_url().reveal().to_owned()),
        Target::Redis(dsn) => Some(dsn.to_url().reveal().to_owned()),
        // Four slashes before an absolute path are understood by SQLAlchemy, sqlx, dbmate and others alike.
        Target::Sqlite(path) => Some(format!("sqlite:///{}", path.display())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileMap, Sources, resolve};

    fn env_of(pairs: &[(&str, &str)], file: &str) -> BTreeMap<String, String> {
        let env = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let files = FileMap::default();
        let text = crate::TextFile { name: "mainstay.toml".into(), text: file.into(), mode: 0o644 };
        let sources = Sources { file: Some(text), ..Sources::new("/srv/app", &env, &files) };
        resolve(&sources).unwrap().app.env
    }

    const APP: &str = "name = 'app'\n[services.api]\ncommand = 'api'\nneeds = ['main']\n";

    /// S2.3: what was assembled from parts reaches the application whole.
    #[test]
    fn a_service_is_told_where_its_database_is() {
        let sqlite = env_of(&[], APP);
        assert_eq!(sqlite["DATABASE_URL"], "sqlite:////srv/app/data/app.db");
        let parts = [("PGHOST", "db"), ("PGUSER", "bot"), ("PGPASSWORD", "p@ss:w/rd"), ("PGDATABASE", "app")];
        let postgres = env_of(&parts, APP);
        assert!(
            postgres["DATABASE_URL"].starts_with("postgres://bot:p%40ss%3Aw%2Frd@db"),
            "{}",
            postgres["DATABASE_URL"]
        );
    }

    #[test]
    fn what_is_set_stays_as_it_is() {
        let set = env_of(&[("DATABASE_URL", "postgresql+asyncpg://bot@db/app")], APP);
        assert_eq!(set["DATABASE_URL"], "postgresql+asyncpg://bot@db/app");
    }
}
