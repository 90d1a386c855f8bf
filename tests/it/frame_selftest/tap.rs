//! The tap: what the fault harness records by.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::json;

use super::server::Server;
use super::{connect, envelope};
use crate::support::frame::{ConnectOptions, Incoming, Tap, WIRES};

#[tokio::test]
async fn a_tap_sees_acks_events_and_the_end_in_their_order_and_nothing_is_kept() {
    let server = Server::start().await;
    for wire in WIRES {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let tap = Tap(Arc::new(move |incoming: Incoming<'_>| {
            kept.lock().push(match incoming {
                Incoming::Ack { id, args } => format!("ack {id} {}", json!(args)),
                Incoming::Event(event) => format!("event {}", event.args[0]["type"]),
                Incoming::End(cause) => format!("end: {cause}"),
            });
        }));
        let client = connect(ConnectOptions {
            tap: Some(tap),
            ..server.options().over(wire)
        })
        .await;
        client.emit("say", envelope("first")).unwrap();
        client.emit_with_ack("echo", 7).await.unwrap();
        assert!(client.drain().is_empty(), "{wire:?}");
        assert!(client.received_bytes().len() < 1_000, "the handshake alone");
        client.drop_connection().await;
        let expected = [
            "event \"first\"",
            "ack 0 [null,7]",
            "end: ended by this client",
        ];
        assert_eq!(*seen.lock(), expected, "{wire:?}");
    }
}
