//! After the work: everybody comes once more and reads everything.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::connection::Connection;
use super::person::Person;

/// How long coming and reading may take.
const READ_WITHIN: Duration = Duration::from_mins(1);

/// Connects again, stays, and reads everything there is.
///
/// # Errors
/// A sentence when that cannot be done: the system did not come back.
pub(crate) async fn read_everything(mut person: Person) -> Result<(Person, Connection), String> {
    let deadline = Instant::now() + READ_WITHIN;
    person.now("comes for the last time");
    let connection = loop {
        if let Some(connection) = person.arrive().await {
            break connection;
        }
        if Instant::now() >= deadline {
            return Err(format!("{} could not log in any more", person.id));
        }
        sleep(Duration::from_millis(100)).await;
    };
    person.now("reads everything");
    let unread = |what: &str| format!("{} could not read {what} in the end", person.id);
    let details = person.memory.details(connection.number);
    let details = details.ok_or_else(|| unread("the user details"))?;
    let entries = all_contacts(&connection, &details).await;
    for entry in entries.ok_or_else(|| unread("the contacts"))? {
        if let (Some(contact), Some(from)) = (entry["_id"].as_str(), entry["missedFrom"].as_u64()) {
            fetch_cut(&connection, contact, from)
                .await
                .ok_or_else(|| unread("the missed messages"))?;
        }
    }
    person.fetch_changes(&connection).await;
    for contact in &person.contacts {
        if !person.walk(&connection, contact, 500).await {
            return Err(unread("a conversation"));
        }
    }
    person.world.progress.done(&person.id);
    Ok((person, connection))
}

/// The contacts of a login, and those that it had no room for.
async fn all_contacts(connection: &Connection, details: &Value) -> Option<Vec<Value>> {
    let mut contacts = details["connectedUsers"].as_array()?.clone();
    let mut has_more = details["moreContacts"] == true;
    let mut query = json!({ "all": true, "limit": 500 });
    while has_more {
        let page = connection
            .ask("get-active-users", &query, None)
            .await
            .ok()?;
        let users = page["users"].as_array()?;
        query["after"] = users.last()?["_id"].clone();
        contacts.extend(users.iter().cloned());
        has_more = page["hasMore"] == true;
    }
    Some(contacts)
}

/// Fetches what did not fit into `missedMessages`.
async fn fetch_cut(connection: &Connection, contact: &str, from: u64) -> Option<()> {
    let mut after = from.saturating_sub(1);
    loop {
        let query = json!({ "userId": contact, "after": after, "limit": 500 });
        let page = connection
            .ask("get-old-messages", &query, None)
            .await
            .ok()?;
        let newest = page["messages"].as_array().and_then(|all| all.last());
        match newest.and_then(|message: &Value| message["seq"].as_u64()) {
            Some(newest) if page["hasMore"] == true => after = newest,
            _ => return Some(()),
        }
    }
}

/// Every third leaves in order, so that the end knows absent people too.
pub(crate) async fn leave_some(people: Vec<(Person, Connection)>) -> Vec<(Person, Connection)> {
    let mut staying = Vec::new();
    for (index, (person, connection)) in people.into_iter().enumerate() {
        if index % 3 == 0 {
            connection.close().await;
        } else {
            staying.push((person, connection));
        }
    }
    staying
}
