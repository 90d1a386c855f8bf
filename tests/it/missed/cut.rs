//! Missed messages beyond the most that a login contains.

use serde_json::{Value, json};

use super::{SHORT, key, missed, send_all, wait_until_confirmed};
use crate::support::frame::{Client, ConnectOptions};
use crate::support::poll::eventually;
use crate::support::server::Server;
use crate::support::slow_link::SlowLink;
use crate::support::user::{Person, each};

fn contact_of<'a>(details: &'a Value, person: &Person) -> &'a Value {
    let contacts = details["connectedUsers"].as_array().unwrap();
    let mut found = contacts.iter().filter(|c| c["_id"] == person.id);
    found.next().expect("a contact")
}

/// Waits until nothing that is stored now shares this time.
async fn wait_for_a_later_millisecond(date: &Value) {
    let date = chrono::DateTime::parse_from_rfc3339(date.as_str().unwrap()).unwrap();
    eventually("a later millisecond", async || {
        let now = bson::DateTime::now().timestamp_millis();
        (now > date.timestamp_millis()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_the_newest_come_with_the_login_and_the_rest_is_fetched() {
    let keys = [("CHATZZ_MISSED_PER_CONTACT", "2")];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["a", "b", "c", "d", "e"]).await;

    let (bob, details) = server.arrive(&bob).await;

    assert_eq!(missed(&details, &alice, "seq"), [4, 5]);
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["missedCount"], 5);
    assert_eq!(contact["missedFrom"], 1);
    let mut after = contact["missedFrom"].as_i64().unwrap() - 1;
    let mut fetched = Vec::new();
    loop {
        let query = json!({ "userId": alice.id, "after": after, "limit": 2 });
        let page = bob.history(query).await.unwrap();
        for message in page["messages"].as_array().unwrap() {
            assert_eq!(message["status"], "sent");
            after = message["seq"].as_i64().unwrap();
            fetched.push(message["message"].as_str().unwrap().to_owned());
        }
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(fetched, ["a", "b", "c", "d", "e"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_as_many_as_fit_are_not_cut() {
    let keys = [("CHATZZ_MISSED_PER_CONTACT", "2")];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["a", "b"]).await;
    let (_bob, details) = server.arrive(&bob).await;
    assert_eq!(missed(&details, &alice, "seq"), [1, 2]);
    assert!(details["connectedUsers"][0].get("missedCount").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_too_many_from_all_contacts_the_newest_are_shown() {
    the_newest_of_all_are_shown(&["a", "b"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_far_too_many_only_the_newest_are_read_and_shown() {
    the_newest_of_all_are_shown(&["-", "a", "b"]).await;
}

/// Three contacts write, dave the oldest messages, and the login contains three. Of more
/// than twice as many the positions are read first.
async fn the_newest_of_all_are_shown(of_dave: &[&str]) {
    let server = Server::with(&[
        ("CHATZZ_MISSED_PER_CONTACT", "3"),
        ("CHATZZ_MISSED_TOTAL", "3"),
    ])
    .await;
    let (alice, bob) = server.pair_with_absent().await;
    let carol = server.person("carol").await;
    let dave = server.person("dave").await;
    carol.add(&bob).await.unwrap();
    dave.add(&bob).await.unwrap();
    // one by one: a millisecond that two share would leave their order open
    for (from, texts) in [
        (&dave, of_dave),
        (&alice, &["c", "d"]),
        (&carol, &["e", "f"]),
    ] {
        for text in texts {
            let sent = from.send(&bob, text).await.unwrap();
            wait_for_a_later_millisecond(&sent["createdAt"]).await;
        }
    }

    let (_bob, details) = server.arrive(&bob).await;

    let contacts = &details["connectedUsers"];
    assert_eq!(each(contacts, "_id"), [&carol.id, &alice.id, &dave.id]);
    assert_eq!(missed(&details, &carol, "message"), ["e", "f"]);
    assert!(contacts[0].get("missedCount").is_none());
    assert_eq!(missed(&details, &alice, "message"), ["d"]);
    for (contact, count) in [(&contacts[1], 2), (&contacts[2], of_dave.len())] {
        assert_eq!(contact["missedCount"], count);
        assert_eq!(contact["missedFrom"], 1);
    }
    assert!(details["missedMessages"].get(key(&dave)).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cursor_waits_at_what_was_cut_until_it_is_fetched() {
    let keys = [SHORT[0], SHORT[1], ("CHATZZ_MISSED_PER_CONTACT", "2")];
    let server = Server::with(&keys).await;
    let (alice, bob) = server.pair_with_absent().await;
    send_all(&alice, &bob, &["a", "b", "c", "d"]).await;
    let carol = server.person("carol").await;

    let (bob, details) = server.arrive(&bob).await;
    assert_eq!(missed(&details, &alice, "seq"), [3, 4]);
    bob.add(&carol.id).await.unwrap();
    carol.send(&bob.id, "later").await.unwrap();
    wait_until_confirmed(&server, &carol, &bob).await;

    // "later" came after them and is confirmed, so 3 and 4 are: beyond a gap
    let (again, details) = server.arrive(&bob.id).await;
    let contact = contact_of(&details, &alice);
    assert_eq!(contact["missedFrom"], 1);
    assert_eq!(contact["missedCount"], 4);
    assert_eq!(missed(&details, &alice, "seq"), [3, 4]);

    let query = json!({ "userId": alice.id, "after": 0, "limit": 2 });
    let page = again.history(query).await.unwrap();
    assert_eq!(each(&page["messages"], "seq"), [1, 2]);
    wait_until_confirmed(&server, &alice, &bob).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_messages_are_cut_so_that_a_login_arrives_over_a_slow_link() {
    const MESSAGES: usize = 150;
    let settings = [
        ("CHATZZ_PING_INTERVAL", "2s"),
        ("CHATZZ_PING_TIMEOUT", "3s"),
    ];
    let server = Server::with(&settings).await;
    let (alice, bob) = server.pair_with_absent().await;
    let texts = [(); MESSAGES].map(|()| "long ".repeat(800));
    send_all(&alice, &bob, &texts.each_ref().map(String::as_str)).await;
    // all of them would take twelve seconds, beyond the ping's five
    let link = SlowLink::to(server.addr(), 100_000).await;
    let client = Client::connect(ConnectOptions::new(link.addr())).await;
    let bob = Person::new(client.unwrap(), bob);
    bob.login().await.unwrap();
    let details = bob.client.expect_envelope("user-details").await;
    let contact = &details["connectedUsers"][0];
    assert_eq!(contact["missedCount"], MESSAGES);
    assert_eq!(contact["missedFrom"], 1);
    let newest = missed(&details, &alice, "seq");
    assert!((50..70).contains(&newest.len()), "{}", newest.len());
    assert_eq!(newest.last().unwrap().as_u64(), Some(MESSAGES as u64));
    let first = newest[0].as_u64().unwrap();
    assert_eq!(first, (MESSAGES - newest.len() + 1) as u64, "without a gap");
    let page = json!({ "userId": alice.id, "after": 0, "limit": 500 });
    let page = bob.history(page).await.unwrap();
    assert!(
        page["hasMore"].is_boolean(),
        "the connection is still there"
    );
}
