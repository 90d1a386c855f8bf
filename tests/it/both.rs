//! Tests that run in both dialects: what they say does not depend on the words.

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::user::Person;

/// Makes two tests of a function that takes the [`Words`] of a dialect.
macro_rules! in_both_dialects {
    ($($test:ident)*) => {
        $(
            mod $test {
                #[tokio::test(flavor = "multi_thread")]
                async fn in_dialect_1() {
                    super::$test(crate::both::Words::OfDialect1).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn in_dialect_3() {
                    super::$test(crate::both::Words::OfDialect3).await;
                }
            }
        )*
    };
}
pub(crate) use in_both_dialects;

/// How a dialect says what both say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    OfDialect1,
    OfDialect3,
}

impl Words {
    /// A server whose sockets speak it.
    pub(crate) async fn server(self) -> Server {
        self.server_with(&[]).await
    }

    /// The same with more keys.
    pub(crate) async fn server_with(self, keys: &[(&str, &str)]) -> Server {
        let mut all = vec![self.key()];
        all.extend(keys);
        Server::with(&all).await
    }

    /// The key that makes sockets speak it.
    pub(crate) fn key(self) -> (&'static str, &'static str) {
        let name = if self.is_dialect1() { "1" } else { "3" };
        ("CHATZZ_DIALECT", name)
    }

    pub(crate) fn is_dialect1(self) -> bool {
        self == Self::OfDialect1
    }

    /// The details of a person in a message.
    pub(crate) fn person(self, in_message: &Value) -> &Value {
        if self.is_dialect1() {
            &in_message["user"]
        } else {
            in_message
        }
    }

    /// What `user-details` contains of the missed messages of somebody.
    pub(crate) fn missed<'a>(self, details: &'a Value, sender: &Value) -> &'a Value {
        let contacts = details["connectedUsers"].as_array().unwrap();
        let contact = contacts.iter().find(|contact| contact["_id"] == *sender);
        let contact = contact.expect("a contact");
        let key = if self.is_dialect1() {
            &contact["chatRoom"]
        } else {
            sender
        };
        &details["missedMessages"][key.as_str().unwrap()]
    }

    /// The next message. In dialect 1 what became `sent`, and who logged in once more, is
    /// announced in between.
    pub(crate) async fn next_message(self, person: &Person) -> Value {
        if !self.is_dialect1() {
            return person.client.expect_envelope("new-message").await;
        }
        loop {
            let next = person.client.next_envelope().await;
            match next.kind.as_str() {
                "new-message" => return next.data,
                "message-status-changed" => assert_eq!(next.data["message"]["status"], "sent"),
                _ => assert_eq!(next.data["status"], "online", "{next:?}"),
            }
        }
    }

    /// Asserts that what was heard is the message that was sent.
    #[track_caller]
    pub(crate) fn assert_same(self, heard: &Value, sent: &Value) {
        if self.is_dialect1() {
            let shown = |message: &Value| [message["_id"].clone(), message["message"].clone()];
            assert_eq!(
                (shown(heard), &heard["status"]),
                (shown(sent), &json!("not_sent"))
            );
        } else {
            assert_eq!(heard, sent);
        }
    }
}
