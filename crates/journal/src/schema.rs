//! The tables, and how older ones become newer ones.

use rusqlite::{Connection, Error, ErrorCode, ffi};

/// The version that is written here.
pub const VERSION: i64 = STEPS.len() as i64;

/// `application_id` of the file: `msjl`.
const OURS: i64 = 0x6d73_6a6c;

/// Each step leads from one version to the next. Only ever added to: `tests/samples` holds a file of each version.
const STEPS: [&str; 1] = ["
    -- The lives of mainstay. Times are milliseconds since the epoch.
    CREATE TABLE starts (
        id INTEGER PRIMARY KEY,
        begun INTEGER NOT NULL,
        ready INTEGER,              -- when everything was up
        ended INTEGER,              -- when it ended, if it could say so
        app TEXT NOT NULL,
        version TEXT NOT NULL,      -- of mainstay
        release TEXT,               -- of the application
        pid INTEGER NOT NULL,
        first INTEGER NOT NULL      -- the id of its first event
    );
    CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        start INTEGER NOT NULL,
        number INTEGER NOT NULL,    -- within its start, from 1
        at INTEGER NOT NULL,
        level INTEGER NOT NULL,     -- 0 debug, 1 info, 2 warn, 3 error
        name TEXT NOT NULL,
        subject TEXT,               -- the service, job or dependency
        text TEXT NOT NULL,
        fields TEXT                 -- JSON
    );
    CREATE TABLE figures (
        span INTEGER NOT NULL,      -- 60 or 3600 seconds
        at INTEGER NOT NULL,        -- its beginning, in seconds since the epoch
        figure TEXT NOT NULL,
        subject TEXT NOT NULL,
        count INTEGER NOT NULL,
        min REAL NOT NULL,
        max REAL NOT NULL,
        sum REAL NOT NULL,
        PRIMARY KEY (span, at, figure, subject)
    ) WITHOUT ROWID;
"];

/// Why a file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is not whole, or no SQLite.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// A newer mainstay has written it.
    #[error("the file is of version {found}, and this mainstay knows version {VERSION}")]
    Newer { found: i64 },
    /// It is a database of somebody else.
    #[error("the file is a database, and not ours")]
    Foreign,
    /// The disk or somebody else's lock stands in the way.
    #[error("{0}")]
    Failing(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let words = crate::schema::words(&error);
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Fault::Damaged(words),
            _ => Fault::Failing(words),
        }
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Fault::Failing(error.to_string())
    }
}

/// What SQLite says, with its number.
pub(crate) fn words(error: &Error) -> String {
    match error {
        // Its shared index could not grow: that is how a full disk shows when it fills up before the first transaction.
        Error::SqliteFailure(code, _) if code.extended_code == ffi::SQLITE_IOERR_SHMSIZE => {
            format!("the disk may be full: its index cannot grow (SQLite error {})", code.extended_code)
        }
        Error::SqliteFailure(code, message) => {
            let words = message.clone().unwrap_or_else(|| code.to_string());
            format!("{words} (SQLite error {})", code.extended_code)
        }
        other => other.to_string(),
    }
}

/// Makes the tables in an empty file, and newer ones of older ones.
pub(crate) fn bring_up_to_date(connection: &mut Connection) -> Result<(), Fault> {
    match version(connection)? {
        0 => {
            // Before the first table, or it has no effect.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            migrate(connection, &STEPS, 0)
        }
        VERSION => Ok(()),
        found if found > VERSION => Err(Fault::Newer { found }),
        found => migrate(connection, &STEPS, found),
    }
}

/// The version of the file; 0 when there is nothing in it.
pub(crate) fn version(connection: &Connection) -> Result<i64, Fault> {
    let number = |pragma: &str| connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (number("application_id")?, number("user_version")?) {
        (OURS, version) => Ok(version),
        (0, 0) if tables == 0 => Ok(0),
        _ => Err(Fault::Foreign),
    }
}

fn migrate(connection: &mut Connection, steps: &[&str], from: i64) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let begin = usize::try_from(from).unwrap_or_default();
    for step in &steps[begin..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", OURS)?;
    transaction.pragma_update(None, "user_version", steps.len() as i64)?;
    Ok(transaction.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn an_empty_file_gets_the_tables_once() {
        let mut connection = opened();
        bring_up_to_date(&mut connection).unwrap();
        assert_eq!(version(&connection), Ok(VERSION));
        bring_up_to_date(&mut connection).unwrap();
    }

    /// Design, section 6: an older file becomes a newer one, step by step, and keeps what is in it.
    #[test]
    fn an_older_file_is_brought_up_to_date() {
        let mut connection = opened();
        let steps = [STEPS[0], "ALTER TABLE starts ADD COLUMN host TEXT", "CREATE TABLE more (n INTEGER)"];
        migrate(&mut connection, &steps[..1], 0).unwrap();
        connection.execute_batch("INSERT INTO starts VALUES (1, 0, 0, 0, 'shop', '0', NULL, 7, 1)").unwrap();
        migrate(&mut connection, &steps, 1).unwrap();
        let host: Option<String> = connection.query_row("SELECT host FROM starts", [], |row| row.get(0)).unwrap();
        assert_eq!((host, version(&connection)), (None, Ok(3)));
        assert_eq!(bring_up_to_date(&mut connection), Err(Fault::Newer { found: 3 }));
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut connection = opened();
        assert!(migrate(&mut connection, &[STEPS[0], "nonsense"], 0).is_err());
        assert_eq!(version(&connection), Ok(0));
    }

    #[test]
    fn what_somebody_else_has_made_is_left_alone() {
        let mut connection = opened();
        connection.execute_batch("CREATE TABLE theirs (n)").unwrap();
        assert_eq!(bring_up_to_date(&mut connection), Err(Fault::Foreign));
    }
}
