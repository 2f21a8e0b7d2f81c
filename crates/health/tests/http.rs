//! The pages over real connections on the loopback.
#![allow(clippy::unwrap_used, reason = "a helper that panics fails its test")]

mod common;

use common::*;
use database::ServerState;
use health::{
    Board, Phase,
    http::{Pages, Served, serve},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// Nothing here may take longer.
const LIMIT: Duration = Duration::from_secs(30);

/// Serves the pages of `board` while `test` runs.
async fn served(board: &Board, pages: Pages, test: impl AsyncFnOnce(SocketAddr)) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = Served { board: board.clone(), pages, hook: None };
    tokio::select! {
        ended = serve(listener, served, host::handover::Door::default()) => panic!("the server ended: {ended:?}"),
        done = timeout(LIMIT, test(address)) => done.expect("in time"),
    }
}

/// Sends `request` as it is and returns all that comes back.
async fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = exchange(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// S2.9: the pages, their aliases and their codes, at the gate, running and critical.
#[tokio::test]
async fn pages_and_codes() {
    let board = board(&[database("main")]);
    served(&board, Pages::Health, async |address| {
        let codes = async || {
            let mut codes = Vec::new();
            for path in ["/healthz", "/health", "/readyz", "/ready", "/livez"] {
                codes.push(get(address, path).await.0);
            }
            codes
        };
        assert_eq!(codes().await, [200, 200, 503, 503, 200], "at the gate");
        passes(&board, "main");
        board.phase(Phase::Watch);
        assert_eq!(codes().await, [200, 200, 200, 200, 200], "running");
        fails(&board, "main", ServerState::Down, "connection refused");
        assert_eq!(codes().await, [503, 503, 503, 503, 200], "critical");
        let (_, body) = get(address, "/healthz?verbose=1").await;
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((&body["ok"], &body["db"], &body["status"]), (&false.into(), &false.into(), &"critical".into()));
    })
    .await;
}

/// HEAD has the head of GET and no body; other methods and pages are refused by name; nothing is cached.
#[tokio::test]
async fn manners() {
    let board = board(&[]);
    served(&board, Pages::Health, async |address| {
        let head = exchange(address, "HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let body = get(address, "/healthz").await.1;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
        assert!(head.contains("cache-control: no-store\r\n"), "{head}");
        assert!(head.contains("content-type: application/json\r\n"), "{head}");
        let post = exchange(address, "POST /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await;
        assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"), "{post}");
        assert_eq!(get(address, "/").await.0, 404);
        assert_eq!(get(address, "/metrics").await.0, 404, "off by default");
        let nonsense = exchange(address, "\x01\x02\r\n\r\n").await;
        assert!(nonsense.starts_with("HTTP/1.1 400 "), "{nonsense}");
        let large = exchange(address, &format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(8192))).await;
        assert!(large.starts_with("HTTP/1.1 431 "), "{large}");
    })
    .await;
}

/// S2.10: on a port of their own, metrics are the only page.
#[tokio::test]
async fn metrics_beside_health_or_alone() {
    let board = board(&[database("main")]);
    served(&board, Pages::Metrics, async |address| {
        assert_eq!(get(address, "/healthz").await.0, 404);
        let (code, body) = get(address, "/metrics").await;
        assert!(code == 200 && body.ends_with("# EOF\n"), "{body}");
    })
    .await;
    let board = common::board(&[]);
    served(&board, Pages::HealthAndMetrics, async |address| {
        assert_eq!((get(address, "/healthz").await.0, get(address, "/metrics").await.0), (200, 200));
    })
    .await;
}

/// A client that never ends its request is cut off, and meanwhile others are served.
#[tokio::test]
async fn a_slow_client_is_cut_off_and_holds_up_nobody() {
    let board = board(&[]);
    served(&board, Pages::Health, async |address| {
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET /healthz HTTP/1.1\r\nx: ").await.unwrap();
        assert_eq!(get(address, "/healthz").await.0, 200);
        let mut rest = Vec::new();
        // Closed or reset, either way it is over.
        let _ = timeout(Duration::from_secs(9), slow.read_to_end(&mut rest)).await.expect("cut off");
    })
    .await;
}

/// Many idle connections cannot keep a prober out: the oldest has to go.
#[tokio::test]
async fn a_crowd_of_idle_clients_does_not_keep_a_prober_out() {
    let board = board(&[]);
    served(&board, Pages::Health, async |address| {
        let mut crowd = Vec::new();
        for _ in 0..100 {
            crowd.push(TcpStream::connect(address).await.unwrap());
        }
        let answered =
            timeout(Duration::from_secs(3), get(address, "/readyz")).await.expect("without waiting for them");
        assert_eq!(answered.0, 503);
        let _ = crowd[0].read(&mut [0; 1]).await;
        let last = timeout(Duration::from_millis(50), crowd[99].read(&mut [0; 1])).await;
        assert!(last.is_err(), "the newest is still held");
    })
    .await;
}
