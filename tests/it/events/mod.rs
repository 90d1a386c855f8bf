//! The event table of the protocol, row by row, with every error it can give.

mod add_chat_user;
mod arbitrary;
mod client_id;
mod connect_user;
mod crowded;
mod disconnect;
mod envelope;
mod get_active_users;
mod get_old_messages;
mod message_delivered;
mod message_limits;
mod message_read;
mod nonsense;
mod send_message;
mod signal;
mod typing;

use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::user::{Person, refusal};

/// What is neither a string nor an integer, and so no id.
fn no_ids() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(1.5),
        json!([]),
        json!(["65a000000000000000000001"]),
        json!({}),
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
        json!({ "$regex": ".*" }),
        json!({ "$oid": "65a000000000000000000001" }),
    ]
}

/// Ids of the right JSON type that name nobody.
fn strangers() -> Vec<Value> {
    vec![
        json!("65a0000000000000000000ff"),
        json!("65a0000000000000000000f"),
        json!("nobody"),
        json!(""),
        json!("$ne"),
        json!("00000000-0000-4000-8000-000000000000"),
        json!(4_711),
        json!(-1),
        json!(u64::MAX),
    ]
}

/// Asserts that the event is refused as a bad request, by the field's name.
async fn assert_names_field(person: &Person, event: &str, field: &str, payload: Value) {
    let outcome = person.ask(event, payload.clone()).await;
    let (code, message) = refusal(outcome);
    assert_eq!(code, "bad-request", "{event} {payload}");
    assert!(message.contains(field), "{event} {payload}: {message}");
    person.client.assert_silent_for_roundtrip().await;
}

/// Asserts that the payload's `userId` has to name a user with a chat room.
async fn assert_wants_a_contact(event: &str, rest: Value) {
    let server = Server::start().await;
    let alice = server.person("alice").await;
    let bob = server.user("bob").await;
    let payload = |id: &Value| {
        let mut payload = rest.clone();
        payload["userId"] = id.clone();
        payload
    };
    for id in strangers() {
        let (code, _) = refusal(alice.ask(event, payload(&id)).await);
        assert_eq!(code, "user-not-found", "{event} {id}");
    }
    for id in [&bob, &alice.id] {
        let (code, _) = refusal(alice.ask(event, payload(id)).await);
        assert_eq!(code, "no-chat-room", "{event} {id}");
    }
    for id in no_ids() {
        assert_names_field(&alice, event, "userId", payload(&id)).await;
    }
    assert_eq!(server.dump("chatusers").await.len(), 1);
    assert!(server.dump("chatrooms").await.is_empty());
}
