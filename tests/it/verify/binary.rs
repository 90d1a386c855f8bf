//! `chatzz verify` as an operator runs it: exit codes and reports.

use bson::doc;
use serde_json::{Value, json};

use super::World;
use crate::support::binary::{Binary, Ended};

impl World {
    async fn command(&self, args: &[&str]) -> Ended {
        let args = [&["verify"], args].concat();
        let mut keys = self.database.keys().to_vec();
        // `verify` needs no mode
        keys.retain(|(key, _)| *key != "CHATZZ_AUTH");
        Binary::run(&args, &keys).await
    }

    async fn damage_the_head(&self) {
        let head = doc! { "$set": { "lastSeq": 99_i64 } };
        let room = doc! { "_id": self.room };
        self.update("chatrooms", room, head).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_clean_from_found_from_mended() {
    let world = World::healthy().await;
    let clean = world.command(&[]).await;
    assert_eq!(clean.status.code(), Some(0), "{clean:?}");
    assert!(clean.out.ends_with("clean\n"), "{}", clean.out);
    assert_eq!(clean.err, "", "no bar without a terminal");
    world.damage_the_head().await;

    let found = world.command(&[]).await;
    let mended = world.command(&["--repair"]).await;
    let after = world.command(&["--repair"]).await;

    assert_eq!(found.status.code(), Some(1), "{found:?}");
    let line = "head: `lastSeq` is 99, but the last is 8, chatRoom ";
    assert!(found.out.starts_with(line), "{}", found.out);
    assert_eq!(mended.status.code(), Some(0), "{mended:?}");
    assert!(mended.out.contains("(repaired)"), "{}", mended.out);
    assert_eq!(after.status.code(), Some(0), "{after:?}");
    assert!(after.out.starts_with("checked "), "{}", after.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_checked_ends_with_two() {
    let world = World::healthy().await;
    let state = world
        .command(&["--state", "no-such-folder/state.json"])
        .await;
    assert_eq!(state.status.code(), Some(2), "{state:?}");
    assert!(state.err.contains("no-such-folder/state.json"), "{state:?}");
    let wrong = Binary::run(&["verify"], &[("CHATZZ_MONGODB_POOL", "many")]).await;
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    let usage = Binary::run(&["verify", "--mend"], &[]).await;
    assert_eq!(usage.status.code(), Some(2), "{usage:?}");
    let keys = [
        ("CHATZZ_MONGODB_URI", "mongodb://127.0.0.1:9"),
        ("CHATZZ_STARTUP_TIMEOUT", "1s"),
        ("CHATZZ_MONGODB_SELECTION_TIMEOUT", "500ms"),
    ];

    let nobody = Binary::run(&["verify", "--json"], &keys).await;

    assert_eq!(nobody.status.code(), Some(2), "{nobody:?}");
    assert_eq!(nobody.out, "");
    assert!(nobody.err.contains("cannot be reached"), "{}", nobody.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_report_has_its_documented_shape() {
    let world = World::healthy().await;
    world.damage_the_head().await;
    world.delete("users", doc! { "username": "carol" }).await;

    let ended = world.command(&["--json"]).await;

    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(ended.out.lines().count(), 1);
    let mut report: Value = serde_json::from_str(&ended.out).unwrap();
    assert!(report["took"].as_f64().unwrap() > 0.0);
    let started = report["startedAt"].as_str().unwrap();
    assert!(started.len() == 24 && started.ends_with('Z'), "{started}");
    assert_eq!(report["database"], world.database.name());
    report["took"] = json!(0.5);
    report["startedAt"] = json!("2026-01-01T00:00:00.000Z");
    report["database"] = json!("chatzz");
    for finding in report["findings"].as_array_mut().unwrap() {
        for id in finding["ids"].as_object_mut().unwrap().values_mut() {
            assert_eq!(id.as_str().unwrap().len(), 24);
            *id = json!("65a000000000000000000001");
        }
    }
    let golden = include_str!("../../../fixtures/verify-report.json");
    let golden: Value = serde_json::from_str(golden).unwrap();
    assert_eq!(report, golden, "{report:#}");
}
