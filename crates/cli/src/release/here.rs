//! The site that a release is for.

use crate::{
    args::Place,
    context::Context,
    load::{FILE_NAME, Need, Reading, load_in_silence},
};
use ::deploy::Site;
use config::{App, Deploy, Overrides};
use control::Client;
use report::Finding;
use std::sync::OnceLock;

/// The site that a release is for, as its own file describes it.
pub(crate) struct Here {
    pub(crate) app: App,
    pub(crate) deploy: Deploy,
    pub(crate) site: Site,
    pub(crate) place: Place,
    /// Asks the mainstay that keeps its services up.
    pub(crate) client: Client,
    /// The program that is Docker Compose here, once that was looked for.
    pub(crate) compose: OnceLock<Vec<String>>,
}

impl Here {
    /// The one that `place` means. A variable that a release needs may be missing here: that is looked at when it is there.
    pub(crate) fn of(context: &Context, place: &Place) -> Result<Self, Vec<Finding>> {
        let app = load_in_silence(context, place, Overrides::default(), Need::File, Reading::Lenient)?.app;
        let Some(deploy) = app.deploy.clone() else { return Err(vec![no_deploy(&app)]) };
        let (site, client) = (Site::of(&app), Client::new(app.control_socket()));
        Ok(Self { app, deploy, site, place: place.clone(), client, compose: OnceLock::new() })
    }
}

fn no_deploy(app: &App) -> Finding {
    Finding::error(format!("`{}` has no releases", app.name))
        .seen(format!("there is no `[deploy]` in `{}`", app.root.join(FILE_NAME).display()))
        .hint("write `[deploy]` and below it what builds it: `build = [\"cargo build --release\"]`; it may be empty")
}
