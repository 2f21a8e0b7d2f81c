//! Requests are taken here for a service with a port of its own: they go to whichever release of it serves, and wait while none does.

use super::World;
use crate::doors::{Doors, Tls};
use config::App;
use host::{
    lock::{InstanceLock, LockError},
    net::bind_private,
};
use proxy::{
    Block, Look, Offered, Proof, Proxy, Settings, SwitchError, Switched, Times, Trust, USUAL, acme::Machine,
    traffic::Bounds,
};
use report::{Event, Finding, Journal, Level};
use std::{
    collections::BTreeSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use supervise::Handle;
use tokio::{task::AbortHandle, time::timeout};

/// So long the last bytes of answers may take to leave.
const LAST_BYTES: Duration = Duration::from_millis(200);

/// The proxy of an application.
pub(crate) struct Proxied {
    proxy: Arc<Proxy>,
    service: String,
    drain: Duration,
    /// Of its service, as it is run by now.
    needs: Mutex<Vec<String>>,
    /// Needed databases that are away: requests wait meanwhile.
    away: Mutex<BTreeSet<String>>,
    /// The port to which requests go.
    port: Mutex<Option<u16>>,
    tasks: Vec<AbortHandle>,
    /// Of its control socket.
    _lock: Option<InstanceLock>,
}

/// Listens, and follows the service of `handle`. Nothing where no proxy is wanted.
pub(super) fn serve(world: &Arc<World>, handle: &Handle) -> Result<Option<Arc<Proxied>>, Finding> {
    let Some(wanted) = &world.app.proxy else { return Ok(None) };
    let (doors, offered) = doors(world, wanted).open()?;
    let proxy = Arc::new(Proxy::new(settings(wanted)?, world.journal.clone()));
    let mut tasks = Vec::new();
    if let Some(offered) = offered {
        // Whoever asks for certificates is never waited for.
        tasks.extend(offered.acme.clone().map(|acme| tokio::spawn(acme.keep()).abort_handle()));
        proxy.offer(offered);
    }
    for (listener, door, kind) in doors {
        listening(world, &listener, kind);
        tasks.push(tokio::spawn(proxy::serve(proxy.clone(), listener, door)).abort_handle());
    }
    let (asked, lock) = desk(world, &proxy).unzip();
    tasks.extend(asked);
    let needs = Mutex::new(needs_of(&world.by_now(), &wanted.to));
    let (service, drain, away, port) = (wanted.to.clone(), wanted.drain, Mutex::default(), Mutex::default());
    let proxied = Arc::new(Proxied { proxy, service, drain, needs, away, port, tasks, _lock: lock });
    tokio::spawn(proxied.clone().follow(handle.clone()));
    Ok(Some(proxied))
}

impl Proxied {
    /// A restart has the same port; a swap another one.
    async fn follow(self: Arc<Self>, handle: Handle) {
        let (mut statuses, mut last) = (handle.watch(), None);
        loop {
            let seen = statuses.borrow_and_update().iter().find(|it| it.name == self.service).and_then(|it| it.port);
            if let Some(port) = seen.filter(|_| seen != last) {
                last = seen;
                if self.replace(port) != Some(port) {
                    self.proxy.begin(upstream(port));
                }
            }
            if statuses.changed().await.is_err() {
                return;
            }
        }
    }

    fn replace(&self, port: u16) -> Option<u16> {
        self.port.lock().unwrap_or_else(PoisonError::into_inner).replace(port)
    }

    /// The certificate that it shows, where it speaks TLS.
    pub(super) fn certificate(&self) -> Option<Look> {
        self.proxy.offered().map(Offered::look)
    }

    /// The service whose requests it takes.
    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// Requests go to `port` from now on; answers when those before are finished, or `drain` is over.
    pub(super) async fn switch(&self, port: u16, drain: Option<Duration>) -> Result<Switched, SwitchError> {
        let proof = Proof { path: None, limit: Duration::from_secs(5) };
        let switched = self.proxy.switch(upstream(port), &proof, drain.unwrap_or(self.drain)).await?;
        self.replace(port);
        Ok(switched)
    }

    /// A database is away, or back: requests wait meanwhile, within their bounds.
    pub(super) fn need(&self, name: &str, is_there: bool) {
        let needs = self.needs.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !needs.iter().any(|need| need == name) {
            return;
        }
        self.are_away(|away| {
            let _ = if is_there { away.remove(name) } else { away.insert(name.to_owned()) };
        });
    }

    /// Its service is that of `app` from now on: what nobody needs any more is not waited for.
    pub(super) fn depend_on(&self, app: &App) {
        let needs = needs_of(app, &self.service);
        self.are_away(|away| away.retain(|name| needs.contains(name)));
        *self.needs.lock().unwrap_or_else(PoisonError::into_inner) = needs;
    }

    fn are_away(&self, change: impl FnOnce(&mut BTreeSet<String>)) {
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        let held = !away.is_empty();
        change(&mut away);
        match (held, away.is_empty()) {
            (false, false) => self.proxy.hold(),
            (true, true) => self.proxy.resume(),
            _ => {}
        }
    }

    /// Takes nothing more, and finishes what is on its way.
    pub(super) async fn stop(&self, world: &World) {
        // Who waits for a database has waited for nothing then.
        self.proxy.resume();
        let cut = self.proxy.stop(self.drain).await;
        let _ = timeout(LAST_BYTES, std::future::pending::<()>()).await;
        self.tasks.iter().for_each(AbortHandle::abort);
        let text = match cut {
            0 => "the proxy takes no requests any more; every one was finished".to_owned(),
            cut => format!("the proxy takes no requests any more; {} cut off", report::count(cut, "request")),
        };
        world.journal.note(Event::new("proxy.stopped", text).with("cut", cut as u64));
    }
}

fn needs_of(app: &App, service: &str) -> Vec<String> {
    let of = app.services.iter().filter(|it| it.name == service);
    of.flat_map(|service| service.needs.iter().cloned()).collect()
}

fn upstream(port: u16) -> config::Upstream {
    config::Upstream::Tcp(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

fn settings(wanted: &config::Proxy) -> Result<Settings, Finding> {
    let wrong = |key: &str, error: String| Finding::error(format!("`{key}` of `[proxy]`: {error}"));
    let block = match &wanted.block {
        Some(patterns) => Block::new(patterns),
        None => Block::new(USUAL),
    };
    let headers =
        proxy::answer_headers(&wanted.headers, wanted.tls.is_some()).map_err(|error| wrong("headers", error))?;
    let usual = Settings::default();
    Ok(Settings {
        hold: Bounds { requests: wanted.hold_requests, time: wanted.hold_time },
        drain: wanted.drain,
        trust: if wanted.trust_forwarded { Trust::Everybody } else { Trust::Nobody },
        block: block.map_err(|error| wrong("block", error))?,
        headers,
        times: Times { silence: wanted.silence, ..usual.times },
        limits: usual.limits,
    })
}

fn doors<'a>(world: &Arc<World>, wanted: &'a config::Proxy) -> Doors<'a> {
    let machine =
        || Machine { clock: world.clock.clone(), journal: world.journal.clone(), env: world.process_env.clone() };
    let tls = wanted.tls.clone().map(|tls| match tls {
        config::Tls::Files { certificate, key } => Tls::Files { certificate, key },
        config::Tls::Acme(wanted) => {
            Tls::Acme { wanted, directory: world.app.data.join("certificates"), machine: machine() }
        }
    });
    Doors {
        listen: &wanted.listen,
        redirect: &wanted.redirect,
        tls,
        clock: world.clock.clone(),
        tls_hint: "see `tls_cert` and `tls_key` of `[proxy]`",
        address_hint: "free the port, or change `listen` or `redirect` of `[proxy]`",
    }
}

fn listening(world: &World, listener: &TcpListener, kind: &'static str) {
    let address = listener.local_addr().map(|it| it.to_string()).unwrap_or_default();
    let text = match kind {
        "redirect" => format!("the proxy sends from http://{address} to HTTPS"),
        scheme => format!("the proxy answers on {scheme}://{address}"),
    };
    world.journal.note(Event::new("proxy.listening", text).with("address", address).with("kind", kind));
}

/// For the verbs of `mainstay proxy`; its lock tells whether a socket that is there is left over.
fn desk(world: &World, proxy: &Arc<Proxy>) -> Option<(AbortHandle, InstanceLock)> {
    let path = world.app.run_dir().join("proxy.sock");
    let lock = InstanceLock::acquire(&path.with_added_extension("lock"), "mainstay up").map_err(|error| match error {
        LockError::Held { holder, .. } => format!("another proxy has it: {holder}"),
        LockError::Io { error, .. } => error.to_string(),
    });
    let bound = lock.and_then(|lock| Ok((bind_private(&path).map_err(|error| error.to_string())?, lock)));
    match bound {
        Ok((listener, lock)) => {
            let serving = tokio::spawn(proxy::control::serve(listener, proxy.clone(), host::user::uid()));
            Some((serving.abort_handle(), lock))
        }
        Err(error) => {
            let text =
                format!("`{}` cannot be listened on, so that the proxy cannot be asked: {error}", path.display());
            world.journal.note(Event::new("proxy.unasked", text).level(Level::Warn));
            None
        }
    }
}
