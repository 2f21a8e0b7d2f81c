//! Becoming another program, in a copy of this one.

use crate::support::{ignored, playing, role, run};
use host::{Env, process::Exit};
use std::path::Path;

#[tokio::test]
async fn the_program_takes_our_place() {
    if playing("exec") {
        let script = "echo $$ $ONLY $PPID; [ $LISTEN_PID = $$ ] && echo $LISTEN_FDS $LISTEN_FDNAMES; pwd; grep SigIgn /proc/self/status; exit 5";
        let argv = ["sh", "-c", script].map(str::to_owned);
        let path = ("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        println!("we are {}", std::process::id());
        // As a service manager passes a socket.
        let own = [
            ("LISTEN_PID", std::process::id().to_string()),
            ("LISTEN_FDS", "1".into()),
            ("LISTEN_FDNAMES", "web".into()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let env = Env::from_iter([("ONLY".to_owned(), "x".to_owned()), path].into_iter().chain(own));
        let error = host::exec::exec(&argv, &env, Path::new("/usr"));
        panic!("{error}");
    }
    let (exit, out, err) = run(&role("exec::the_program_takes_our_place", "exec")).await;
    assert_eq!(exit, Exit::Code(5), "{out}\n{err}");
    let pid = out.split("we are ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    let (before, signals) = out.trim_end().rsplit_once('\n').unwrap();
    assert!(before.ends_with(&format!("{pid} x {}\n1 web\n/usr", std::process::id())), "{out}");
    assert_eq!(ignored(signals), 0, "{out}");
}
