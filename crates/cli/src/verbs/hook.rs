//! `mainstay hook post-receive`: run by git after a push, and heard by whoever has pushed.

use crate::{
    args::Hook,
    context::{Context, tell},
    load::{Need, Reading, load_in_silence},
    start::BY,
};
use config::{App, DEPLOY_COMMAND, Overrides};
use deploy::{
    ReleaseId, Site,
    git::outside_hook,
    push::{Follows, follows, updates},
};
use host::process::{Detached, start_detached};
use report::{Finding, Outcome};
use std::{io, path::PathBuf, time::Duration};
use tokio::time::sleep;

/// More is no list of what was pushed.
const MAX_INPUT: u64 = 4 << 20;
/// Between two looks at what the release tells.
const LOOK: Duration = Duration::from_millis(50);
/// More of it in one go is passed on in pieces.
const MAX_PIECE: usize = 1 << 20;

/// Makes a release of what was pushed. The push itself stays, whatever becomes of it.
pub(super) async fn hook(context: &Context, verb: Hook) -> Outcome {
    let Hook::PostReceive(args) = verb;
    let site = load_in_silence(context, &args.place, Overrides::default(), Need::File, Reading::Lenient);
    let (app, input) = match (site, host::env::input(MAX_INPUT)) {
        (Ok(site), Ok(input)) => (site.app, input),
        (Err(findings), _) => return tell(context, &findings, Outcome::Misused),
        (_, Err(error)) => {
            let finding = Finding::error("what was pushed cannot be read").because(&error);
            return tell(context, &[finding], Outcome::Failed);
        }
    };
    let branch = app.deploy.clone().unwrap_or_default().branch;
    let mut outcome = Outcome::Done;
    for update in updates(&input) {
        match follows(&update, &branch) {
            Follows::Nothing(why) => drop(context.terminal.data(&why)),
            Follows::Release(commit) => {
                outcome = outcome.and(release(context, &args.place, &app, &branch, &commit).await)
            }
        }
    }
    outcome
}

/// By a process of its own: whoever pushes may go away, the release goes on.
async fn release(context: &Context, place: &crate::args::Place, app: &App, branch: &str, commit: &str) -> Outcome {
    let log = log(app, context);
    let mut child = match start(context, place, app, commit, &log) {
        Ok(child) => child,
        Err(error) => {
            let finding = Finding::error("the release cannot be started").because(&error);
            return tell(context, &[finding], Outcome::Failed);
        }
    };
    let code = listen(context, &mut child, &log).await;
    let _ = host::fs::remove(&log);
    match code {
        Some(0) => Outcome::Done,
        code => tell(context, &[failed(branch, code)], Outcome::Failed),
    }
}

fn failed(branch: &str, code: Option<u8>) -> Finding {
    let how = code.map_or_else(|| "its end was not seen".to_owned(), |code| format!("exit code {code}"));
    Finding::error("this push is not live")
        .seen(format!("{how}; `{branch}` holds it all the same, and what ran before goes on"))
        .hint("mend it and push again; `mainstay releases` on the server shows what became of it")
}

fn log(app: &App, context: &Context) -> PathBuf {
    Site::of(app).releases().join(format!(".push-{}.log", ReleaseId::new(context.now())))
}

fn start(
    context: &Context,
    place: &crate::args::Place,
    app: &App,
    commit: &str,
    log: &std::path::Path,
) -> io::Result<Detached> {
    let mut env = outside_hook(&context.env);
    let who = context.user.as_deref().unwrap_or("somebody");
    env.insert(BY.to_owned(), format!("git push by {who}"));
    env.entry("MAINSTAY_LOG_FORMAT".to_owned()).or_insert_with(|| "human".to_owned());
    let mut arguments = vec![DEPLOY_COMMAND[1].to_owned(), commit.to_owned()];
    if let Some(config) = &place.config {
        arguments.extend(["--config".to_owned(), context.cwd.join(config).display().to_string()]);
    } else {
        arguments.extend(["--dir".to_owned(), app.root.display().to_string()]);
    }
    start_detached(&arguments, &env, &app.root, log)
}

/// Passes on what the release tells, until it ends; answers with its exit code.
async fn listen(context: &Context, child: &mut Detached, log: &std::path::Path) -> Option<u8> {
    let mut told = Some(0);
    loop {
        let ended = child.ended();
        while let Some(from) = told {
            let new = host::fs::read_from(log, from, MAX_PIECE).unwrap_or_default();
            let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            // Of one that goes on, a line is told when it is whole.
            let piece = &new[..if whole == 0 && !matches!(ended, Ok(None)) { new.len() } else { whole }];
            if piece.is_empty() {
                break;
            }
            let text = String::from_utf8_lossy(piece);
            // Whoever has gone away hears no more.
            let heard = context.terminal.data(text.trim_end_matches('\n')).is_ok();
            told = heard.then_some(from + piece.len() as u64);
        }
        match ended {
            Ok(None) => sleep(LOOK).await,
            Ok(Some(code)) => return Some(code),
            Err(_) => return None,
        }
    }
}
