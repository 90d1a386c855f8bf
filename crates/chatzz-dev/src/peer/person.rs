//! The other person: one socket, and its actions.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;
use uuid::Uuid;

use super::directory::{Directory, key};
use super::heard::{Heard, Inbox, MARK};
use super::{Options, PeerError, Say};
use crate::frames::{Packet, Socket, SocketError};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often typing is announced again.
const TYPES_AGAIN: Duration = Duration::from_secs(3);

/// The other person.
pub(super) struct Person<'a> {
    /// The name that the developer gave.
    who: String,
    url: String,
    /// Host, port and path.
    endpoint: String,
    host: String,
    /// The payload of CONNECT.
    auth: String,
    directory: Directory,
    socket: Option<Socket>,
    calls: u64,
    pub(super) inbox: Inbox,
    say: Say<'a>,
    /// What went wrong and was said: it happens again with every message.
    warned: HashSet<String>,
}

impl<'a> Person<'a> {
    /// Connects and logs in.
    pub(super) async fn arrive(options: &Options, say: Say<'a>) -> Result<Self, PeerError> {
        let (host, path) =
            place(&options.url).ok_or_else(|| PeerError::Url(options.url.clone()))?;
        let directory = Directory::of(&host).await;
        let auth = options
            .token
            .as_ref()
            .map(|token| json!({ "token": token }));
        let mut person = Self {
            who: options.who.clone(),
            url: options.url.clone(),
            endpoint: format!("{host}{path}"),
            host,
            auth: auth.map(|auth| auth.to_string()).unwrap_or_default(),
            inbox: Inbox::of(directory.id(&options.who)),
            directory,
            socket: None,
            calls: 0,
            say,
            warned: HashSet::new(),
        };
        person.come().await?;
        Ok(person)
    }

    /// Prints something for the developer.
    pub(super) fn say(&self, line: &str) {
        (self.say)(line);
    }

    /// Prints what went wrong, once.
    pub(super) fn warn(&mut self, problem: &str) {
        if self.warned.insert(problem.to_owned()) {
            self.say(problem);
        }
    }

    /// Connects, so that the person is online.
    pub(super) async fn come(&mut self) -> Result<(), PeerError> {
        self.socket = None;
        let opened = timeout(PATIENCE, async {
            let tcp = TcpStream::connect(&self.host).await?;
            Socket::open(tcp, &self.endpoint, 4, &self.auth).await
        });
        let opened = opened.await.unwrap_or(Err(SocketError::Closed("door")));
        let socket = opened.map_err(|source| match source {
            SocketError::Refused(why) => PeerError::NotLetIn(reason(&why)),
            source => PeerError::Unreachable {
                url: self.url.clone(),
                source,
            },
        })?;
        self.socket = Some(socket);
        let me = self.inbox.me.clone();
        match self
            .ask("connect-user", json!({ "userId": me, "protocol": 3 }))
            .await
        {
            Err(PeerError::Refused { code, .. }) if code == "user-not-found" => {
                return Err(PeerError::Unknown(self.who.clone()));
            }
            answer => answer?,
        };
        self.say(&format!("{} is online at {}", self.who, self.url));
        Ok(())
    }

    /// Disconnects, so that the person is offline.
    pub(super) async fn go(&mut self) {
        if let Some(socket) = self.socket.take() {
            // it may be lost already, which is just as good
            let _ = socket.close().await;
            self.say(&format!("{} is offline", self.who));
        }
    }

    /// Adds another user; returns their id.
    pub(super) async fn add(&mut self, whom: &str) -> Result<Value, PeerError> {
        let id = self.directory.id(whom);
        match self.ask("add-chat-user", json!({ "userToAdd": id })).await {
            Err(PeerError::Refused { code, .. }) if code == "user-not-found" => {
                Err(PeerError::Unknown(whom.to_owned()))
            }
            answer => answer.map(|_| id),
        }
    }

    /// Sends a user a message.
    pub(super) async fn write(&mut self, to: &Value, text: &str) -> Result<(), PeerError> {
        let client_id = format!("{MARK}{}", Uuid::new_v4());
        let payload = json!({ "userId": to, "message": text, "clientId": client_id });
        self.ask("send-message", payload).await?;
        self.say(&format!("{}: {text}", self.who));
        Ok(())
    }

    /// Types for a while.
    pub(super) async fn types(&mut self, to: &Value, pause: Duration) -> Result<(), PeerError> {
        let until = Instant::now() + pause;
        self.say(&format!("{} is typing", self.who));
        while Instant::now() < until {
            self.ask("typing", json!({ "userId": to })).await?;
            let next = Instant::now() + TYPES_AGAIN;
            self.listen(until.min(next)).await?;
        }
        Ok(())
    }

    /// Reads everything from a user.
    pub(super) async fn read(&mut self, of: &Value) -> Result<(), PeerError> {
        let Some(seq) = self.inbox.highest.get(&key(of)).copied() else {
            return Ok(());
        };
        let payload = json!({ "userId": of, "upTo": seq });
        self.ask("message-read", payload).await?;
        self.say(&format!("{} has read it", self.who));
        Ok(())
    }

    /// Blocks or unblocks a user.
    pub(super) async fn block(&mut self, whom: &Value, on: bool) -> Result<(), PeerError> {
        let event = if on { "block-user" } else { "unblock-user" };
        self.ask(event, json!({ "userId": whom })).await?;
        self.say(&format!("{}: {event}", self.who));
        Ok(())
    }

    /// Does nothing for a while, except listen.
    pub(super) async fn wait(&mut self, pause: Duration) -> Result<(), PeerError> {
        self.listen(Instant::now() + pause).await
    }

    async fn listen(&mut self, until: Instant) -> Result<(), PeerError> {
        if self.socket.is_none() {
            tokio::time::sleep_until(until).await;
            return Ok(());
        }
        loop {
            match timeout_at(until, self.hear()).await {
                Ok(heard) => heard?,
                Err(_) => return Ok(()),
            }
        }
    }

    /// The next message of somebody else; `None` when none arrived in time.
    pub(super) async fn next(&mut self, until: Instant) -> Result<Option<Heard>, PeerError> {
        loop {
            if let Some(heard) = self.inbox.messages.pop_front() {
                return Ok(Some(heard));
            }
            match timeout_at(until, self.hear()).await {
                Ok(heard) => heard?,
                Err(_) => return Ok(None),
            }
        }
    }

    /// Sends an event, and waits for the answer. One that is over a limit is sent again
    /// when the server says.
    async fn ask(&mut self, event: &'static str, payload: Value) -> Result<Value, PeerError> {
        loop {
            match self.ask_once(event, &payload).await {
                Err(PeerError::TooOften { event, pause }) => {
                    self.warn(&PeerError::TooOften { event, pause }.to_string());
                    self.listen(Instant::now() + pause).await?;
                }
                answer => return answer,
            }
        }
    }

    async fn ask_once(&mut self, event: &'static str, payload: &Value) -> Result<Value, PeerError> {
        self.calls += 1;
        let wanted = self.calls;
        let packet = format!("42{wanted}{}", json!([event, payload]));
        let socket = self.socket()?;
        socket.send(packet).await.map_err(PeerError::Lost)?;
        let until = Instant::now() + PATIENCE;
        let answer = loop {
            let packet = timeout_at(until, self.socket()?.next()).await;
            let packet = packet.map_err(|_| PeerError::Silent(event))?;
            let packet = packet.map_err(PeerError::Lost)?;
            match Packet::parse(&packet) {
                Packet::Ack(id, arguments) if id == wanted => {
                    break serde_json::from_str::<[Value; 2]>(arguments).unwrap_or_default();
                }
                Packet::Event(arguments) => self.take(arguments),
                _ => {}
            }
        };
        let [error, result] = answer;
        if error.is_null() {
            return Ok(result);
        }
        let text = |field: &str| {
            let text = error.get(field).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let (code, message) = (text("code"), text("message"));
        if let Some(pause) = error.get("retryAfterMs").and_then(Value::as_u64) {
            let pause = Duration::from_millis(pause);
            return Err(PeerError::TooOften { event, pause });
        }
        Err(PeerError::Refused {
            event,
            code,
            message,
        })
    }

    /// Waits for one packet. May be dropped.
    async fn hear(&mut self) -> Result<(), PeerError> {
        let packet = self.socket()?.next().await.map_err(PeerError::Lost)?;
        if let Packet::Event(arguments) = Packet::parse(&packet) {
            self.take(arguments);
        }
        Ok(())
    }

    fn take(&mut self, arguments: &str) {
        for line in self.inbox.take(arguments) {
            self.say(&line);
        }
    }

    fn socket(&mut self) -> Result<&mut Socket, PeerError> {
        let offline = || PeerError::Offline(self.who.clone());
        self.socket.as_mut().ok_or_else(offline)
    }
}

/// The text of a refused handshake, which is an object or the text alone as JSON.
fn reason(refusal: &str) -> String {
    let json: Value = serde_json::from_str(refusal).unwrap_or_default();
    let text = json.get("message").unwrap_or(&json).as_str();
    text.unwrap_or(refusal).to_owned()
}

/// Host with port, and the path of the socket.io endpoint.
fn place(url: &str) -> Option<(String, String)> {
    let url = Url::parse(url).ok()?;
    if !["http", "ws"].contains(&url.scheme()) {
        return None;
    }
    let port = url.port_or_known_default()?;
    let host = format!("{}:{port}", url.host_str()?);
    let path = match url.path().trim_end_matches('/') {
        "" => "/socket.io",
        path => path,
    };
    Some((host, path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_a_refusal_is_its_text() {
        for refusal in [r#"{"message":"no: why"}"#, r#""no: why""#, "no: why"] {
            assert_eq!(reason(refusal), "no: why", "{refusal}");
        }
    }

    #[test]
    fn the_place_of_a_server_is_taken_from_its_address() {
        let place = |url| place(url).map(|(host, path)| format!("{host}{path}"));
        assert_eq!(
            place("http://127.0.0.1:3000").unwrap(),
            "127.0.0.1:3000/socket.io"
        );
        assert_eq!(place("http://[::1]:3000/").unwrap(), "[::1]:3000/socket.io");
        assert_eq!(place("ws://chat.test/a/b/").unwrap(), "chat.test:80/a/b");
        for url in ["127.0.0.1:3000", "https://chat.test", "", "bob"] {
            assert_eq!(place(url), None, "{url}");
        }
    }
}
