//! Another copy of the application becomes live while requests come.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use config::Upstream;
use proxy::{Proof, Settings, SwitchError, Unproven, traffic::Bounds};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::{App, LIMIT, PROOF, Talk, answer, running, until};
use tokio::{io::AsyncWriteExt, task::JoinSet, time::Instant};

const GET: &str = "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

/// S1.7: fifty switches under constant load; the copy before is killed as soon as the switch is over. Every request is answered
/// by exactly one copy, and none fails.
#[tokio::test]
async fn fifty_switches_under_load_lose_and_double_nothing() {
    let mut app = App::answering("app").await;
    let running = Arc::new(running(Settings::default()).to(&app).await);
    let (over, number, mut clients) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)), JoinSet::new());
    for client in 0..8 {
        let (running, over, number) = (running.clone(), over.clone(), number.clone());
        clients.spawn(async move {
            let mut asked = Vec::new();
            let mut talk = running.connect().await;
            while !over.load(Ordering::Relaxed) {
                let id = number.fetch_add(1, Ordering::Relaxed);
                // Half of them may not be sent twice, whatever happens.
                let request = match client % 2 {
                    0 => format!("GET /{id} HTTP/1.1\r\nHost: a\r\n\r\n"),
                    _ => format!("POST /{id} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody"),
                };
                talk.say(&request).await;
                let answer = talk.answer().await.expect("an answer");
                assert_eq!(answer.status(), 200, "{answer:?}");
                assert!(answer.text().contains(&format!("/{id} ")), "{answer:?}");
                asked.push(id);
            }
            asked
        });
    }
    let mut seen = Vec::new();
    for _ in 0..50 {
        let before = number.load(Ordering::Relaxed);
        until("requests come", || number.load(Ordering::Relaxed) > before + 20).await;
        let next = App::answering("app").await;
        let switched = running.switch(&next, LIMIT).await;
        assert_eq!((switched.from, switched.cut), (Some(Upstream::Tcp(app.at)), 0));
        let old = std::mem::replace(&mut app, next);
        seen.extend(old.requests());
        old.kill().await;
    }
    over.store(true, Ordering::Relaxed);
    let mut asked = 0;
    while let Some(client) = clients.join_next().await {
        asked += client.unwrap().len();
    }
    seen.extend(app.requests());
    let mut times = BTreeMap::new();
    seen.iter().for_each(|request| *times.entry(request).or_insert(0) += 1);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert_eq!((asked, times.len()), (number.load(Ordering::Relaxed), asked));
}

/// S1.7: a long download is finished by the copy that began it, and the switch waits for it.
#[tokio::test]
async fn a_long_download_drains() {
    let go = Arc::new(AtomicBool::new(false));
    let gone_on = go.clone();
    let old = App::with(move |mut talk, _| {
        let go = gone_on.clone();
        async move {
            talk.request().await;
            talk.say("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").await;
            until("the test goes on", || go.load(Ordering::Relaxed)).await;
            talk.say("later").await;
            talk.request().await;
        }
    })
    .await;
    let (running, new) = (Arc::new(running(Settings::default()).to(&old).await), App::answering("new").await);
    let mut download = running.connect().await;
    download.say("GET /file HTTP/1.1\r\nHost: a\r\n\r\n").await;
    download.until("first").await.unwrap();
    let (switching, at) = (running.clone(), new.at);
    let switch = tokio::spawn(async move { switching.proxy.switch(Upstream::Tcp(at), &PROOF, LIMIT).await });
    // Who comes now is answered by the new one.
    loop {
        let answer = running.ask(GET).await;
        if answer.ends_with("new GET /x HTTP/1.1") {
            break;
        }
    }
    assert!(!switch.is_finished(), "the old one still has a request");
    go.store(true, Ordering::Relaxed);
    assert_eq!(download.bytes(5).await.unwrap(), b"later");
    assert_eq!(switch.await.unwrap().unwrap().cut, 0);
}

/// S1.7: draining has an end; who is cut off can tell.
#[tokio::test]
async fn what_does_not_finish_is_cut_off_and_looks_cut_off() {
    let old = App::with(|mut talk: Talk, _| async move {
        talk.request().await;
        talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n").await;
        talk.request().await;
    })
    .await;
    let (running, new) = (running(Settings::default()).to(&old).await, App::answering("new").await);
    let mut download = running.connect().await;
    download.say("GET /file HTTP/1.1\r\nHost: a\r\n\r\n").await;
    download.until("first\r\n").await.unwrap();
    let switched = running.switch(&new, Duration::from_millis(200)).await;
    assert_eq!(switched.cut, 1);
    assert_eq!(download.rest().await, "", "no end of the body was made up");
    assert!(running.ask(GET).await.ends_with("new GET /x HTTP/1.1"));
}

/// S1.7: a WebSocket stays with its copy until one side has enough, or draining is over.
#[tokio::test]
async fn a_websocket_drains() {
    let old = App::with(|mut talk: Talk, seen| async move {
        let Some(request) = talk.request().await else { return };
        seen.lock().unwrap().push(request.head);
        talk.say("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello").await;
        while let Some(line) = talk.until("\n").await {
            talk.say(&format!("echo {}", String::from_utf8(line).unwrap())).await;
        }
    })
    .await;
    let (running, new) = (Arc::new(running(Settings::default()).to(&old).await), App::answering("new").await);
    let open = || async {
        let mut socket = running.connect().await;
        socket.say("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\r\n").await;
        let answer = socket.answer().await.unwrap();
        assert_eq!((answer.status(), &*answer.headers()["upgrade"]), (101, "websocket"));
        assert_eq!(socket.bytes(5).await.unwrap(), b"hello", "bytes right after the head are not lost");
        socket
    };
    let (mut leaves, mut stays) = (open().await, open().await);
    let switching = running.clone();
    let at = new.at;
    let switch =
        tokio::spawn(async move { switching.proxy.switch(Upstream::Tcp(at), &PROOF, Duration::from_secs(2)).await });
    until("the switch", || running.proxy_is_at_two()).await;
    leaves.say("one\n").await;
    assert_eq!(leaves.until("\n").await.unwrap(), b"echo one\n", "it is open while its copy drains");
    leaves.stream.shutdown().await.unwrap();
    assert_eq!(leaves.rest().await, "");
    assert!(!switch.is_finished());
    assert_eq!(switch.await.unwrap().unwrap().cut, 1);
    assert_eq!(stays.rest().await, "", "and closed when draining is over");
    assert!(old.requests()[0].to_lowercase().contains("connection: upgrade\r\n"), "{:?}", old.requests());
}

trait Draining {
    fn proxy_is_at_two(&self) -> bool;
}

impl Draining for support::Running {
    /// One that drains, and the live one.
    fn proxy_is_at_two(&self) -> bool {
        let view = proxy::control::View::of(&self.proxy);
        view.backends.iter().map(|it| &*it.state).eq(["draining", "live"])
    }
}

/// S1.7: requests wait while the application restarts, and none fails.
#[tokio::test]
async fn requests_wait_while_the_application_restarts() {
    let app = App::answering("before").await;
    let (at, running) = (app.at, Arc::new(running(Settings::default()).to(&app).await));
    let mut kept = running.connect().await;
    kept.say("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(kept.answer().await.unwrap().text(), "before GET /1 HTTP/1.1");
    app.kill().await;
    let mut waiting = JoinSet::new();
    for _ in 0..20 {
        let running = running.clone();
        waiting.spawn(async move {
            running.ask("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await
        });
    }
    kept.say("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("all of them wait", || proxy::control::View::of(&running.proxy).waiting == 21).await;
    let listener = tokio::net::TcpListener::bind(at).await.unwrap();
    let app = App::on(listener, |talk, seen| answer("after", talk, seen));
    assert_eq!(kept.answer().await.unwrap().text(), "after GET /2 HTTP/1.1");
    while let Some(answer) = waiting.join_next().await {
        assert!(answer.unwrap().ends_with("after POST /2 HTTP/1.1"));
    }
    assert_eq!(app.requests().len(), 21);
}

/// S1.7: waiting is bounded in number and in time.
#[tokio::test]
async fn who_waits_too_long_and_who_is_one_too_many_is_told_when_to_come_again() {
    let hold = Bounds { requests: 1, time: Duration::from_millis(300) };
    let running = running(Settings { hold, ..Settings::default() });
    let mut first = running.connect().await;
    let begun = Instant::now();
    first.say(GET).await;
    until("it waits", || proxy::control::View::of(&running.proxy).waiting == 1).await;
    let second = running.ask(GET).await;
    assert!(second.starts_with("HTTP/1.1 503 ") && second.contains("mainstay-reason: hold-full\r\n"), "{second}");
    assert!(second.contains("retry-after: 1\r\n"), "{second}");
    let first = first.rest().await;
    assert!(first.contains("mainstay-reason: hold-over\r\n"), "{first}");
    assert!(begun.elapsed() >= hold.time);
}

/// S1.7: a copy that does not answer, or says no, never becomes live.
#[tokio::test]
async fn who_is_not_proven_is_sent_nothing() {
    let app = App::answering("old").await;
    let running = running(Settings::default()).to(&app).await;
    let sick = App::with(|mut talk: Talk, seen| async move {
        while let Some(request) = talk.request().await {
            seen.lock().unwrap().push(request.first().to_owned());
            talk.say("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    let proof = Proof { path: Some("/health".to_owned()), limit: Duration::from_millis(300) };
    let error = running.proxy.switch(Upstream::Tcp(sick.at), &proof, LIMIT).await.unwrap_err();
    let seen = Unproven::Status { path: "/health".to_owned(), status: 500 };
    assert_eq!(error, SwitchError::Unproven { to: Upstream::Tcp(sick.at), limit: proof.limit, seen });
    assert!(sick.requests().iter().all(|it| it == "GET /health HTTP/1.1"));
    let at = sick.at;
    sick.kill().await;
    let error = running.proxy.switch(Upstream::Tcp(at), &proof, LIMIT).await.unwrap_err();
    assert!(matches!(error, SwitchError::Unproven { seen: Unproven::NobodyThere, .. }), "{error:?}");
    assert!(running.ask(GET).await.ends_with("old GET /x HTTP/1.1"));
    assert_eq!(proxy::control::View::of(&running.proxy).backends.len(), 1, "who failed is forgotten");
}

/// S1.7: whoever stops finishes first.
#[tokio::test]
async fn a_stop_finishes_what_is_on_its_way_and_takes_nothing_new() {
    let go = Arc::new(AtomicBool::new(false));
    let gone_on = go.clone();
    let app = App::with(move |mut talk, seen| {
        let go = gone_on.clone();
        async move {
            talk.request().await;
            seen.lock().unwrap().push(String::new());
            until("the test goes on", || go.load(Ordering::Relaxed)).await;
            talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            talk.request().await;
        }
    })
    .await;
    let running = running(Settings::default()).to(&app).await;
    let (mut idle, mut busy) = (running.connect().await, running.connect().await);
    busy.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is on its way", || !app.requests().is_empty()).await;
    let proxy = running.proxy.clone();
    let stop = tokio::spawn(async move { proxy.stop(LIMIT).await });
    assert_eq!(idle.rest().await, "", "idle connections are closed");
    until("nobody is taken", || std::net::TcpStream::connect(running.at).is_err()).await;
    go.store(true, Ordering::Relaxed);
    let answer = busy.answer().await.unwrap();
    assert_eq!((answer.text(), &*answer.headers()["connection"]), ("ok".to_owned(), "close"));
    assert_eq!(stop.await.unwrap(), 0);
}
