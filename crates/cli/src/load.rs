//! From what was typed to an [`config::App`]: finds `mainstay.toml`, reads what it names, and resolves all of it.

mod release;

pub(crate) use release::{Committed, Of, freeze_env, load_committed, load_release, share};

use crate::{
    args::Place,
    context::Context,
    start::Reread,
    texts::{Keeping, Kept, Texts},
};
use config::{App, Declared, Files, Job, Overrides, Resolved, Sources, TextFile};
use host::proc::Process;
use report::Finding;
use std::{
    io,
    path::{Path, PathBuf},
};

/// The name that is looked for, upwards.
pub(crate) const FILE_NAME: &str = "mainstay.toml";
/// Names the file, as `--config` does.
const FILE_VARIABLE: &str = "MAINSTAY_CONFIG";
/// Names the directory, as `--dir` does.
const DIR_VARIABLE: &str = "MAINSTAY_DIR";
/// More than this is no file written by a person.
const MAX_BYTES: u64 = 1 << 20;

/// How strictly a configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Everything that a start needs must be there.
    Strict,
    /// A missing variable is a warning: nothing will be started.
    Lenient,
}

/// Must there be a `mainstay.toml`?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Without it there is nothing to do.
    File,
    /// Flags and variables may do.
    Anything,
}

/// Reads and resolves the configuration; its warnings are told, its secrets hidden from now on.
pub(crate) fn load(
    context: &Context,
    place: &Place,
    flags: Overrides,
    need: Need,
    reading: Reading,
) -> Result<Resolved, Vec<Finding>> {
    let resolved = load_in_silence(context, place, flags, need, reading)?;
    resolved.warnings.iter().for_each(|warning| context.terminal.finding(warning));
    Ok(resolved)
}

/// The same for who tells the warnings together with more.
pub(crate) fn load_in_silence(
    context: &Context,
    place: &Place,
    flags: Overrides,
    need: Need,
    reading: Reading,
) -> Result<Resolved, Vec<Finding>> {
    let disk = Disk { cwd: &context.cwd };
    let found = found(context, place, need)?;
    resolve(context, &disk, found, flags, reading)
}

/// An application, and the texts that say what it is.
pub(crate) struct Loaded {
    pub(crate) app: App,
    pub(crate) texts: Texts,
}

/// As [`load`], for a start.
pub(crate) fn load_to_start(
    context: &Context,
    place: &Place,
    flags: Overrides,
    need: Need,
) -> Result<Loaded, Vec<Finding>> {
    let files = Keeping::new(Disk { cwd: &context.cwd });
    let found = found(context, place, need)?;
    let resolved = resolve(context, &files, found.clone(), flags, Reading::Strict)?;
    resolved.warnings.iter().for_each(|warning| context.terminal.finding(warning));
    Ok(Loaded { app: resolved.app, texts: files.texts(found) })
}

/// As [`load_to_start`]; where the site has a release that is live, that is what is run.
pub(crate) fn load_to_run(
    context: &Context,
    place: &Place,
    flags: Overrides,
    need: Need,
) -> Result<Loaded, Vec<Finding>> {
    let site = load_to_start(context, place, flags.clone(), need)?;
    match release::current(&site.app)? {
        Some(id) => release::load_release_with(context, &site.app, id, flags),
        None => Ok(site),
    }
}

/// The application that `texts` say, as it was for whoever has kept them.
pub(crate) fn load_texts(context: &Context, texts: &Texts, flags: Overrides) -> Result<App, Vec<Finding>> {
    let files = Kept { texts, disk: Disk { cwd: &context.cwd } };
    let flags = match &texts.release {
        Some(of) => of.flags(flags),
        None => flags,
    };
    let mut app = resolve(context, &files, texts.file.clone(), flags, Reading::Strict)?.app;
    for of in texts.release.iter() {
        of.put_on(&mut app);
        of.put_site_on(context, &mut app);
    }
    Ok(app)
}

/// The jobs that look after databases run this very program, on this very file, wherever it is started, and mean the same application.
fn name_ourselves(file: Option<&Path>, flags: &Overrides, app: &mut App) {
    let us = Process::this().exe().map(|exe| exe.display().to_string());
    let named = [("--name", &flags.name), ("--data", &flags.data)];
    let named = named.into_iter().filter_map(|(flag, value)| Some((flag, value.clone()?)));
    let env_files = flags.env_files.iter().map(|file| ("--env-file", file.clone()));
    let file = file.map(|file| ("--config", file.display().to_string()));
    let flags: Vec<_> = file.into_iter().chain(named).chain(env_files).collect();
    let ours = |job: &&mut Job| job.argv[..] == config::BACKUP_COMMAND || job.argv[..] == config::VACUUM_COMMAND;
    for job in app.jobs.iter_mut().filter(ours) {
        job.argv[0] = us.clone().unwrap_or_else(|| job.argv[0].clone());
        job.argv.extend(flags.iter().flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]));
    }
    // A release is made of the site's file alone.
    for hook in app.deploy.iter_mut().filter_map(|deploy| deploy.webhook.as_mut()) {
        hook.command[0] = us.clone().unwrap_or_else(|| hook.command[0].clone());
        hook.command.extend(flags.iter().take(1).flat_map(|(flag, value)| [(*flag).to_owned(), value.clone()]));
    }
}

/// Reads and resolves the same configuration anew whenever it is called.
pub(crate) fn rereading(context: &Context, place: &Place, flags: Overrides, need: Need) -> Reread {
    let latest = {
        let (context, place, flags) = (context.clone(), place.clone(), flags.clone());
        Box::new(move || load_to_run(&context, &place, flags.clone(), need))
    };
    let (context, place) = (context.clone(), place.clone());
    let release = move |id| {
        let site = load_to_start(&context, &place, flags.clone(), need)?.app;
        release::load_release_with(&context, &site, id, flags.clone())
    };
    Reread { latest, release: Box::new(release) }
}

fn resolve(
    context: &Context,
    files: &dyn Files,
    found: Option<PathBuf>,
    flags: Overrides,
    reading: Reading,
) -> Result<Resolved, Vec<Finding>> {
    let sources = sources_of(context, files, found.clone())?;
    let lenient = reading == Reading::Lenient;
    let mut resolved = config::resolve(&Sources { flags: flags.clone(), lenient, ..sources })?;
    name_ourselves(found.as_deref(), &flags, &mut resolved.app);
    context.terminal.hide(resolved.app.secrets());
    Ok(resolved)
}

/// The application as far as it must be known to find the running one: its name and its socket. A file that is wrong by
/// now must not keep anybody from asking; then what it says of `data` alone is read.
pub(crate) fn running(context: &Context, place: &Place) -> Result<(String, PathBuf), Vec<Finding>> {
    let problems = match load_in_silence(context, place, Overrides::default(), Need::File, Reading::Lenient) {
        Ok(resolved) => return Ok((resolved.app.name.clone(), resolved.app.control_socket())),
        Err(problems) => problems,
    };
    let file = find(context, &place_of(context, place))?;
    let root = file.as_deref().and_then(Path::parent).ok_or(problems.clone())?;
    let variable = |name: &str| context.env.get(name).map(String::as_str);
    let text = file.as_deref().and_then(|file| host::fs::read_to_string(file, MAX_BYTES).ok()).unwrap_or_default();
    let stated = variable("MAINSTAY_DATA").map(str::to_owned).or_else(|| config::data_of_invalid(&text, variable));
    let data = root.join(stated.as_deref().unwrap_or("data"));
    let socket = data.join("run/control.sock");
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if socket.exists() { Ok((name, socket)) } else { Err(problems) }
}

/// The environment contract alone, for whom the rest need not be right yet; and the directory of the file.
pub(crate) fn load_contract(context: &Context, place: &Place) -> Result<(Declared, PathBuf), Vec<Finding>> {
    let disk = Disk { cwd: &context.cwd };
    let sources = sources(context, &disk, place, Need::File)?;
    let declared = config::declared(&sources)?;
    context.terminal.hide(declared.contract.secrets(&declared.env));
    Ok((declared, sources.root))
}

/// The file of the site that `place` means, where there is one.
pub(crate) fn site_file(context: &Context, place: &Place) -> Option<PathBuf> {
    find(context, &place_of(context, place)).ok().flatten()
}

fn sources<'a>(
    context: &'a Context,
    files: &'a dyn Files,
    place: &Place,
    need: Need,
) -> Result<Sources<'a>, Vec<Finding>> {
    sources_of(context, files, found(context, place, need)?)
}

/// The file that is meant, or nothing where that will do.
fn found(context: &Context, place: &Place, need: Need) -> Result<Option<PathBuf>, Vec<Finding>> {
    let place = place_of(context, place);
    let found = find(context, &place)?;
    match found.is_none() && need == Need::File {
        true => Err(vec![no_file(context, &place)]),
        false => Ok(found),
    }
}

fn sources_of<'a>(
    context: &'a Context,
    files: &'a dyn Files,
    found: Option<PathBuf>,
) -> Result<Sources<'a>, Vec<Finding>> {
    let root = match &found {
        Some(path) => path.parent().map(Path::to_path_buf).unwrap_or_default(),
        None => context.cwd.clone(),
    };
    let file = found.map(|path| read_file(files, &path)).transpose()?;
    let home = context.env.get("HOME").map(PathBuf::from);
    Ok(Sources { file, home, user: context.user.clone(), ..Sources::new(root, &context.env, files) })
}

/// A flag wins over the variables, and of these the file over the directory.
fn place_of(context: &Context, place: &Place) -> Place {
    if place.nowhere || place.dir.is_some() || place.config.is_some() {
        return place.clone();
    }
    let config = variable(context, FILE_VARIABLE);
    let dir = variable(context, DIR_VARIABLE).filter(|_| config.is_none());
    Place { dir, config, nowhere: false }
}

/// Does the environment say which application is meant?
pub(crate) fn named_by_variable(context: &Context) -> bool {
    [FILE_VARIABLE, DIR_VARIABLE].iter().any(|name| variable(context, name).is_some())
}

fn variable(context: &Context, name: &str) -> Option<PathBuf> {
    context.env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The file that `place` means: the named one, or the first one upwards from the directory.
fn find(context: &Context, place: &Place) -> Result<Option<PathBuf>, Vec<Finding>> {
    if place.nowhere {
        return Ok(None);
    }
    if let Some(file) = &place.config {
        return Ok(Some(context.cwd.join(file)));
    }
    let start = match &place.dir {
        Some(dir) => context.cwd.join(dir),
        None => context.cwd.clone(),
    };
    let start = start.canonicalize().map_err(|error| {
        let hint = "`--dir` takes the directory that holds mainstay.toml";
        vec![Finding::error(format!("cannot look into `{}`", start.display())).because(&error).hint(hint)]
    })?;
    Ok(start.ancestors().map(|dir| dir.join(FILE_NAME)).find(|file| file.is_file()))
}

fn no_file(context: &Context, place: &Place) -> Finding {
    let start = place.dir.clone().unwrap_or_else(|| context.cwd.clone());
    Finding::error(format!("there is no {FILE_NAME} in `{}` nor above it", start.display()))
        .hint("name it with --dir or --config; without a file, use `mainstay run --database URL -- CMD`")
}

fn read_file(files: &dyn Files, path: &Path) -> Result<TextFile, Vec<Finding>> {
    match files.read(path) {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(vec![
            Finding::error(format!("there is no file `{}`", path.display()))
                .hint(format!("`--config` takes the file itself, `--dir` the directory that holds {FILE_NAME}")),
        ]),
        Err(error) => {
            let finding = Finding::error(format!("`{}` cannot be read", path.display())).because(&error);
            Err(vec![finding.hint(match error.kind() {
                io::ErrorKind::IsADirectory => "`--config` takes the file itself, `--dir` its directory",
                _ => "it must be a text file in UTF-8 that we may read",
            })])
        }
    }
}

/// The real disk; shows paths as short as they can be.
pub(crate) struct Disk<'a> {
    pub(crate) cwd: &'a Path,
}

impl Files for Disk<'_> {
    fn read(&self, path: &Path) -> io::Result<Option<TextFile>> {
        let text = match host::fs::read_to_string(path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mode = host::fs::metadata(path)?.mode & 0o7777;
        let name = path.strip_prefix(self.cwd).unwrap_or(path).display().to_string();
        Ok(Some(TextFile { name, text, mode }))
    }
}
