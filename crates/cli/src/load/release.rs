//! From a release on the disk to its [`config::App`].

use super::{Disk, FILE_NAME, Loaded, MAX_BYTES, Need, Reading, found, resolve, sources_of};
use crate::{args::Place, context::Context, texts::Keeping};
use config::{
    App, Deploy, Files, Overrides, Resolved, TextFile, data_of_invalid, variables_as_file, variables_of_files,
};
use deploy::{Record, ReleaseId, Site, shared, store};
use report::Finding;
use serde::{Deserialize, Serialize};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Variables may be secrets.
const ENV_MODE: u32 = 0o600;
/// Where an application keeps its data when it does not say so.
const DATA: &str = "data";

/// The application of a release of this site, from the file in its tree. Its relative paths begin in the tree, everything mutable
/// lies in the data directory of the site; the variables that were kept with the release stand in for `.env` files.
pub(crate) fn load_release(context: &Context, site: &App, id: &ReleaseId) -> Result<Loaded, Vec<Finding>> {
    load_release_with(context, site, *id, Overrides::default())
}

/// The same with what was typed, unless the site says otherwise.
pub(super) fn load_release_with(
    context: &Context,
    site: &App,
    id: ReleaseId,
    flags: Overrides,
) -> Result<Loaded, Vec<Finding>> {
    let files = Keeping::new(Disk { cwd: &context.cwd });
    let file = file_of_release(site, id)?;
    let of = Of { id: id.to_string(), name: site.name.clone(), data: site.data.clone(), site: told_from(site) };
    let mut resolved = resolve(context, &files, Some(file.clone()), of.flags(flags), Reading::Strict)?;
    resolved.warnings.iter().for_each(|warning| context.terminal.finding(warning));
    of.put_on(&mut resolved.app);
    keep_of_site(&mut resolved.app, site.deploy.as_ref());
    Ok(Loaded { app: resolved.app, texts: files.texts(Some(file)).of_release(of) })
}

/// A file that describes an application, as a commit has it.
pub(crate) struct Committed {
    /// Within the repository.
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    pub(crate) commit: String,
}

/// The application that a commit describes, if it were released to `site`; what else is read is what lies here.
pub(crate) fn load_committed(
    context: &Context,
    place: &Place,
    site: &App,
    committed: &Committed,
    flags: Overrides,
    reading: Reading,
) -> Result<Resolved, Vec<Finding>> {
    let path = found(context, place, Need::File)?.unwrap_or_default();
    let name = format!("{} of commit {}", committed.file.display(), committed.commit);
    let files = Instead {
        path: &path,
        text: TextFile { name, text: committed.text.clone(), mode: 0 },
        disk: Disk { cwd: &context.cwd },
    };
    let own = Overrides { name: Some(site.name.clone()), data: Some(site.data.display().to_string()), ..flags };
    let mut resolved = resolve(context, &files, Some(path.clone()), own, reading)?;
    keep_of_site(&mut resolved.app, site.deploy.as_ref());
    Ok(resolved)
}

/// What lies on the disk, but for one file.
struct Instead<'a> {
    path: &'a Path,
    text: TextFile,
    disk: Disk<'a>,
}

impl Files for Instead<'_> {
    fn read(&self, path: &Path) -> io::Result<Option<TextFile>> {
        if path == self.path { Ok(Some(self.text.clone())) } else { self.disk.read(path) }
    }
}

/// The release of a site that is to be run.
///
/// # Errors
/// When that cannot be seen.
pub(super) fn current(site: &App) -> Result<Option<ReleaseId>, Vec<Finding>> {
    let site = Site::of(site);
    if site.data().exists() && !site.data().is_dir() {
        // What is wrong with it is told where it is made.
        return Ok(None);
    }
    if let Some(exchange) = unsettled(&site)? {
        return Ok(exchange.release());
    }
    store::current(&site).map_err(|error| {
        let finding = Finding::error(format!("`{}` cannot be read", site.current().display())).because(&error);
        vec![
            finding.hint("`mainstay releases` shows the releases that there are; remove it to run the site's own file"),
        ]
    })
}

/// Whoever was cut off while he exchanged a database has written down which release belongs to it.
fn unsettled(site: &Site) -> Result<Option<store::Exchange>, Vec<Finding>> {
    store::Exchange::read(site).map_err(|error| {
        let finding = Finding::error("what is known of a rollback that was cut off cannot be read").because(&error);
        vec![finding.hint("`mainstay restore --undo` puts back what it has replaced; then remove that file")]
    })
}

/// Of which release, of which site, an application is; enough to resolve its texts again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Of {
    id: String,
    name: String,
    data: PathBuf,
    /// The file of the site, where it says what pushes are told by.
    #[serde(default)]
    site: Option<PathBuf>,
}

impl Of {
    pub(super) fn flags(&self, flags: Overrides) -> Overrides {
        let env_files = self.id.parse().map(|id| Site::below(&self.data).env(id).display().to_string());
        Overrides {
            name: Some(self.name.clone()),
            data: Some(self.data.display().to_string()),
            env_files: env_files.into_iter().collect(),
            ..flags
        }
    }

    /// What the site says for all of its releases, read anew.
    pub(super) fn put_site_on(&self, context: &Context, app: &mut App) {
        let disk = Disk { cwd: &context.cwd };
        let site = self.site.clone().map(|file| {
            resolve(context, &disk, Some(file), Overrides::default(), Reading::Lenient).map(|site| site.app.deploy)
        });
        if let Some(Ok(deploy)) = site {
            keep_of_site(app, deploy.as_ref());
        }
    }

    /// All that is run of it knows which release it is.
    pub(super) fn put_on(&self, app: &mut App) {
        app.env.insert(host::process::RELEASE.to_owned(), self.id.clone());
    }
}

/// The file that a webhook's command is given.
fn told_from(site: &App) -> Option<PathBuf> {
    site.deploy.as_ref()?.webhook.as_ref()?.command.last().map(PathBuf::from)
}

/// What is the site's own stays so, whatever a release says of it: where it comes from, and who tells of pushes.
fn keep_of_site(app: &mut App, site: Option<&Deploy>) {
    let Some(site) = site else { return };
    let deploy = app.deploy.get_or_insert_default();
    deploy.repository = site.repository.clone();
    deploy.branch = site.branch.clone();
    deploy.file = site.file.clone();
    deploy.keep = site.keep;
    deploy.webhook = site.webhook.clone();
}

/// The file of a release that describes its application.
fn file_of_release(site: &App, id: ReleaseId) -> Result<PathBuf, Vec<Finding>> {
    let site = Site::of(site);
    let record = store::read(&site, id).map_err(|error| {
        let finding = Finding::error(format!("release `{id}` cannot be read")).because(&error);
        vec![finding.hint("`mainstay releases` shows those that there are")]
    })?;
    let file = site.tree(id).join(&record.file);
    match file.is_file() {
        true => Ok(file),
        false => Err(vec![no_file(&record.file, record.short_commit())]),
    }
}

fn no_file(file: &Path, commit: &str) -> Finding {
    let finding = Finding::error(format!("there is no `{}` in commit `{commit}`", file.display()));
    finding.hint(match file == Path::new(FILE_NAME) {
        true => format!("commit it; or name the one that is meant with `file` in `[deploy]` of the site's {FILE_NAME}"),
        false => format!("`file` in `[deploy]` of the site's {FILE_NAME} says that it is there"),
    })
}

/// Keeps with a release, whose files are checked out, the variables of the site's files of variables, and below them those of files
/// that the commit brings itself: so a rollback brings them back.
pub(crate) fn freeze_env(context: &Context, place: &Place, site: &App, record: &Record) -> Result<(), Vec<Finding>> {
    let disk = Disk { cwd: &context.cwd };
    let file = file_of_release(site, record.id)?;
    let mut values = variables_of_files(&sources_of(context, &disk, Some(file))?)?;
    values.extend(variables_of_files(&sources_of(context, &disk, found(context, place, Need::File)?)?)?);
    let path = Site::of(site).env(record.id);
    host::fs::write_atomic(&path, variables_as_file(&values).as_bytes(), ENV_MODE).map_err(|error| failed(&error))
}

/// Puts links to what all releases share into the tree of a release: its data directory, and `paths`. Answers with what the commit
/// brings there and nobody will see.
pub(crate) fn share(
    context: &Context,
    site: &App,
    record: &Record,
    paths: &[PathBuf],
) -> Result<Vec<Finding>, Vec<Finding>> {
    let file = file_of_release(site, record.id)?;
    let (site, root) = (Site::of(site), file.parent().unwrap_or(Path::new("/")).to_owned());
    let variable = |name: &str| context.env.get(name).map(String::as_str);
    let text = host::fs::read_to_string(&file, MAX_BYTES).map_err(|error| failed(&error))?;
    let data = data_of_invalid(&text, variable).unwrap_or_else(|| DATA.to_owned());
    let has_data = shared::share_data(&site, &root, Path::new(&data)).map_err(|error| failed(&error))?;
    let hidden = shared::share(&site, &root, paths).map_err(|error| failed(&error))?;
    let brought = |path: &Path| format!("the commit brings `{}`", path.display());
    let hidden = hidden.iter().map(|path| {
        let finding = Finding::warning(format!("{}, which all releases share: it is not used", brought(path)));
        finding.hint("take it out of the commit, or out of `shared` in `[deploy]`")
    });
    let data = (!has_data).then(|| {
        let finding = Finding::warning(format!("{}, where its data would lie", brought(Path::new(&data))));
        finding.hint("what the application writes there goes with the release: let it use `data`, or `shared`")
    });
    Ok(hidden.chain(data).collect())
}

fn failed(error: &io::Error) -> Vec<Finding> {
    vec![Finding::error("the release cannot be prepared").because(error)]
}
