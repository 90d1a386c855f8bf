//! Lost replies of a real mongod.

use std::net::SocketAddr;
use std::time::Duration;

use bson::{Document, doc};
use libtest_mimic::Trial;
use mongodb::Client;
use mongodb::error::ErrorKind;

use super::super::{Flow, LostReplies, Proxy};
use crate::support::mongod;
use crate::trial::trial;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        trial("an_insert_whose_reply_is_lost_is_stored", stored),
        trial("only_the_planned_replies_are_lost", planned),
        trial("a_retried_insert_survives_a_lost_reply_once", retried),
        trial("replies_are_found_in_single_bytes", sliced),
        trial("everything_can_be_lost_until_healed", everything),
    ]
}

struct Scene {
    proxy: Proxy,
    through: mongodb::Database,
    beside: mongodb::Database,
}

impl Scene {
    async fn set(name: &str, options: &str) -> Self {
        let uri = shared_uri().await;
        let proxy = Proxy::to_mongod(address(&uri), 1).unwrap();
        let through = database(&uri, proxy.addr(), name, options).await;
        // the pool has its connection, so that no handshake is among what is lost
        through.run_command(doc! { "ping": 1 }).await.unwrap();
        let beside = Client::with_uri_str(&uri).await.unwrap().database(name);
        Self {
            proxy,
            through,
            beside,
        }
    }

    async fn insert(&self, id: i32) -> mongodb::error::Result<Document> {
        insert(&self.through, id).await
    }

    /// The ids in the collection, in their order.
    async fn stored(&self) -> Vec<i32> {
        let find = doc! { "find": "things", "sort": { "_id": 1 } };
        let answer = self.beside.run_command(find).await.unwrap();
        let cursor = answer.get_document("cursor").unwrap();
        let batch = cursor.get_array("firstBatch").unwrap().iter();
        batch
            .map(|thing| thing.as_document().unwrap().get_i32("_id").unwrap())
            .collect()
    }
}

/// The shared mongod, as one who may write anywhere.
async fn shared_uri() -> String {
    mongod::as_administrator(&mongod::shared_uri().await)
}

/// Account with password, and address.
fn parts(uri: &str) -> (&str, &str) {
    let rest = uri.trim_start_matches("mongodb://");
    let hosts = rest.split_once('/').map_or(rest, |(hosts, _)| hosts);
    hosts.rsplit_once('@').expect("it has an account")
}

fn address(uri: &str) -> SocketAddr {
    parts(uri).1.parse().unwrap()
}

async fn database(uri: &str, addr: SocketAddr, name: &str, options: &str) -> mongodb::Database {
    let account = parts(uri).0;
    let uri = format!(
        "mongodb://{account}@{addr}/?authSource=admin&directConnection=true&maxPoolSize=1&{options}"
    );
    Client::with_uri_str(uri).await.unwrap().database(name)
}

async fn insert(database: &mongodb::Database, id: i32) -> mongodb::error::Result<Document> {
    let insert = doc! { "insert": "things", "documents": [{ "_id": id }] };
    database.run_command(insert).await
}

fn is_io<T: std::fmt::Debug>(outcome: &mongodb::error::Result<T>) -> bool {
    matches!(outcome, Err(error) if matches!(*error.kind, ErrorKind::Io(_)))
}

async fn stored() {
    let scene = Scene::set("lost_reply", "retryWrites=false").await;
    scene.insert(1).await.unwrap();
    scene.proxy.lose_replies(LostReplies::next(1, &["insert"]));

    let outcome = scene.insert(2).await;

    assert!(is_io(&outcome), "{outcome:?}");
    assert_eq!(scene.stored().await, [1, 2]);
    assert_eq!((scene.proxy.lost_replies(), scene.proxy.resets()), (1, 1));
    scene.insert(3).await.unwrap();
    assert_eq!(scene.stored().await, [1, 2, 3]);
}

async fn planned() {
    let scene = Scene::set("planned_replies", "retryWrites=false").await;
    scene.proxy.lose_replies(LostReplies {
        skip: 1,
        ..LostReplies::next(2, &["update", "insert"])
    });
    let mut lost = Vec::new();
    for id in 1..=5 {
        scene
            .through
            .run_command(doc! { "find": "things" })
            .await
            .unwrap();
        lost.push(is_io(&scene.insert(id).await));
    }
    assert_eq!(lost, [false, true, true, false, false]);
    assert_eq!(scene.stored().await, [1, 2, 3, 4, 5]);
    assert_eq!(scene.proxy.lost_replies(), 2);
}

async fn retried() {
    let scene = Scene::set("retried_reply", "retryWrites=true").await;
    scene.proxy.lose_replies(LostReplies::next(1, &["insert"]));
    #[expect(clippy::disallowed_methods, reason = "a trial speaks to the database")]
    let things = scene.through.collection::<Document>("things");

    things.insert_one(doc! { "_id": 1 }).await.unwrap();

    assert_eq!(scene.stored().await, [1]);
    assert_eq!(scene.proxy.lost_replies(), 1);
}

async fn sliced() {
    let uri = shared_uri().await;
    let below = Proxy::start(address(&uri)).unwrap();
    let tapped = Proxy::to_mongod(below.addr(), 1).unwrap();
    let above = Proxy::start(tapped.addr()).unwrap();
    below.flow_both(Flow::Slices);
    above.flow_both(Flow::Slices);
    let database = database(&uri, above.addr(), "sliced_replies", "retryWrites=false").await;
    insert(&database, 1).await.unwrap();
    tapped.lose_replies(LostReplies::next(1, &["insert"]));

    let outcome = insert(&database, 2).await;

    assert!(is_io(&outcome), "{outcome:?}");
    let count = database.run_command(doc! { "count": "things" });
    assert_eq!(count.await.unwrap().get_i32("n").unwrap(), 2);
    assert_eq!(tapped.lost_replies(), 1);
}

async fn everything() {
    let options = "retryWrites=false&retryReads=false&serverSelectionTimeoutMS=1000";
    let scene = Scene::set("lost_everything", options).await;
    let plan = LostReplies::all(Duration::from_millis(100));
    scene.proxy.lose_replies(plan);
    let outcome = scene.insert(1).await;
    assert!(outcome.is_err(), "{outcome:?}");
    let ping = scene.through.run_command(doc! { "ping": 1 }).await;
    assert!(ping.is_err(), "{ping:?}");
    assert_eq!(scene.stored().await, [1]);

    scene.proxy.heal();

    let ids = crate::support::poll::eventually("the link works again", async || {
        let answer = scene.insert(2).await;
        answer.is_ok().then_some(scene.stored())
    });
    assert_eq!(ids.await.await, [1, 2]);
}
