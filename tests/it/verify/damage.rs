//! Damage around messages and rooms: people, presence, indexes, migrations.

use bson::{DateTime, doc};
use chatzz::verify::{Check, Severity};

use super::World;

#[tokio::test(flavor = "multi_thread")]
async fn a_user_whom_the_application_deleted_is_reported_and_is_no_error() {
    let world = World::healthy().await;
    world.delete("users", doc! { "username": "bob" }).await;

    let report = world.assert_finds(&[Check::UserGone]).await;

    assert_eq!(report.findings[0].severity, Severity::Information);
    assert!(report.is_clean(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_online_with_a_dead_node_is_found_and_taken_off() {
    let world = World::healthy().await;
    let lease = |name: &str, expires: DateTime| {
        doc! { "_id": name, "boot": format!("{name}#1"), "renewedAt": DateTime::from_millis(9),
        "expiresAt": expires, "ended": false }
    };
    let nodes = world.database.collection("chatzz_nodes");
    let leases = [
        lease("alive", DateTime::MAX),
        lease("expired", DateTime::from_millis(10)),
    ];
    nodes.insert_many(leases).await.unwrap();
    let online = |nodes: &[&str]| doc! { "$set": { "status": "online", "nodes": nodes } };
    for (person, on) in [
        (world.alice, &["alive#1", "gone#1"][..]),
        (world.bob, &["expired#1"]),
        (world.carol, &[]),
    ] {
        let person = doc! { "_id": person };
        world.update("chatusers", person, online(on)).await;
    }

    world.assert_finds_and_mends(&[Check::Presence; 3]).await;

    let chat_users = world.database.dump("chatusers").await;
    for user in &chat_users {
        let is_alice = user.get_object_id("_id").unwrap() == world.alice;
        let wanted = if is_alice { "online" } else { "offline" };
        assert_eq!(user.get_str("status").unwrap(), wanted, "{user}");
        assert_eq!(
            user.get_array("nodes").unwrap().len(),
            usize::from(is_alice)
        );
        if user.get_object_id("_id").unwrap() == world.bob {
            let last = user.get_datetime("lastOnline").unwrap();
            assert_eq!(
                *last,
                DateTime::from_millis(9),
                "when the node was last there"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_online_with_a_living_node_is_no_finding() {
    let world = World::healthy().await;
    let nodes = world.database.collection("chatzz_nodes");
    let lease = doc! { "_id": "alive", "boot": "alive#1", "renewedAt": DateTime::MAX,
    "expiresAt": DateTime::MAX };
    nodes.insert_one(lease).await.unwrap();
    let online = doc! { "$set": { "status": "online", "nodes": ["alive#1"] } };
    world
        .update("chatusers", doc! { "_id": world.bob }, online)
        .await;

    world.assert_finds(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_missing_index_is_found_and_created() {
    let world = World::healthy().await;
    let dropped = [
        ("chatusers", "user"),
        ("chatusers", "nodes"),
        ("chatrooms", "pair"),
        ("chatrooms", "chatUsers_lastMessageAt"),
        ("chatmessages", "chatRoom_seq"),
        ("chatmessages", "chatRoom_from_clientId"),
        ("chatmessages", "chatRoom_rev"),
    ];
    for (collection, index) in dropped {
        world.drop_index(collection, index).await;
    }

    let report = world.assert_finds(&[Check::Index; 7]).await;

    let found = report.findings.iter().map(|f| f.ids["index"].as_str());
    let mut found: Vec<&str> = found.collect();
    found.sort_unstable();
    let mut names = dropped.map(|(_, name)| name);
    names.sort_unstable();
    assert_eq!(found, names);
    world.assert_finds_and_mends(&[Check::Index; 7]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_differs_is_found_and_left_alone() {
    let world = World::healthy().await;
    world.drop_index("chatmessages", "chatRoom_seq").await;
    let index = doc! { "name": "chatRoom_seq", "key": { "chatRoom": 1, "seq": 1 } };
    let create = doc! { "createIndexes": "chatmessages", "indexes": [index] };
    world.database.raw().run_command(create).await.unwrap();

    world.assert_finds_and_leaves(&[Check::Index]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_that_did_not_run_or_were_changed_are_found() {
    let world = World::healthy().await;
    let meta = world.database.collection("chatzz_meta");
    let record = meta.find_one(doc! {}).await.unwrap().unwrap();
    let id = record.get_str("_id").unwrap();

    let changed = doc! { "$set": { "checksum": "0" } };
    world
        .update("chatzz_meta", doc! { "_id": id }, changed)
        .await;
    let report = world.assert_finds(&[Check::Migrations]).await;
    assert!(
        report.findings[0].detail.contains("was changed"),
        "{report}"
    );

    world.delete("chatzz_meta", doc! { "_id": id }).await;
    let report = world.assert_finds(&[Check::Migrations]).await;
    assert!(
        report.findings[0].detail.contains("has not run"),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_has_a_gap_or_names_what_is_not_stored_so_is_found() {
    let world = World::healthy().await;
    let events = world.database.collection("chatzz_events");
    let messages = world.database.dump("chatmessages").await;
    let of_one_room =
        |message: &&bson::Document| message.get("chatRoom") == messages[0].get("chatRoom");
    let mut room: Vec<_> = messages.iter().filter(of_one_room).collect();
    room.sort_by_key(|message| message.get_i64("seq").unwrap());
    let entry = |id: i64, messages: Vec<Vec<u8>>| {
        let bytes = messages.concat();
        let packed = bson::Binary {
            subtype: bson::spec::BinarySubtype::Generic,
            bytes,
        };
        doc! { "_id": id, "at": DateTime::now(), "boot": "one#1", "m": packed }
    };
    let sound = [
        entry(1, vec![packed(room[0])]),
        entry(2, vec![packed(room[1])]),
    ];
    events.insert_many(sound).await.unwrap();
    world.assert_finds(&[]).await;

    let mut other = room[1].clone();
    other.insert("chatRoom", bson::oid::ObjectId::new());
    let mut gone = room[1].clone();
    gone.insert("_id", bson::oid::ObjectId::new());
    let damaged = [
        entry(4, vec![packed(room[1])]),
        entry(5, vec![packed(&other), packed(&gone)]),
        entry(6, vec![packed(room[3])]),
    ];
    events.insert_many(damaged).await.unwrap();

    let report = world.assert_finds(&[Check::Log; 4]).await;

    let mut entries: Vec<&str> = Vec::new();
    for finding in &report.findings {
        entries.push(&finding.ids["entry"]);
    }
    entries.sort_unstable();
    assert_eq!(entries, ["4", "5", "5", "6"], "{report}");
}

/// The reference to a message that the log contains.
fn packed(message: &bson::Document) -> Vec<u8> {
    let mut bytes = Vec::new();
    for id in ["chatRoom", "_id", "from", "to"] {
        bytes.extend(message.get_object_id(id).unwrap().bytes());
    }
    bytes.extend(message.get_i64("seq").unwrap().to_be_bytes());
    let at = message.get_datetime("createdAt").unwrap();
    bytes.extend(at.timestamp_millis().to_be_bytes());
    for count in message.get_array("counts").unwrap() {
        let count = u32::try_from(count.as_i64().unwrap()).unwrap();
        bytes.extend(count.to_be_bytes());
    }
    bytes
}
