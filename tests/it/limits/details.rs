//! User details as large as they may be: whatever contains them is bounded in bytes.

use std::collections::HashSet;

use bson::doc;
use serde_json::{Value, json};

use crate::support::frame::{Client, ConnectOptions};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::slow_link::SlowLink;
use crate::support::user::{Person, code, each};

/// The fields that are shown by default, with `_id`.
const FIELDS: [&str; 7] = [
    "username",
    "name",
    "firstName",
    "lastName",
    "displayName",
    "avatar",
    "picture",
];
/// The most that a page, or what was missed, contains.
const MOST: usize = 256 * 1024;

/// Stores a user with 56 KiB of details.
async fn large_user(server: &Server, id: &str) -> Value {
    let mut user = doc! { "_id": id };
    user.extend(FIELDS.map(|name| (name.to_owned(), "x".repeat(8 * 1024 - 2).into())));
    server.store_user(user).await;
    json!(id)
}

async fn log_in(server: &Server, id: &Value, compact: bool) -> (Person, Value) {
    let person = server.socket_of(id).await;
    let login = json!({ "userId": id, "compact": compact });
    person.ask("connect-user", login).await.unwrap();
    let details = person.client.expect_envelope("user-details").await;
    (person, details)
}

/// Bob misses so many messages of alice.
async fn pair_with_missed(server: &Server, count: usize) -> (Person, Value) {
    let alice = large_user(server, "alice").await;
    let bob = large_user(server, "bob").await;
    let (alice, _) = log_in(server, &alice, true).await;
    alice.add(&bob).await.unwrap();
    for number in 0..count {
        alice.send(&bob, &number.to_string()).await.unwrap();
    }
    (alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compact_login_and_its_pages_are_not_charged_for_details_that_they_do_not_contain() {
    const MISSED: usize = 30;
    let server = Server::start().await;
    let (alice, bob) = pair_with_missed(&server, MISSED).await;
    let alice = &alice.id;

    // first without: what is missed stays missed for a while
    let (with, login) = log_in(&server, &bob, false).await;
    let missed = &login["missedMessages"]["alice"];
    assert_eq!(each(missed, "message"), ["28", "29"], "two of 112 KiB fit");
    assert_eq!(login["connectedUsers"][0]["missedCount"], MISSED);
    let page = with.history(json!({ "userId": alice })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["28", "29"]);
    assert_eq!(page["hasMore"], true);
    assert!(page.to_string().len() < MOST);

    let (compact, login) = log_in(&server, &bob, true).await;
    let missed = &login["missedMessages"]["alice"];
    assert_eq!(each(missed, "message").len(), MISSED);
    assert!(login["connectedUsers"][0].get("missedCount").is_none());
    let page = compact.history(json!({ "userId": alice })).await.unwrap();
    assert_eq!(each(&page["messages"], "message").len(), MISSED);
    assert_eq!(page["hasMore"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocked_people_with_large_details_come_by_pages() {
    const BLOCKED: usize = 20;
    let server = Server::start().await;
    let alice = server.person("alice").await;
    for number in 0..BLOCKED {
        let id = large_user(&server, &format!("user{number}")).await;
        alice.block(&id).await.unwrap();
    }
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    loop {
        let query = if after.is_null() {
            json!({})
        } else {
            json!({ "after": after })
        };
        let page = alice.ask("get-blocked-users", query).await.unwrap();
        assert!(page.to_string().len() < MOST, "a page is bounded");
        seen.extend(each(&page["users"], "_id").into_iter().cloned());
        if page["hasMore"] == false {
            break;
        }
        after = seen.last().unwrap().clone();
    }
    let all: Vec<Value> = (0..BLOCKED).map(|n| json!(format!("user{n}"))).collect();
    assert_eq!(seen, all, "in the order of blocking, each once");

    let nobody = json!({ "after": "nobody" });
    let refused = alice.ask("get-blocked-users", nobody).await;
    assert_eq!(code(refused), "user-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn own_answers_with_large_details_wait_for_each_other() {
    const SENT: usize = 60;
    let server = Server::start().await;
    let alice = large_user(&server, "alice").await;
    let bob = large_user(&server, "bob").await;
    let carol = server.person("carol").await;
    carol.add(&bob).await.unwrap();
    let link = SlowLink::to(server.addr(), 100_000).await;
    let client = Client::connect(ConnectOptions::new(link.addr())).await;
    let alice = Person::new(client.unwrap(), alice);
    alice.login().await.unwrap();
    alice.add(&bob).await.unwrap();

    for number in 0..SENT {
        let payload = json!({ "userId": bob, "message": number.to_string() });
        drop(alice.client.emit_ack_pipelined("send-message", payload));
    }
    let stored = async || {
        let all = server.messages().await;
        let rooms: Vec<_> = all.iter().map(|one| one.get_object_id("from")).collect();
        let senders: HashSet<_> = rooms.iter().flatten().collect();
        (all.len(), senders.len())
    };
    eventually("the first", async || (stored().await.0 > 0).then_some(())).await;
    // carol's answers show how much is stored meanwhile
    for number in 0..20 {
        carol.send(&bob, &number.to_string()).await.unwrap();
    }
    let (all, senders) = stored().await;
    assert_eq!(senders, 2);
    // each of them takes two seconds to leave, as its answer and as a message
    assert!(
        all - 20 < 10,
        "{} were stored, and their answers wait",
        all - 20
    );
}
