//! A server that is pushed to, as `mainstay server init` makes it, and the application on it: nginx with one worker, on the socket that it is handed.
use super::front::{nginx, page};
use crate::task::Failure;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use testkit::{TempDir, free_port};

/// A server, and a clone from which is pushed to it.
pub(super) struct Site {
    dir: TempDir,
    pub(super) port: u16,
    mainstay: PathBuf,
}

impl Site {
    /// With a first version that serves.
    pub(super) fn start(mainstay: &Path) -> Result<Self, Failure> {
        let site = Self { dir: TempDir::new(), port: free_port(), mainstay: mainstay.to_owned() };
        site.mainstay(&["server", "init", "--dir", "shop"])?;
        site.git(&["init", "--quiet", "--initial-branch=main", "work"])?;
        // The same without anybody who makes releases of it.
        site.git(&["init", "--quiet", "--bare", "--initial-branch=main", "plain.git"])?;
        site.write("mainstay.toml", &site.config());
        site.commit("v0")?;
        site.push()?;
        Ok(site)
    }

    fn config(&self) -> String {
        format!(
            "name = \"shop\"\n[deploy]\nbuild = [\"true\"]\nwatch = \"0s\"\ndrain = \"10s\"\n[services.web]\n\
             command = [\"/usr/sbin/nginx\", \"-e\", \"error.log\", \"-p\", \".\", \"-c\", \"nginx.conf\"]\n\
             listen = \"127.0.0.1:{}\"\nenv = {{ NGINX = \"3;\" }}\nstop = {{ signal = \"QUIT\" }}\nhealth = {{ http = \"/\" }}\n",
            self.port
        )
    }

    /// Another version, whose page begins with its name.
    pub(super) fn commit(&self, version: &str) -> Result<(), Failure> {
        let listen = format!("127.0.0.1:{}", self.port);
        self.write("nginx.conf", &nginx(Path::new("."), self.port, &listen, &page(&format!("{version} ")), ""));
        self.git(&["-C", "work", "add", "--all"])?;
        self.git(&["-C", "work", "commit", "--quiet", "-m", version])
    }

    /// Answers when the release has come to its end.
    pub(super) fn push(&self) -> Result<(), Failure> {
        self.git(&["-C", "work", "push", "--quiet", "../shop/data/releases/repository.git", "main"])
    }

    /// The same to a repository that nobody makes releases of.
    pub(super) fn push_plainly(&self) -> Result<(), Failure> {
        self.git(&["-C", "work", "push", "--quiet", "../plain.git", "main"])
    }

    /// Its steps with their times in milliseconds, of the newest release.
    pub(super) fn steps(&self) -> Result<Vec<(String, f64)>, Failure> {
        let output = self.mainstay(&["releases", "--json", "--dir", "shop"])?;
        let value: Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| Failure::Failed(format!("mainstay releases --json: {error}")))?;
        let steps = value["releases"][0]["phases"].as_array().cloned().unwrap_or_default();
        let step = |it: &Value| Some((it["step"].as_str()?.to_owned(), it["took_ms"].as_f64()?));
        Ok(steps.iter().filter_map(step).collect())
    }

    /// Its page begins with this name.
    pub(super) fn serves(&self, version: &str) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(1)))?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.contains(&format!("\r\n\r\n{version} ")))
    }

    fn write(&self, name: &str, text: &str) {
        self.dir.write(&format!("work/{name}"), text);
    }

    fn git(&self, arguments: &[&str]) -> Result<(), Failure> {
        let mut command = Command::new("git");
        command.env("GIT_CONFIG_NOSYSTEM", "1").args(["-c", "user.name=Ada", "-c", "user.email=ada@shop.example"]);
        self.done(command.args(arguments)).map(drop)
    }

    fn mainstay(&self, arguments: &[&str]) -> Result<Output, Failure> {
        self.done(Command::new(&self.mainstay).args(arguments))
    }

    fn done(&self, command: &mut Command) -> Result<Output, Failure> {
        let output = command.current_dir(self.dir.path()).env("HOME", self.dir.path()).output();
        match output {
            Ok(output) if output.status.success() => Ok(output),
            Ok(output) => Err(Failure::Failed(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)))),
            Err(error) => Err(Failure::Failed(format!("{command:?}: {error}"))),
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // What never came up need not be ended.
        let _ = self.mainstay(&["down", "--dir", "shop"]);
    }
}
