//! `mainstay server init`: this machine can be pushed to.

use crate::{
    args::{Place, Server, ServerInit},
    context::{Context, tell},
    load::{Disk, FILE_NAME, Need, Reading, load_in_silence},
    verbs::answer,
};
use config::{
    App, Deploy, EnvContract, Files, Overrides, Repository, Sources, TextFile, is_branch, variables_of_files,
};
use deploy::{
    Site,
    git::{Git, GitError, Source},
    setup::{self, Filled},
};
use host::fs::{self, There};
use report::{Finding, Outcome};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// Nobody else reads what is below.
const DATA_MODE: u32 = 0o700;
/// Web servers may have to pass.
const DIR_MODE: u32 = 0o755;
const FILE_MODE: u32 = 0o644;
const ENV_MODE: u32 = 0o600;
const HOOK_MODE: u32 = 0o755;
const ENV_FILE: &str = ".env";
/// In bytes, of a secret that is made up.
const SECRET: usize = 32;
const MAX_BYTES: u64 = 1 << 20;

/// Sets a server up.
pub(super) async fn server(context: &Context, verb: Server) -> Outcome {
    let Server::Init(args) = verb;
    match init(context, &args).await {
        Ok(done) => answer(context, &done.told(), Outcome::Done),
        Err(findings) => tell(context, &findings, Outcome::Misused),
    }
}

/// What was done, and what is left to do.
#[derive(Default)]
struct Done {
    lines: Vec<String>,
    next: Vec<String>,
}

impl Done {
    fn line(&mut self, made: bool, what: &str, path: &Path) {
        self.lines.push(format!("{} {what} {}", if made { "made" } else { "kept" }, path.display()));
    }

    fn told(&self) -> String {
        let next = self.next.iter().zip(1..).map(|(step, at)| format!("\n  {at}. {step}"));
        format!("{}\nnext:{}", self.lines.join("\n"), next.collect::<String>())
    }
}

async fn init(context: &Context, args: &ServerInit) -> Result<Done, Vec<Finding>> {
    let dir = context.cwd.join(args.dir.as_deref().unwrap_or(Path::new("")));
    check_flags(context, args, &dir)?;
    let mut done = Done::default();
    let made = !dir.exists();
    fs::create_dir_all_private(&dir, DIR_MODE).map_err(|error| unmade(&error))?;
    let dir = fs::real_path(&dir);
    done.line(made, "directory", &dir);
    let app = site(context, args, &dir, &mut done)?;
    let deploy = app.deploy.clone().unwrap_or_default();
    let site = Site::of(&app);
    for path in [site.data().to_owned(), site.releases(), site.cache(), site.shared(), app.run_dir()] {
        let made = !path.exists();
        fs::create_dir_all_private(&path, DATA_MODE).map_err(|error| unmade(&error))?;
        done.line(made, "directory", &path);
    }
    let env = deploy::git::outside_hook(&context.env);
    let git = Git::new(&*context.spawner, &env);
    if deploy.repository.is_none() {
        repository(&git, &site, &deploy, &dir.join(FILE_NAME), &mut done).await?;
    }
    let contract = contract(context, &git, &site, &deploy, &app).await?;
    let filled = variables(context, args, &dir, &contract, &mut done)?;
    next(context, &mut done, &app, &deploy, &filled);
    Ok(done)
}

fn check_flags(context: &Context, args: &ServerInit, dir: &Path) -> Result<(), Vec<Finding>> {
    let mut wrong = Vec::new();
    if let Some(branch) = args.branch.as_deref().filter(|branch| !is_branch(branch)) {
        let finding = Finding::error(format!("`--branch`: `{branch}` cannot be the name of a branch"));
        wrong.push(finding.hint("write the short name, such as `main`"));
    }
    if let Some(Err(problem)) = args.repository.as_deref().map(|url| Repository::parse(url, dir)) {
        let finding = Finding::error(format!("`--repository`: {problem}"));
        wrong.push(finding.hint("write a path, `https://…`, `ssh://…` or `user@host:path`"));
    }
    if let Some(file) = args.template.as_ref().map(|file| context.cwd.join(file)).filter(|file| !file.is_file()) {
        let finding = Finding::error(format!("there is no file `{}`", file.display()));
        wrong.push(finding.hint("`--template` takes a file such as .env.example"));
    }
    if dir.exists() && !dir.is_dir() {
        let finding = Finding::error(format!("`{}` is not a directory", dir.display()));
        wrong.push(finding.hint("`--dir` takes the directory of the site"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

fn unmade(error: &io::Error) -> Vec<Finding> {
    vec![Finding::error("the server cannot be set up").because(error)]
}

fn git_failed(error: GitError) -> Vec<Finding> {
    vec![error.finding()]
}

/// The site's own file, made where there is none.
fn site(context: &Context, args: &ServerInit, dir: &Path, done: &mut Done) -> Result<App, Vec<Finding>> {
    let file = dir.join(FILE_NAME);
    let made = fs::there(&file).map_err(|error| unmade(&error))? == There::Nothing;
    if made {
        let name = config::name_of_directory(&dir.file_name().unwrap_or_default().to_string_lossy());
        let text = setup::site_file(&name, args.branch.as_deref().unwrap_or("main"), args.repository.as_deref());
        fs::write_atomic(&file, text.as_bytes(), FILE_MODE).map_err(|error| unmade(&error))?;
    }
    done.line(made, "file", &file);
    let place = Place { config: Some(file), ..Place::default() };
    let app = load_in_silence(context, &place, Overrides::default(), Need::File, Reading::Lenient)?.app;
    let Some(deploy) = &app.deploy else {
        let finding = Finding::error(format!("there is no `[deploy]` in `{}`", dir.join(FILE_NAME).display()));
        return Err(vec![finding.hint("write `[deploy]` into it, with what builds a release; then run this again")]);
    };
    let other = args.branch.as_deref().filter(|branch| *branch != deploy.branch);
    match other {
        Some(branch) => {
            Err(vec![Finding::error(format!("the site releases `{}`, not `{branch}`", deploy.branch)).hint(format!(
                "change `branch` in `[deploy]` of `{}`, or leave `--branch` out",
                dir.join(FILE_NAME).display()
            ))])
        }
        None => Ok(app),
    }
}

/// The repository that is pushed to, and its hook.
async fn repository(
    git: &Git<'_>,
    site: &Site,
    deploy: &Deploy,
    config: &Path,
    done: &mut Done,
) -> Result<(), Vec<Finding>> {
    let path = site.repository();
    let made = !path.join("HEAD").exists();
    if made {
        git.init_bare(&path, &deploy.branch).await.map_err(git_failed)?;
    }
    done.line(made, "repository", &path);
    let hook = path.join("hooks/post-receive");
    let program = host::proc::Process::this().exe().unwrap_or_else(|| PathBuf::from("mainstay"));
    let text = setup::hook(&program, config);
    let there = match fs::read_to_string(&hook, MAX_BYTES) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unmade(&error)),
    };
    match there {
        Some(there) if !setup::is_ours(&there) => {
            let finding = Finding::error(format!("`{}` is somebody else's", hook.display()));
            return Err(vec![
                finding.hint("let it run `mainstay hook post-receive`, or move it away and run this again"),
            ]);
        }
        Some(there) if there == text => done.line(false, "hook", &hook),
        _ => {
            fs::create_dir_all_private(&path.join("hooks"), DATA_MODE).map_err(|error| unmade(&error))?;
            fs::write_atomic(&hook, text.as_bytes(), HOOK_MODE).map_err(|error| unmade(&error))?;
            done.line(true, "hook", &hook);
        }
    }
    Ok(())
}

/// What the application reads: by the newest commit of the branch where there is one, else by the site's own file.
async fn contract(
    context: &Context,
    git: &Git<'_>,
    site: &Site,
    deploy: &Deploy,
    app: &App,
) -> Result<EnvContract, Vec<Finding>> {
    let Ok(source) = git.source(site, deploy, &app.root).await else { return Ok(app.contract.clone()) };
    let Some(text) = pushed(git, &source, &deploy.branch).await else { return Ok(app.contract.clone()) };
    let disk = Disk { cwd: &context.cwd };
    let name = format!("{} of `{}`", source.file.display(), deploy.branch);
    let file = Some(TextFile { name, text, mode: FILE_MODE });
    let declared = config::declared(&Sources { file, ..Sources::new(&app.root, &context.env, &disk) })?;
    Ok(declared.contract)
}

async fn pushed(git: &Git<'_>, source: &Source, branch: &str) -> Option<String> {
    git.fetch(source).await.ok()?;
    let commit = git.resolve(source, branch).await.ok()?;
    git.file(source, &commit, &source.file).await.ok()?
}

/// The variables of the site: what is there stays.
fn variables(
    context: &Context,
    args: &ServerInit,
    dir: &Path,
    contract: &EnvContract,
    done: &mut Done,
) -> Result<Filled, Vec<Finding>> {
    let (disk, path) = (Disk { cwd: &context.cwd }, dir.join(ENV_FILE));
    let named = |file: PathBuf| Overrides { env_files: vec![file.display().to_string()], ..Overrides::default() };
    let of =
        |file: PathBuf| variables_of_files(&Sources { flags: named(file), ..Sources::new(dir, &context.env, &disk) });
    let template = match args.template.as_ref().map(|file| context.cwd.join(file)) {
        Some(file) => of(file)?,
        None => BTreeMap::new(),
    };
    let there = disk.read(&path).map_err(|error| unmade(&error))?;
    let text = there.as_ref().map(|file| file.text.as_str()).unwrap_or_default();
    let filled = setup::fill(text, &of(path.clone())?, contract, &template, || host::random::hex(SECRET));
    let filled = filled.map_err(|error| unmade(&error))?;
    match &there {
        Some(file) if file.text == filled.text && file.mode & 0o077 == 0 => {}
        _ => fs::write_atomic(&path, filled.text.as_bytes(), ENV_MODE).map_err(|error| unmade(&error))?,
    }
    done.line(there.is_none(), "variables", &path);
    done.lines.extend(filled.generated.iter().map(|name| format!("made up a secret for `{name}`")));
    done.lines.extend(filled.copied.iter().map(|name| format!("took `{name}` from the template")));
    Ok(filled)
}

fn next(context: &Context, done: &mut Done, app: &App, deploy: &Deploy, filled: &Filled) {
    if !filled.open.is_empty() {
        let names = filled.open.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        done.next.push(format!("set {names} in {}", app.root.join(ENV_FILE).display()));
    }
    let config = app.root.join(FILE_NAME).display().to_string();
    match &deploy.repository {
        None => {
            let who = context.user.clone().unwrap_or_else(|| "deploy".to_owned());
            let host = host::proc::hostname().unwrap_or_else(|| "server".to_owned());
            let path = Site::of(app).repository().display().to_string();
            done.next.push(format!("at home: git remote add {} ssh://{who}@{host}{path}", app.name));
            done.next.push(format!("at home: git push {} {}", app.name, deploy.branch));
        }
        Some(_) => done.next.push(format!("mainstay deploy --config {config}")),
    }
    done.next.push(format!("at each start of the machine: mainstay up -d --config {config}"));
    if deploy.webhook.is_none() && deploy.repository.is_some() {
        done.next.push("to be told of pushes: `[deploy.webhook]` in it".to_owned());
    }
}
