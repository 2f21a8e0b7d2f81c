//! Objects there and back, through faults.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

use config::{Credentials, Endpoint, S3};
use host::SystemClock;
use objects::{Bucket, ObjectError};
use report::Finding;
use std::{path::PathBuf, sync::Arc, time::Duration};
use testkit::{Fault, FaultProxy, S3Fault, S3Server, TempDir};

fn settings(server: &S3Server) -> S3 {
    let [(_, endpoint), (_, access_key), (_, secret)] = server.variables();
    let port = endpoint.rsplit_once(':').unwrap().1.parse().unwrap();
    S3 {
        bucket: "shop-backups".into(),
        prefix: "live/eu".into(),
        endpoint: Endpoint { tls: false, host: "127.0.0.1".into(), port, path_style: true },
        region: "us-east-1".into(),
        credentials: Some(Credentials { access_key, secret_key: secret.into(), session_token: None }),
        timeout: Duration::from_secs(5),
    }
}

fn bucket(s3: S3) -> Bucket {
    Bucket::new(s3, Arc::new(SystemClock))
}

/// A file of so many bytes that are all different.
fn file(dir: &TempDir, bytes: usize) -> (PathBuf, Vec<u8>) {
    let content: Vec<u8> = (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let path = dir.path().join("file");
    std::fs::write(&path, &content).unwrap();
    (path, content)
}

async fn fetched(bucket: &Bucket, key: &str) -> Result<Vec<u8>, ObjectError> {
    let mut all = Vec::new();
    let add = async |piece: objects::Bytes| {
        all.extend_from_slice(&piece);
        Ok(())
    };
    bucket.fetch(key, add).await?;
    Ok(all)
}

fn told(error: &ObjectError, s3: &S3) -> String {
    error.explain(Finding::error("x"), s3).to_string()
}

/// S1.16: small objects are written, read, listed page by page, and removed one by one.
#[tokio::test]
async fn objects_go_there_and_back() {
    let server = S3Server::start();
    server.page(2);
    let bucket = bucket(settings(&server));
    for number in 0..5 {
        bucket.put(&format!("shop/a&b/{number}"), format!("content {number}").into()).await.unwrap();
    }
    server.put("live/eu-other/shop/x", b"of somebody else");
    let listed = bucket.list("shop/").await.unwrap();
    let keys: Vec<_> = listed.iter().map(|object| (object.key.as_str(), object.bytes)).collect();
    let wanted = ["shop/a&b/0", "shop/a&b/1", "shop/a&b/2", "shop/a&b/3", "shop/a&b/4"];
    assert_eq!(keys, wanted.map(|key| (key, 9)));
    assert_eq!(bucket.get("shop/a&b/3", 100).await.unwrap().unwrap(), b"content 3");
    assert!(bucket.get("shop/a&b/3", 3).await.is_err(), "it is larger");
    assert_eq!(bucket.get("shop/nothing", 100).await.unwrap(), None);
    bucket.delete("shop/a&b/3").await.unwrap();
    bucket.delete("shop/a&b/3").await.unwrap();
    assert_eq!(bucket.list("shop/").await.unwrap().len(), 4);
}

/// S1.16: a bucket with more names than a store lists at once (1,000) is seen whole, each name once, whatever lies beside.
#[tokio::test]
async fn more_names_than_one_answer_holds_are_listed() {
    let server = S3Server::start();
    let bucket = bucket(settings(&server));
    for number in 0..2_345 {
        server.put(&format!("live/eu/shop/{number:04}"), b"a copy");
        server.put(&format!("live/eu/shop-test/{number:04}"), b"of another application");
    }
    let keys = |listed: Vec<objects::Object>| listed.into_iter().map(|object| object.key).collect::<Vec<_>>();
    let wanted: Vec<_> = (0..2_345).map(|number| format!("shop/{number:04}")).collect();
    assert!(keys(bucket.list("shop/").await.unwrap()) == wanted);
    // The last name of a page is gone while the next one is asked for by it.
    bucket.delete("shop/0999").await.unwrap();
    let rest: Vec<_> = wanted.into_iter().filter(|key| key != "shop/0999").collect();
    assert!(keys(bucket.list("shop/").await.unwrap()) == rest);
}

/// S1.16: a large file goes in parts, and comes back as it was, through every fault that heals.
#[tokio::test]
async fn faults_that_heal_are_lived_through() {
    let faults = [
        S3Fault::Status(500, 2),
        S3Fault::Status(503, 2),
        S3Fault::Status(429, 2),
        S3Fault::Cut(2),
        S3Fault::CutObjects(3),
        S3Fault::LoseUploads(1),
        S3Fault::Slow(Duration::from_millis(100)),
    ];
    let dir = TempDir::new();
    let (path, content) = file(&dir, 20 << 20);
    for fault in faults {
        let server = S3Server::start();
        server.add(fault.clone());
        let bucket = bucket(settings(&server));
        bucket
            .send("shop/db/file", &path, content.len() as u64)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(fetched(&bucket, "shop/db/file").await.unwrap() == content, "{fault:?}");
        assert_eq!(server.unfinished(), 0, "{fault:?}");
    }
}

/// S1.16: an upload that fails is taken back, and what was there before stays.
#[tokio::test]
async fn a_failed_upload_leaves_nothing() {
    let server = S3Server::start();
    let bucket = bucket(settings(&server));
    let dir = TempDir::new();
    let (path, content) = file(&dir, 20 << 20);
    server.put("live/eu/shop/file", b"before");
    server.add(S3Fault::LoseUploads(99));
    let error = bucket.send("shop/file", &path, content.len() as u64).await.unwrap_err();
    assert!(error.to_string().starts_with("NoSuchUpload"), "{error}");
    server.heal();
    // The file is shorter than it was when its parts were counted.
    let error = bucket.send("shop/file", &path, content.len() as u64 + (9 << 20)).await.unwrap_err();
    assert!(matches!(error, ObjectError::File(_)), "{error}");
    assert_eq!(server.unfinished(), 0);
    assert_eq!(server.objects()["live/eu/shop/file"], b"before");
}

/// S1.16: what was left by somebody who was killed is taken back a day later, not before; a server that cannot say is told so.
#[tokio::test]
async fn left_over_uploads_are_swept() {
    let server = S3Server::start();
    let bucket = bucket(settings(&server));
    let dir = TempDir::new();
    let (path, content) = file(&dir, 9 << 20);
    server.add(S3Fault::Refuse("PUT"));
    let sending = bucket.send("shop/file", &path, content.len() as u64);
    tokio::time::timeout(Duration::from_millis(300), sending).await.unwrap_err();
    let day = Duration::from_secs(86_400);
    assert_eq!((server.unfinished(), bucket.abort_unfinished("shop/", day).await.unwrap()), (1, 0));
    server.age_uploads();
    assert_eq!(bucket.abort_unfinished("other/", day).await.unwrap(), 0);
    assert_eq!((bucket.abort_unfinished("shop/", day).await.unwrap(), server.unfinished()), (1, 0));
    server.add(S3Fault::NoListOfUploads);
    assert!(bucket.abort_unfinished("shop/", day).await.unwrap_err().to_string().starts_with("NotImplemented"));
}

/// S1.16: whoever is not let in is told why and what to do, at once, and never the key.
#[tokio::test]
async fn refusals_are_explained() {
    let server = S3Server::start();
    let right = settings(&server);
    let known = || right.credentials.clone().unwrap();
    let wrong_key = Credentials { secret_key: "another-secret".into(), ..known() };
    let nobody = Credentials { access_key: "NOBODY".into(), ..known() };
    let table = [
        (S3 { bucket: "shop-nothing".into(), ..right.clone() }, "NoSuchBucket", "make the bucket `shop-nothing`"),
        (S3 { credentials: Some(wrong_key), ..right.clone() }, "SignatureDoesNotMatch", "check AWS_ACCESS_KEY_ID"),
        (S3 { credentials: Some(nobody), ..right.clone() }, "InvalidAccessKeyId", "check AWS_ACCESS_KEY_ID"),
        (S3 { credentials: None, ..right.clone() }, "error: x", "set AWS_ACCESS_KEY_ID"),
    ];
    for (s3, seen, hint) in table {
        let before = server.requests().len();
        let error = bucket(s3.clone()).list("shop/").await.unwrap_err();
        let told = told(&error, &s3);
        assert!(told.contains(seen) && told.contains(hint), "{told}");
        assert!(!told.contains("secret") || told.contains("secret_key"), "{told}");
        assert_eq!(error.outcome(), report::Outcome::Misused);
        assert!(server.requests().len() <= before + 1, "asking again mends nothing");
    }
    server.add(S3Fault::Expired);
    let error = bucket(right.clone()).put("a", "b".into()).await.unwrap_err();
    assert!(told(&error, &right).contains("get new ones"), "{}", told(&error, &right));
}

/// S1.16: a server that says nothing is given up within the time that was configured, and that fault heals like another.
#[tokio::test]
async fn silence_is_noticed() {
    let server = S3Server::start();
    let right = settings(&server);
    let proxy = FaultProxy::start(right.endpoint.port);
    let s3 = S3 {
        endpoint: Endpoint { port: proxy.port(), ..right.endpoint.clone() },
        timeout: Duration::from_millis(200),
        ..right
    };
    let bucket = bucket(s3.clone());
    bucket.put("a", "b".into()).await.unwrap();
    proxy.set(Fault::Stall);
    // What is on its way just then may still pass.
    let error = loop {
        if let Err(error) = bucket.put("a", "b".into()).await {
            break error;
        }
    };
    assert!(error.to_string().starts_with("no answer from"), "{error}");
    proxy.set(Fault::Refuse);
    let error = bucket.list("a").await.unwrap_err();
    assert!(told(&error, &s3).contains("check `endpoint`"), "{}", told(&error, &s3));
    proxy.set(Fault::Pass);
    assert_eq!(bucket.get("a", 9).await.unwrap().unwrap(), b"b");
}
