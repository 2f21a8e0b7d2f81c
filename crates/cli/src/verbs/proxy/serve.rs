//! `mainstay proxy --listen ADDRESS --to ADDRESS`

use crate::words::unheard;
use crate::{
    args,
    context::{Context, tell},
    doors::{Doors, Opened, Tls},
};
use host::{
    fs,
    lock::{InstanceLock, LockError},
    net::bind_private,
    signals::{Signal, Signals},
};
use proxy::{Block, Limits, Offered, Proxy, Settings, Times, Trust, USUAL, control, traffic::Bounds};
use report::{Event, Finding, Journal, Level, Outcome};
use std::{io, net::TcpListener, os::unix::net::UnixListener, path::Path, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::timeout};

/// Nobody else looks into the directory of the socket.
const MODE: u32 = 0o700;
/// So long the last bytes of answers may take to leave.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// All that has to be had before anything is answered.
struct Ready {
    doors: Vec<Opened>,
    offered: Option<Offered>,
    control: UnixListener,
    _lock: InstanceLock,
    signals: Signals,
}

/// Passes requests on until it is told to end; what is on its way is finished then.
pub(super) async fn serve(context: &Context, args: args::Serve) -> Outcome {
    let path = context.cwd.join(&args.socket.control);
    let prepared = settings(&args).and_then(|settings| Ok((settings, ready(context, &args, &path)?)));
    let (settings, ready) = match prepared {
        Ok(prepared) => prepared,
        Err(finding) => return tell(context, &[finding], Outcome::Misused),
    };
    let proxy = Arc::new(Proxy::new(settings, context.terminal.clone()));
    proxy.begin(args.to.expect("clap asks for it"));
    let outcome = answer(context, &proxy, ready, args.drain).await;
    // Whoever comes later finds nobody there either way.
    let _ = fs::remove(&path);
    outcome
}

async fn answer(context: &Context, proxy: &Arc<Proxy>, ready: Ready, drain: Duration) -> Outcome {
    let mut signals = ready.signals;
    ready.offered.into_iter().for_each(|offered| proxy.offer(offered));
    let mut doors = JoinSet::new();
    for (listener, door, kind) in ready.doors {
        listening(context, &listener, kind);
        doors.spawn(proxy::serve(proxy.clone(), listener, door));
    }
    let mut desk = JoinSet::new();
    desk.spawn(control::serve(ready.control, proxy.clone(), host::user::uid()));
    let outcome = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                Signal::Terminate => break Outcome::Done,
                Signal::Interrupt => break Outcome::Interrupted,
                Signal::Hangup | Signal::Quit | Signal::User1 | Signal::User2 => {}
            },
            Some(ended) = doors.join_next() => return lost(context, ended),
            Some(ended) = desk.join_next() => if let Ok(Err(error)) = ended {
                let text = format!("the control socket is not answered any more: {error}");
                context.terminal.note(Event::new("control.lost", text).level(Level::Error));
            },
        }
    };
    ended(context, proxy, doors, drain).await;
    outcome
}

/// Finishes what is on its way.
async fn ended(context: &Context, proxy: &Proxy, mut doors: JoinSet<io::Result<()>>, drain: Duration) {
    context
        .terminal
        .note(Event::new("proxy.stopping", "no connection is taken any more; requests on their way are finished"));
    let cut = proxy.stop(drain).await;
    // The last bytes of an answer may still be on their way out.
    let _ = timeout(LAST_BYTES, async { while doors.join_next().await.is_some() {} }).await;
    let text = match cut {
        0 => "stopped; every request was finished".to_owned(),
        cut => format!("stopped; {} cut off after {}", report::count(cut, "request"), report::seconds(drain)),
    };
    context.terminal.note(Event::new("proxy.stopped", text).with("cut", cut as u64));
}

fn lost(context: &Context, ended: Result<io::Result<()>, tokio::task::JoinError>) -> Outcome {
    let finding = Finding::error("requests cannot be taken any more");
    let finding = match ended {
        Ok(Err(error)) => finding.because(&error),
        Err(error) => finding.because(&error),
        Ok(Ok(())) => finding,
    };
    tell(context, &[finding], Outcome::Failed)
}

fn listening(context: &Context, listener: &TcpListener, kind: &'static str) {
    let address = listener.local_addr().map(|it| it.to_string()).unwrap_or_default();
    let text = match kind {
        "redirect" => format!("http://{address} sends to HTTPS"),
        scheme => format!("answering on {scheme}://{address}"),
    };
    context.terminal.note(Event::new("proxy.listening", text).with("address", address).with("kind", kind));
}

fn settings(args: &args::Serve) -> Result<Settings, Finding> {
    let wrong = |flag: &str, error: String| Finding::error(format!("`{flag}`: {error}"));
    let block = match (args.no_block, args.block.is_empty()) {
        (true, _) => Ok(Block::default()),
        (false, true) => Block::new(USUAL),
        (false, false) => Block::new(&args.block),
    };
    let headers =
        proxy::answer_headers(&args.header, args.tls_cert.is_some()).map_err(|error| wrong("--header", error))?;
    let usual = Settings::default();
    Ok(Settings {
        hold: Bounds { requests: args.hold_requests, time: args.hold_time },
        drain: args.drain,
        trust: if args.trust_forwarded { Trust::Everybody } else { Trust::Nobody },
        block: block.map_err(|error| wrong("--block", error))?,
        headers,
        times: Times { silence: args.silence, ..usual.times },
        limits: Limits { connections: args.connections, ..usual.limits },
    })
}

fn ready(context: &Context, args: &args::Serve, path: &Path) -> Result<Ready, Finding> {
    if args.to.as_ref().is_some_and(|to| args.listen.iter().any(|it| it.to_string() == to.to_string())) {
        return Err(
            Finding::error("`--to` is where the proxy itself listens").hint("the application needs another port")
        );
    }
    let signals = Signals::listen().map_err(|error| unheard(&error))?;
    let (doors, offered) = doors(context, args).open()?;
    // Last, so that nothing is left where a port cannot be had.
    let (control, lock) = control_socket(path)?;
    Ok(Ready { doors, offered, control, _lock: lock, signals })
}

fn doors<'a>(context: &Context, args: &'a args::Serve) -> Doors<'a> {
    let files = args.tls_cert.as_ref().zip(args.tls_key.as_ref());
    Doors {
        listen: &args.listen,
        redirect: &args.redirect,
        tls: files.map(|(certificate, key)| Tls::Files {
            certificate: context.cwd.join(certificate),
            key: context.cwd.join(key),
        }),
        clock: context.clock.clone(),
        tls_hint: "see `--tls-cert` and `--tls-key`",
        address_hint: "free the port, or choose another one with `--listen` or `--redirect`",
    }
}

/// The lock comes first: it tells whether a socket that is there is left over.
fn control_socket(path: &Path) -> Result<(UnixListener, InstanceLock), Finding> {
    let unbound = |error: &io::Error| {
        Finding::error(format!("the control socket `{}` cannot be listened on", path.display()))
            .because(error)
            .hint("choose another place with `--control`")
    };
    let directory = path.parent().filter(|it| !it.exists());
    directory.map_or(Ok(()), |it| fs::create_dir_all_private(it, MODE)).map_err(|error| unbound(&error))?;
    let lock =
        InstanceLock::acquire(&path.with_added_extension("lock"), "mainstay proxy").map_err(|error| match error {
            LockError::Held { holder, .. } => Finding::error("another proxy has this control socket")
                .seen(format!("`{}`: {holder}", path.display()))
                .hint("end that one, or give this one another with `--control`"),
            LockError::Io { error, .. } => unbound(&error),
        })?;
    Ok((bind_private(path).map_err(|error| unbound(&error))?, lock))
}
