//! What those have left in a bucket who were killed.

use super::Remote;
use crate::{BackupError, Job, manifest};
use jiff::{Timestamp, ToSpan};
use objects::Object;
use std::{collections::BTreeSet, time::Duration};

/// Somebody else may be at work on what is younger.
const AGE: Duration = Duration::from_secs(24 * 3600);

impl Remote {
    /// Looks whether copies of the database can be brought here, and removes what is left of those that never came whole.
    pub(crate) async fn make_ready(&self, job: &Job<'_>, database: &str) -> Result<(), BackupError> {
        let beginning = format!("{}/{database}/", job.app);
        let doing = format!("copies cannot be stored in `{}`", self.bucket.settings());
        let listed = self.bucket.list(&beginning).await.map_err(self.error(doing))?;
        for object in left_over(&listed, &beginning, job.now()) {
            // The next one tries again.
            let _ = self.bucket.delete(&object.key).await;
        }
        // Not every server knows the question; then its own rules have to see to it.
        let _ = self.bucket.abort_unfinished(&beginning, AGE).await;
        Ok(())
    }
}

/// Objects below directories of copies that have no manifest, and are old.
fn left_over<'a>(listed: &'a [Object], beginning: &str, now: Timestamp) -> Vec<&'a Object> {
    let copy = |object: &'a Object| object.key.strip_prefix(beginning)?.split_once('/');
    let whole: BTreeSet<_> =
        listed.iter().filter_map(copy).filter(|(_, name)| *name == manifest::NAME).map(|(id, _)| id).collect();
    let before = now - 24.hours();
    let is_left = |id: &str| id.parse::<crate::Id>().is_ok() && !whole.contains(id);
    let is_old = |object: &Object| object.modified.is_some_and(|modified| modified < before);
    listed.iter().filter(|it| is_old(it) && copy(it).is_some_and(|(id, _)| is_left(id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S1.16: only what belongs to no whole copy, lies where copies do, and is a day old.
    #[test]
    fn only_old_rests_go() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let object = |key: &str, hours: i64| Object {
            key: key.to_owned(),
            bytes: 1,
            tag: String::new(),
            modified: Some(now - hours.hours()),
        };
        let (whole, part) = ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAW");
        let listed = [
            object(&format!("shop/db/{whole}/a"), 99),
            object(&format!("shop/db/{whole}/manifest.json"), 99),
            object(&format!("shop/db/{part}/a"), 25),
            object(&format!("shop/db/{part}/b"), 23),
            object("shop/db/notes/a", 99),
            object("shop/db/a", 99),
        ];
        let left: Vec<_> = left_over(&listed, "shop/db/", now).iter().map(|object| object.key.as_str()).collect();
        assert_eq!(left, [format!("shop/db/{part}/a")]);
    }
}
