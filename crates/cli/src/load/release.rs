//! From a release on the disk to its [`config::App`].

use super::{Disk, FILE_NAME, Loaded, Reading, resolve};
use crate::{context::Context, texts::Keeping};
use config::{App, Overrides};
use deploy::{ReleaseId, Site, store};
use report::Finding;
use std::path::{Path, PathBuf};

/// The application of a release of this site, from the file in its tree. Its relative paths begin in the tree, everything mutable
/// lies in the data directory of the site; the variables that were kept with the release stand in for `.env` files.
pub(crate) fn load_release(context: &Context, site: &App, id: &ReleaseId) -> Result<Loaded, Vec<Finding>> {
    let files = Keeping::new(Disk { cwd: &context.cwd });
    let file = file_of_release(site, *id)?;
    let flags = flags_of_release(site, *id, Overrides::default());
    let resolved = resolve(context, &files, Some(file.clone()), flags, Reading::Strict)?;
    resolved.warnings.iter().for_each(|warning| context.terminal.finding(warning));
    Ok(Loaded { app: resolved.app, texts: files.texts(Some(file)) })
}

/// What [`load_release`] reads a release with, for whoever resolves its texts again: `flags`, unless the site says otherwise.
pub(crate) fn flags_of_release(site: &App, id: ReleaseId, flags: Overrides) -> Overrides {
    Overrides {
        name: Some(site.name.clone()),
        data: Some(site.data.display().to_string()),
        env_files: vec![Site::of(site).env(id).display().to_string()],
        ..flags
    }
}

/// The file of a release that describes its application.
pub(crate) fn file_of_release(site: &App, id: ReleaseId) -> Result<PathBuf, Vec<Finding>> {
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
