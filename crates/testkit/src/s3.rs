//! An object store that speaks S3 on 127.0.0.1, checks signatures, and fails on purpose.
mod http;
mod signature;
mod store;

use crate::listener::Listener;
use http::{Reply, Request};
use signature::check;
use std::collections::BTreeMap;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::Duration;
use store::Store;

/// The only bucket.
const BUCKET: &str = "shop-backups";
const ACCESS_KEY: &str = "MAINSTAYTESTKEY";
const SECRET_KEY: &str = "wJalrXUtnFEMI-of-the-test";

/// What the server does to requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum S3Fault {
    /// Answers the next so many requests with this status: 500, 503, 429.
    Status(u16, u32),
    /// Answers each request this much later.
    Slow(Duration),
    /// Ends the connection of the next so many requests instead of an answer.
    Cut(u32),
    /// Ends the connection in the middle of the next so many objects that are got.
    CutObjects(u32),
    /// Does not answer requests of this kind, `PUT` or `GET`, at all.
    Refuse(&'static str),
    /// Has forgotten the upload when the next so many are completed.
    LoseUploads(u32),
    /// Says that the credentials are no longer good.
    Expired,
    /// Keeps another content than it was given of objects that are written whole or in parts, as a broken disk would.
    Corrupt,
    /// Does not know the question for unfinished uploads.
    NoListOfUploads,
}

/// The server.
#[derive(Debug)]
pub struct S3Server {
    shared: Arc<Shared>,
    listener: Listener,
}

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    store: Store,
    faults: Vec<S3Fault>,
    requests: Vec<String>,
    page: Option<usize>,
}

impl S3Server {
    /// Starts it with the empty bucket `shop-backups`.
    ///
    /// # Panics
    /// There is no port.
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        let listener = Listener::start(0, move |stream| serve(&stream, &serving)).expect("no port for the S3 server");
        Self { shared, listener }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.listener.port())
    }

    /// The variables with which AWS's programs find it, with the right credentials.
    pub fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ]
    }

    /// Adds a fault.
    pub fn add(&self, fault: S3Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Takes all faults away.
    pub fn heal(&self) {
        self.shared.state().faults.clear();
    }

    /// A listing shows so many names at once; a thousand unless told.
    pub fn page(&self, names: usize) {
        self.shared.state().page = Some(names);
    }

    /// Names and contents of all objects.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared.state().store.objects.clone()
    }

    /// Writes an object, as somebody else would.
    pub fn put(&self, key: &str, content: &[u8]) {
        self.shared.state().store.objects.insert(key.to_owned(), content.to_vec());
    }

    /// Removes an object, as somebody else would.
    pub fn remove(&self, key: &str) {
        self.shared.state().store.objects.remove(key);
    }

    /// The number of uploads that were begun and neither completed nor aborted.
    pub fn unfinished(&self) -> usize {
        self.shared.state().store.uploads.len()
    }

    /// Lets all unfinished uploads have begun two days ago.
    pub fn age_uploads(&self) {
        self.shared.state().store.uploads.values_mut().for_each(|upload| upload.old = true);
    }

    /// Every request so far, as `PUT /shop-backups/name?query`.
    pub fn requests(&self) -> Vec<String> {
        self.shared.state().requests.clone()
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    while let Some(request) = Request::read(stream) {
        if !answer(stream, shared, &request) {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Does the connection go on?
fn answer(stream: &TcpStream, shared: &Shared, request: &Request) -> bool {
    let mut out = stream;
    // Before anybody else has to wait.
    let signed = check(request, ACCESS_KEY, SECRET_KEY);
    let (slow, act) = {
        let mut state = shared.state();
        state.requests.push(format!("{} {}", request.method, request.target));
        (state.slowness(), state.act(request, signed))
    };
    sleep(slow);
    match act {
        Act::Reply(reply) => out.write_all(&reply.bytes(request.method == "HEAD")).is_ok(),
        Act::Half(reply) => {
            let bytes = reply.bytes(false);
            let _ = out.write_all(&bytes[..bytes.len() - reply.body.len() / 2 - 1]);
            false
        }
        Act::Cut => false,
        Act::Hang => {
            // Until the other side has had enough.
            let _ = Request::read(stream);
            false
        }
    }
}

enum Act {
    Reply(Reply),
    Half(Reply),
    Cut,
    Hang,
}

impl State {
    fn slowness(&self) -> Duration {
        let slow = |fault: &S3Fault| if let S3Fault::Slow(span) = fault { Some(*span) } else { None };
        self.faults.iter().find_map(slow).unwrap_or_default()
    }

    fn has(&self, fault: &S3Fault) -> bool {
        self.faults.contains(fault)
    }

    /// Uses a fault up, of those that happen so many times.
    fn strikes(&mut self, number: impl Fn(&mut S3Fault) -> Option<&mut u32>) -> bool {
        let left = self.faults.iter_mut().find_map(|fault| number(fault).filter(|left| **left > 0));
        left.map(|left| *left -= 1).is_some()
    }

    fn act(&mut self, request: &Request, signed: Result<(), Reply>) -> Act {
        let status = self.faults.iter().find_map(|fault| match fault {
            S3Fault::Status(status, left) if *left > 0 => Some(*status),
            _ => None,
        });
        if self.strikes(|fault| if let S3Fault::Status(_, left) = fault { Some(left) } else { None }) {
            let code = if status == Some(429) { "TooManyRequests" } else { "InternalError" };
            return Act::Reply(Reply::error(status.unwrap_or(500), code, "on purpose"));
        }
        if self.strikes(|fault| if let S3Fault::Cut(left) = fault { Some(left) } else { None }) {
            return Act::Cut;
        }
        if self.has(&S3Fault::Refuse("PUT")) && request.method == "PUT"
            || self.has(&S3Fault::Refuse("GET")) && request.method == "GET"
        {
            return Act::Hang;
        }
        if let Err(reply) = self.admit(request, signed) {
            return Act::Reply(reply);
        }
        let reply = self.perform(request);
        let object = request.method == "GET" && request.key.is_some() && reply.status < 300 && reply.body.len() > 1;
        match object && self.strikes(|fault| if let S3Fault::CutObjects(left) = fault { Some(left) } else { None }) {
            true => Act::Half(reply),
            false => Act::Reply(reply),
        }
    }

    fn admit(&self, request: &Request, signed: Result<(), Reply>) -> Result<(), Reply> {
        if self.has(&S3Fault::Expired) {
            return Err(Reply::error(400, "ExpiredToken", "The provided token has expired."));
        }
        signed?;
        match request.bucket == BUCKET {
            true => Ok(()),
            false => Err(Reply::error(404, "NoSuchBucket", "The specified bucket does not exist")),
        }
    }

    fn perform(&mut self, request: &Request) -> Reply {
        let corrupt = self.has(&S3Fault::Corrupt);
        let page = self.page.unwrap_or(1000);
        let query = |name: &str| request.query(name);
        match (request.method.as_str(), &request.key) {
            ("GET", None) if query("uploads").is_some() && self.has(&S3Fault::NoListOfUploads) => {
                Reply::error(501, "NotImplemented", "this server cannot do that")
            }
            ("GET", None) if query("uploads").is_some() => {
                self.store.list_uploads(&query("prefix").unwrap_or_default())
            }
            ("GET", None) => self.store.list(
                &query("prefix").unwrap_or_default(),
                &query("continuation-token").unwrap_or_default(),
                page,
            ),
            ("GET" | "HEAD", Some(key)) => self.store.get(key, request.header("range")),
            ("PUT", Some(key)) => {
                let mut content = request.body.clone();
                if let Some(byte) = content.first_mut().filter(|_| corrupt) {
                    *byte ^= 1;
                }
                match query("uploadId") {
                    Some(id) => self.store.put_part(&id, &query("partNumber").unwrap_or_default(), content),
                    None => self.store.put(key, content),
                }
            }
            ("POST", Some(key)) if query("uploads").is_some() => self.store.begin_upload(key),
            ("POST", Some(key)) => {
                let id = query("uploadId").unwrap_or_default();
                if self.strikes(|fault| if let S3Fault::LoseUploads(left) = fault { Some(left) } else { None }) {
                    self.store.uploads.remove(&id);
                }
                self.store.complete_upload(key, &id, &request.body)
            }
            ("DELETE", Some(key)) => match query("uploadId") {
                Some(id) => self.store.abort_upload(&id),
                None => self.store.delete(key),
            },
            _ => Reply::error(405, "MethodNotAllowed", "not here"),
        }
    }
}
