//! Documents that no messenger would expect.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, RawDocumentBuf, Timestamp, doc};
use serde_json::{Value, json};

use crate::support::server::Server;
use crate::support::user::each;

/// Values of `name`, and what is seen of each; `None` for what is left out.
fn oddities() -> Vec<(&'static str, Bson, Option<Value>)> {
    let nested = (0..100).fold(Bson::from("deep"), |inner, _| doc! { "in": inner }.into());
    let regex = bson::Regex {
        pattern: bson::raw::CString::try_from("a").unwrap(),
        options: bson::raw::CString::try_from("i").unwrap(),
    };
    let binary = Binary {
        subtype: BinarySubtype::Generic,
        bytes: vec![1, 2, 3],
    };
    let id = ObjectId::from_bytes([7; 12]);
    let decimal: bson::Decimal128 = "1.50".parse().unwrap();
    vec![
        ("null", Bson::Null, Some(Value::Null)),
        ("empty", "".into(), Some("".into())),
        ("number", 5.into(), Some(5.into())),
        ("flag", true.into(), Some(true.into())),
        ("nan", f64::NAN.into(), Some(Value::Null)),
        ("infinity", f64::INFINITY.into(), Some(Value::Null)),
        ("big", i64::MAX.into(), Some("9223372036854775807".into())),
        ("decimal", decimal.into(), Some("1.50".into())),
        (
            "date",
            DateTime::from_millis(0).into(),
            Some("1970-01-01T00:00:00.000Z".into()),
        ),
        ("far", DateTime::MAX.into(), None),
        ("id", id.into(), Some(id.to_hex().into())),
        (
            "list",
            vec![Bson::Null, "x".into()].into(),
            Some(json!([null, "x"])),
        ),
        (
            "object",
            doc! { "first": "A" }.into(),
            Some(json!({ "first": "A" })),
        ),
        (
            "awkward",
            "\u{0}\u{2028}\"\\</script>👋".into(),
            Some("\u{0}\u{2028}\"\\</script>👋".into()),
        ),
        ("deep", nested, None),
        ("huge", "x".repeat(1_000_000).into(), None),
        ("long", vec![Bson::from(1); 100_000].into(), None),
        ("regex", regex.into(), None),
        ("binary", binary.into(), None),
        (
            "timestamp",
            Timestamp {
                time: 1,
                increment: 1,
            }
            .into(),
            None,
        ),
        ("smallest", Bson::MinKey, None),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_documents_break_nothing_and_are_shown_as_far_as_json_can() {
    let server = Server::with(&[("CHATZZ_USER_FIELDS", "name")]).await;
    server
        .store_user(doc! { "_id": "plain", "name": "Plain" })
        .await;
    server.store_user(doc! { "_id": "missing" }).await;
    for (id, name, _) in oddities() {
        server.store_user(doc! { "_id": id, "name": name }).await;
    }
    let plain = server.login(&json!("plain")).await;
    plain.client.expect_envelope("user-details").await;

    for (id, _, seen) in oddities() {
        let odd = server.login(&json!(id)).await;
        let details = odd.client.expect_envelope("user-details").await;
        plain
            .add(&json!(id))
            .await
            .unwrap_or_else(|error| panic!("{id}: {error}"));
        let sent = plain.send(&json!(id), "hello").await.unwrap();
        let received = odd.client.wait_for("new-message").await;
        assert_eq!(received["_id"], sent["_id"], "{id}");
        let shown = &details["user"];
        match (&seen, id) {
            // how far the year 292 million is shown is not of interest, only that it breaks nothing
            (None, "far" | "deep") => {}
            (None, _) => assert_eq!(shown, &json!({ "_id": id })),
            (Some(name), _) => assert_eq!(shown, &json!({ "_id": id, "name": name })),
        }
        let bytes = odd.client.received_bytes().len();
        assert!(bytes < 100_000, "{id}: {bytes} bytes");
    }

    let missing = server.login(&json!("missing")).await;
    let details = missing.client.expect_envelope("user-details").await;
    assert_eq!(details["user"], json!({ "_id": "missing" }));
    plain.login().await.unwrap();
    let details = plain.client.wait_for("user-details").await;
    let contacts = details["connectedUsers"].as_array().unwrap().len();
    assert_eq!(contacts, oddities().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nested_field_of_something_that_is_not_nested_is_left_out() {
    let server = Server::with(&[("CHATZZ_USER_FIELDS", "name.first")]).await;
    let shown = async |name: Bson| {
        let id = ObjectId::new();
        server.store_user(doc! { "_id": id, "name": name }).await;
        let person = server.login(&json!(id.to_hex())).await;
        let mut details = person.client.expect_envelope("user-details").await;
        details["user"]["name"].take()
    };
    assert_eq!(shown("Anna".into()).await, Value::Null);
    assert_eq!(shown(Bson::Null).await, Value::Null);
    assert_eq!(shown(doc! { "last": "M" }.into()).await, json!({}));
    assert_eq!(
        shown(doc! { "first": 5 }.into()).await,
        json!({ "first": 5 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn users_whose_id_is_of_no_known_type_are_nobody_and_harm_nobody() {
    let server = Server::start().await;
    let odd: [Document; 3] = [
        doc! { "_id": { "tenant": 1, "user": 2 } },
        doc! { "_id": DateTime::now() },
        doc! { "_id": 1.5 },
    ];
    for user in odd {
        server.store_user(user).await;
    }
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    let refused = alice.add(&json!("1.5")).await.unwrap_err();
    assert_eq!(refused["code"], "user-not-found");
}

/// Stores a document whose `ZZZ`s are three bytes that are not UTF-8: the first half of an
/// emoji, as a driver writes it that cuts a name in the middle of one.
async fn store_broken(server: &Server, collection: &str, user: &Document) {
    let insert = doc! { "insert": collection, "documents": [user] };
    let mut bytes = bson::serialize_to_vec(&insert).unwrap();
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(3).position(|three| three == b"ZZZ") {
        at += found + 3;
        bytes[at - 3..at].copy_from_slice(&[0xed, 0xa0, 0xbc]);
    }
    assert!(at > 0, "nothing of {user} is broken");
    let insert = RawDocumentBuf::from_bytes(bytes).unwrap();
    let inserted = server.database().run_raw_command(insert).await.unwrap();
    assert_eq!(inserted.get_i32("n").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_not_utf_8_is_shown_with_replacement_characters() {
    let server = Server::with(&[("CHATZZ_USER_FIELDS", "username,name,tags,address")]).await;
    let id = ObjectId::new();
    let broken = doc! {
        "_id": id,
        "username": "Ann ZZZ",
        "name": "fine",
        "tags": ["one", "ZZZ", "two"],
        "address": { "city": "ZZZ am Main", "rest": "seen", "pattern": bson::Regex {
            pattern: bson::raw::CString::try_from("ZZZ").unwrap(),
            options: bson::raw::CString::try_from("").unwrap(),
        } },
    };
    store_broken(&server, "users", &broken).await;
    // three bytes that are not one character
    let bad = "\u{FFFD}".repeat(3);
    let shown = json!({
        "_id": id.to_hex(),
        "username": format!("Ann {bad}"),
        "name": "fine",
        "tags": ["one", bad, "two"],
        "address": { "city": format!("{bad} am Main"), "rest": "seen" },
    });

    let anna = server.person("anna").await;
    let hex = json!(id.to_hex());
    let added = anna.add(&hex).await.unwrap();
    for (field, value) in shown.as_object().unwrap() {
        assert_eq!(added[field], *value, "{field}");
    }
    let sent = anna.send(&hex, "hello").await.unwrap();
    assert_eq!(sent["to"], shown);
    let (_, details) = server.arrive(&hex).await;
    assert_eq!(details["user"], shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_not_utf_8_keeps_no_page_from_arriving() {
    let server = Server::start().await;
    let (alice, bob) = server.pair_with_absent().await;
    for text in ["one", "a ZZZ", "three"] {
        alice.send(&bob, text).await.unwrap();
    }
    // as another program may have stored it: the server itself stores nothing else
    let whole = server.messages().await;
    let broken = whole
        .iter()
        .find(|one| one.get_str("message").is_ok_and(|text| text == "a ZZZ"));
    let broken = broken.unwrap();
    let messages = server.collection("chatmessages");
    let id = doc! { "_id": broken.get_object_id("_id").unwrap() };
    messages.delete_one(id).await.unwrap();
    store_broken(&server, "chatmessages", broken).await;
    let shown = format!("a {}", "\u{FFFD}".repeat(3));

    let (bob, details) = server.arrive(&bob).await;
    let missed = &details["missedMessages"][alice.id.as_str().unwrap()];
    assert_eq!(each(missed, "message"), ["one", &shown, "three"]);
    let page = bob.history(json!({ "userId": alice.id })).await.unwrap();
    assert_eq!(each(&page["messages"], "message"), ["one", &shown, "three"]);
    let read = bob.read_message(&page["messages"][1]["_id"]).await.unwrap();
    assert_eq!(read["message"], shown);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_not_utf_8_is_nobody_and_prevents_no_start() {
    let mut server = Server::start().await;
    let odd = doc! { "_id": "ZZZ", "username": "odd" };
    store_broken(&server, "users", &odd).await;
    server.restart().await;
    let (alice, bob) = server.pair().await;
    alice.send(&bob.id, "hello").await.unwrap();
    let refused = alice.add(&json!("\u{FFFD}".repeat(3))).await.unwrap_err();
    assert_eq!(refused["code"], "user-not-found");
}
