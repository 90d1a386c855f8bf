//! MongoDB under fault, on the real thing. Measured times are printed, bounds are generous.

mod failing;
mod single;
mod trio;

use std::time::Duration;

use bson::{Document, doc};
use libtest_mimic::Trial;
use mongodb::error::Result;
use mongodb::{Client, Database};

/// All trials of the mongods.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = single::trials();
    trials.extend(trio::trials());
    trials.extend(failing::trials());
    trials
}

/// The longest anything here waits for MongoDB.
const LIMIT: Duration = Duration::from_secs(30);

async fn database(uri: &str) -> Database {
    Client::with_uri_str(uri).await.unwrap().database("test")
}

/// Inserts on a majority and journaled, as chatzz does, without a retry.
async fn insert(database: &Database, id: i32) -> Result<Document> {
    let insert = doc! {
        "insert": "things",
        "documents": [{ "_id": id }],
        "writeConcern": { "w": "majority", "j": true },
    };
    database.run_command(insert).await
}

async fn stored(database: &Database) -> Vec<i32> {
    let find = doc! {
        "find": "things",
        "sort": { "_id": 1 },
        "readConcern": { "level": "majority" },
    };
    let answer = database.run_command(find).await.unwrap();
    let batch = answer
        .get_document("cursor")
        .unwrap()
        .get_array("firstBatch");
    let ids = batch.unwrap().iter();
    ids.map(|thing| thing.as_document().unwrap().get_i32("_id").unwrap())
        .collect()
}
