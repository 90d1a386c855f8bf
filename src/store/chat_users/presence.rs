//! The updates that write who came online and who went offline.

use bson::{Bson, DateTime, Document, doc};

use crate::id::ERASED;

/// The update of a person who has a socket on the node `boot`, and who last went offline
/// at `left`, which may not have been written yet.
pub(in crate::store) fn online(boot: &str, left: Option<DateTime>) -> Bson {
    let Some(left) = left else {
        return Bson::Document(doc! {
            "$set": { "status": "online", "changedBy": boot },
            "$addToSet": { "nodes": boot },
            "$currentDate": { "changedAt": true },
        });
    };
    let here = doc! { "$setUnion": [{ "$ifNull": ["$nodes", []] }, [{ "$literal": boot }]] };
    let left = doc! { "$max": ["$lastOnline", left] };
    pipeline([doc! { "$set": {
        "nodes": here,
        "status": "online",
        "lastOnline": { "$cond": [is_erased(), "$lastOnline", left] },
        "changedAt": "$$NOW",
        "changedBy": { "$literal": boot },
    } }])
}

/// The update of a person whose last socket on the node `boot` has closed.
///
/// Of who is erased it is not kept when that was. Another node may hold a socket of the same
/// person: only a person on no node is offline.
pub(in crate::store) fn offline(boot: &str, at: DateTime) -> Bson {
    let others = doc! { "$setDifference": [{ "$ifNull": ["$nodes", []] }, [{ "$literal": boot }]] };
    let gone = doc! { "$eq": [{ "$size": "$nodes" }, 0] };
    let left = doc! { "$and": [gone.clone(), { "$not": is_erased() }] };
    let vanished = doc! { "$and": [gone.clone(), is_erased()] };
    let unless_vanished = |value: Bson| doc! { "$cond": [vanished.clone(), "$$REMOVE", value] };
    pipeline([
        doc! { "$set": { "nodes": others } },
        doc! { "$set": {
            "status": { "$cond": [gone, "offline", "online"] },
            "lastOnline": { "$cond": [left, at, "$lastOnline"] },
            "changedAt": unless_vanished("$$NOW".into()),
            "changedBy": unless_vanished(doc! { "$literal": boot }.into()),
        } },
    ])
}

/// Whether the chat user has the name of one that is erased.
fn is_erased() -> Document {
    doc! { "$eq": ["$user", { "$concat": [ERASED, { "$toString": "$_id" }] }] }
}

fn pipeline<const N: usize>(stages: [Document; N]) -> Bson {
    Bson::Array(stages.into_iter().map(Bson::Document).collect())
}
