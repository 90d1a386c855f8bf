//! nginx or HAProxy with the configuration that the documentation shows.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::support::poll::until;
use crate::support::tied::{Tied, free_port};
use crate::support::tools;

const PAGE: &str = include_str!("../../../docs/several-servers.md");
/// The addresses of the servers in the documentation.
const DOCUMENTED: [&str; 2] = ["10.0.0.11:3000", "10.0.0.12:3000"];
const START_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    Haproxy,
}

/// A running load balancer.
pub(super) struct Balancer {
    pub(super) addr: SocketAddr,
    folder: PathBuf,
    /// Killed before the folder is removed.
    running: Option<Tied>,
}

/// The block of a language in the documentation; there is one.
fn documented(language: &str) -> &'static str {
    let begin = format!("```{language}\n");
    let mut blocks = PAGE.split(&begin).skip(1);
    let (block, further) = (blocks.next(), blocks.next());
    let block = block.unwrap_or_else(|| panic!("no {language} in the documentation"));
    assert!(further.is_none(), "a second block of {language}");
    block.split("```").next().unwrap()
}

/// Replaces what must be there.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "no {from:?} in {text}");
    text.replace(from, to)
}

impl Balancer {
    /// Starts one before two servers; not `sticky`, it is without the line that keeps clients
    /// on a server.
    pub(super) async fn start(kind: Kind, servers: [SocketAddr; 2], sticky: bool) -> Self {
        let folder = format!("balancer-{}", uuid::Uuid::new_v4());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        let port = free_port();
        let (name, language, keeps, listens) = match kind {
            Kind::Nginx => ("nginx", "nginx", "hash $remote_addr", "listen 80;"),
            Kind::Haproxy => ("haproxy", "haproxy", "cookie chatzz-server ", "bind :80 "),
        };
        let mut text = documented(language).to_owned();
        assert!(text.contains(keeps), "no {keeps:?} in {text}");
        if !sticky {
            let others = text.lines().filter(|line| !line.contains(keeps));
            text = others.fold(String::new(), |text, line| text + line + "\n");
        }
        for (documented, server) in DOCUMENTED.into_iter().zip(servers) {
            text = replace(&text, documented, &server.to_string());
        }
        let file = folder.join("configuration");
        let place = folder.to_str().unwrap();
        let (text, args, only_check) = match kind {
            Kind::Nginx => {
                let here = format!("listen 127.0.0.1:{port};");
                let text = around_nginx(&replace(&text, listens, &here), place);
                let args = ["-e", "error.log", "-p", place, "-c"].map(str::to_owned);
                (text, args.to_vec(), "-t")
            }
            Kind::Haproxy => {
                let here = format!("bind 127.0.0.1:{port} ");
                (replace(&text, listens, &here), vec!["-f".to_owned()], "-c")
            }
        };
        fs::write(&file, text).unwrap();
        let args = [args, vec![file.to_str().unwrap().to_owned()]].concat();
        let program = tools::balancer(name);
        let checked = Command::new(&program).args(&args).arg(only_check).output();
        let checked = checked.unwrap();
        let said = String::from_utf8_lossy(&checked.stderr).into_owned();
        assert!(checked.status.success(), "{kind:?}: {said}");
        let balancer = Self {
            addr: SocketAddr::from(([127, 0, 0, 1], port)),
            folder,
            running: Some(Tied::run(&program, args)),
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

/// What surrounds the documented text in `nginx.conf`; one process, which can be killed.
fn around_nginx(text: &str, folder: &str) -> String {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
    let temporary = temporary.map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"));
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log {folder}/error.log;\n\
         events {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\n{}{text}}}\n",
        temporary.concat()
    )
}
