//! The indexes in the database are those declared beside the queries, no more and no less.

use bson::{Bson, Document, doc};

use crate::support::database::TestDatabase;
use crate::support::server::Server;

/// An index there is to be: collection, name, keys, and what it adds to a plain one.
type Declared = (&'static str, &'static str, Document, Document);

fn declared() -> Vec<Declared> {
    let unique = || doc! { "unique": true };
    vec![
        ("chatusers", "user", doc! { "user": 1 }, unique()),
        (
            "chatusers",
            "nodes",
            doc! { "nodes": 1 },
            doc! { "partialFilterExpression": { "status": "online" } },
        ),
        ("chatrooms", "pair", doc! { "pair": 1 }, unique()),
        (
            "chatrooms",
            "chatUsers_lastMessageAt",
            doc! { "chatUsers": 1, "lastMessageAt": -1 },
            doc! {},
        ),
        (
            "chatmessages",
            "chatRoom_seq",
            doc! { "chatRoom": 1, "seq": 1 },
            unique(),
        ),
        (
            "chatmessages",
            "chatRoom_from_clientId",
            doc! { "chatRoom": 1, "from": 1, "clientId": 1 },
            unique_where(doc! { "clientId": { "$exists": true } }),
        ),
        (
            "chatmessages",
            "chatRoom_rev",
            doc! { "chatRoom": 1, "rev": 1 },
            unique_where(doc! { "rev": { "$exists": true } }),
        ),
    ]
}

fn unique_where(filter: Document) -> Document {
    doc! { "unique": true, "partialFilterExpression": filter }
}

/// The database's description of an index, its version left out.
fn expected(name: &str, keys: Document, others: Document) -> Document {
    let mut index = doc! { "key": keys, "name": name };
    index.extend(others);
    sorted(index)
}

/// Field order means something in `key` only.
fn sorted(index: Document) -> Document {
    let mut fields: Vec<(String, Bson)> = index.into_iter().filter(|(k, _)| k != "v").collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields.into_iter().collect()
}

async fn server_on(database: &TestDatabase) -> Result<Server, String> {
    Server::try_on_database(database.uri(), database.name(), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_start_there_is_every_declared_index_and_no_other() {
    let database = TestDatabase::shared().await;
    database.user("alice").await;

    let server = server_on(&database).await.unwrap();

    for collection in [
        "chatusers",
        "chatrooms",
        "chatmessages",
        "chatprivacy",
        "chatzz_nodes",
        "chatzz_events",
        "chatzz_meta",
        "users",
    ] {
        let mut wanted = vec![expected("_id_", doc! { "_id": 1 }, doc! {})];
        let own = declared().into_iter().filter(|index| index.0 == collection);
        wanted.extend(own.map(|(_, name, keys, others)| expected(name, keys, others)));
        wanted.sort_by_key(|index| index.get_str("name").unwrap().to_owned());
        let found = database.indexes(collection).await;
        let found: Vec<Document> = found.into_iter().map(sorted).collect();
        assert_eq!(found, wanted, "{collection}");
    }
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_index_is_made_again_at_the_next_start() {
    let database = TestDatabase::shared().await;
    drop(server_on(&database).await.unwrap());
    let before = database.indexes("chatmessages").await;
    let drop_one = doc! { "dropIndexes": "chatmessages", "index": "chatRoom_seq" };
    database.raw().run_command(drop_one).await.unwrap();

    drop(server_on(&database).await.unwrap());

    assert_eq!(database.indexes("chatmessages").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_index_refuses_the_start_and_is_named() {
    let database = TestDatabase::shared().await;
    drop(server_on(&database).await.unwrap());
    let keys = || doc! { "chatRoom": 1, "from": 1, "clientId": 1 };
    let declared = || unique_where(doc! { "clientId": { "$exists": true } });
    let with = |option: Document| {
        let mut options = declared();
        options.extend(option);
        options
    };
    let folded = doc! { "collation": { "locale": "en", "strength": 2 } };
    let filter_alone = doc! { "partialFilterExpression": { "clientId": { "$exists": true } } };
    for (what, keys, options) in [
        (
            "other keys",
            doc! { "chatRoom": 1, "from": 1, "clientId": -1 },
            declared(),
        ),
        (
            "another order",
            doc! { "clientId": 1, "from": 1, "chatRoom": 1 },
            declared(),
        ),
        ("not unique", keys(), filter_alone),
        ("no filter", keys(), doc! { "unique": true }),
        (
            "another filter",
            keys(),
            unique_where(doc! { "clientId": { "$gt": "" } }),
        ),
        ("sparse", keys(), doc! { "unique": true, "sparse": true }),
        ("a collation", keys(), with(folded)),
        ("hidden", keys(), with(doc! { "hidden": true })),
    ] {
        let drop_one = doc! { "dropIndexes": "chatmessages", "index": "chatRoom_from_clientId" };
        database.raw().run_command(drop_one).await.unwrap();
        let mut index = doc! { "name": "chatRoom_from_clientId", "key": keys };
        index.extend(options);
        let create = doc! { "createIndexes": "chatmessages", "indexes": [index] };
        database.raw().run_command(create).await.unwrap();

        let refusal = server_on(&database).await.err();

        let refusal = refusal.unwrap_or_else(|| panic!("started with: {what}"));
        assert!(
            refusal.contains("chatRoom_from_clientId"),
            "{what}: {refusal}"
        );
        assert!(refusal.contains("chatmessages"), "{what}: {refusal}");
    }
}

/// mongoose names an index after its keys, and so may an administrator.
#[tokio::test(flavor = "multi_thread")]
async fn the_same_index_under_another_name_refuses_the_start_and_is_named() {
    let database = TestDatabase::shared().await;
    let index = doc! { "name": "user_1", "key": { "user": 1 }, "unique": true };
    let create = doc! { "createIndexes": "chatusers", "indexes": [index] };
    database.raw().run_command(create).await.unwrap();

    let refusal = server_on(&database).await.err();

    let refusal = refusal.expect("it does not start");
    assert!(refusal.contains("user_1"), "{refusal}");
    assert!(refusal.contains("chatusers"), "{refusal}");
}
