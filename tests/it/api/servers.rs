//! A send happens once, whichever server is asked, and whatever becomes of the server.

use serde_json::Value;

use super::{BackEnd, free_addr, key_file};
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use chatzz::config::ApiScope;

/// What the back ends may do.
const SCOPES: [ApiScope; 2] = [ApiScope::Send, ApiScope::Read];

/// Two servers on one database, and a back end of each.
pub(super) struct Two {
    pub(super) database: TestDatabase,
    pub(super) servers: [Binary; 2],
    pub(super) back_ends: [BackEnd; 2],
    pub(super) alice: Value,
    pub(super) bob: Value,
}

pub(super) async fn two(scopes: &[ApiScope]) -> Two {
    let database = TestDatabase::shared().await;
    let (alice, bob) = (database.user("alice").await, database.user("bob").await);
    let [one, two] = two_on(&database, scopes, &[]).await;
    Two {
        servers: [one.0, two.0],
        back_ends: [one.1, two.1],
        database,
        alice,
        bob,
    }
}

/// Two servers on a database, started one after the other, and a back end of each.
pub(super) async fn two_on(
    database: &TestDatabase,
    scopes: &[ApiScope],
    more: &[(&str, &str)],
) -> [(Binary, BackEnd); 2] {
    let (file, keys) = key_file(&[scopes]);
    let start = async |name: &str| {
        let addr = free_addr();
        let listen = addr.to_string();
        let mut settings = database.keys().to_vec();
        settings.extend([
            ("CHATZZ_NODE_ID", name),
            ("CHATZZ_LEASE", "3s"),
            ("CHATZZ_API_LISTEN", listen.as_str()),
            ("CHATZZ_API_KEYS_FILE", file.to_str().unwrap()),
        ]);
        settings.extend(more);
        (Binary::serve(&settings).await, BackEnd::new(addr, &keys[0]))
    };
    [start("one").await, start("two").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn people_at_both_servers_hear_it_and_a_repeat_through_the_other_is_a_duplicate() {
    let Two {
        database,
        servers: [one, two],
        back_ends: [first, second],
        alice,
        bob,
    } = two(&SCOPES).await;
    let (alice_at_one, _) = one.login(&alice).await;
    let (bob_at_two, _) = two.login(&bob).await;

    let sent = first.send(&alice, &bob, "hello", "key").await;
    let again = second.send(&alice, &bob, "hello", "key").await;

    assert_eq!((sent.status, again.status), (201, 200));
    assert_eq!(sent.body["_id"], again.body["_id"]);
    for person in [&alice_at_one, &bob_at_two] {
        let message = person.client.wait_for("new-message").await;
        assert_eq!(message["_id"], sent.body["_id"]);
        assert_eq!(message["via"], "server");
    }
    assert_eq!(database.dump("chatmessages").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_kill_9_and_a_restart_is_a_duplicate() {
    let Two {
        database,
        servers: [one, _two],
        back_ends: [first, _],
        alice,
        bob,
    } = two(&SCOPES).await;
    let sent = first.send(&alice, &bob, "hello", "key").await;

    let _one = one.kill_and_restart().await;

    let again = first.send(&alice, &bob, "hello", "key").await;
    assert_eq!((sent.status, again.status), (201, 200));
    assert_eq!(sent.body["_id"], again.body["_id"]);
    assert_eq!(database.dump("chatmessages").await.len(), 1);
}
