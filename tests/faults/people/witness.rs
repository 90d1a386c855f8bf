//! Witnesses: further sockets of some people, by the official clients.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::World;
use crate::tools;

/// How long a client may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(10);
/// Each generation of the clients, and its transport.
const CLIENTS: [(&str, &str); 4] = [
    ("sio4", "websocket"),
    ("sio3", "polling"),
    ("sio2", "websocket"),
    ("sio1", "websocket"),
];

/// An official client in a process of its own.
pub(crate) struct Witness {
    child: Child,
    reading: JoinHandle<()>,
}

/// One for each generation, for the last of these users: the first may be behind a link of
/// their own, and would get everything here as well.
pub(crate) async fn witnesses(world: &Arc<World>, users: &[String]) -> Vec<Witness> {
    let mut witnesses = Vec::new();
    for ((client, transport), user) in CLIENTS.into_iter().zip(users.iter().rev()) {
        let [addr, _] = world.servers[0];
        let url = format!("http://{addr}");
        let mut script = tools::node("witness.js").await;
        script.args([client, transport, &url, user]);
        let mut child = Command::from(script.into_command())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("node can be run");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let reading = tokio::spawn(read(Arc::clone(world), user.clone(), lines));
        witnesses.push(Witness { child, reading });
    }
    witnesses
}

impl Witness {
    /// Has it say goodbye, and waits until that is written down.
    pub(crate) async fn end(mut self) {
        drop(self.child.stdin.take());
        let ended = async {
            let _ = self.child.wait().await;
            let _ = (&mut self.reading).await;
        };
        // one that hangs is killed by the drop
        let _ = timeout(GOODBYE, ended).await;
    }
}

/// Writes into the history what the client says, with the numbers of the run.
async fn read(world: Arc<World>, user: String, mut lines: Lines<BufReader<ChildStdout>>) {
    let recorder = &world.recorder;
    let mut connection = None;
    let mut operations: HashMap<u64, u64> = HashMap::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(Value::Object(mut line)) = serde_json::from_str(&line) else {
            panic!("a witness wrote {line}");
        };
        let kind = line.remove("e");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        if kind == "open" {
            let number = recorder.connection();
            connection = Some(number);
            recorder.write(
                "open",
                json!({ "c": number, "u": user, "server": 0, "acks": false, "wire": "official" }),
            );
            continue;
        }
        let Some(number) = connection else { continue };
        line.insert("c".to_owned(), number.into());
        if let Some(login) = line.remove("login").and_then(|login| login.as_u64()) {
            let operation = operations
                .entry(login)
                .or_insert_with(|| recorder.operation());
            line.insert("op".to_owned(), (*operation).into());
        }
        recorder.write(kind, Value::Object(line));
        if kind == "close" {
            connection = None;
        }
    }
    if let Some(number) = connection {
        recorder.write("close", json!({ "c": number, "how": "lost" }));
    }
}
