//! Builds by real commands.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests play the people and the machine")]

mod support;

use config::{Dependencies, Deploy};
use deploy::{
    Record, Site, State,
    build::{BuildError, Builder, Built, end_left},
    store,
};
use host::fs::list;
use report::Recorder;
use std::{path::PathBuf, time::Duration};
use support::{Place, building, sh, step, text};
use tokio::time::timeout;

async fn build(place: &Place, record: &Record, deploy: &Deploy, lines: &Recorder) -> Result<Built, BuildError> {
    let (site, rebuild) = (place.site(), false);
    let root = site.tree(record.id);
    let builder = Builder { spawner: &place.spawner, site: &site, record, root: &root, env: &place.env, lines };
    builder.build(deploy, rebuild).await
}

/// S2.16: steps run in order in the tree, with the cache; their lines are told and kept.
#[tokio::test]
async fn steps_run_in_order() {
    let place = Place::new();
    let (mut record, lines) = (place.release(1), Recorder::default());
    record.commit = "fd24012b".to_owned();
    let mut web = sh("echo $NODE_ENV > built");
    web.dir = PathBuf::from("web");
    web.env.insert("NODE_ENV".to_owned(), "production".to_owned());
    let deploy = building(vec![
        sh("mkdir web; echo one; echo two >&2; echo $MAINSTAY_COMMIT > commit; touch \"$MAINSTAY_CACHE/kept\""),
        web,
    ]);
    let built = build(&place, &record, &deploy, &lines).await.unwrap();
    let (site, tree) = (place.site(), place.site().tree(record.id));
    assert!(built.bytes > 0 && built.dependencies.is_none());
    assert_eq!(
        (text(&tree.join("web/built")), text(&tree.join("commit"))),
        ("production\n".into(), "fd24012b\n".into())
    );
    assert!(site.cache().join("kept").exists());
    let log = text(&site.build_log(record.id));
    assert!(log.contains("$ sh -c echo $NODE_ENV > built\n") && log.contains("two\n"), "{log}");
    assert_eq!(host::fs::metadata(&site.build_log(record.id)).unwrap().mode, 0o600);
}

/// Issue 6: what fails says which command, how it ended, and its last lines; later steps are not run.
#[tokio::test]
async fn a_build_that_fails_says_why() {
    let place = Place::new();
    let record = place.release(1);
    let deploy = building(vec![sh("echo before"), sh("echo no such module >&2; exit 3"), sh("touch after")]);
    let error = build(&place, &record, &deploy, &Recorder::default()).await.unwrap_err();
    let finding = error.finding();
    assert_eq!(finding.seen, ["`sh -c echo no such module >&2; exit 3` ended with exit code 3", "no such module"]);
    assert!(!place.site().tree(record.id).join("after").exists());
    let missing = build(&place, &record, &building(vec![step(&["no-such-program"])]), &Recorder::default()).await;
    assert!(missing.unwrap_err().to_string().contains("no-such-program"));
}

/// Issue 6: a build that hangs is stopped with everybody it has started, also who went away from it.
#[tokio::test]
async fn a_build_that_hangs_is_stopped() {
    let place = Place::new();
    let record = place.release(1);
    let marker = place.path("alive");
    let script = format!(
        "setsid sh -c 'trap \"\" TERM; while :; do date > {}; sleep 0.05; done' & echo waiting; sleep 600",
        marker.display()
    );
    let mut hanging = sh(&script);
    hanging.timeout = Duration::from_millis(500);
    let limit = Duration::from_secs(30);
    let error = timeout(limit, build(&place, &record, &building(vec![hanging]), &Recorder::default())).await.unwrap();
    assert!(matches!(error, Err(BuildError::TimedOut { .. })), "{error:?}");
    nobody_writes(&marker).await;
}

/// Issue 6: who is left behind by a build that ended well is ended too: it is no service.
#[tokio::test]
async fn a_build_leaves_nobody_behind() {
    let place = Place::new();
    let record = place.release(1);
    let marker = place.path("alive");
    let script = format!(
        "setsid sh -c 'while :; do date > {0}; sleep 0.05; done' > /dev/null 2>&1 & while ! test -e {0}; do sleep 0.05; done",
        marker.display()
    );
    build(&place, &record, &building(vec![sh(&script)]), &Recorder::default()).await.unwrap();
    nobody_writes(&marker).await;
}

/// Issue 6, point 7: who gives a build up has nobody of it left; what a killed one has left is ended by the next.
#[tokio::test]
async fn a_build_that_is_given_up_is_gone() {
    let place = Place::new();
    let record = place.release(1);
    let marker = place.path("alive");
    let script = format!("while :; do date > {}; sleep 0.05; done", marker.display());
    let deploy = building(vec![sh(&script)]);
    let lines = Recorder::default();
    tokio::select! {
        built = build(&place, &record, &deploy, &lines) => panic!("{built:?}"),
        () = async { while !marker.exists() { tokio::time::sleep(Duration::from_millis(10)).await } } => {}
    }
    nobody_writes(&marker).await;
    assert_eq!(end_left(&place.site()).await.unwrap(), 0);
}

/// The file is not written any more: it does not come back once it is removed.
async fn nobody_writes(marker: &std::path::Path) {
    tokio::time::sleep(Duration::from_millis(100)).await;
    std::fs::remove_file(marker).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!marker.exists(), "somebody of the build is left");
}

/// S4.6: dependencies are fetched again only when their lock file says something new, and what they put into the tree comes along.
#[tokio::test]
async fn dependencies_are_fetched_when_they_change() {
    let place = Place::new();
    let fetch = sh("mkdir -p modules; echo fetched >> modules/log; echo x >> \"$MAINSTAY_CACHE/times\"");
    let dependencies = Dependencies { step: fetch, lock: vec!["lock".into()], paths: vec!["modules".into()] };
    let deploy = Deploy { dependencies: Some(dependencies), ..building(vec![sh("test -e modules/log")]) };
    let site = place.site();
    for (number, (lock, skipped)) in (1..).zip([("a", false), ("a", true), ("b", false), ("a", true)]) {
        let mut record = place.release(number);
        std::fs::write(site.tree(record.id).join("lock"), lock).unwrap();
        let built = build(&place, &record, &deploy, &Recorder::default()).await.unwrap();
        assert_eq!(
            (built.dependencies_skipped, built.dependencies.as_deref().map(str::len)),
            (skipped, Some(64)),
            "{number}"
        );
        assert_eq!(text(&site.tree(record.id).join("modules/log")), "fetched\n");
        (record.dependencies, record.state) = (built.dependencies, State::Confirmed);
        store::write(&site, &record).unwrap();
    }
    assert_eq!(text(&site.cache().join("times")), "x\nx\n");
    let record = place.release(9);
    let error = build(&place, &record, &deploy, &Recorder::default()).await.unwrap_err();
    assert_eq!(error.finding().hint.as_deref(), Some("check `lock` in `[deploy.dependencies]`"));
}

/// Issue 6: a disk that is full is told as such; nothing is lost of what was there.
#[tokio::test]
async fn a_full_disk_is_told() {
    // Only root can make such a disk.
    if host::user::user_name().as_deref() != Some("root") {
        return;
    }
    let place = Place::new();
    let disk = Disk::mount(place.path("small"));
    let site = Site::below(&place.path("small"));
    let record = Record::new(support::id(1), "main", "ada", "mainstay.toml");
    store::write(&site, &record).unwrap();
    let root = site.tree(record.id);
    std::fs::create_dir_all(&root).unwrap();
    let (deploy, lines) = (building(vec![sh("dd if=/dev/zero of=big bs=64k 2>&1")]), Recorder::default());
    let builder =
        Builder { spawner: &place.spawner, site: &site, record: &record, root: &root, env: &place.env, lines: &lines };
    let error = builder.build(&deploy, false).await.unwrap_err();
    assert!(error.finding().hint.is_some_and(|hint| hint.contains("left on the disk: make room")), "{error:?}");
    assert_eq!(store::read(&site, record.id).unwrap(), record);
    std::fs::remove_file(root.join("big")).unwrap();
    drop(disk);
    assert!(list(&place.path("")).is_ok());
}

/// A file system of 2 MB.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: PathBuf) -> Self {
        std::fs::create_dir_all(&path).unwrap();
        run("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs", path.to_str().unwrap()]);
        Self(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

fn run(program: &str, arguments: &[&str]) {
    #[expect(clippy::disallowed_methods, reason = "tests play the machine")]
    let status = std::process::Command::new(program).args(arguments).status().unwrap();
    assert!(status.success(), "{program} {arguments:?}: a test of a full disk mounts one, as root");
}
