//! `mainstay wait`

use crate::words::unheard;
use crate::{
    args::{Place, Wait},
    context::Context,
    load::{Need, Reading, load},
    start::{World, gate_context},
    trouble::of_gate,
};
use config::{App, Overrides};
use host::signals::Signals;
use migrate::Version;
use probe::gate::wait_all;
use report::{Event, Finding, Journal, Outcome};

/// Waits until everything is ready, then executes the command, if there is one.
pub(super) async fn wait(context: &Context, args: Wait) -> u8 {
    let app = match load_targets(context, &args) {
        Ok(app) => app,
        Err(findings) => return super::tell(context, &findings, Outcome::Misused).code(),
    };
    let mut signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return super::tell(context, &[unheard(&error)], Outcome::Failed).code(),
    };
    let outcome = tokio::select! {
        outcome = all(context, app, &args) => outcome,
        _ = signals.next() => Outcome::Interrupted,
    };
    match outcome {
        Outcome::Done if !args.command.is_empty() => execute(context, &args.command),
        outcome => outcome.code(),
    }
}

/// The gates, then the schema.
async fn all(context: &Context, app: App, args: &Wait) -> Outcome {
    match (open(context, &app, args.quiet).await, &args.schema) {
        (Outcome::Done, Some(version)) => schema(context, app, version).await,
        (outcome, _) => outcome,
    }
}

/// Until the migrations are applied by somebody else.
async fn schema(context: &Context, app: App, version: &str) -> Outcome {
    let world = World::new(context, app);
    let database = world.app.migrations.as_ref().and_then(|it| world.app.dependency(&it.database));
    let (Some(job), Some(database)) = (world.job(), database) else {
        return super::tell(context, &[no_migrations()], Outcome::Misused);
    };
    let version = (version != "current").then(|| Version::from(version));
    match migrate::await_schema(&job, version.as_ref(), &database.wait.policy).await {
        Ok(status) => {
            let newest = status.migrations.iter().rev().find(|entry| entry.applied_at.is_some());
            let newest = newest.map(|entry| format!(": `{}`", entry.name)).unwrap_or_default();
            context.terminal.note(Event::new("schema.ready", format!("the schema is there{newest}")));
            Outcome::Done
        }
        Err(error) => super::tell(context, &error.findings(), error.outcome()),
    }
}

fn no_migrations() -> Finding {
    Finding::error("there are no migrations whose schema could be waited for")
        .hint("write `[migrations]` into mainstay.toml, or say --database URL and --migrations DIR")
}

/// What was named, or else what `mainstay.toml` or the environment names.
fn load_targets(context: &Context, args: &Wait) -> Result<App, Vec<Finding>> {
    let named = !args.urls.is_empty() || !args.database.is_empty();
    let place = if named { Place::nowhere() } else { args.place.clone() };
    // Migrations belong to a database, and the first URL of one may be it.
    let (mut databases, mut needs) = (args.database.clone(), args.urls.clone());
    let is_database = |url: &String| url.starts_with("postgres") || url.starts_with("sqlite:");
    if args.schema.is_some() && databases.is_empty() {
        databases.extend(needs.iter().position(is_database).map(|at| needs.remove(at)));
    }
    let flags = Overrides { databases, needs, dir: args.migrations.clone(), ..super::patience(args.patience.clone()) };
    let loaded = load(context, &place, flags, Need::Anything, Reading::Lenient);
    let app = loaded.map_err(|findings| findings.into_iter().map(without_flag).collect::<Vec<_>>())?.app;
    match app.dependencies.is_empty() {
        true => Err(vec![nothing_named()]),
        false => Ok(app),
    }
}

/// What `run` takes by a flag is typed here as it is.
fn without_flag(finding: Finding) -> Finding {
    Finding { summary: finding.summary.replace("`--need`: ", "what to wait for: "), ..finding }
}

fn nothing_named() -> Finding {
    Finding::error("there is nothing to wait for").seen("no URL, no mainstay.toml, no DATABASE_URL").hint(
        "name what to wait for: `mainstay wait postgres://bot@127.0.0.1/bot redis://127.0.0.1/1 tcp://127.0.0.1:8080`",
    )
}

async fn open(context: &Context, app: &App, quiet: bool) -> Outcome {
    let dependencies: Vec<_> = app.dependencies.iter().collect();
    let probes = gate_context(context, app);
    let journal: &dyn Journal = if quiet { &Silence } else { &*context.terminal };
    match wait_all(&dependencies, &probes, journal).await {
        Ok(_) => Outcome::Done,
        Err(errors) => {
            let trouble = of_gate(&errors);
            super::tell(context, &trouble.findings, trouble.outcome)
        }
    }
}

/// Takes note of nothing.
struct Silence;

impl Journal for Silence {
    fn note(&self, _: Event) {}
}

/// Becomes the command. Coming back means that it could not be executed; 127 and 126 are a shell's codes for that, but
/// ours say that it was named wrongly.
fn execute(context: &Context, command: &[String]) -> u8 {
    let error = host::exec::exec(command, &context.env, &context.cwd);
    let program = command.first().map(String::as_str).unwrap_or_default();
    let finding = Finding::error(format!("`{program}` cannot be executed")).because(&error);
    super::tell(context, &[finding.hint("check its name and its x permission")], Outcome::Misused).code()
}
