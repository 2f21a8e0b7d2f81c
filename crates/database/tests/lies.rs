//! Servers that lie: another protocol, words without an end, an end in the middle of the answer, another's certificate.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use config::{
    Access,
    dsn::{ChannelBinding, PostgresDsn, RedisDsn, RedisPlace, SslMode, Surroundings, postgres::parse},
};
use database::{Patience, Refusal, ServerState, postgres, redis};
use std::{
    future::Future,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

const LIMIT: Duration = Duration::from_secs(20);
/// More than a probe may keep, less than the buffers of the sockets and of the driver together.
const ENOUGH: usize = 32 * 1024 * 1024;

/// Sends each of `parts` when something was said to it, then `rest` again and again until nobody listens; counts that.
struct Liar {
    port: u16,
    sent: Arc<AtomicUsize>,
}

impl Liar {
    fn start<const N: usize>(parts: [Vec<u8>; N], rest: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, sent) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let (rest, counted) = (rest.into(), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = lie(stream, &parts, &rest, &counted);
            }
        });
        Self { port, sent }
    }

    fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

fn lie(mut stream: TcpStream, parts: &[Vec<u8>], rest: &[u8], sent: &AtomicUsize) -> std::io::Result<()> {
    for part in parts {
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(part)?;
    }
    // A reader that never stops must not fill the memory of this machine.
    while !rest.is_empty() && sent.load(Ordering::SeqCst) < 8 * ENOUGH {
        stream.write_all(rest)?;
        sent.fetch_add(rest.len(), Ordering::SeqCst);
    }
    Ok(())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[kind], length.to_be_bytes().as_slice(), body].concat()
}

/// Up to "ready for query".
fn welcome() -> Vec<u8> {
    [message(b'R', &[0; 4]), message(b'K', &[0, 0, 0, 1, 0, 0, 0, 1]), message(b'Z', b"I")].concat()
}

fn endless(kind: u8) -> Vec<u8> {
    [&[kind], (1u32 << 30).to_be_bytes().as_slice()].concat()
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), work).await.expect("done within a minute") })
}

fn dsn(port: u16) -> PostgresDsn {
    let url = format!("postgres://app@127.0.0.1:{port}/app?sslmode=disable");
    parse(&url, &Surroundings::default()).unwrap()
}

fn postgres(port: u16) -> Result<postgres::Facts, Refusal> {
    run(postgres::ask(&dsn(port), Access::ReadWrite, LIMIT))
}

fn redis(port: u16) -> Result<redis::RedisFacts, Refusal> {
    let place = RedisPlace::Tcp("127.0.0.1".into(), port);
    let dsn = RedisDsn { place, user: None, password: None, database: 0, tls: false };
    run(redis::ask(&dsn, Access::ReadWrite, LIMIT))
}

#[test]
fn a_web_server_is_told_from_one_that_is_down() {
    let liar = Liar::start([b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()], "");
    let refusal = postgres(liar.port).unwrap_err();
    assert_eq!(
        (refusal.state, refusal.patience, refusal.code.as_deref()),
        (ServerState::Unreachable, Patience::Tries(3), Some("08P01")),
        "{refusal}"
    );
}

#[test]
fn words_without_an_end_are_not_kept() {
    let filler = || vec![b'x'; 64 * 1024];
    let [greeting, error] = [b'R', b'E'].map(|kind| Liar::start([endless(kind)], filler()));
    for liar in [greeting, error, Liar::start([welcome(), endless(b'D')], filler())] {
        let refusal = postgres(liar.port).unwrap_err();
        assert_eq!(refusal.code.as_deref(), Some("08P01"), "{refusal}");
        assert!(liar.sent() < ENOUGH, "{} bytes", liar.sent());
    }
    let notice = message(b'N', &[&b"SNOTICE\0C00000\0M"[..], &[b'z'; 60_000], b"\0\0"].concat());
    let liar = Liar::start([message(b'R', &[0; 4])], notice);
    assert_eq!(postgres(liar.port).unwrap_err().code.as_deref(), Some("08P01"));
    assert!(liar.sent() < ENOUGH, "{} bytes", liar.sent());
}

#[test]
fn replies_without_an_end_are_not_kept() {
    let text = [&b"$1048576\r\n"[..], &[b'x'; 1024 * 1024], b"\r\n"].concat();
    let liar = Liar::start([b"*4096\r\n".to_vec()], text);
    assert_eq!(redis(liar.port).unwrap_err().state, ServerState::Unreachable);
    assert!(liar.sent() < ENOUGH, "{} bytes", liar.sent());
    let liar = Liar::start([b"-ERR ".to_vec()], vec![b'y'; 64 * 1024]);
    assert_eq!(redis(liar.port).unwrap_err().patience, Patience::Tries(3));
    assert!(liar.sent() < ENOUGH, "{} bytes", liar.sent());
}

/// A server that answers the first half of the question and is then stopped is not ready.
#[test]
fn an_end_in_the_middle_of_the_answer_is_no_readiness() {
    let columns = ["f", "off", "1700000000000000", "5", "150018"];
    let count = u16::try_from(columns.len()).unwrap().to_be_bytes();
    let named = columns.map(|_| [&b"c\0"[..], &[0; 6], &[0, 0, 0, 25], &[255; 6], &[0; 2]].concat()).concat();
    let values = columns.map(|text| [&u32::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat());
    let end = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0";
    let answer = [
        message(b'T', &[&count[..], &named].concat()),
        message(b'D', &[&count[..], &values.concat()].concat()),
        message(b'C', b"SELECT 1\0"),
        message(b'E', end),
    ];
    let liar = Liar::start([welcome(), answer.concat()], "");
    let refusal = postgres(liar.port).unwrap_err();
    assert_eq!((refusal.state, refusal.code.as_deref()), (ServerState::Starting, Some("57P01")), "{refusal}");
}

/// A server that shows a certificate whose key it does not have, and counts the handshakes that came to their end.
struct Impostor {
    port: u16,
    shaken: Arc<AtomicUsize>,
}

impl Impostor {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, shaken) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let (settings, counted) = (stolen(), Arc::clone(&shaken));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shake(stream, Arc::clone(&settings)).is_ok() {
                    counted.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { port, shaken }
    }
}

fn shake(mut stream: TcpStream, settings: Arc<rustls::ServerConfig>) -> std::io::Result<()> {
    stream.read_exact(&mut [0; 8])?;
    stream.write_all(b"S")?;
    let mut tls = rustls::ServerConnection::new(settings).map_err(std::io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut stream)?;
    }
    Ok(())
}

/// Everybody can have a server's certificate.
fn stolen() -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let dir = testkit::TempDir::new();
    for name in ["real", "impostor"] {
        make_certificate(dir.path(), name);
    }
    let certificate = CertificateDer::from_pem_slice(dir.read("real.crt").as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(dir.read("impostor.key").as_bytes()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let signing = provider.key_provider.load_private_key(key).unwrap();
    let shown = Arc::new(rustls::sign::CertifiedKey::new(vec![certificate], signing));
    let settings = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(shown)));
    Arc::new(settings)
}

#[expect(clippy::disallowed_methods, reason = "a test makes its own certificates")]
fn make_certificate(dir: &std::path::Path, name: &str) {
    let new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    let output = std::process::Command::new(testkit::find_component("openssl"))
        .args(new)
        .args(["-subj", "/CN=localhost", "-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")])
        .current_dir(dir)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// SCRAM is bound to the certificate, so whoever shows it must have its key; else somebody between could just pass on
/// what both sides say.
#[test]
fn a_certificate_without_its_key_binds_no_channel() {
    let impostor = Impostor::start();
    let insisting =
        PostgresDsn { sslmode: SslMode::Require, channel_binding: ChannelBinding::Require, ..dsn(impostor.port) };
    let refusal = run(postgres::ask(&insisting, Access::ReadWrite, LIMIT)).unwrap_err();
    assert_eq!((refusal.state, refusal.code.as_deref()), (ServerState::Denied, Some("TLS")), "{refusal}");
    assert_eq!(impostor.shaken.load(Ordering::SeqCst), 0);
}
