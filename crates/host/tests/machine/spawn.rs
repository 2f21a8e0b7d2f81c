//! What a child is given, and how its end is seen.

use crate::support::{command, ignored, in_time, run, shell, start};
use host::{
    Env,
    process::{Exit, Output, Spawner, SystemSpawner},
};
use std::{
    fs,
    io::ErrorKind,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    sync::Arc,
    time::Duration,
};
use tokio::time::timeout;

#[tokio::test]
async fn the_two_ways_to_end_are_told_apart() {
    assert_eq!(run(&shell("exit 7")).await.0, Exit::Code(7));
    assert_eq!(run(&shell("kill -TERM $$")).await.0, Exit::Signal(15));
}

#[tokio::test]
async fn both_outputs_are_read() {
    let (exit, out, err) = run(&shell("echo out; echo err >&2")).await;
    assert_eq!((exit, out.as_str(), err.as_str()), (Exit::Code(0), "out\n", "err\n"));
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_said() {
    let mut env = command(&["env"]);
    env.env =
        Env::from([("ONLY".to_owned(), "ы = 'x'\ny".to_owned()), ("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
    assert_eq!(run(&env).await.1, "ONLY=ы = 'x'\ny\nPATH=/usr/bin:/bin\n");
}

#[tokio::test]
async fn a_child_starts_clean() {
    let dir = tempfile::tempdir().unwrap();
    let script = "grep SigIgn /proc/self/status; grep SigBlk /proc/self/status; readlink /proc/self/fd/0; pwd; \
                  read -r pid name state parent group rest </proc/$$/stat; [ $pid = $group ] && echo leads";
    let mut clean = shell(script);
    clean.cwd = dir.path().to_owned();
    let (_, out, err) = run(&clean).await;
    let (signals, rest) = out.split_once('\n').unwrap();
    let expected = format!("SigBlk:\t0000000000000000\n/dev/null\n{}\nleads\n", dir.path().display());
    assert_eq!((ignored(signals), rest, err.as_str()), (0, expected.as_str(), ""));
}

/// The protocol of sd_listen_fds(3), and nothing else is open.
#[tokio::test]
async fn sockets_are_handed_over_from_descriptor_three_on() {
    let bound = || Arc::new(OwnedFd::from(TcpListener::bind("127.0.0.1:0").unwrap()));
    let _not_meant_for_it = fs::File::open("/dev/zero").unwrap();
    let mut serve = shell(
        "echo $LISTEN_FDS; [ $LISTEN_PID = $$ ] && echo mine; readlink /proc/$$/fd/3 /proc/$$/fd/4; \
         for f in /proc/$$/fd/*; do [ -e $f ] && echo ${f##*/}; done; true",
    );
    serve.listeners = vec![bound(), bound()];
    let inode = |listener: &OwnedFd| format!("socket:[{}]", rustix::fs::fstat(listener).unwrap().st_ino);
    let [first, second] = [0, 1].map(|at| inode(&serve.listeners[at]));
    let (_, out, err) = run(&serve).await;
    assert_eq!((out, err), (format!("2\nmine\n{first}\n{second}\n0\n1\n2\n3\n4\n"), String::new()));
}

#[tokio::test]
async fn a_socket_outlives_the_child_that_served_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut serve = shell("exit 0");
    serve.listeners = vec![Arc::new(listener.into())];
    for _ in 0..3 {
        assert_eq!(run(&serve).await.0, Exit::Code(0));
        std::net::TcpStream::connect(address).unwrap();
    }
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let script = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::copy("/bin/true", &path).unwrap();
        let mut file = fs::OpenOptions::new().write(true).truncate(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let spawner = SystemSpawner::new().unwrap();
    let fails = |command| spawner.spawn(&command).err().map(|error| (error.kind(), error.to_string())).unwrap();

    let unknown = fails(command(&["no-such-program"]));
    let path = "/usr/local/bin:/usr/bin:/bin";
    assert_eq!(unknown, (ErrorKind::NotFound, format!("command `no-such-program` not found in PATH `{path}`")));

    let mut elsewhere = command(&["true"]);
    elsewhere.cwd = "/nowhere".into();
    assert_eq!(fails(elsewhere), (ErrorKind::NotADirectory, "working directory `/nowhere` is not there".to_owned()));

    let interpreter = script("interpreted", "#!/no/such/interpreter\n");
    let (kind, why) = fails(command(&[&interpreter]));
    assert_eq!(kind, ErrorKind::NotFound);
    assert!(why.contains("interpreter"), "{why}");

    // execvp(3) gives it to the shell.
    let bare = script("bare", "echo $1 $0");
    assert_eq!(run(&command(&[&bare, "a"])).await.1, format!("a {bare}\n"));
}

#[tokio::test]
async fn many_that_end_at_once_are_all_seen() {
    let spawner = SystemSpawner::new().unwrap();
    let mut quick = command(&["true"]);
    quick.output = Output::Inherit;
    let mut children: Vec<_> = (0..50).map(|_| spawner.spawn(&quick).unwrap()).collect();
    for child in &mut children {
        assert_eq!(in_time(child.wait()).await.unwrap(), Exit::Code(0));
        assert!(child.take_output().is_none());
    }
}

#[tokio::test]
async fn waiting_can_be_given_up_and_begun_again() {
    let spawner = SystemSpawner::new().unwrap();
    let mut child = spawner.spawn(&shell("read -r line")).unwrap();
    // The input is /dev/null: it ends at once, whether or not anybody waits.
    for _ in 0..100 {
        let _ = timeout(Duration::ZERO, child.wait()).await;
    }
    let first = in_time(child.wait()).await.unwrap();
    assert_eq!((first, in_time(child.wait()).await.unwrap()), (Exit::Code(1), Exit::Code(1)));
}

#[tokio::test]
async fn children_of_others_are_left_to_them() {
    let _spawner = SystemSpawner::new().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a child that the reaper does not know is the point")]
    let mut stranger = std::process::Command::new("true").spawn().unwrap();
    run(&shell("true")).await;
    tokio::task::yield_now().await;
    assert!(stranger.wait().unwrap().success());
}

/// S3.7: hundreds of services open more files than the usual limit allows; they themselves keep the usual one.
#[tokio::test]
async fn many_children_do_not_run_out_of_files() {
    // In a process of its own, as the limit is that of the whole process.
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let few = rustix::process::Rlimit { current: Some(64), ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, few).unwrap();
    let spawner = SystemSpawner::new().unwrap();
    let children: Vec<_> = (0..60).map(|_| spawner.spawn(&shell("exec sleep 1000")).unwrap()).collect();
    let (_child, limit) = start(&spawner, &shell("ulimit -n"), |_| true).await;
    assert_eq!(limit, "64");
    children.iter().for_each(|child| child.signal(9).unwrap());
}
