//! A killed server on a large database.

use std::net::SocketAddr;
use std::time::Duration;

use bson::oid::ObjectId;
use bson::{DateTime, Document, doc};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::logins::peaceful;
use crate::rig::Rig;
use crate::support::frame::{Client, ConnectOptions};
use crate::support::user::Person;

/// Messages in the database.
const MESSAGES: i64 = 1_000_000;
/// Messages of each chat room.
const PER_ROOM: i64 = 1_000;
/// People who are online when the server is killed.
const ONLINE: usize = 50;
/// How often the server is killed.
const KILLS: usize = 5;
/// How long one try to log in may take.
const TRY_WITHIN: Duration = Duration::from_secs(1);
/// Pause between two tries.
const TRY_AGAIN: Duration = Duration::from_millis(5);
/// From the kill to the first answered login, milliseconds.
const ACCEPTING_WITHIN: u128 = 500;

/// Kills the server a few times and looks when it answers again, and who is
/// still shown online.
pub(super) async fn with_a_million_messages() -> (bool, Value) {
    let (_, mut rig, users) = peaceful(ONLINE).await;
    fill(&rig).await;
    let mut accepting = Vec::new();
    let mut ghosts = 0;
    for _ in 0..KILLS {
        let mut online = Vec::new();
        for user in &users {
            online.push(login(&rig, user).await);
        }
        // presence is written behind
        sleep(Duration::from_secs(1)).await;
        let addr = rig.servers[0].clients.addr();
        let began = Instant::now();
        // polled in this order: the kill comes before the first try
        let ((), accepted) = tokio::join!(
            biased;
            rig.servers[0].kill_and_restart(),
            async {
                answered_login(addr, &users[0]).await;
                began.elapsed().as_millis()
            },
        );
        accepting.push(accepted);
        drop(online);
        sleep(Duration::from_secs(1)).await;
        ghosts += shown_online(&rig).await;
    }
    let good = ghosts == 0 && accepting.iter().all(|ms| *ms <= ACCEPTING_WITHIN);
    (
        good,
        json!({ "messages": MESSAGES, "acceptingMs": accepting, "ghosts": ghosts }),
    )
}

/// Tries to come until a login is answered.
async fn answered_login(addr: SocketAddr, user: &Value) {
    loop {
        let options = ConnectOptions {
            timeout: TRY_WITHIN,
            ..ConnectOptions::new(addr)
        };
        if let Ok(client) = Client::connect(options).await {
            let person = Person::new(client, user.clone());
            let login = tokio::time::timeout(TRY_WITHIN, person.login());
            if matches!(login.await, Ok(Ok(_))) {
                person.client.close().await;
                return;
            }
        }
        sleep(TRY_AGAIN).await;
    }
}

async fn login(rig: &Rig, user: &Value) -> Person {
    let options = ConnectOptions::new(rig.servers[0].clients.addr());
    let person = Person::new(Client::connect(options).await.unwrap(), user.clone());
    person.login().await.unwrap();
    person
}

#[expect(
    clippy::disallowed_methods,
    reason = "the harness looks into the database"
)]
async fn shown_online(rig: &Rig) -> u64 {
    let chat_users = rig.raw().collection::<Document>("chatusers");
    let online = chat_users.count_documents(doc! { "status": "online" });
    online.await.unwrap()
}

/// Messages of people who never come.
#[expect(clippy::disallowed_methods, reason = "the harness fills the database")]
async fn fill(rig: &Rig) {
    let messages = rig.raw().collection::<Document>("chatmessages");
    for _ in 0..MESSAGES / PER_ROOM {
        let (room, from, to) = (ObjectId::new(), ObjectId::new(), ObjectId::new());
        let batch = (1..=PER_ROOM).map(|seq| {
            doc! {
                "_id": ObjectId::new(), "chatRoom": room, "from": from, "to": to,
                "message": format!("message {seq}"), "createdAt": DateTime::now(),
                "seq": seq, "counts": [seq, 0_i64],
            }
        });
        messages.insert_many(batch).await.unwrap();
    }
}
