//! `chatzz peer`: the other person, as seen by a front end.

mod echo;
mod script;

use std::path::PathBuf;
use std::sync::Arc;

use chatzz_dev::peer::{self, Options, PeerError};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::support::server::Server;
use crate::support::user::Person;

/// A peer under way, and what it said on the terminal.
struct Peer {
    running: JoinHandle<Result<(), PeerError>>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Peer {
    fn start(options: Options) -> Self {
        let said = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&said);
        let running = tokio::spawn(async move {
            let say = |line: &str| lines.lock().push(line.to_owned());
            peer::run(&options, &say).await
        });
        Self { running, said }
    }

    /// How it ended.
    async fn end(mut self) -> Result<(), String> {
        let ended = (&mut self.running).await.expect("it does not panic");
        ended.map_err(|error| error.to_string())
    }
}

/// What somebody is called with on a server of the tests.
fn args(server: &Server, who: &Value) -> Options {
    Options {
        who: who.as_str().expect("a text").to_owned(),
        with: None,
        script: None,
        url: format!("http://{}", server.addr()),
        token: None,
    }
}

/// The next message to a user that is from this person: the user's own arrive as well.
async fn next_from(person: &Person, sender: &Value) -> Value {
    loop {
        let message = person.client.wait_for("new-message").await;
        if message["from"]["_id"] == *sender {
            return message;
        }
    }
}

/// Writes a script to a file of its own.
fn script(text: &str) -> PathBuf {
    let name = format!("talk-{}.yml", uuid::Uuid::new_v4());
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}
