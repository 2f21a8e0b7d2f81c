//! Everything else that can be waited for.

mod around;

use around::{context, dependency, limited};
use config::{Access, Target};
use database::{Patience, Refusal, ServerState};
use probe::{Ready, ask, http_get, wait};
use report::Recorder;
use std::{path::Path, time::Duration};
use testkit::{FakePostgres, Redis, TempDir};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, UnixListener},
};

const LONG: Duration = Duration::from_secs(30);

async fn once(url: &str, root: &Path) -> Result<Ready, Refusal> {
    let target = Target::parse(url).expect("a good URL");
    limited(ask(&target, Access::ReadWrite, Duration::from_secs(5), &context(root))).await
}

/// Answers each connection with the next of `answers`, the last one for ever.
async fn web(answers: Vec<&'static str>) -> (String, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/health?deep=1", listener.local_addr().expect("bound"));
    let serve = async move {
        let mut served = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = [0; 1024];
            let read = stream.read(&mut asked).await.unwrap_or(0);
            assert!(asked[..read].starts_with(b"GET /health?deep=1 HTTP/1.1\r\n"));
            let _ = stream.write_all(answers[served.min(answers.len() - 1)].as_bytes()).await;
            served += 1;
        }
    };
    (url, tokio::spawn(serve))
}

const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
const MOVED: &str = "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";

#[tokio::test]
async fn http_is_ready_by_its_status() {
    let root = TempDir::new();
    let (url, server) = web(vec![BUSY, GOOD, MOVED, GOOD]).await;
    let refusal = once(&url, root.path()).await.unwrap_err();
    assert_eq!(
        (refusal.state, refusal.to_string().as_str()),
        (ServerState::Starting, "answered 503 Service Unavailable")
    );
    assert_eq!(once(&url, root.path()).await.unwrap().what, "HTTP 200");
    assert_eq!(once(&url, root.path()).await.unwrap().what, "HTTP 302", "redirects are not followed");
    let refusal = once(&format!("{url}#status=204"), root.path()).await.unwrap_err();
    assert_eq!(refusal.to_string(), "answered 200 OK: wanted 204");
    server.abort();
}

#[tokio::test]
async fn http_bodies_are_bounded_and_garbage_is_told() {
    let long = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "x".repeat(200_000));
    let (url, server) = web(vec![Box::leak(long.into_boxed_str()), "SSH-2.0-OpenSSH\r\n", "HTTP/1.1 200 OK\r\n"]).await;
    let response = limited(http_get(&url, LONG)).await.unwrap();
    assert!(response.status == 200 && response.body.len() <= probe::LARGEST_BODY);
    assert_eq!(limited(http_get(&url, LONG)).await.unwrap_err().patience, Patience::Tries(3));
    assert!(limited(http_get(&url, LONG)).await.is_err(), "half a head");
    let tls = url.replace("http://", "https://");
    let refusal = limited(http_get(&tls, LONG)).await.unwrap_err();
    assert_eq!(refusal.code.as_deref(), Some("TLS"));
    server.abort();
}

/// An answer that does not come is not waited for longer than told.
#[tokio::test]
async fn http_keeps_its_time() {
    let server = FakePostgres::start([testkit::Answer::Silent]);
    let url = format!("http://127.0.0.1:{}/", server.port());
    let refusal = limited(http_get(&url, Duration::from_millis(200))).await.unwrap_err();
    assert_eq!(refusal.state, ServerState::Unreachable);
}

#[tokio::test]
async fn a_port_is_ready_when_it_accepts() {
    let root = TempDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    assert_eq!(once(&url, root.path()).await.unwrap().what, "TCP port");
    drop(listener);
    assert_eq!(once(&url, root.path()).await.unwrap_err().state, ServerState::Down);
}

/// A proxy without a server behind it accepts and resets.
#[tokio::test]
async fn a_port_that_resets_is_not_ready() {
    let root = TempDir::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let reset = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_zero_linger().unwrap();
        }
    });
    assert!(once(&url, root.path()).await.is_err());
    reset.abort();
}

/// Waiting for a port, a socket and a file that come later, all by the gate.
#[tokio::test]
async fn what_comes_later_is_noticed() {
    let root = TempDir::new();
    let socket = root.path().join("s");
    let file = root.path().join("f");
    let port = testkit::free_port();
    let urls =
        [format!("tcp://127.0.0.1:{port}"), format!("unix:{}", socket.display()), format!("file:{}", file.display())];
    let dependencies: Vec<_> = urls.iter().map(|url| dependency(url, LONG)).collect();
    let journal = Recorder::default();
    let ctx = context(root.path());
    let appear = async {
        while journal.texts().len() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let kept = (TcpListener::bind(("127.0.0.1", port)).await.unwrap(), UnixListener::bind(&socket).unwrap());
        root.write("f", "");
        kept
    };
    let all: Vec<_> = dependencies.iter().collect();
    let (opened, _kept) = limited(async { tokio::join!(probe::wait_all(&all, &ctx, &journal), appear) }).await;
    assert_eq!(
        opened.unwrap().iter().map(|it| it.ready.what.as_str()).collect::<Vec<_>>(),
        ["TCP port", "unix socket", "file"]
    );
    assert!(journal.texts()[..3].iter().all(|text| text.contains(": down, attempt 1, ")), "{:?}", journal.texts());
}

/// A Redis that loads its data answers, and is not ready.
#[tokio::test]
async fn a_loading_redis_is_waited_for() {
    let redis = Redis::loading(3);
    let journal = Recorder::default();
    let root = TempDir::new();
    let opened = limited(wait(&dependency(&redis.url(), LONG), &context(root.path()), &journal)).await.unwrap();
    assert_eq!(redis.command(&["PING"]), "PONG");
    assert!(opened.ready.what.starts_with("Redis "), "{}", opened.ready.what);
    let texts = journal.texts();
    assert!(texts[0].starts_with("waiting for main: recovering, ") && texts[0].contains("LOADING"), "{texts:#?}");
}

#[tokio::test]
async fn sqlite_is_looked_into() {
    let root = TempDir::new();
    root.write("bad.db", &"not a database, though it is long enough to be one. ".repeat(40));
    let refusal = once("sqlite:bad.db", root.path()).await.unwrap_err();
    assert_eq!(refusal.patience, Patience::None);
    let ready = once("sqlite:new.db", root.path()).await.unwrap();
    assert!(ready.what.starts_with("SQLite "), "{}", ready.what);
    assert!(!root.path().join("new.db").exists(), "asking creates nothing");
}
