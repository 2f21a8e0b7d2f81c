//! What is passed on, as it is, and what is not.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests stand outside the program")]

mod support;

use config::Upstream;
use proxy::{Block, Certificates, Door, Settings, Times, USUAL};
use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};
use support::{App, LIMIT, Message, PROOF, Running, Talk, running, running_at, until};
use testkit::TempDir;
use tokio::time::{Instant, timeout};

/// Shows the application's side of each request, and answers with an empty page.
async fn listener_in() -> (App, Arc<Mutex<Vec<Message>>>) {
    let messages = Arc::new(Mutex::new(Vec::new()));
    let noted = messages.clone();
    let app = App::with(move |mut talk: Talk, _| {
        let noted = noted.clone();
        async move {
            while let Some(message) = talk.request().await {
                noted.lock().unwrap().push(message);
                talk.say("HTTP/1.1 204 No Content\r\nKeep-Alive: timeout=5\r\nX-App: 1\r\n\r\n").await;
            }
        }
    })
    .await;
    (app, messages)
}

/// One that says these bytes to every request, and closes.
async fn saying(text: &'static str) -> App {
    App::with(move |mut talk: Talk, seen| async move {
        if let Some(message) = talk.request().await {
            seen.lock().unwrap().push(message.head);
            talk.say(text).await;
        }
    })
    .await
}

/// S4.9: what the application and whoever asks get to see of each other.
#[tokio::test]
async fn heads_are_passed_on_without_what_belongs_to_the_connection() {
    let (app, messages) = listener_in().await;
    let running = running(Settings::default()).to(&app).await;
    let answer = running
        .ask("GET http://shop.example/a?b=c HTTP/1.1\r\nHost: other\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-Forwarded-For: 10.1.1.1\r\nExpect: 100-continue\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 204 No Content\r\n") && answer.contains("x-app: 1\r\n"), "{answer}");
    assert!(!answer.to_lowercase().contains("keep-alive"), "{answer}");
    let messages = messages.lock().unwrap();
    assert_eq!(messages[0].first(), "GET /a?b=c HTTP/1.1");
    let headers = messages[0].headers();
    let names: Vec<_> = headers.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["forwarded", "host", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id"]
    );
    assert_eq!((&*headers["host"], &*headers["x-forwarded-for"]), ("shop.example", "127.0.0.1"));
}

/// Neither waits for the end of the other: a body goes on piece by piece, and so does its answer.
#[tokio::test]
async fn bodies_stream_in_both_directions_at_once() {
    let app = App::with(|mut talk: Talk, _| async move {
        talk.until("\r\n\r\n").await.unwrap();
        talk.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n").await;
        for _ in 0..3 {
            talk.until("\r\n").await.unwrap();
            let piece = String::from_utf8(talk.until("\r\n").await.unwrap()).unwrap();
            talk.say(&format!("2\r\n{piece}")).await;
        }
        talk.say("0\r\nX-Sum: 6\r\n\r\n").await;
        talk.rest().await;
    })
    .await;
    let running = running(Settings::default()).to(&app).await;
    let mut talk = running.connect().await;
    talk.say("POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    for piece in ["aa", "bb", "cc"] {
        talk.say(&format!("2\r\n{piece}\r\n")).await;
        talk.until(&format!("2\r\n{piece}\r\n")).await.unwrap();
    }
    talk.say("0\r\n\r\n").await;
    assert_eq!(talk.until("\r\n\r\n").await.unwrap(), b"0\r\nx-sum: 6\r\n\r\n", "trailers are passed on");
}

#[tokio::test]
async fn who_asks_whether_to_go_on_is_told_so() {
    let (app, messages) = listener_in().await;
    let running = running(Settings::default()).to(&app).await;
    let mut talk = running.connect().await;
    talk.say("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!(talk.until("\r\n\r\n").await.unwrap(), b"HTTP/1.1 100 Continue\r\n\r\n");
    talk.say("body").await;
    assert_eq!(talk.answer().await.unwrap().status(), 204);
    assert_eq!(messages.lock().unwrap()[0].body, b"body");
}

/// Half an answer never looks like a whole one.
#[tokio::test]
async fn truncated_answers_are_passed_on_as_truncated() {
    for (said, passed) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "half"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", "4\r\nhalf\r\n"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n", "4\r\nhalf\r\n"),
    ] {
        let app = saying(said).await;
        let running = running(Settings::default()).to(&app).await;
        let answer = running.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        // What was not sent when the connection was lost may be missing; what must not be there is an end.
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        assert!(passed.starts_with(body), "{said:?}: {answer:?}");
    }
}

/// What cannot be understood is an error of the application, with a reason.
#[tokio::test]
async fn answers_that_are_none_become_pages_with_a_reason() {
    for (said, reason, status, times) in [
        ("", "closed", 502, 2),
        ("HTTP/1.1 200 OK\r\nContent-Le", "closed", 502, 2),
        ("what?\r\n\r\n", "garbled", 502, 1),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "garbled", 502, 1),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "garbled", 502, 1),
    ] {
        let app = saying(said).await;
        let running = running(Settings::default()).to(&app).await;
        let answer = running.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{said:?}: {answer}");
        assert!(answer.contains(&format!("mainstay-reason: {reason}\r\n")), "{said:?}: {answer}");
        assert_eq!(app.requests().len(), times, "{said:?}: only what may be repeated is, and once");
    }
    let app = saying("").await;
    let running = running(Settings::default()).to(&app).await;
    let answer = running.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx").await;
    assert!(answer.contains("mainstay-reason: closed\r\n"), "{answer}");
    assert_eq!(app.requests().len(), 1, "what may have been done is not done again");
}

/// A connection that the application closed while it was idle costs nobody a request, not even one that must not be repeated.
#[tokio::test]
async fn kept_connections_that_were_closed_cost_nobody_a_request() {
    let app = App::with(|mut talk: Talk, seen| async move {
        if let Some(message) = talk.request().await {
            seen.lock().unwrap().push(message.head);
            talk.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
    })
    .await;
    let running = running(Settings::default()).to(&app).await;
    let mut talk = running.connect().await;
    for number in 1..=50 {
        talk.say(&format!("POST /{number} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(talk.answer().await.unwrap().status(), 200);
        // The application's FIN is on its way; it is its turn to be noticed.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(app.requests().len(), 50);
}

/// Requests that two servers would read in two ways are refused, and nothing of them reaches the application.
#[tokio::test]
async fn requests_that_can_be_read_in_two_ways_are_refused() {
    let (app, messages) = listener_in().await;
    let running = running(Settings::default()).to(&app).await;
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    for request in [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello!",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded: 2\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\0\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let answer = running.ask(&format!("{request}{smuggled}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "), "{request:?}: {answer:?}");
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{request:?}: {answer:?}");
    }
    assert!(messages.lock().unwrap().is_empty(), "{:?}", messages.lock().unwrap());
    // A bad chunk comes after a good head: the application does not see an end of the body.
    let answer = running
        .ask("POST /chunk HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{answer:?}");
    let answer = running.ask("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    assert!(messages.lock().unwrap().is_empty(), "{:?}", messages.lock().unwrap());
}

/// Who asks slowly is cut off; so is who takes nothing. The application does not even hear of the first.
#[tokio::test]
async fn slow_clients_are_cut_off() {
    let times =
        Times { head: Duration::from_millis(300), write: Duration::from_millis(300), ..Settings::default().times };
    let app = App::with(|mut talk: Talk, seen| async move {
        while talk.request().await.is_some() {
            seen.lock().unwrap().push(String::new());
            let body = "x".repeat(64 << 20);
            talk.say(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        }
    })
    .await;
    let running = running(Settings { times, ..Settings::default() }).to(&app).await;
    for said in ["", "G", "PRI", "GET / HTTP/1.1\r\nHost: a\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: "] {
        let (mut talk, begun) = (running.connect().await, Instant::now());
        talk.say(said).await;
        talk.rest().await;
        assert!(begun.elapsed() >= times.head, "{said:?}");
    }
    assert!(app.requests().is_empty());
    let mut talk = running.connect().await;
    talk.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("the application is asked", || !app.requests().is_empty()).await;
    until("it is given up", || proxy::control::View::of(&running.proxy).in_flight.is_empty()).await;
    drop(talk);
}

/// An application that says nothing is given up; a tunnel may be silent for longer.
#[tokio::test]
async fn silence_of_the_application_ends_a_request_but_no_tunnel() {
    let times = Times { silence: Duration::from_millis(300), ..Settings::default().times };
    let app = App::with(|mut talk: Talk, _| async move {
        let request = talk.request().await.unwrap();
        if request.head.to_lowercase().contains("upgrade: x") {
            talk.say("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
            tokio::time::sleep(Duration::from_millis(900)).await;
            talk.say("late").await;
        }
        talk.rest().await;
    })
    .await;
    let running = running(Settings { times, ..Settings::default() }).to(&app).await;
    let mut tunnel = running.connect().await;
    tunnel.say("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").await;
    assert_eq!(tunnel.answer().await.unwrap().status(), 101);
    let answer = running.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 504 ") && answer.contains("mainstay-reason: timeout\r\n"), "{answer}");
    let answer = running.ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhe").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert_eq!(tunnel.bytes(4).await.unwrap(), b"late");
}

/// Who leaves takes the request along: the application can stop working on it.
#[tokio::test]
async fn the_application_is_told_when_whoever_asked_has_left() {
    let app = App::with(|mut talk: Talk, seen| async move {
        talk.request().await;
        seen.lock().unwrap().push("asked".to_owned());
        talk.rest().await;
        seen.lock().unwrap().push("left".to_owned());
    })
    .await;
    let running = running(Settings::default()).to(&app).await;
    let mut talk = running.connect().await;
    talk.say("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    until("it is asked", || app.requests() == ["asked"]).await;
    drop(talk);
    until("it is told", || app.requests() == ["asked", "left"]).await;
    assert!(proxy::control::View::of(&running.proxy).in_flight.is_empty());
}

/// S4.9
#[tokio::test]
async fn blocked_paths_are_not_there() {
    let (app, messages) = listener_in().await;
    let running = running(Settings { block: Block::new(USUAL).unwrap(), ..Settings::default() }).to(&app).await;
    for path in ["/.env", "/x/index.php", "/.git/config?x=1"] {
        let answer = running.ask(&format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("mainstay-reason: blocked\r\n"), "{answer}");
    }
    assert!(messages.lock().unwrap().is_empty());
}

#[tokio::test]
async fn an_application_may_listen_on_a_unix_socket() {
    let dir = TempDir::new();
    let path = dir.path().join("app.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                while stream.read(&mut [0; 4096]).await.is_ok_and(|read| read > 0) {
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix").await.unwrap();
                }
            });
        }
    });
    let running = running(Settings::default());
    running.proxy.switch(Upstream::Unix(path), &PROOF, LIMIT).await.unwrap();
    assert!(running.ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.ends_with("unix"));
}

fn certificate(dir: &Path, name: &str) {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
}

async fn curl(arguments: Vec<String>) -> String {
    let output = tokio::task::spawn_blocking(move || {
        Command::new("curl").args(["-sS", "--max-time", "20", "-i"]).args(arguments).output().unwrap()
    });
    let output = timeout(LIMIT, output).await.unwrap().unwrap();
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// S4.9: HTTP/2 over TLS, HTTP/1.1 over TLS, headers for browsers, and a certificate that is renewed without a restart.
#[tokio::test]
async fn tls_with_both_versions_and_a_renewed_certificate() {
    let dir = TempDir::new();
    certificate(dir.path(), "first");
    let (certificate_file, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let certificates = Arc::new(Certificates::read(certificate_file.clone(), key).unwrap());
    let (app, messages) = listener_in().await;
    let settings = Settings { headers: proxy::secure_headers(), ..Settings::default() };
    let running: Running = running_at(settings, Door::Tls(certificates)).to(&app).await;
    let url = format!("https://localhost:{}/x", running.at.port());
    let trusting = |more: &[&str]| {
        let resolve = format!("localhost:{}:127.0.0.1", running.at.port());
        let all = [&["--cacert", certificate_file.to_str().unwrap(), "--resolve", &resolve, &url], more].concat();
        all.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let two = curl(trusting(&["--http2", "-H", "Cookie: a=1", "--data", "body"])).await;
    assert!(two.starts_with("HTTP/2 204"), "{two}");
    assert!(two.contains("strict-transport-security: max-age=31536000") && two.contains("x-app: 1"), "{two}");
    let one = curl(trusting(&["--http1.1"])).await;
    assert!(one.starts_with("HTTP/1.1 204"), "{one}");
    {
        let messages = messages.lock().unwrap();
        assert_eq!(messages[0].body, b"body");
        let headers = messages[0].headers();
        assert_eq!((&*headers["x-forwarded-proto"], &*headers["cookie"]), ("https", "a=1"));
        assert_eq!(headers["host"], format!("localhost:{}", running.at.port()));
    }
    certificate(dir.path(), "second");
    let begun = Instant::now();
    loop {
        let shown = curl(trusting(&["--http1.1"])).await;
        if shown.starts_with("HTTP/1.1 204") {
            break;
        }
        assert!(begun.elapsed() < LIMIT, "the new certificate is not shown: {shown}");
    }
}

/// HTTP/2 with prior knowledge, without TLS.
#[tokio::test]
async fn plain_http2_is_understood() {
    let (app, _) = listener_in().await;
    let running = running(Settings::default()).to(&app).await;
    let answer = curl(vec!["--http2-prior-knowledge".to_owned(), format!("http://{}/", running.at)]).await;
    assert!(answer.starts_with("HTTP/2 204"), "{answer}");
}

/// S4.9: 80 -> 443.
#[tokio::test]
async fn who_comes_without_tls_is_sent_to_the_same_place_with_it() {
    for (port, ask, answer) in [
        (443, "GET /a?b HTTP/1.1\r\nHost: shop.example:80\r\n\r\n", ("301", "https://shop.example/a?b")),
        (8443, "POST / HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 0\r\n\r\n", ("308", "https://[::1]:8443/")),
    ] {
        let answered = running_at(Settings::default(), Door::Redirect { port, challenges: None }).ask(ask).await;
        assert!(answered.starts_with(&format!("HTTP/1.1 {} ", answer.0)), "{answered}");
        assert!(answered.contains(&format!("location: {}\r\n", answer.1)), "{answered}");
    }
    let answered = running_at(Settings::default(), Door::Redirect { port: 443, challenges: None })
        .ask("GET / HTTP/1.1\r\nHost: a b/\r\n\r\n")
        .await;
    assert!(answered.starts_with("HTTP/1.1 400 "), "{answered}");
}
