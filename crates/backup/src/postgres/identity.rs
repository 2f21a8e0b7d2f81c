//! Which PostgreSQL database it is: the server's own number for itself, and the name. Not the database's number, which changes
//! with every restore.

use super::talk::{Talk, is_code, literal};
use crate::{
    BackupError, Job,
    manifest::{Kind, Source},
};
use config::dsn::PostgresDsn;
use std::collections::BTreeMap;

/// invalid_catalog_name: there is no such database.
const NO_DATABASE: &str = "3D000";
/// Where one may always connect to, to ask about others.
const MAINTENANCE: [&str; 2] = ["postgres", "template1"];

/// What is to be copied.
pub(crate) async fn look(job: &Job<'_>, dsn: &PostgresDsn) -> Result<Source, BackupError> {
    let talk = Talk::open(job, dsn).await?;
    let source = Source {
        kind: Kind::Postgresql,
        id: id(&talk, dsn).await?,
        name: dsn.database.clone(),
        place: dsn.to_string(),
        server: talk.version(),
        bytes: bytes(&talk).await?,
        traits: traits(&talk).await?,
        roles: roles(&talk).await?,
    };
    talk.close().await;
    Ok(source)
}

/// Which database it is, also when it is not there.
pub(crate) async fn identity(job: &Job<'_>, dsn: &PostgresDsn) -> Result<String, BackupError> {
    let talk = beside(job, dsn).await?;
    let id = id(&talk, dsn).await;
    talk.close().await;
    id
}

/// Is there such a database?
pub(crate) async fn exists(job: &Job<'_>, dsn: &PostgresDsn) -> Result<bool, BackupError> {
    match Talk::open(job, dsn).await {
        Ok(talk) => {
            talk.close().await;
            Ok(true)
        }
        Err(error) if is_code(&error, &[NO_DATABASE]) => Ok(false),
        Err(error) => Err(error),
    }
}

/// A session in another database of the same server.
pub(super) async fn beside(job: &Job<'_>, dsn: &PostgresDsn) -> Result<Talk, BackupError> {
    let mut last = None;
    for database in MAINTENANCE.iter().filter(|name| **name != dsn.database) {
        match Talk::open_in(job, dsn, database).await {
            Ok(talk) => return Ok(talk),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| BackupError::Unfit("there is no other database to connect to".into())))
}

async fn id(talk: &Talk, dsn: &PostgresDsn) -> Result<String, BackupError> {
    let doing = "ask the server who it is";
    let server = match talk.text(doing, "SELECT system_identifier FROM pg_catalog.pg_control_system()").await {
        Ok(number) => number,
        // Where that is forbidden its address has to do.
        Err(error) if is_code(&error, &["42501", "42883"]) => format!("at-{}", hash(&talk.0.host.to_string())),
        Err(error) => return Err(error),
    };
    Ok(format!("postgresql-{server}-{}", as_file_name(&dsn.database)))
}

/// A name that a directory can have; one that cannot is told apart from all others by a hash.
fn as_file_name(name: &str) -> String {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    match name.chars().all(good) && name.len() <= 64 {
        true => name.to_owned(),
        false => {
            let readable: String = name.chars().filter(|c| good(*c)).take(32).collect();
            format!("{readable}.{}", hash(name))
        }
    }
}

/// Short, and fit for a name.
pub(super) fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..12].to_owned()
}

async fn bytes(talk: &Talk) -> Result<u64, BackupError> {
    let sql = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";
    Ok(talk.text("ask how large the database is", sql).await?.parse().unwrap_or_default())
}

/// What a new database needs to be like this one.
async fn traits(talk: &Talk) -> Result<BTreeMap<String, String>, BackupError> {
    // Columns that only some versions have are read by way of JSON.
    let sql = "SELECT t.key, t.value FROM pg_catalog.pg_database AS d, \
        pg_catalog.jsonb_each_text(pg_catalog.to_jsonb(d) - 'datacl' || pg_catalog.jsonb_build_object( \
            'owner', pg_catalog.pg_get_userbyid(d.datdba), 'encoding', pg_catalog.pg_encoding_to_char(d.encoding))) AS t \
        WHERE d.datname = pg_catalog.current_database() AND t.value IS NOT NULL AND t.key IN \
            ('owner', 'encoding', 'datcollate', 'datctype', 'datlocprovider', 'daticulocale', 'datlocale', 'daticurules')";
    let rows = talk.ask("ask what the database is like", sql).await?;
    let mut traits: BTreeMap<_, _> = rows.into_iter().filter_map(pair).collect();
    let sql = "SELECT 'extension ' || extname, extversion FROM pg_catalog.pg_extension";
    traits.extend(talk.ask("ask for the extensions", sql).await?.into_iter().filter_map(pair));
    Ok(traits)
}

fn pair(cells: Vec<Option<String>>) -> Option<(String, String)> {
    let mut cells = cells.into_iter();
    Some((cells.next()??, cells.next()??))
}

/// Roles that own something in the database or have rights on it.
async fn roles(talk: &Talk) -> Result<Vec<String>, BackupError> {
    let sql = format!(
        "SELECT DISTINCT r.rolname FROM pg_catalog.pg_roles AS r JOIN pg_catalog.pg_shdepend AS s \
         ON s.refclassid = {}::pg_catalog.regclass AND s.refobjid = r.oid \
         WHERE s.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()) ORDER BY 1",
        literal("pg_catalog.pg_authid")
    );
    Ok(talk.ask("ask whose the database is", &sql).await?.into_iter().flatten().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: two databases never share a directory, whatever their names look like there.
    #[test]
    fn names_become_directories() {
        assert_eq!(as_file_name("app-test_1"), "app-test_1");
        let odd = ["App", "app/../x", "app.", "", "приложение", "..", &"a".repeat(200)].map(as_file_name);
        for (at, name) in odd.iter().enumerate() {
            assert!(!name.contains('/') && !name.starts_with("..") && name.len() < 80, "{name}");
            assert!(!odd[..at].contains(name), "{name}");
        }
    }
}
