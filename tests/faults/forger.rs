//! Somebody who reaches NATS and has no key: they listen to what the servers tell each
//! other, and publish what was never sealed with it.

use std::net::SocketAddr;
use std::time::Duration;

use async_nats::ConnectOptions;
use bson::oid::ObjectId;
use bson::{Document, doc};
use futures::{StreamExt as _, TryStreamExt as _};
use mongodb::Database;
use serde_json::json;
use tokio::time::timeout;

/// The version of the frames, see `src/feed/bus/frame.rs`.
const VERSION: u8 = 1;
/// Length of the seal that every frame ends with.
const SEAL: usize = 16;
/// A number that no frame of a server has reached.
const HIGH: u64 = 1 << 40;

/// Publishes forged frames to every server that is heard, for so long; how many those were.
///
/// # Panics
/// Panics when NATS is not there.
pub(crate) async fn forge(nats: SocketAddr, database: &Database, lasts: Duration) -> u64 {
    let items = phantoms(database).await;
    let nats = ConnectOptions::new().no_echo().connect(nats.to_string());
    let nats = nats.await.unwrap();
    let mut heard = nats.subscribe(">").await.unwrap();
    let mut forged = 0;
    let listen = async {
        while let Some(message) = heard.next().await {
            for forgery in forgeries(&message.payload, &items) {
                let publish = nats.publish(message.subject.clone(), forgery.into());
                publish.await.unwrap();
                forged += 1;
            }
        }
    };
    // over when the time is
    let _ = timeout(lasts, listen).await;
    forged
}

/// Messages that nobody sent, as the item of a frame: one for each person, who is handed it
/// as it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness looks past the servers"
)]
async fn phantoms(database: &Database) -> Vec<u8> {
    let users = database.collection::<Document>("chatusers");
    let users = users.find(doc! {}).await.unwrap();
    let users: Vec<Document> = users.try_collect().await.unwrap();
    let mut items = Vec::new();
    for user in users {
        let (from, to) = (ObjectId::new(), user.get_object_id("_id").unwrap());
        let id = user.get_object_id("user").unwrap().to_hex();
        let message = json!({
            "_id": ObjectId::new().to_hex(), "chatRoomId": ObjectId::new().to_hex(), "seq": 1,
            "from": { "_id": id }, "to": { "_id": id }, "message": "forged", "status": "sent",
            "createdAt": "2026-01-01T00:00:00.000Z",
        });
        let envelope = json!({ "type": "new-message", "data": message }).to_string();
        let item = doc! { "item": { "signal": { "from": from, "to": to, "envelope": envelope } } };
        items.extend(item.to_vec().unwrap());
    }
    items
}

/// What is published after a frame was heard: what was never sealed, the frame with another
/// seal, and the frame once more.
fn forgeries(frame: &[u8], items: &[u8]) -> [Vec<u8>; 3] {
    let stranger = format!("nobody#{}", ObjectId::new().to_hex());
    let mut unsealed = vec![VERSION];
    unsealed.extend(HIGH.to_be_bytes());
    unsealed.push(u8::try_from(stranger.len()).unwrap());
    unsealed.extend(stranger.as_bytes());
    unsealed.extend(items);
    unsealed.extend([0; SEAL]);
    let mut changed = frame.to_vec();
    if let Some(last) = changed.last_mut() {
        *last ^= 1;
    }
    [unsealed, changed, frame.to_vec()]
}
