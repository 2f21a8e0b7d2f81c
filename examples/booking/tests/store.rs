//! The rules of the application, on both databases, with its own migrations.
#![allow(clippy::disallowed_methods, reason = "tests stand outside the program")]

use booking::{Error, Store, loops, settings::Database};
use std::{fs, path::Path, sync::Arc, time::Duration};
use testkit::Cluster;
use tokio::task::JoinSet;

fn migrations() -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

async fn on_sqlite(dir: &Path) -> Arc<Store> {
    let file = dir.join("booking.db");
    rusqlite::Connection::open(&file).unwrap().execute_batch(&migrations()).unwrap();
    Arc::new(Store::open(&Database::Sqlite(file)).await.unwrap())
}

async fn on_postgres(cluster: &Cluster) -> Arc<Store> {
    let (client, connection) = tokio_postgres::connect(&cluster.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&migrations()).await.unwrap();
    Arc::new(Store::open(&Database::Postgres(cluster.url())).await.unwrap())
}

/// Twenty people want one slot at once: one gets it, nineteen are told so.
async fn nobody_is_booked_twice(store: Arc<Store>) {
    let slot = store.add_slot("workshop", 1_800_000_000).await.unwrap();
    let mut rush = JoinSet::new();
    for person in 0..20 {
        let (store, slot) = (store.clone(), slot.id.clone());
        rush.spawn(async move { store.book(&slot, &format!("person {person}"), 1_700_000_000).await });
    }
    let results = rush.join_all().await;
    let taken = results.iter().filter(|result| matches!(result, Err(Error::Conflict("the slot is taken")))).count();
    assert_eq!((results.iter().filter(|result| result.is_ok()).count(), taken), (1, 19), "{results:?}");
    assert_eq!(store.free_slots("workshop", 0, i64::MAX).await.unwrap(), []);
}

async fn a_cancelled_slot_is_free_again(store: Arc<Store>) {
    let slot = store.add_slot("consultation", 1_800_000_000).await.unwrap();
    assert_eq!(slot.ends_at - slot.starts_at, 30 * 60);
    let booking = store.book(&slot.id, "Ada", 1_700_000_000).await.unwrap();
    assert_eq!(store.cancel(&booking.id).await.unwrap().status, "cancelled");
    assert_eq!(store.free_slots("consultation", 0, i64::MAX).await.unwrap(), [slot]);
}

/// S4.3: completion and reminder, each exactly once.
async fn the_loops_complete_and_remind_once(store: Arc<Store>) {
    let (now, hour) = (1_900_000_000, Duration::from_secs(3600));
    let past = store.add_slot("consultation", now - 7200).await.unwrap();
    let soon = store.add_slot("consultation", now + 1800).await.unwrap();
    let past = store.book(&past.id, "Ada", now - 9000).await.unwrap();
    let soon = store.book(&soon.id, "Grace", now - 9000).await.unwrap();
    loops::round(&store, now, hour).await.unwrap();
    assert_eq!(store.booking(&past.id).await.unwrap().status, "completed");
    assert_eq!(store.booking(&soon.id).await.unwrap().status, "booked");
    assert_eq!(store.remind(now, now + 3600).await.unwrap(), []);
    assert!(matches!(store.cancel(&past.id).await, Err(Error::Conflict("the booking is over"))));
}

async fn errors_say_what_is_wrong(store: Arc<Store>) {
    assert!(matches!(store.book("nothing", "Ada", 0).await, Err(Error::NotFound("slot"))));
    assert!(matches!(store.add_slot("nothing", 0).await, Err(Error::NotFound("service"))));
    assert!(matches!(store.add_service("Workshop", 30).await, Err(Error::Conflict("the name is taken"))));
    assert!(matches!(store.add_service("Endless", 100_000).await, Err(Error::Invalid(_))));
}

async fn all(store: Arc<Store>) {
    nobody_is_booked_twice(store.clone()).await;
    a_cancelled_slot_is_free_again(store.clone()).await;
    the_loops_complete_and_remind_once(store.clone()).await;
    errors_say_what_is_wrong(store).await;
}

/// S4.1, S4.3: on SQLite.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_hold_on_sqlite() {
    let dir = tempfile::tempdir().unwrap();
    all(on_sqlite(dir.path()).await).await;
}

/// S4.1, S4.3: on PostgreSQL, when `DATABASE_URL` says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_hold_on_postgres() {
    let cluster = Cluster::start();
    all(on_postgres(&cluster).await).await;
}

/// S3.7: the application goes on while its database is away, says so, and works again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_is_an_error_and_not_the_end() {
    let cluster = Cluster::start();
    let store = on_postgres(&cluster).await;
    store.ping().await.unwrap();
    cluster.kill9();
    assert!(matches!(store.ping().await, Err(Error::Database(_))));
    cluster.start_again();
    store.ping().await.unwrap();
}
