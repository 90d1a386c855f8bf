//! The queries that the database gets: how often, by which index, and for how much.

mod bounds;
mod logins;
mod million;
mod shards;
mod withheld;

use bson::{Document, doc};

use crate::support::server::Server;

/// Begins to note every command on the server's database.
async fn profile(server: &Server) {
    let database = server.database();
    database.run_command(doc! { "profile": 2 }).await.unwrap();
}

/// Commands of the server since the profiler was switched on; write-behind, leases and the
/// log of events go on beside them and are not part of it.
async fn profiled(server: &Server) -> Vec<Document> {
    let all = everything_profiled(server).await;
    all.into_iter()
        .filter(|entry| {
            let command = entry.get_document("command").cloned().unwrap_or_default();
            let behind = command.contains_key("q") && command.get_document("u").is_ok();
            // once for each chat room
            let of_log = command.to_string().contains("\"logged\": 1");
            !behind && !of_log
        })
        .collect()
}

/// The same with what is written behind.
async fn everything_profiled(server: &Server) -> Vec<Document> {
    let database = server.database();
    database
        .run_command(doc! { "profile": 0 })
        .await
        .expect("the profiler stops");
    let all = server.dump("system.profile").await;
    // these have a document per node or one in all
    let beside = [
        "chatzz_nodes",
        "chatzz_events",
        "chatzz_meta",
        "system.profile",
    ];
    all.into_iter()
        .filter(|entry| {
            let space = entry.get_str("ns").unwrap_or_default();
            let command = entry.get_document("command").cloned().unwrap_or_default();
            !beside.iter().any(|name| space.ends_with(name))
                && !command.contains_key("profile")
                && !command.contains_key("ping")
        })
        .collect()
}

/// A number of a profiler's entry; 0 when it has none.
fn number(entry: &Document, field: &str) -> i64 {
    match entry.get(field) {
        Some(bson::Bson::Int32(number)) => i64::from(*number),
        Some(bson::Bson::Int64(number)) => *number,
        _ => 0,
    }
}
