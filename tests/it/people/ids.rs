//! Ids of any type an application may have, with a given type and with `auto`.

use bson::oid::ObjectId;
use bson::{Binary as BsonBinary, Bson, UuidRepresentation, doc};
use serde_json::{Value, json};

use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::server::Server;

async fn server(id_type: &str) -> Server {
    Server::with(&[("CHATZZ_USER_ID_TYPE", id_type)]).await
}

async fn store(server: &Server, id: impl Into<Bson>, username: &str) {
    let user = doc! { "_id": id, "username": username };
    server.store_user(user).await;
}

/// Two people talk while both are there and while one is not, and are named by
/// these ids wherever somebody is named.
async fn they_talk(server: &Server, one: Value, other: Value) {
    let anna = server.login(&one).await;
    let details = anna.client.expect_envelope("user-details").await;
    assert_eq!(details["user"], json!({ "_id": one, "username": "anna" }));
    let added = anna.add(&other).await.unwrap();
    assert_eq!(added["_id"], other);
    assert_eq!(added["addedBy"], one);
    let sent = anna.send(&other, "hello").await.unwrap();
    assert_eq!(sent["from"]["_id"], one);
    assert_eq!(sent["to"], json!({ "_id": other, "username": "bert" }));

    let bert = server.login(&other).await;
    let details = bert.client.expect_envelope("user-details").await;
    let key = one.as_str().map_or_else(|| one.to_string(), str::to_owned);
    assert_eq!(details["missedMessages"][&key][0]["_id"], sent["_id"]);
    assert_eq!(details["connectedUsers"][0]["_id"], one);
    assert_eq!(details["connectedUsers"][0]["lastMessage"]["from"], one);
    let answer = bert.send(&one, "hello yourself").await.unwrap();
    let page = anna.history(json!({ "userId": other })).await.unwrap();
    assert_eq!(page["messages"][1]["_id"], answer["_id"]);
    assert_eq!(anna.read_up_to(&other, 2).await.unwrap()["read"], 1);
    let again = anna.login().await.unwrap();
    assert_eq!(again["userId"], one);
}

#[tokio::test(flavor = "multi_thread")]
async fn object_ids_work_under_auto_and_their_own_type() {
    for id_type in ["auto", "objectid"] {
        let server = server(id_type).await;
        let (anna, bert) = (ObjectId::new(), ObjectId::new());
        store(&server, anna, "anna").await;
        store(&server, bert, "bert").await;
        they_talk(&server, anna.to_hex().into(), bert.to_hex().into()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn string_ids_work_whatever_they_look_like() {
    for id_type in ["auto", "string"] {
        let server = server(id_type).await;
        for (anna, bert) in [
            ("anna", "bert@example.org"),
            ("65a0000000000000000000aa", "123"),
            ("$where", "a.b.c"),
            ("__proto__", "grüße 👋"),
            ("B6F9C1D2-0000-4000-8000-000000000001", "007"),
        ] {
            store(&server, anna, "anna").await;
            store(&server, bert, "bert").await;
            they_talk(&server, anna.into(), bert.into()).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn integer_ids_work_as_numbers_and_beyond_what_json_holds_as_strings() {
    for id_type in ["auto", "int"] {
        let server = server(id_type).await;
        let (anna, bert) = (1, 9_007_199_254_740_993_i64);
        store(&server, anna, "anna").await;
        store(&server, bert, "bert").await;
        they_talk(&server, anna.into(), "9007199254740993".into()).await;
        let as_text = server.login(&json!("1")).await;
        let details = as_text.client.expect_envelope("user-details").await;
        assert_eq!(details["user"]["_id"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn integer_ids_that_javascript_stored_as_doubles_work() {
    let server = server("int").await;
    store(&server, 7.0, "anna").await;
    store(&server, 8_i64, "bert").await;
    they_talk(&server, 7.into(), 8.into()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uuid_ids_work_under_auto_and_their_own_type() {
    for id_type in ["auto", "uuid"] {
        let server = server(id_type).await;
        let (anna, bert) = (bson::Uuid::new(), bson::Uuid::new());
        store(&server, anna, "anna").await;
        store(&server, bert, "bert").await;
        they_talk(&server, anna.to_string().into(), bert.to_string().into()).await;
    }
}

/// An id of the old binary subtype, as a driver with this byte order stores it.
fn legacy(id: bson::Uuid, order: UuidRepresentation) -> BsonBinary {
    BsonBinary::from_uuid_with_representation(id, order)
}

#[tokio::test(flavor = "multi_thread")]
async fn legacy_uuid_ids_work_in_the_byte_order_of_each_driver() {
    use UuidRepresentation::{CSharpLegacy, JavaLegacy, PythonLegacy};
    for (id_type, order, representation) in [
        ("auto", None, PythonLegacy),
        ("uuid", Some("standard"), PythonLegacy),
        ("uuid", Some("java"), JavaLegacy),
        ("auto", Some("csharp"), CSharpLegacy),
    ] {
        let mut keys = vec![("CHATZZ_USER_ID_TYPE", id_type)];
        keys.extend(order.map(|order| ("CHATZZ_USER_UUID_ORDER", order)));
        let server = Server::with(&keys).await;
        let (anna, bert) = (bson::Uuid::new(), bson::Uuid::new());
        store(&server, legacy(anna, representation), "anna").await;
        store(&server, legacy(bert, representation), "bert").await;
        they_talk(&server, anna.to_string().into(), bert.to_string().into()).await;
        // what is stored about them survives a restart
        let mut server = server;
        server.restart().await;
        they_meet_again(&server, anna.to_string().into(), bert.to_string().into()).await;
    }
}

/// Two people who have talked before still know and may block each other.
async fn they_meet_again(server: &Server, one: Value, other: Value) {
    let (anna, details) = server.arrive(&one).await;
    assert_eq!(details["connectedUsers"][0]["_id"], other);
    anna.block(&other).await.unwrap();
    assert_eq!(anna.blocked().await, std::slice::from_ref(&other));
    anna.unblock(&other).await.unwrap();
    anna.send(&other, "again").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_subtypes_of_uuid_may_be_in_one_collection_and_the_wrong_order_is_nobody() {
    let server = server("uuid").await;
    let (anna, bert, java) = (bson::Uuid::new(), bson::Uuid::new(), bson::Uuid::new());
    store(
        &server,
        legacy(anna, UuidRepresentation::PythonLegacy),
        "anna",
    )
    .await;
    store(&server, bert, "bert").await;
    store(
        &server,
        legacy(java, UuidRepresentation::JavaLegacy),
        "java",
    )
    .await;
    they_talk(&server, anna.to_string().into(), bert.to_string().into()).await;
    let nobody = server.socket_of(&json!(java.to_string())).await;
    assert_eq!(nobody.login().await.unwrap_err()["code"], "user-not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_and_a_nested_uuid_have_the_byte_order_of_the_application_as_well() {
    let rule = r#"{"collection": "friends", "filter": {"a": "$from", "b": "$to"}}"#;
    let server = Server::with(&[
        ("CHATZZ_USER_UUID_ORDER", "csharp"),
        ("CHATZZ_USER_FIELDS", "username,team"),
        ("CHATZZ_CONTACT_RULE", rule),
    ])
    .await;
    let ids = [(); 3].map(|()| bson::Uuid::new());
    let [anna, bert, team] = ids.map(|id| legacy(id, UuidRepresentation::CSharpLegacy));
    for (id, username) in [(&anna, "anna"), (&bert, "bert")] {
        let user = doc! { "_id": id.clone(), "username": username, "team": team.clone() };
        server.store_user(user).await;
    }
    let friends = doc! { "a": anna, "b": bert };
    server
        .collection("friends")
        .insert_one(friends)
        .await
        .unwrap();

    let [anna, bert, team] = ids.map(|id| Value::from(id.to_string()));
    let (anna, details) = server.arrive(&anna).await;
    assert_eq!(details["user"]["team"], team);
    // there is no chat room yet: the rule alone lets one know of the other
    let settings = anna.set_privacy(json!({ "whitelist": [bert] })).await;
    assert_eq!(settings.unwrap()["whitelist"], json!([bert]));
    anna.add(&bert).await.unwrap();
    let (bert, _) = server.arrive(&bert).await;
    let refused = bert.send(&anna.id, "hello").await.unwrap_err();
    assert_eq!(
        refused["code"], "user-not-found",
        "the rule has one direction"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_fits_two_users_is_refused_under_auto() {
    let server = server("auto").await;
    let twin = ObjectId::new();
    store(&server, 42, "anna").await;
    store(&server, "42", "bert").await;
    store(&server, twin, "chloe").await;
    store(&server, twin.to_hex(), "dora").await;
    let eve = server.person("eve").await;
    for id in [json!("42"), json!(twin.to_hex())] {
        let refused = server.socket_of(&id).await.login().await.unwrap_err();
        assert_eq!(refused["code"], "bad-request", "{refused}");
        assert!(
            refused["message"]
                .as_str()
                .unwrap()
                .contains("CHATZZ_USER_ID_TYPE"),
            "{refused}"
        );
        assert_eq!(eve.add(&id).await.unwrap_err()["code"], "bad-request");
    }
    // a number is no string
    let anna = server.login(&json!(42)).await;
    let details = anna.client.expect_envelope("user-details").await;
    assert_eq!(details["user"]["username"], "anna");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_type_given_the_twin_of_another_type_is_nobody() {
    for (id_type, name) in [("int", "anna"), ("string", "bert")] {
        let server = server(id_type).await;
        store(&server, 42, "anna").await;
        store(&server, "42", "bert").await;
        let person = server.login(&json!("42")).await;
        let details = person.client.expect_envelope("user-details").await;
        assert_eq!(details["user"]["username"], name, "{id_type}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_name_nobody_and_ids_that_are_none_are_distinguished() {
    for id_type in ["auto", "objectid", "string", "int", "uuid"] {
        let server = server(id_type).await;
        for nobody in [
            json!("nobody"),
            json!(""),
            json!(12),
            json!("65a0000000000000000000ff"),
        ] {
            let refused = server.socket_of(&nobody).await.login().await.unwrap_err();
            assert_eq!(refused["code"], "user-not-found", "{id_type} {nobody}");
        }
        for nonsense in [
            json!(null),
            json!(1.5),
            json!(true),
            json!([1]),
            json!({ "$ne": null }),
        ] {
            let refused = server.socket_of(&nonsense).await.login().await.unwrap_err();
            assert_eq!(refused["code"], "bad-request", "{id_type} {nonsense}");
        }
        assert_eq!(server.dump("chatusers").await, []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_that_cannot_log_in_are_warned_about_at_the_start() {
    let database = TestDatabase::shared().await;
    let empty = Binary::serve(&database.keys()).await;
    assert!(empty.log().contains("holds no users"), "{}", empty.log());
    empty.terminate().await;

    let anna = doc! { "_id": "anna", "username": "anna" };
    database.collection("users").insert_one(anna).await.unwrap();
    let mut keys = database.keys().to_vec();
    keys.push(("CHATZZ_USER_ID_TYPE", "int"));
    let other = Binary::serve(&keys).await;
    assert!(other.log().contains("of another type"), "{}", other.log());
    other.terminate().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_with_a_collation_finds_whom_it_takes_for_the_same() {
    let server = Server::start().await;
    let create = doc! { "create": "users", "collation": { "locale": "en", "strength": 2 } };
    server.database().run_command(create).await.unwrap();
    let users = server.collection("users");
    let alice = doc! { "_id": "Alice", "username": "alice" };
    users.insert_one(alice).await.unwrap();

    for written in ["alice", "Alice", "alice"] {
        let person = server.login(&json!(written)).await;
        let details = person.client.expect_envelope("user-details").await;
        assert_eq!(details["user"]["_id"], "Alice", "as {written}");
    }
    let stored = server.dump("chatusers").await;
    assert_eq!(stored.len(), 1, "one person");
    let refused = server.socket_of(&json!("alicia")).await.login().await;
    assert_eq!(refused.unwrap_err()["code"], "user-not-found");
}
