//! Commits of real repositories, and their files.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests play the people and the machine")]

mod support;

use config::{Deploy, Repository};
use deploy::git::{GitError, Origin};
use std::path::{Path, PathBuf};
use support::{Place, id, text};

fn from(repository: Repository) -> Deploy {
    Deploy { repository: Some(repository), ..Deploy::default() }
}

/// S2.16: a branch, a tag and the beginning of a commit mean what they mean to git; its files are those of the commit.
#[tokio::test]
async fn a_commit_is_checked_out() {
    let place = Place::new();
    let first = place.commit("app.txt", "one", "First\n\nMore about it.");
    place.git(place.work(), &["tag", "v1"]);
    let second = place.commit("app.txt", "two", "Second");
    let (git, site) = (place.our_git(), place.site());
    let source = git.source(&site, &Deploy::default(), &place.work()).await.unwrap();
    assert_eq!((source.origin.clone(), source.file.to_str()), (Origin::Foreign, Some("mainstay.toml")));
    for (reference, commit) in [("main", &second), ("v1", &first), (&first[..9], &first), ("main~1", &first)] {
        assert_eq!(git.resolve(&source, reference).await.unwrap().id, *commit, "{reference}");
    }
    let commit = git.resolve(&source, "v1").await.unwrap();
    assert_eq!((commit.subject.as_str(), commit.author.as_str()), ("First", "Ada <ada@shop.example>"));
    git.check_out(&source, &site, id(1), &commit).await.unwrap();
    assert_eq!(text(&site.tree(id(1)).join("app.txt")), "one");
    assert_eq!(host::fs::metadata(&site.tree(id(1))).unwrap().mode, 0o700);
    assert_eq!(place.git(site.tree(id(1)), &["rev-parse", "HEAD"]), first);
}

/// S2.16: an application in a directory of its repository is found where it lies.
#[tokio::test]
async fn a_file_deep_in_the_repository() {
    let place = Place::new();
    place.commit("services/api/mainstay.toml", "", "First");
    let root = place.work().join("services/api");
    let source = place.our_git().source(&place.site(), &Deploy::default(), &root).await.unwrap();
    assert_eq!(
        (source.path, source.file.to_str()),
        (host::fs::real_path(&place.work()), Some("services/api/mainstay.toml"))
    );
}

/// Bad input of issue 6: each is told for what it is.
#[tokio::test]
async fn what_is_no_commit() {
    let place = Place::new();
    let (git, site) = (place.our_git(), place.site());
    let source = git.source(&site, &Deploy::default(), &place.work()).await.unwrap();
    assert!(matches!(git.resolve(&source, "main").await, Err(GitError::Empty { .. })));
    place.commit("app.txt", "one", "First");
    match git.resolve(&source, "mian").await {
        Err(GitError::Unknown { reference, known, .. }) => {
            assert_eq!((reference, known), ("mian".into(), vec!["main".into()]))
        }
        other => panic!("{other:?}"),
    }
    for bad in ["", "--upload-pack=sh", "a b", "main:app.txt", "a\nb"] {
        assert!(matches!(git.resolve(&source, bad).await, Err(GitError::BadReference { .. })), "{bad:?}");
    }
    let nowhere = git.source(&site, &Deploy::default(), &place.path("home")).await;
    assert!(matches!(nowhere, Err(GitError::NoRepository { named: false, .. })), "{nowhere:?}");
    let missing = git.source(&site, &from(Repository::Path(place.path("no"))), &place.work()).await;
    assert!(matches!(missing, Err(GitError::NoRepository { named: true, .. })));
    let no_git = [("PATH".to_owned(), "/nowhere".to_owned())].into();
    let error = deploy::git::Git::new(&place.spawner, &no_git).resolve(&source, "main").await.unwrap_err();
    assert_eq!(error.finding().hint.as_deref(), Some("install git"));
}

/// Issue 6: a history that was pushed over is no reason to lose a release; the commits of our releases are kept, and let go with them.
#[tokio::test]
async fn a_force_push_takes_nothing_away() {
    let place = Place::new();
    let first = place.commit("app.txt", "one", "First");
    let (git, site) = (place.our_git(), place.site());
    git.init_bare(&site.repository(), "main").await.unwrap();
    let bare = site.repository().display().to_string();
    place.git(place.work(), &["push", "-q", &bare, "main"]);
    let source = git.source(&site, &Deploy::default(), &place.work()).await.unwrap();
    assert_eq!(source.origin, Origin::Pushed);
    let commit = git.resolve(&source, "main").await.unwrap();
    git.check_out(&source, &site, id(1), &commit).await.unwrap();
    place.git(place.work(), &["commit", "-q", "--amend", "-m", "Rewritten"]);
    place.git(place.work(), &["push", "-q", "--force", &bare, "main"]);
    place.git(site.repository(), &["gc", "-q", "--prune=now"]);
    assert_ne!(git.resolve(&source, "main").await.unwrap().id, first);
    assert_eq!(place.git(site.tree(id(1)), &["log", "-1", "--format=%s"]), "First");
    assert!(!place.git(place.work(), &["ls-remote", &bare]).contains("refs/mainstay"));
    git.forget(&source, &[id(1)]).await.unwrap();
    place.git(site.repository(), &["reflog", "expire", "--all", "--expire=now"]);
    place.git(site.repository(), &["gc", "-q", "--prune=now"]);
    assert!(matches!(git.resolve(&source, &first).await, Err(GitError::Unknown { .. } | GitError::Failed { .. })));
}

/// S2.16: a repository elsewhere is mirrored, also when its branch was pushed over; its address is kept nowhere.
#[tokio::test]
async fn a_repository_elsewhere_is_mirrored() {
    let place = Place::new();
    place.commit("app.txt", "one", "First");
    let url = format!("file://{}", place.work().display());
    let (git, site) = (place.our_git(), place.site());
    let deploy = from(Repository::Url(url.clone()));
    let source = git.source(&site, &deploy, &place.work()).await.unwrap();
    git.fetch(&source).await.unwrap();
    assert_eq!(git.resolve(&source, "main").await.unwrap().subject, "First");
    place.git(place.work(), &["commit", "-q", "--amend", "-m", "Rewritten"]);
    git.fetch(&source).await.unwrap();
    let commit = git.resolve(&source, "main").await.unwrap();
    assert_eq!(commit.subject, "Rewritten");
    git.check_out(&source, &site, id(1), &commit).await.unwrap();
    assert_eq!(text(&site.tree(id(1)).join("app.txt")), "one");
    assert!(!text(&site.repository().join("config")).contains(&url));
    let gone = from(Repository::Url(format!("file://{}", place.path("gone").display())));
    let gone = git.source(&site, &gone, &place.work()).await.unwrap();
    assert!(matches!(git.fetch(&gone).await, Err(GitError::Failed { .. })));
}

/// The files below a directory that hold this.
fn holding(dir: &Path, text: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => holding(&path, text),
            false => Some(path)
                .filter(|path| String::from_utf8_lossy(&std::fs::read(path).unwrap()).contains(text))
                .into_iter()
                .collect(),
        })
        .collect()
}

/// Issue 6, point 3: the password of an address over HTTP is among no process's arguments and in no file of the release, also where a
/// submodule is beside it on the same server. Found in a review.
#[tokio::test]
async fn a_password_stays_with_us() {
    const SECRET: &str = "s3cr3t%2Fword";
    let mut place = Place::new();
    let trace = place.path("trace").display().to_string();
    let served = place.path("served");
    place.git(place.path(""), &["init", "-q", "-b", "main", "library"]);
    std::fs::write(place.path("library/lib.txt"), "one").unwrap();
    place.git(place.path("library"), &["add", "-A"]);
    place.git(place.path("library"), &["commit", "-q", "-m", "one"]);
    place.env.insert("GIT_ALLOW_PROTOCOL".to_owned(), "file:http".to_owned());
    place.git(place.work(), &["submodule", "--quiet", "add", &place.path("library").display().to_string(), "lib"]);
    place.git(place.work(), &["config", "-f", ".gitmodules", "submodule.lib.url", "../library.git"]);
    place.commit("app.txt", "one", "First");
    for (from, to) in [("work", "shop.git"), ("library", "library.git")] {
        let to = served.join(to);
        place.git(place.path(""), &["clone", "-q", "--bare", from, to.to_str().unwrap()]);
        place.git(to, &["update-server-info"]);
    }
    let server = testkit::Nginx::of_files(&served, "me:s3cr3t/word");
    place.env.insert("GIT_TRACE".to_owned(), trace.clone());
    let (git, site) = (place.our_git(), place.site());
    let at = |who: &str| from(Repository::Url(format!("http://{who}127.0.0.1:{}/shop.git", server.port())));
    let source = git.source(&site, &at(&format!("me:{SECRET}@")), &place.work()).await.unwrap();
    git.fetch(&source).await.unwrap();
    let commit = git.resolve(&source, "main").await.unwrap();
    git.check_out(&source, &site, id(1), &commit).await.unwrap();
    assert_eq!(text(&site.tree(id(1)).join("lib/lib.txt")), "one");
    let trace = text(trace.as_ref());
    assert!(trace.contains("/library.git") && trace.contains("remote-http"), "{trace}");
    assert!(!trace.contains("s3cr3t"), "{trace}");
    let known = ["s3cr3t", "Authorization"].map(|secret| holding(&place.path("data"), secret));
    assert_eq!(known, [const { Vec::<PathBuf>::new() }; 2], "kept in a file");
    let stranger = git.source(&site, &at(""), &place.work()).await.unwrap();
    assert!(matches!(git.fetch(&stranger).await, Err(GitError::Failed { .. })));
}

/// Issue 6, point 3: of a repository elsewhere only the newest commits come, and older ones when somebody means them; what is whole
/// stays whole.
#[tokio::test]
async fn a_mirror_is_as_deep_as_it_has_to_be() {
    let place = Place::new();
    let mut commits = Vec::new();
    for number in 0..6 {
        commits.push(place.commit("app.txt", &number.to_string(), &format!("Number {number}")));
    }
    let (git, site) = (place.our_git(), place.site());
    let deploy = from(Repository::Url(format!("file://{}", place.work().display())));
    let source = git.source(&site, &deploy, &place.work()).await.unwrap();
    let count = || place.git(site.repository(), &["rev-list", "--all", "--count"]);
    git.fetch(&source).await.unwrap();
    let newest = git.resolve(&source, "main").await.unwrap();
    git.check_out(&source, &site, id(1), &newest).await.unwrap();
    assert_eq!((newest.id.as_str(), count().as_str()), (commits[5].as_str(), "1"));
    assert_eq!(text(&site.tree(id(1)).join("app.txt")), "5");
    place.git(site.tree(id(1)), &["fsck", "--no-dangling"]);
    commits.push(place.commit("app.txt", "6", "Number 6"));
    git.fetch(&source).await.unwrap();
    // That of the release before is kept.
    assert_eq!((git.resolve(&source, "main").await.unwrap().id, count()), (commits[6].clone(), "2".to_owned()));
    let old = git.resolve(&source, &commits[1]).await.unwrap();
    git.check_out(&source, &site, id(2), &old).await.unwrap();
    assert_eq!((old.subject.as_str(), count().as_str()), ("Number 1", "3"));
    assert_eq!(text(&site.tree(id(2)).join("app.txt")), "1");
    assert_eq!(git.resolve(&source, "main~3").await.unwrap().id, commits[3]);
    assert_eq!(count(), "7");
    git.fetch(&source).await.unwrap();
    assert_eq!((count().as_str(), site.repository().join("shallow").exists()), ("7", false));
    let missing = git.resolve(&source, &"0".repeat(40)).await;
    assert!(matches!(missing, Err(GitError::Unknown { .. })), "{missing:?}");
}

/// Issue 6, point 3: of submodules no more comes than the commit that is meant, wherever it is in their history.
#[tokio::test]
async fn submodules_of_a_mirror_are_no_deeper() {
    let mut place = Place::new();
    place.env.insert("GIT_ALLOW_PROTOCOL".to_owned(), "file".to_owned());
    place.git(place.path(""), &["init", "-q", "-b", "main", "library"]);
    let add = |text: &str| {
        std::fs::write(place.path("library/lib.txt"), text).unwrap();
        place.git(place.path("library"), &["add", "-A"]);
        place.git(place.path("library"), &["commit", "-q", "-m", text]);
    };
    ["one", "two", "three"].into_iter().for_each(add);
    let library = format!("file://{}", place.path("library").display());
    place.git(place.work(), &["submodule", "--quiet", "add", &library, "vendor/lib"]);
    place.git(place.work().join("vendor/lib"), &["checkout", "-q", "HEAD~1"]);
    place.commit("app.txt", "one", "First");
    let (git, site) = (place.our_git(), place.site());
    let deploy = from(Repository::Url(format!("file://{}", place.work().display())));
    let source = git.source(&site, &deploy, &place.work()).await.unwrap();
    git.fetch(&source).await.unwrap();
    let commit = git.resolve(&source, "main").await.unwrap();
    git.check_out(&source, &site, id(1), &commit).await.unwrap();
    let there = site.tree(id(1)).join("vendor/lib");
    assert_eq!(text(&there.join("lib.txt")), "two");
    let deep: u32 = place.git(there, &["rev-list", "HEAD", "--count"]).parse().unwrap();
    assert_eq!(deep, 1);
}

/// Issue 6: submodules are checked out with the rest; one that cannot be had fails the release and says which.
#[tokio::test]
async fn submodules_come_along() {
    let mut place = Place::new();
    place.env.insert("GIT_ALLOW_PROTOCOL".to_owned(), "file".to_owned());
    place.git(place.path(""), &["init", "-q", "-b", "main", "library"]);
    std::fs::write(place.path("library/lib.txt"), "lib").unwrap();
    place.git(place.path("library"), &["add", "-A"]);
    place.git(place.path("library"), &["commit", "-q", "-m", "Library"]);
    let library = place.path("library").display().to_string();
    place.git(place.work(), &["submodule", "--quiet", "add", &library, "vendor/lib"]);
    place.commit("app.txt", "one", "First");
    let (git, site) = (place.our_git(), place.site());
    let source = git.source(&site, &Deploy::default(), &place.work()).await.unwrap();
    let commit = git.resolve(&source, "main").await.unwrap();
    git.check_out(&source, &site, id(1), &commit).await.unwrap();
    assert_eq!(text(&site.tree(id(1)).join("vendor/lib/lib.txt")), "lib");
    std::fs::rename(place.path("library"), place.path("moved")).unwrap();
    let error = git.check_out(&source, &site, id(2), &commit).await.unwrap_err();
    let finding = error.finding();
    assert_eq!(finding.summary, "git could not check the submodules out");
    assert!(finding.seen.iter().any(|line| line.contains("vendor/lib")), "{finding:?}");
}

/// In a hook, git's own variables mean the repository that was pushed to: ours must not.
#[tokio::test]
async fn the_variables_of_a_hook_do_not_lead_astray() {
    let mut place = Place::new();
    let first = place.commit("app.txt", "one", "First");
    place.env.insert("GIT_DIR".to_owned(), "/nowhere".to_owned());
    place.env.insert("GIT_QUARANTINE_PATH".to_owned(), "/nowhere".to_owned());
    let (git, site) = (place.our_git(), place.site());
    let source = git.source(&site, &Deploy::default(), &place.work()).await.unwrap();
    assert_eq!(git.resolve(&source, "main").await.unwrap().id, first);
}
