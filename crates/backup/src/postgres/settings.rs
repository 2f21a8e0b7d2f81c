//! What belongs to a database and is not in it: settings, rights, limits. `pg_dump` leaves them out, and they are
//! carried over from the old one to the new one.

use super::talk::{Talk, identifier, literal};
use crate::BackupError;

/// Settings whose value is a list, which the catalog has quoted already (pg_dump(1) knows the same names).
const LISTS: [&str; 5] = [
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
];

/// Carries them over.
pub(super) async fn carry(talk: &Talk, old: &str, new: &str) -> Result<(), BackupError> {
    let doing = "carry over the settings of the database";
    let sql = format!(
        "SELECT coalesce(r.rolname, ''), s.setting FROM pg_catalog.pg_db_role_setting AS d \
         JOIN pg_catalog.pg_database AS b ON b.oid = d.setdatabase LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = d.setrole, \
         pg_catalog.unnest(d.setconfig) AS s (setting) WHERE b.datname = {}",
        literal(old)
    );
    let mut statements = Vec::new();
    for row in talk.ask(doing, &sql).await? {
        if let [Some(role), Some(text)] = &row[..] {
            statements.extend(setting(new, role, text));
        }
    }
    statements.extend(rights(talk, old, new).await?);
    let sql = format!("SELECT datconnlimit FROM pg_catalog.pg_database WHERE datname = {}", literal(old));
    let limit = talk.text(doing, &sql).await?;
    statements.push(format!("ALTER DATABASE {} CONNECTION LIMIT {limit}", identifier(new)));
    talk.run(doing, &statements.join("; ")).await
}

/// `ALTER … SET name TO value` of a setting, for all or for one role.
fn setting(database: &str, role: &str, text: &str) -> Option<String> {
    let (name, value) = text.split_once('=')?;
    let list = LISTS.contains(&name.to_ascii_lowercase().as_str());
    let value = if list { value.to_owned() } else { literal(value) };
    let name: Vec<_> = name.split('.').map(identifier).collect();
    let whose = match role {
        "" => format!("DATABASE {}", identifier(database)),
        role => format!("ROLE {} IN DATABASE {}", identifier(role), identifier(database)),
    };
    Some(format!("ALTER {whose} SET {} TO {value}", name.join(".")))
}

/// Rights that somebody has granted or revoked.
async fn rights(talk: &Talk, old: &str, new: &str) -> Result<Vec<String>, BackupError> {
    let sql = format!(
        "SELECT coalesce(pg_catalog.pg_get_userbyid(nullif(g.grantee, 0)), ''), g.privilege_type, g.is_grantable \
         FROM pg_catalog.pg_database AS d, pg_catalog.aclexplode(d.datacl) AS g WHERE d.datname = {} ",
        literal(old)
    );
    let rows = talk.ask("carry over the rights on the database", &sql).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let mut statements = vec![format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", identifier(new))];
    for row in rows {
        if let [Some(role), Some(right), Some(grantable)] = &row[..] {
            let whom = if role.is_empty() { "PUBLIC".to_owned() } else { identifier(role) };
            let more = if grantable == "t" { " WITH GRANT OPTION" } else { "" };
            statements.push(format!("GRANT {right} ON DATABASE {} TO {whom}{more}", identifier(new)));
        }
    }
    Ok(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_database_come_along() {
        let sql = |role, text| setting("new", role, text).unwrap();
        assert_eq!(
            sql("", "search_path=app, \"$user\""),
            "ALTER DATABASE \"new\" SET \"search_path\" TO app, \"$user\""
        );
        assert_eq!(
            sql("bot", "app.name=it's"),
            "ALTER ROLE \"bot\" IN DATABASE \"new\" SET \"app\".\"name\" TO 'it''s'"
        );
    }
}
