//! Which rows a restore would take away: what is there now is counted and hashed, table by table, and compared with the copy.

use crate::{
    BackupError, Content, Copy, Job,
    content::Rows,
    postgres,
    proof::understood,
    sqlite::{self, CallOff},
};
use config::Target;
use report::count;
use serde::Serialize;
use std::{collections::BTreeMap, fmt, time::Duration};
use tokio::time::timeout;

/// What a restore would take away from one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The table.
    pub table: String,
    /// What of it.
    #[serde(flatten)]
    pub what: Loss,
}

/// What would be lost of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "loss")]
pub enum Loss {
    /// All of it: the copy does not have it.
    Table {
        /// So many rows.
        rows: u64,
    },
    /// There are more rows than in the copy. Whether others were changed as well cannot be told from sums.
    Rows {
        /// So many more.
        rows: u64,
    },
    /// Not more rows, but not those of the copy.
    Changed {
        /// So many fewer, which come back.
        fewer: u64,
    },
    /// It could not be looked at.
    CouldNotVerify {
        /// Why.
        why: String,
    },
}

/// What is known of a table now: its rows, or why not.
pub(crate) type Now = Result<Rows, String>;

/// Compares what is there now with the copy, within `limit`; tables with the same rows are left out. Changes nothing.
///
/// # Errors
/// It cannot be looked at, at all.
pub async fn lost(job: &Job<'_>, copy: &Copy, limit: Duration) -> Result<Vec<Lost>, BackupError> {
    let manifest = understood(copy)?;
    super::fits(job, &manifest)?;
    let (now, forms) = match job.target {
        Target::Postgres(dsn) => postgres::rows_now(job, dsn, &manifest.content, limit).await?,
        Target::Sqlite(path) => {
            let path = path.to_owned();
            let look = sqlite::blocking(move |call_off: &CallOff| {
                sqlite::content_now(&path, call_off).map_err(BackupError::sqlite("count the rows", &path))
            });
            match timeout(limit, look).await {
                Ok(content) => of_content(content?),
                Err(_) => return Ok(unknown(&manifest.content)),
            }
        }
        other => return Err(BackupError::WrongTarget { kind: other.kind() }),
    };
    Ok(compared(&manifest.content, &now, &forms))
}

fn of_content(content: Content) -> (BTreeMap<String, Now>, BTreeMap<String, String>) {
    let forms = forms(&content);
    (content.tables.into_iter().map(|(table, rows)| (table, Ok(rows))).collect(), forms)
}

fn unknown(content: &Content) -> Vec<Lost> {
    let why = "counting its rows took too long".to_owned();
    content.tables.keys().map(|table| of(table, Loss::CouldNotVerify { why: why.clone() })).collect()
}

fn of(table: &str, what: Loss) -> Lost {
    Lost { table: table.to_owned(), what }
}

/// What the tables are like, by their names: of PostgreSQL `form of`, of SQLite their `CREATE TABLE`.
fn forms(content: &Content) -> BTreeMap<String, String> {
    let named = |kind: &str, begin: &'static str| {
        let all = content.things.get(kind).into_iter().flatten();
        all.filter_map(move |(name, form)| Some((name.strip_prefix(begin)?.to_owned(), form.clone())))
            .collect::<Vec<_>>()
    };
    named("form of", "").into_iter().chain(named("schema", "table ")).collect()
}

fn compared(then: &Content, now: &BTreeMap<String, Now>, forms_now: &BTreeMap<String, String>) -> Vec<Lost> {
    let forms_then = forms(then);
    let one = |(table, rows): (&String, &Now)| {
        let same_form = forms_then.get(table) == forms_now.get(table);
        Some(of(table, loss(then.tables.get(table), rows, same_form)?))
    };
    now.iter().filter_map(one).collect()
}

fn loss(then: Option<&Rows>, now: &Now, same_form: bool) -> Option<Loss> {
    let now = match now {
        Ok(now) => now,
        Err(why) => return Some(Loss::CouldNotVerify { why: why.clone() }),
    };
    let Some(then) = then else { return Some(Loss::Table { rows: now.rows }) };
    if now.rows > then.rows {
        return Some(Loss::Rows { rows: now.rows - then.rows });
    }
    let fewer = then.rows - now.rows;
    match (&then.hash, &now.hash) {
        // No row, nothing that could be lost.
        _ if now.rows == 0 => None,
        (Some(before), Some(after)) if same_form && before == after && fewer == 0 => None,
        (Some(_), Some(_)) if same_form => Some(Loss::Changed { fewer }),
        (Some(_), Some(_)) => Some(Loss::CouldNotVerify {
            why: format!("its columns are others now; it has {}, as the copy or fewer", rows(now.rows)),
        }),
        _ => Some(Loss::CouldNotVerify { why: "this server cannot hash rows".to_owned() }),
    }
}

fn rows(number: u64) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), "row")
}

/// ``12 rows of `item`, and changes of others, which could not be verified``
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match &self.what {
            Loss::Table { rows: number } => write!(f, "table `{table}` with {}", rows(*number)),
            Loss::Rows { rows: number } => write!(f, "at least {} of `{table}`", rows(*number)),
            Loss::Changed { fewer: 0 } => write!(f, "changes of rows of `{table}`; could not verify of how many"),
            Loss::Changed { fewer } => {
                write!(f, "changes of rows of `{table}`, {} of which come back; could not verify which", rows(*fewer))
            }
            Loss::CouldNotVerify { why } => write!(f, "`{table}`: could not verify: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(rows: u64, hash: &str) -> Rows {
        Rows { rows, hash: Some(hash.to_owned()) }
    }

    /// S2.17: rows that a restore takes away are counted, and what cannot be counted is said to be unknown, never to be safe.
    #[test]
    fn what_is_lost_is_counted_or_called_unknown() {
        let then = some(3, "a");
        let told = |now: Now, same_form| {
            loss(Some(&then), &now, same_form).map(|what| of("item", what).to_string()).unwrap_or_default()
        };
        assert_eq!(told(Ok(some(3, "a")), true), "");
        assert_eq!(told(Ok(some(0, "")), true), "");
        assert_eq!(told(Ok(some(5, "b")), true), "at least 2 rows of `item`");
        assert_eq!(told(Ok(some(5, "b")), false), "at least 2 rows of `item`");
        assert_eq!(told(Ok(some(3, "b")), true), "changes of rows of `item`; could not verify of how many");
        assert!(told(Ok(some(2, "b")), true).contains("1 row of which"), "{}", told(Ok(some(2, "b")), true));
        assert!(told(Ok(some(3, "b")), false).contains("could not verify: its columns are others"));
        assert!(told(Err("it is locked".into()), true).contains("could not verify: it is locked"));
        assert!(told(Ok(Rows { rows: 3, hash: None }), true).contains("could not verify"));
        let whole = loss(None, &Ok(some(7, "c")), false).map(|what| of("new", what).to_string());
        assert_eq!(whole.as_deref(), Some("table `new` with 7 rows"));
    }
}
