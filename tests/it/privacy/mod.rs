//! Who may do what: block lists, whitelists, the contact rule, other people's objects.

mod blocking;
mod limits;
mod matrix;
mod nodes;
mod presence;
mod rule;
mod rule_checks;
mod whitelist;
mod withheld;
mod withheld_limits;
mod withheld_nodes;

use serde_json::{Value, json};

use crate::support::user::{Outcome, Person};

impl Person {
    /// Blocks somebody.
    async fn block(&self, whom: &Value) -> Outcome {
        self.ask("block-user", json!({ "userId": whom })).await
    }

    /// Unblocks somebody.
    async fn unblock(&self, whom: &Value) -> Outcome {
        self.ask("unblock-user", json!({ "userId": whom })).await
    }

    /// The ids of those who are blocked.
    async fn blocked(&self) -> Vec<Value> {
        let listed = self.ask("get-blocked-users", json!({})).await.unwrap();
        let users = listed["users"].as_array().unwrap();
        users.iter().map(|user| user["_id"].clone()).collect()
    }

    /// The ids of the contacts who are online.
    async fn active(&self) -> Vec<Value> {
        let listed = self.ask("get-active-users", json!({})).await.unwrap();
        let users = listed["users"].as_array().unwrap();
        users.iter().map(|user| user["_id"].clone()).collect()
    }

    /// Sets who may write.
    async fn set_privacy(&self, settings: Value) -> Outcome {
        self.ask("set-privacy", settings).await
    }
}
