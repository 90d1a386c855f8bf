//! The updates that write who came online and who went offline.

use bson::{Bson, DateTime, Document, doc};

use crate::id::ERASED;

/// The update of a person who has a socket on the node `boot`, and who last went offline
/// at `left`, which may not have been written yet.
pub(in crate::store) fn online(boot: &str, left: Option<DateTime>) -> Bson {
    let mut update = doc! {
        "$set": { "status": "online", "changedBy": boot },
        "$addToSet": { "nodes": boot },
        "$currentDate": { "changedAt": true },
    };
    if let Some(left) = left {
        update.insert("$max", doc! { "lastOnline": left });
    }
    Bson::Document(update)
}

/// The update of a person whose last socket on the node `boot` has closed.
///
/// Of who is erased it is not kept when that was. Another node may hold a socket of the same person: only a person on no node is offline.
pub(in crate::store) fn offline(boot: &str, at: DateTime) -> Bson {
    let others = doc! { "$setDifference": [{ "$ifNull": ["$nodes", []] }, [{ "$literal": boot }]] };
    let gone = doc! { "$eq": [{ "$size": "$nodes" }, 0] };
    let erased = doc! { "$eq": ["$user", { "$concat": [ERASED, { "$toString": "$_id" }] }] };
    let left = doc! { "$and": [gone.clone(), { "$not": erased }] };
    let stages: [Document; 2] = [
        doc! { "$set": { "nodes": others } },
        doc! { "$set": {
            "status": { "$cond": [gone, "offline", "online"] },
            "lastOnline": { "$cond": [left, at, "$lastOnline"] },
            "changedAt": "$$NOW",
            "changedBy": { "$literal": boot },
        } },
    ];
    stages
        .into_iter()
        .map(Bson::Document)
        .collect::<Vec<_>>()
        .into()
}
