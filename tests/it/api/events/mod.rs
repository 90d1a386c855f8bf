//! The application hears of everything that happened.

mod failing;
mod kept;
mod killed;
mod notify;
mod once;
mod pull;
mod push;
pub(crate) mod receiver;
mod withheld;

use std::time::Duration;

use bson::doc;
use serde_json::Value;

use super::BackEnd;
use super::servers::two_on;
use crate::support::binary::Binary;
use crate::support::database::TestDatabase;
use crate::support::poll;
use chatzz::config::ApiScope;

/// Two servers on a database, and a back end of each that may do everything.
async fn two(database: &TestDatabase, more: &[(&str, &str)]) -> [(Binary, BackEnd); 2] {
    two_on(database, &ApiScope::ALL, more).await
}

/// Waits until one server has begun to do something that one does at a time.
async fn until_begun(database: &TestDatabase, what: &str) {
    let meta = database.collection("chatzz_meta");
    poll::until(what, Duration::from_secs(30), async || {
        let held = doc! { "_id": what, "entry": { "$exists": true } };
        meta.find_one(held).await.unwrap()
    })
    .await;
}

/// What a call for events was answered.
struct Page {
    events: Vec<Value>,
    cursor: String,
    has_more: bool,
}

impl Page {
    /// The types of the events.
    fn types(&self) -> Vec<&str> {
        let types = self.events.iter();
        types.map(|event| event["type"].as_str().unwrap()).collect()
    }

    /// The ids of the events.
    fn ids(&self) -> Vec<&str> {
        let ids = self.events.iter();
        ids.map(|event| event["id"].as_str().unwrap()).collect()
    }

    /// The texts of the messages that were created.
    fn texts(&self) -> Vec<&str> {
        let texts = self.events.iter();
        texts
            .filter_map(|event| event["data"]["message"]["message"].as_str())
            .collect()
    }
}

impl BackEnd {
    /// The events after something; more parameters of the query begin with `&`.
    async fn events(&self, after: &str, more: &str) -> Page {
        let answer = self.get(&format!("/v1/events?after={after}{more}")).await;
        assert_eq!(answer.outcome(), (200, "ok"), "{answer:?}");
        Page {
            events: answer.body["events"].as_array().unwrap().clone(),
            cursor: answer.body["cursor"].as_str().unwrap().to_owned(),
            has_more: answer.body["hasMore"].as_bool().unwrap(),
        }
    }

    /// Pulls until so many events after a cursor have come.
    async fn events_until(&self, after: &str, more: &str, count: usize) -> Page {
        let mut all = self.events(after, &format!("{more}&wait=5s")).await;
        while all.events.len() < count {
            let next = self.events(&all.cursor, &format!("{more}&wait=5s")).await;
            assert!(!next.events.is_empty(), "only {:?} came", all.events);
            all.events.extend(next.events);
            all.cursor = next.cursor;
            all.has_more = next.has_more;
        }
        all
    }
}
