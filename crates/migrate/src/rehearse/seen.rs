//! What is seen of a file: the relations before and after it, and the locks that it held at its end.

use serde::Serialize;
use std::fmt;

/// A mode of PostgreSQL's locks on tables (PostgreSQL manual, "Explicit Locking"), weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lock {
    /// Of those who read.
    AccessShare,
    /// Of SELECT FOR UPDATE and the like.
    RowShare,
    /// Of those who write.
    RowExclusive,
    /// Lets readers and writers be, but no other change of the schema.
    ShareUpdateExclusive,
    /// Holds up writers.
    Share,
    /// Holds up writers.
    ShareRowExclusive,
    /// Holds up writers, and readers that lock rows.
    Exclusive,
    /// Holds up everybody.
    AccessExclusive,
}

impl Lock {
    const NAMES: [(&'static str, Lock); 8] = [
        ("AccessShareLock", Lock::AccessShare),
        ("RowShareLock", Lock::RowShare),
        ("RowExclusiveLock", Lock::RowExclusive),
        ("ShareUpdateExclusiveLock", Lock::ShareUpdateExclusive),
        ("ShareLock", Lock::Share),
        ("ShareRowExclusiveLock", Lock::ShareRowExclusive),
        ("ExclusiveLock", Lock::Exclusive),
        ("AccessExclusiveLock", Lock::AccessExclusive),
    ];

    /// By its name in `pg_locks`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(it, _)| *it == name).map(|(_, lock)| *lock)
    }

    /// Whom it holds up, in a clause.
    pub fn holds_up(self) -> Option<&'static str> {
        match self {
            Lock::AccessExclusive => Some("holds up reads and writes"),
            Lock::Share | Lock::ShareRowExclusive | Lock::Exclusive => Some("holds up writes"),
            _ => None,
        }
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Lock::AccessShare => "ACCESS SHARE",
            Lock::RowShare => "ROW SHARE",
            Lock::RowExclusive => "ROW EXCLUSIVE",
            Lock::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Lock::Share => "SHARE",
            Lock::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Lock::Exclusive => "EXCLUSIVE",
            Lock::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}

/// How large something is in the real database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Size {
    /// Rows, as the planner estimates them; nothing when it was never analysed.
    pub rows: Option<u64>,
    /// Bytes, with its indexes.
    pub bytes: u64,
}

/// What a file did to a table that was there before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The table, with its schema where that is not the current one.
    pub table: String,
    /// The strongest lock that was held on it; nothing where a database has no such locks, or they were not seen.
    pub lock: Option<Lock>,
    /// It was written anew as a whole, or emptied by TRUNCATE.
    pub rewritten: bool,
    /// How large it is in the real database, where that is known.
    pub size: Option<Size>,
    #[serde(skip)]
    pub(super) place: (String, String),
}

/// Something that has a name in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relation {
    pub(super) id: String,
    pub(super) schema: String,
    pub(super) name: String,
    /// `table`, `index`, `view`, …
    pub(super) kind: String,
    /// What changes when it is written anew.
    pub(super) storage: String,
}

impl Relation {
    fn is_table(&self) -> bool {
        matches!(self.kind.as_str(), "table" | "partitioned table" | "materialized view" | "view" | "foreign table")
    }

    fn shown(&self, schema: &str) -> String {
        if self.schema == schema { self.name.clone() } else { format!("{}.{}", self.schema, self.name) }
    }

    fn with_kind(&self, schema: &str) -> String {
        format!("{} {}", self.kind, self.shown(schema))
    }
}

/// What a file did, see [`Rehearsed`](super::Rehearsed).
pub(super) struct Changes {
    pub(super) locks: Vec<Held>,
    pub(super) created: Vec<String>,
    pub(super) dropped: Vec<String>,
}

/// What a file did, from what was there before and after it and the locks that it held: relation and mode, as `pg_locks` has
/// them. `schema` is the current one.
pub(super) fn changes(before: &[Relation], after: &[Relation], locks: &[(String, String)], schema: &str) -> Changes {
    let is_in = |all: &[Relation], one: &Relation| all.iter().any(|it| it.id == one.id);
    let created = after.iter().filter(|it| !is_in(before, it)).map(|it| it.with_kind(schema)).collect();
    let dropped = before.iter().filter(|it| !is_in(after, it)).map(|it| it.with_kind(schema)).collect();
    let mut held: Vec<Held> =
        before.iter().filter(|it| it.is_table()).filter_map(|it| held(it, after, locks, schema)).collect();
    held.sort_by(|a, b| (b.lock, b.rewritten, &a.table).cmp(&(a.lock, a.rewritten, &b.table)));
    Changes { locks: held, created, dropped }
}

fn held(relation: &Relation, after: &[Relation], locks: &[(String, String)], schema: &str) -> Option<Held> {
    let modes = locks.iter().filter(|(id, _)| *id == relation.id).filter_map(|(_, mode)| Lock::named(mode));
    let lock = modes.max();
    let rewritten = after.iter().any(|it| it.id == relation.id && it.storage != relation.storage);
    let place = (relation.schema.clone(), relation.name.clone());
    let table = relation.shown(schema);
    (lock.is_some() || rewritten).then_some(Held { table, lock, rewritten, size: None, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relation(id: &str, name: &str, kind: &str, storage: &str) -> Relation {
        Relation {
            id: id.into(),
            schema: "public".into(),
            name: name.into(),
            kind: kind.into(),
            storage: storage.into(),
        }
    }

    /// S1.6: the strongest lock of each table that was there, what was written anew, what came and went.
    #[test]
    fn what_a_file_did_is_the_difference() {
        let before = [
            relation("1", "orders", "table", "1"),
            relation("2", "old", "table", "2"),
            relation("3", "orders_pkey", "index", "3"),
        ];
        let after = [
            relation("1", "orders", "table", "9"),
            relation("3", "orders_pkey", "index", "8"),
            relation("4", "new", "table", "4"),
        ];
        let lock = |id: &str, mode: &str| (id.to_owned(), mode.to_owned());
        let locks = [
            lock("1", "AccessShareLock"),
            lock("1", "AccessExclusiveLock"),
            lock("1", "ShareLock"),
            lock("2", "RowExclusiveLock"),
            lock("3", "AccessExclusiveLock"),
            lock("4", "AccessExclusiveLock"),
        ];
        let Changes { locks: held, created, dropped } = changes(&before, &after, &locks, "public");
        let held: Vec<_> = held.iter().map(|it| (it.table.as_str(), it.lock, it.rewritten)).collect();
        assert_eq!(held, [("orders", Some(Lock::AccessExclusive), true), ("old", Some(Lock::RowExclusive), false)]);
        assert_eq!((created, dropped), (vec!["table new".to_owned()], vec!["table old".to_owned()]));
        assert_eq!(changes(&before, &before, &[], "app").locks, []);
    }

    #[test]
    fn modes_are_ordered_by_whom_they_hold_up() {
        let order: Vec<_> = Lock::NAMES.iter().map(|(_, lock)| *lock).collect();
        assert!(order.is_sorted());
        assert_eq!(Lock::named("SIReadLock"), None);
        assert_eq!(Lock::ShareUpdateExclusive.holds_up(), None);
        assert_eq!(Lock::Share.holds_up(), Some("holds up writes"));
    }
}
