//! Certificates by ACME, from a real authority, in the proxy of `mainstay up`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests stand outside the program and play the machine it runs on"
)]

mod support;

use serde_json::Value;
use std::{
    fs,
    net::Ipv4Addr,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use support::{LIMIT, app, get, json, names, up};
use testkit::{Pebble, Test, find_component, free_port, wait_until};

/// As long as an authority gives one.
const LONG: Duration = Duration::from_secs(90 * 24 * 3600);

struct Shop {
    test: Test,
    authority: Pebble,
    https: u16,
    http: u16,
}

impl Shop {
    fn new(life: Duration) -> Self {
        let (https, http) = (free_port(), free_port());
        let authority = Pebble::start(http, life);
        let test = app(&format!(
            "name = \"shop\"\n[proxy]\nlisten = [\"127.0.0.1:{https}\"]\nredirect = [\"127.0.0.1:{http}\"]\n\
             [proxy.acme]\ndomains = [\"shop.test\"]\nagree = true\ndirectory = \"{}\"\nroot = \"{}\"\n\
             [services.web]\ncommand = [\"sh\", \"-c\", \"exec python3 -m http.server --bind 127.0.0.1 $PORT\"]\nport = \"auto\"\n",
            authority.directory(),
            authority.root().display()
        ));
        Self { test: test.file("price", "10"), authority, https, http }
    }

    /// The price, by whoever trusts that authority alone.
    fn price(&self) -> Option<String> {
        price(self.https, Some(&self.authority.issuer()))
    }

    fn certificate(&self) -> Value {
        json(&self.test, &["status"])["certificates"][0].clone()
    }

    fn kept(&self) -> String {
        fs::read_to_string(self.test.path().join("data/certificates/certificate.pem")).unwrap_or_default()
    }
}

/// By whoever trusts only `root`, or else anybody.
fn price(port: u16, root: Option<&Path>) -> Option<String> {
    let mut curl = Command::new(find_component("curl"));
    curl.args(["-sS", "--fail", "--max-time", "10", "--resolve", &format!("shop.test:{port}:127.0.0.1")]);
    match root {
        Some(root) => curl.arg("--cacert").arg(root),
        None => curl.arg("--insecure"),
    };
    let output = curl.arg(format!("https://shop.test:{port}/price")).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// S4.9: a certificate is there by itself, for its user alone; all but challenges are sent to HTTPS, and what is kept is used again.
#[test]
fn a_certificate_is_asked_for_and_kept() {
    let shop = Shop::new(LONG);
    let mut running = up(&shop.test);
    running.wait_for_line("the certificate for shop.test holds until", LIMIT);
    assert_eq!(shop.price().as_deref(), Some("10"));
    let seen = shop.certificate();
    assert_eq!((&seen["verdict"], &seen["names"]), (&"pass".into(), &serde_json::json!(["shop.test"])));
    assert_eq!(seen["days_left"], 89);
    let told = shop.test.again().args(["proxy", "status"]).run();
    told.code(0).stdout_has("certificate of shop.test: holds until");
    let directory = shop.test.path().join("data/certificates");
    assert_eq!(names(&directory), ["account.json", "certificate.pem", "state.json"]);
    for (name, mode) in [("", 0o700), ("account.json", 0o600), ("certificate.pem", 0o600), ("state.json", 0o600)] {
        assert_eq!(fs::metadata(directory.join(name)).unwrap().permissions().mode() & 0o777, mode, "{name}");
    }
    assert_eq!(get(shop.http, "/price").unwrap().0, 301);
    assert_eq!(get(shop.http, "/.well-known/acme-challenge/unknown").unwrap().0, 404);

    running.terminate();
    running.wait(LIMIT).code(0);
    let (before, issuer) = (shop.kept(), shop.authority.issuer());
    shop.authority.kill9();
    let _again = up(&shop.test);
    assert_eq!(price(shop.https, Some(&issuer)).as_deref(), Some("10"));
    assert_eq!((shop.kept(), shop.authority.issued()), (before, 1));
}

/// S4.9: nobody waits for an authority that is away; it is told, not asked again and again, and people may ask at once.
#[test]
fn an_authority_that_is_away_holds_up_nobody() {
    let shop = Shop::new(LONG);
    shop.authority.kill9();
    let mut running = up(&shop.test);
    running.wait_for_line("no certificate for shop.test: ", LIMIT);
    assert_eq!(price(shop.https, None).as_deref(), Some("10"));
    let seen = shop.certificate();
    assert_eq!((&seen["verdict"], &seen["until"]), (&"fail".into(), &Value::Null));
    let reason = seen["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("it is provisional, and browsers refuse it: ") && reason.contains("refused"),
        "{reason}"
    );
    let health = json(&shop.test, &["status"]);
    assert_eq!(health["health"], "degraded", "{health}");

    let refused = shop.test.again().args(["proxy", "renew"]).run();
    refused.code(1).stderr_has("error: there is no other certificate").stderr_has("refused the connection");
    shop.authority.start_again();
    shop.test.again().args(["proxy", "renew"]).run().code(0).stdout_has("certificate of shop.test: holds until");
    assert_eq!(shop.price().as_deref(), Some("10"));
    assert_eq!(shop.certificate()["verdict"], "pass");
}

/// S4.9: what the authority finds is told in its words, and it is left alone for a while then.
#[test]
fn a_refusal_is_told_in_the_words_of_the_authority() {
    let shop = Shop::new(LONG);
    shop.authority.lead_to(Ipv4Addr::new(127, 0, 0, 9));
    let mut running = up(&shop.test);
    let line = running.wait_for_line("no certificate for shop.test: shop.test: ", LIMIT);
    assert!(line.contains("refused") && line.contains("a provisional one is shown"), "{line}");
    let seen = shop.certificate();
    assert!(seen["next"].as_str().is_some() && seen["failure"].as_str().unwrap().contains("connection"), "{seen}");
    running.terminate();
    running.wait(LIMIT).code(0);

    // A start is no reason to ask again.
    let _again = up(&shop.test);
    assert_eq!((shop.authority.ordered(), shop.certificate()["failure"].is_string()), (1, true));
    shop.authority.lead_to(Ipv4Addr::LOCALHOST);
    shop.test.again().args(["proxy", "renew"]).run().code(0);
    assert_eq!(shop.price().as_deref(), Some("10"));
}

/// S4.9: it is renewed after two thirds of its life, and nobody notices.
#[test]
fn a_certificate_is_renewed_in_time_and_no_request_is_lost() {
    let shop = Shop::new(Duration::from_secs(15));
    let mut running = up(&shop.test);
    running.wait_for_line("the certificate for shop.test holds until", LIMIT);
    let (first, issuer, over) = (shop.kept(), shop.authority.issuer(), Arc::new(AtomicBool::new(false)));
    let asking = thread::spawn({
        let (over, port) = (over.clone(), shop.https);
        move || {
            let mut answers = Vec::new();
            while !over.load(Ordering::SeqCst) {
                answers.push(price(port, Some(&issuer)));
            }
            answers
        }
    });
    // Its own connection, kept from the first certificate to the second.
    let held = Command::new(find_component("python3"))
        .args(["-c", KEPT, &shop.https.to_string(), &shop.test.path().join("go").display().to_string()])
        .spawn();
    wait_until(LIMIT, "another certificate", || shop.authority.issued() >= 2 && shop.kept() != first);
    wait_until(LIMIT, "a few more answers", || shop.authority.issued() >= 3);
    fs::write(shop.test.path().join("go"), "").unwrap();
    assert!(held.unwrap().wait().unwrap().success(), "the connection was lost");
    over.store(true, Ordering::SeqCst);
    let answers = asking.join().unwrap();
    assert!(answers.len() > 20 && answers.iter().all(|it| it.as_deref() == Some("10")), "{answers:?}");
}

/// Asks once, waits for a file, and asks again on the same connection.
const KEPT: &str = r#"
import http.client, os, ssl, sys, time
context = ssl._create_unverified_context()
connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), context=context, timeout=60)
def ask():
    connection.request("GET", "/price")
    return connection.getresponse().read()
assert ask() == b"10"
socket = connection.sock
while not os.path.exists(sys.argv[2]): time.sleep(0.02); assert ask() == b"10"
assert ask() == b"10" and connection.sock is socket
"#;

/// S4.9: what was ordered before a kill is fetched afterwards, not ordered again.
#[test]
fn an_order_outlives_a_kill() {
    let shop = Shop::new(LONG);
    let mut killed = shop.test.again().args(["up"]).env("MAINSTAY_FAILPOINT", "kill:acme.issued").spawn();
    wait_until(LIMIT, "it is killed", || !killed.running());
    assert_eq!((shop.authority.issued(), shop.kept()), (1, String::new()));
    let mut running = up(&shop.test);
    running.wait_for_line("the certificate for shop.test holds until", LIMIT);
    assert_eq!(shop.price().as_deref(), Some("10"));
    assert_eq!((shop.authority.ordered(), shop.authority.issued()), (1, 1));
}
