//! People, and what they do in the messenger.

use serde_json::{Value, json};

use super::frame::{AckError, Client};

/// The content of an ack: the result, or the error with its `code`.
///
/// An ack that never arrived is an error whose code, `no-answer`, the server does not
/// have: whether the event took effect is then unknown.
pub type Outcome = Result<Value, Value>;

/// A user with one client.
pub struct Person {
    /// The connection, for reading what has arrived and for ending it.
    pub client: Client,
    /// The user's id as it is in the protocol.
    pub id: Value,
}

impl Person {
    /// A person who has connected, but is not logged in yet.
    pub fn new(client: Client, id: impl Into<Value>) -> Self {
        let id = id.into();
        Self { client, id }
    }

    /// Logs in as this user.
    pub async fn login(&self) -> Outcome {
        let payload = json!({ "userId": self.id, "protocol": 3 });
        self.ask("connect-user", payload).await
    }

    /// The same, as a front end that knows no ranges of messages.
    pub async fn login_by_the_readme(&self) -> Outcome {
        self.ask("connect-user", json!({ "userId": self.id })).await
    }

    /// The same, with the promise to acknowledge each new message.
    pub async fn login_acking_deliveries(&self) -> Outcome {
        let payload = json!({ "userId": self.id, "deliveryAcks": true, "protocol": 3 });
        self.ask("connect-user", payload).await
    }

    /// Adds another user to the contacts.
    pub async fn add(&self, other: &Value) -> Outcome {
        self.ask("add-chat-user", json!({ "userToAdd": other }))
            .await
    }

    /// Sends a text.
    pub async fn send(&self, to: &Value, text: &str) -> Outcome {
        let payload = json!({ "userId": to, "message": text });
        self.ask("send-message", payload).await
    }

    /// Sends a text that is stored once, however often it is sent.
    pub async fn send_with(&self, to: &Value, text: &str, client_id: &str) -> Outcome {
        let payload = json!({ "userId": to, "message": text, "clientId": client_id });
        self.ask("send-message", payload).await
    }

    /// Reads a page of old messages; `query` is the payload.
    pub async fn history(&self, query: Value) -> Outcome {
        self.ask("get-old-messages", query).await
    }

    /// Marks everything of this sender as read, up to a `seq`.
    pub async fn read_up_to(&self, sender: &Value, seq: u64) -> Outcome {
        let payload = json!({ "userId": sender, "upTo": seq });
        self.ask("message-read", payload).await
    }

    /// Marks one message as read.
    pub async fn read_message(&self, message_id: &Value) -> Outcome {
        let payload = json!({ "messageId": message_id });
        self.ask("message-read", payload).await
    }

    /// Confirms everything of this sender, up to a `seq`.
    pub async fn delivered_up_to(&self, sender: &Value, seq: u64) -> Outcome {
        let payload = json!({ "userId": sender, "upTo": seq });
        self.ask("message-delivered", payload).await
    }

    /// Announces that this person is typing to another user.
    pub async fn types_to(&self, other: &Value) -> Outcome {
        self.ask("typing", json!({ "userId": other })).await
    }

    /// Sends another user a signal.
    pub async fn signal(&self, other: &Value, data: Value) -> Outcome {
        let payload = json!({ "userId": other, "data": data });
        self.ask("signal", payload).await
    }

    /// Blocks another user.
    pub async fn block(&self, whom: &Value) -> Outcome {
        self.ask("block-user", json!({ "userId": whom })).await
    }

    /// Unblocks another user.
    pub async fn unblock(&self, whom: &Value) -> Outcome {
        self.ask("unblock-user", json!({ "userId": whom })).await
    }

    /// The ids of the blocked users.
    pub async fn blocked(&self) -> Vec<Value> {
        let listed = self.ask("get-blocked-users", json!({})).await.unwrap();
        let users = listed["users"].as_array().unwrap();
        users.iter().map(|user| user["_id"].clone()).collect()
    }

    /// A page of the contacts who are online.
    pub async fn active_page(&self, query: Value) -> Value {
        self.ask("get-active-users", query).await.unwrap()
    }

    /// The ids of the contacts who are online.
    pub async fn active(&self) -> Vec<Value> {
        let listed = self.active_page(json!({})).await;
        let users = listed["users"].as_array().unwrap();
        users.iter().map(|user| user["_id"].clone()).collect()
    }

    /// Sets who may write.
    pub async fn set_privacy(&self, settings: Value) -> Outcome {
        self.ask("set-privacy", settings).await
    }

    /// Emits any event and reads its ack; see [`outcome`].
    pub async fn ask(&self, event: &str, payload: Value) -> Outcome {
        outcome(self.client.emit_with_ack(event, payload).await)
    }
}

/// Reads the error-first arguments of an ack.
///
/// # Panics
/// Panics if they are not one error with a code, or `null` and one result.
pub fn outcome(ack: Result<Vec<Value>, AckError>) -> Outcome {
    let args = match ack {
        Ok(args) => args,
        Err(error) => return Err(json!({ "code": "no-answer", "message": error.to_string() })),
    };
    match args.as_slice() {
        [Value::Null, result] => Ok(result.clone()),
        [error, rest @ ..] if error["code"].is_string() && rest.iter().all(Value::is_null) => {
            Err(error.clone())
        }
        _ => panic!("an ack must be (error, null) or (null, result): {args:?}"),
    }
}

/// The code of a refusal.
///
/// # Panics
/// Panics if it is none.
#[track_caller]
pub fn code(outcome: Outcome) -> String {
    refusal(outcome).0
}

/// The code and the text of a refusal.
///
/// # Panics
/// Panics if it is none.
#[track_caller]
pub fn refusal(outcome: Outcome) -> (String, String) {
    match outcome {
        Ok(result) => panic!("expected a refusal, the result is {result}"),
        Err(error) => {
            let text = |field: &str| error[field].as_str().expect("a string").to_owned();
            (text("code"), text("message"))
        }
    }
}

/// The field of each element of an array.
pub fn each<'a>(array: &'a Value, field: &str) -> Vec<&'a Value> {
    let array = array.as_array().expect("an array");
    array.iter().map(|element| &element[field]).collect()
}
