//! `[deploy]`: what is meant by it.

mod support;

use config::{BackupWhen, Deploy, Driver, HookOn, Manager, Provider, Repository, Target};
use std::{path::PathBuf, time::Duration};
use support::file;

fn deploy(section: &str) -> Deploy {
    let services = "[services.web]\ncommand = 'web'\n[services.api]\ncommand = 'api'\nlisten = '127.0.0.1:8000'\n";
    file(&format!("name = 'shop'\n{services}[deploy]\n{section}")).app().deploy.expect("there is a [deploy]")
}

/// Issue 6: without the section nothing is said, and an empty one says what is usual.
#[test]
fn what_is_usual() {
    assert_eq!(file("name = 'shop'\n").app().deploy, None);
    assert_eq!(deploy(""), Deploy::default());
    let usual = Deploy::default();
    assert_eq!((usual.keep, usual.branch.as_str(), usual.watch), (5, "main", Duration::from_secs(300)));
}

/// S2.16, S4.6: steps of the build are texts or tables, and dependencies have lock files.
#[test]
fn a_build_is_texts_and_tables() {
    let deploy = deploy(
        "build = ['cargo build --release', { run = ['npm', 'run', 'build'], in = './web', env = { CI = '1' }, timeout = '10m' }]\n\
         dependencies = { run = 'npm ci', in = 'web', lock = ['web/package-lock.json'] }\nshared = ['uploads', './var/files']",
    );
    assert_eq!(deploy.build[0].argv, ["cargo", "build", "--release"]);
    assert_eq!((&deploy.build[0].dir, deploy.build[0].timeout.as_secs()), (&PathBuf::new(), 1800));
    assert_eq!(deploy.build[1].argv, ["npm", "run", "build"]);
    assert_eq!((deploy.build[1].dir.to_str(), deploy.build[1].timeout.as_secs()), (Some("web"), 600));
    assert_eq!(deploy.build[1].env["CI"], "1");
    let dependencies = deploy.dependencies.unwrap();
    assert_eq!(dependencies.lock, [PathBuf::from("web/package-lock.json")]);
    assert_eq!(dependencies.step.argv, ["npm", "ci"]);
    assert_eq!(deploy.shared, [PathBuf::from("uploads"), PathBuf::from("var/files")]);
}

/// S1.7: what a new release is asked; a path is asked on the address of a service.
#[test]
fn questions_to_a_new_release() {
    let deploy = deploy(
        "[[deploy.smoke]]\nhttp = '/health'\ncontains = 'ok'\n[[deploy.smoke]]\nhttp = 'http://127.0.0.1:9/x#status=204'\n\
         [[deploy.smoke]]\ntcp = 8000\ntimeout = '1s'\n[[deploy.smoke]]\ncommand = 'bin/smoke --all'\n",
    );
    let [path, url, tcp, command] = &deploy.smoke[..] else { panic!("{:?}", deploy.smoke) };
    assert_eq!((path.service.as_deref(), path.path.as_deref()), (Some("api"), Some("/health")));
    assert_eq!(path.target, Target::Http { url: "http://127.0.0.1:8000/health".into(), status: None });
    assert_eq!((path.contains.as_deref(), path.timeout.as_secs()), (Some("ok"), 10));
    assert_eq!(url.target, Target::Http { url: "http://127.0.0.1:9/x".into(), status: Some(204) });
    assert_eq!((url.service.as_deref(), url.path.as_deref()), (None, None));
    assert_eq!(tcp.target, Target::Tcp { host: "127.0.0.1".into(), port: 8000 });
    assert_eq!(command.target, Target::Command(vec!["bin/smoke".into(), "--all".into()]));
}

/// S2.16, S4.15: the site's own keys; the secret never prints.
#[test]
fn the_site_and_its_webhook() {
    let deploy = deploy(
        "repository = '../shop.git'\nbranch = 'production'\nfile = 'backend/mainstay.toml'\nkeep = 3\nwatch = '0s'\nbackup = 'always'\nerrors = 0\n\
         [deploy.webhook]\nlisten = '127.0.0.1:9000'\nsecret = '0123456789abcdef'\nprovider = 'gitlab'\non = 'ci'\n",
    );
    assert_eq!(deploy.repository, Some(Repository::Path("/srv/booking/../shop.git".into())));
    assert_eq!((deploy.keep, deploy.watch, deploy.errors), (3, Duration::ZERO, Some(0)));
    assert_eq!(
        (deploy.backup, deploy.file.as_deref().unwrap().to_str()),
        (BackupWhen::Always, Some("backend/mainstay.toml"))
    );
    let hook = deploy.webhook.as_ref().unwrap();
    assert_eq!((hook.provider, hook.on, hook.branch.as_str()), (Provider::GitLab, HookOn::Ci, "production"));
    assert_eq!((hook.path.as_str(), hook.secret.reveal()), ("/hooks/deploy", "0123456789abcdef"));
    assert!(!format!("{deploy:?}").contains("0123456789abcdef"));
}

/// Issue 6, point 6: other drivers.
#[test]
fn other_drivers() {
    let compose = deploy("driver = 'compose'\nservices = ['api', 'worker']\ncompose = 'prod.yaml'");
    let services = vec!["api".to_owned(), "worker".to_owned()];
    assert_eq!(compose.driver, Driver::Compose { file: Some("prod.yaml".into()), services });
    let named = deploy("driver = 'systemd'\nunits = ['web.service', 'worker.service']");
    let units = vec!["web.service".to_owned(), "worker.service".to_owned()];
    assert_eq!(named.driver, Driver::Systemd { units: units.clone(), manager: Manager::Usual });
    assert_eq!((named.driver.parts(), named.driver.word()), (&units[..], "systemd"));
    let system = deploy("driver = 'systemd'\nunits = ['web.service']\nmanager = 'system'");
    assert!(matches!(system.driver, Driver::Systemd { manager: Manager::System, .. }) && system.driver.is_in_place());
}
