//! nginx, HAProxy or Caddy with its sample of `deploy/proxies`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::places;
use crate::support::poll::until;
use crate::support::tied::{Tied, free_port};
use crate::support::tools;

/// The first server in the samples, and the second one, which is a comment there.
const SAMPLED: [&str; 2] = ["127.0.0.1:3000", "10.0.0.12:3000"];
const START_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Haproxy,
    Caddy,
}

/// A running load balancer.
pub(super) struct Balancer {
    pub(super) addr: SocketAddr,
    folder: PathBuf,
    /// Killed before the folder is removed.
    running: Option<Tied>,
}

/// A sample, changed step by step. Everything that a step names must be there.
struct Sample(String);

impl Sample {
    fn of(file: &str) -> Self {
        let path = places::repository().join("deploy/proxies").join(file);
        Self(fs::read_to_string(path).unwrap())
    }

    fn replace(&mut self, from: &str, to: &str) -> &mut Self {
        assert!(self.0.contains(from), "no {from:?} in {}", self.0);
        self.0 = self.0.replace(from, to);
        self
    }

    fn remove_lines(&mut self, part: &str) -> &mut Self {
        assert!(self.0.contains(part), "no {part:?} in {}", self.0);
        let others = self.0.lines().filter(|line| !line.contains(part));
        self.0 = others.fold(String::new(), |text, line| text + line + "\n");
        self
    }

    fn servers(&mut self, servers: [SocketAddr; 2]) {
        for (sampled, server) in SAMPLED.into_iter().zip(servers) {
            self.replace(sampled, &server.to_string());
        }
    }
}

impl Kind {
    /// The line that keeps clients on a server.
    fn keeps(self) -> &'static str {
        match self {
            Self::Nginx => "hash $remote_addr",
            Self::Haproxy => "cookie CHATZZ ",
            Self::Caddy => "lb_policy ip_hash",
        }
    }

    /// The sample with both servers and without TLS, which listens on a port of this machine.
    fn sample(self, port: u16, folder: &str) -> Sample {
        match self {
            Self::Nginx => nginx(port, folder),
            Self::Haproxy => haproxy(port),
            Self::Caddy => caddy(port, folder),
        }
    }

    /// The program, with its arguments to check its configuration, and to run it.
    fn program(self, folder: &str) -> (PathBuf, Vec<String>, Vec<String>) {
        let (name, check, run) = match self {
            Self::Nginx => ("nginx", "-t", ""),
            Self::Haproxy => ("haproxy", "-c", ""),
            Self::Caddy => ("caddy", "validate", "run"),
        };
        let program = tools::balancer(name);
        let (before, after) = match self {
            Self::Nginx => (String::new(), format!("-e error.log -p {folder} -c")),
            Self::Haproxy => (String::new(), "-f".to_owned()),
            // where it keeps a copy of its configuration, at home otherwise
            Self::Caddy => (
                format!("XDG_CONFIG_HOME={folder} {}", program.display()),
                "--adapter caddyfile --config".to_owned(),
            ),
        };
        let args = |what: &str| {
            let line = format!("{before} {what} {after} {folder}/configuration");
            line.split_whitespace().map(str::to_owned).collect()
        };
        let starts = if before.is_empty() {
            program.clone()
        } else {
            PathBuf::from("env")
        };
        (starts, args(check), args(run))
    }
}

/// In one process, which can be killed.
fn nginx(port: u16, folder: &str) -> Sample {
    let mut sample = Sample::of("nginx.conf");
    sample
        .remove_lines("listen [::]:")
        .remove_lines("ssl_certificate")
        .replace("listen 80;", &format!("listen 127.0.0.1:{};", free_port()))
        .replace(
            "listen 443 ssl http2;",
            &format!("listen 127.0.0.1:{port};"),
        )
        .replace("# server 10.", "server 10.");
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"));
    Sample(format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n{}{}}}\n",
        temporary.concat(),
        sample.0
    ))
}

fn haproxy(port: u16) -> Sample {
    let mut sample = Sample::of("haproxy.cfg");
    sample
        // it need not be root here, nor have that many files
        .remove_lines("user haproxy")
        .remove_lines("group haproxy")
        .replace("maxconn 30000", "maxconn 400")
        .remove_lines("bind :80")
        .remove_lines("redirect scheme https")
        .remove_lines("bind :443 ssl ")
        .replace(
            "frontend public\n",
            &format!("frontend public\n    bind 127.0.0.1:{port}\n"),
        )
        .replace("# server b ", "server b ");
    sample
}

fn caddy(port: u16, folder: &str) -> Sample {
    let mut sample = Sample::of("Caddyfile");
    // what it keeps at home otherwise
    let own = format!("{{\n\tadmin off\n\tstorage file_system {folder}\n}}\n");
    let site = format!("{own}http://:{port} {{\n\tbind 127.0.0.1\n");
    sample
        .replace("\napp.example.org {\n", &format!("\n{site}"))
        .remove_lines("# with a second one: ")
        .replace(
            "proxy 127.0.0.1:3000 {",
            "proxy 127.0.0.1:3000 10.0.0.12:3000 {",
        );
    sample
}

impl Balancer {
    /// Starts one before two servers; not `sticky`, it is without the line that keeps clients
    /// on a server.
    pub(super) async fn start(kind: Kind, servers: [SocketAddr; 2], sticky: bool) -> Self {
        let folder = format!("balancer-{}", uuid::Uuid::new_v4());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        let place = folder.to_str().unwrap();
        let port = free_port();
        let mut sample = kind.sample(port, place);
        sample.servers(servers);
        if !sticky {
            sample.remove_lines(kind.keeps());
        }
        fs::write(folder.join("configuration"), &sample.0).unwrap();
        let (program, check, run) = kind.program(place);
        let checked = Command::new(&program).args(check).output().unwrap();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success(), "{kind:?}: {said}\n{}", sample.0);
        let balancer = Self {
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            folder,
            running: Some(Tied::run(&program, run)),
        };
        until("the balancer listens", START_LIMIT, async || {
            TcpStream::connect(balancer.addr).await.ok().map(drop)
        })
        .await;
        balancer
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.running.take());
        let _ = fs::remove_dir_all(&self.folder);
    }
}
