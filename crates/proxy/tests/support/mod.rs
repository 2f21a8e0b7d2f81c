//! Applications and clients that speak over real sockets.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part")]

use config::Upstream;
use proxy::{Door, Proof, Proxy, Settings, Switched};
use std::{
    collections::BTreeMap,
    future::Future,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedReadHalf},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

/// No condition of a test takes longer on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);
pub const PROOF: Proof = Proof { path: None, limit: LIMIT };

/// Takes note of nothing.
pub struct Silence;

impl report::Journal for Silence {
    fn note(&self, _: report::Event) {}
}

/// A proxy with one door.
pub struct Running {
    pub proxy: Arc<Proxy>,
    pub at: SocketAddr,
    _tasks: JoinSet<()>,
}

pub fn running(settings: Settings) -> Running {
    running_at(settings, Door::Plain)
}

pub fn running_at(settings: Settings, door: Door) -> Running {
    let proxy = Arc::new(Proxy::new(settings, Arc::new(Silence)));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    let serving = proxy::serve(proxy.clone(), listener, door);
    tasks.spawn(async move { serving.await.unwrap() });
    Running { proxy, at, _tasks: tasks }
}

impl Running {
    /// The same, and this application is live.
    pub async fn to(self, app: &App) -> Self {
        self.switch(app, LIMIT).await;
        self
    }

    pub async fn switch(&self, app: &App, drain: Duration) -> Switched {
        self.proxy.switch(Upstream::Tcp(app.at), &PROOF, drain).await.unwrap()
    }

    pub async fn connect(&self) -> Talk {
        Talk::to(self.at).await
    }

    /// One request on a connection of its own; everything until its end.
    pub async fn ask(&self, request: &str) -> String {
        let mut talk = self.connect().await;
        talk.say(request).await;
        talk.rest().await
    }
}

/// An application: what it does with one connection is up to the test.
pub struct App {
    pub at: SocketAddr,
    pub seen: Arc<Mutex<Vec<String>>>,
    tasks: JoinSet<()>,
}

impl App {
    /// Each connection is handed to `talk`.
    pub async fn with<F: Future<Output = ()> + Send + 'static>(
        talk: impl Fn(Talk, Seen) -> F + Send + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, talk)
    }

    pub fn on<F: Future<Output = ()> + Send + 'static>(
        listener: tokio::net::TcpListener,
        talk: impl Fn(Talk, Seen) -> F + Send + 'static,
    ) -> Self {
        let (at, seen) = (listener.local_addr().unwrap(), Seen::default());
        let (mut tasks, noted) = (JoinSet::new(), seen.clone());
        tasks.spawn(async move {
            let mut talks = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                talks.spawn(talk(Talk::over(stream), noted.clone()));
            }
        });
        Self { at, seen, tasks }
    }

    /// Answers every request with `name` and what was asked for, on connections that stay open.
    pub async fn answering(name: &'static str) -> Self {
        Self::with(move |talk, seen| answer(name, talk, seen)).await
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// Gone at once, with all its connections.
    pub async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

pub type Seen = Arc<Mutex<Vec<String>>>;

pub async fn answer(name: &'static str, mut talk: Talk, seen: Seen) {
    while let Some(request) = talk.request().await {
        seen.lock().unwrap().push(request.first().to_owned());
        let body = format!("{name} {}", request.first());
        talk.say(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
    }
}

/// One side of a connection, byte by byte.
pub struct Talk {
    pub stream: TcpStream,
    read: Vec<u8>,
}

/// A head with its body.
#[derive(Debug)]
pub struct Message {
    pub head: String,
    pub body: Vec<u8>,
}

impl Message {
    pub fn first(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub fn status(&self) -> u16 {
        self.first().split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn headers(&self) -> BTreeMap<String, String> {
        let pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Talk {
    pub async fn to(at: SocketAddr) -> Self {
        Self::over(TcpStream::connect(at).await.unwrap())
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, read: Vec::new() }
    }

    /// What cannot be said to who has left is not said.
    pub async fn say(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes()).await;
    }

    async fn more(&mut self) -> bool {
        let before = String::from_utf8_lossy(&self.read).into_owned();
        let read = timeout(LIMIT, self.stream.read_buf(&mut self.read)).await;
        let read = read.unwrap_or_else(|_| panic!("nothing more is said after {before:?}"));
        read.is_ok_and(|read| read > 0)
    }

    /// Until `end` was read, that included; nothing when the other side closed before.
    pub async fn until(&mut self, end: &str) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.read.windows(end.len()).position(|it| it == end.as_bytes()) {
                return Some(self.read.drain(..at + end.len()).collect());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    pub async fn bytes(&mut self, number: usize) -> Option<Vec<u8>> {
        while self.read.len() < number {
            if !self.more().await {
                return None;
            }
        }
        Some(self.read.drain(..number).collect())
    }

    /// A head and a body that has a length; nothing when the other side closed.
    pub async fn request(&mut self) -> Option<Message> {
        let head = String::from_utf8(self.until("\r\n\r\n").await?).unwrap();
        let message = Message { head, body: Vec::new() };
        let headers = message.headers();
        let body = match headers.get("content-length") {
            Some(length) => self.bytes(length.parse().unwrap()).await?,
            None if headers.contains_key("transfer-encoding") => self.chunks().await?,
            None => Vec::new(),
        };
        Some(Message { body, ..message })
    }

    /// The same, of an answer.
    pub async fn answer(&mut self) -> Option<Message> {
        self.request().await
    }

    /// Chunks without their frames, and trailers.
    pub async fn chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = String::from_utf8(self.until("\r\n").await?).unwrap();
            let size = usize::from_str_radix(line.trim(), 16).unwrap();
            if size == 0 {
                loop {
                    let trailer = self.until("\r\n").await?;
                    if trailer == b"\r\n" {
                        return Some(body);
                    }
                    body.extend(trailer);
                }
            }
            body.extend(self.bytes(size).await?);
            self.until("\r\n").await?;
        }
    }

    /// Everything until the other side closes.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&std::mem::take(&mut self.read)).into_owned()
    }

    pub fn halves(self) -> (OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf) {
        self.stream.into_split()
    }
}

/// Waits for a condition.
pub async fn until(what: &str, mut reached: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !reached() {
        assert!(begun.elapsed() < LIMIT, "not in time: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}
